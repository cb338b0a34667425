//! The one manifest schema: which plugins there are and what they export.
//!
//! The same types read a JSON file and `[workspace.metadata.dragonfire]` of a Cargo.toml.

use camino::Utf8Path;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{Code, Diagnostic, Error, Result};
use crate::exports::presets::Preset;
use crate::exports::{check_pattern, plugin_name};
use crate::nearest::did_you_mean;
use crate::protocol::request::{Debug, ManifestSource};

/// The version of the schema.
pub const SCHEMA: u32 = 1;

/// Where the manifest stands in a Cargo.toml.
pub const TABLE: &str = "workspace.metadata.dragonfire";

/// Name of the workspace library of GStreamer's plugins, where nothing else is said.
pub const DEFAULT_WORKSPACE_LIBRARY: &str = "gstrsworkspace";

/// Name of the workspace library where nothing is said: GStreamer's where a library is called as its plugins
/// are (`gstjson`), else after the first library. Names alone decide, for build systems ask before anything
/// is built.
pub fn default_workspace_library<'n>(mut libraries: impl Iterator<Item = &'n str>) -> String {
    let Some(first) = libraries.next() else {
        return DEFAULT_WORKSPACE_LIBRARY.to_owned();
    };
    let mut all = std::iter::once(first).chain(libraries);
    match all.any(|name| plugin_name(name) != name) {
        true => DEFAULT_WORKSPACE_LIBRARY.to_owned(),
        false => format!("{first}_shared"),
    }
}

/// A library's name as people give it: `shared`, `libshared`, `libshared.a` and `shared.lib` are one.
#[must_use]
pub fn given_library_name(given: &str) -> &str {
    let name = [".a", ".lib"].iter().find_map(|s| given.strip_suffix(s));
    let name = name.unwrap_or(given);
    match name.strip_prefix("lib") {
        Some(rest) if !rest.is_empty() => rest,
        _ => name,
    }
}

/// The manifest. Unknown fields are errors.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Version of this schema: 1.
    #[schemars(schema_with = "crate::protocol::schema::manifest_version")]
    pub schema: u32,
    /// Library that takes what the libraries share; `lib` before it and a suffix do not count. Where nothing is
    /// said: `gstrsworkspace` where a library is called as GStreamer's plugins are, else the first library's
    /// name with `_shared` behind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = LIBRARY_NAME))]
    pub workspace_library: Option<String>,
    /// What happens to debug information, where the request does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub debug: Option<Debug>,
    /// Globs over symbol names that every plugin exports. `{plugin}` is the library name less its
    /// leading `gst`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exports: Vec<String>,
    /// Presets of exports for every plugin.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "one_or_several"
    )]
    #[schemars(schema_with = "crate::protocol::schema::one_or_several::<Preset>")]
    pub preset: Vec<Preset>,
    /// Crates in the libraries whose C API is exported.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "one_or_several"
    )]
    #[schemars(schema_with = "crate::protocol::schema::one_or_several::<String>")]
    pub exports_of: Vec<String>,
    /// The plugins; empty means every one that discovery finds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plugins: Vec<PluginEntry>,
    /// Globs over symbols and sections that live with their members though nothing refers to them:
    /// constructors and tables that somebody outside knows of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keep: Vec<String>,
    /// Globs over C++ inline functions that stay one with the program's, as inline variables and
    /// type_info do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keep_vague: Vec<String>,
    /// Globs over internal symbols that a program or another library may define instead: they are left
    /// to the final linker. Of tables with bounds (`__start_x`), those that programs have entries of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub public: Vec<String>,
    /// Globs over symbols that libraries would have in common (weak ones, commons, inline variables) and
    /// of which each shall keep its own; tables with bounds too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub isolate: Vec<String>,
}

/// One plugin of the manifest.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("anyOf" = [{"required": ["package"]}, {"required": ["library"]}]))]
pub struct PluginEntry {
    /// Cargo package name. A library that is no package's, or of which only the file is known, has
    /// `library` in its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package: Option<String>,
    /// Library name, without `lib` prefix and suffix.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub library: Option<String>,
    /// Plugin name for `{plugin}`, where the library's name less `gst` is not it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plugin: Option<String>,
    /// Globs of further exports of this plugin.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exports: Vec<String>,
    /// Presets of exports for this plugin.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "one_or_several"
    )]
    #[schemars(schema_with = "crate::protocol::schema::one_or_several::<Preset>")]
    pub preset: Vec<Preset>,
    /// Crates in this library whose C API is exported.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "one_or_several"
    )]
    #[schemars(schema_with = "crate::protocol::schema::one_or_several::<String>")]
    pub exports_of: Vec<String>,
}

/// Reads one value, or a list of them.
fn one_or_several<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    struct Values<T>(std::marker::PhantomData<T>);
    impl<'de, T: Deserialize<'de>> serde::de::Visitor<'de> for Values<T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a name, or a list of names")
        }

        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Vec<T>, E> {
            T::deserialize(serde::de::value::StrDeserializer::new(text)).map(|one| vec![one])
        }

        fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<T>, A::Error> {
            let mut all = Vec::new();
            while let Some(one) = seq.next_element()? {
                all.push(one);
            }
            Ok(all)
        }
    }
    deserializer.deserialize_any(Values(std::marker::PhantomData))
}

impl PluginEntry {
    /// What it speaks of, and its name.
    #[must_use]
    pub fn subject(&self) -> (&'static str, &str) {
        match (&self.library, &self.package) {
            (Some(library), _) => ("library", library),
            (None, Some(package)) => ("package", package),
            (None, None) => ("library", ""),
        }
    }
}

/// Reads a manifest and checks it.
///
/// # Errors
/// `manifest-invalid`, `manifest-duplicate-plugin`, and those of reading a file.
pub fn load(source: &ManifestSource) -> Result<Manifest> {
    match source {
        ManifestSource::Path(path) => {
            let text = read(path)?;
            parse_json(&text).map_err(|e| e.in_file(path))
        }
        ManifestSource::Inline(manifest) => {
            manifest.check("")?;
            Ok(manifest.clone())
        }
    }
}

/// Reads a manifest from the text of a JSON file and checks it.
///
/// # Errors
/// `manifest-invalid`, `manifest-duplicate-plugin`.
pub fn parse_json(text: &str) -> Result<Manifest> {
    let mut json = serde_json::Deserializer::from_str(text);
    let manifest: Manifest = serde_path_to_error::deserialize(&mut json)
        .map_err(|e| misread(&e.path().to_string(), "", &e.inner().to_string()))?;
    json.end()
        .map_err(|e| misread("", "", &format!("text after the manifest: {e}")))?;
    manifest.check("")?;
    Ok(manifest)
}

/// Reads the manifest in `[workspace.metadata.dragonfire]`, where there is one. `metadata` is what
/// cargo gives for `[workspace.metadata]`.
///
/// # Errors
/// `manifest-invalid`, `manifest-duplicate-plugin`, with the TOML key.
pub fn from_workspace_metadata(metadata: &serde_json::Value) -> Result<Option<Manifest>> {
    let Some(table) = metadata.get("dragonfire") else {
        return Ok(None);
    };
    let manifest: Manifest = serde_path_to_error::deserialize(table)
        .map_err(|e| misread(&e.path().to_string(), TABLE, &e.inner().to_string()))?;
    manifest.check(TABLE)?;
    Ok(Some(manifest))
}

impl Manifest {
    /// Checks what types cannot say. `table` is the TOML table it stands in, or empty for JSON.
    fn check(&self, table: &str) -> Result<()> {
        let mut errors = Vec::new();
        if self.schema != SCHEMA {
            errors.push(
                invalid(
                    &place("schema", table),
                    &format!("schema {} is not known", self.schema),
                )
                .hint(format!("this program reads schema {SCHEMA}")),
            );
        }
        if let Some(name) = &self.workspace_library
            && !is_library_name(name)
        {
            errors.push(
                invalid(
                    &place("workspace_library", table),
                    &format!("`{name}` is no library name"),
                )
                .hint("give it without folder, `lib` prefix and suffix: gstrsworkspace"),
            );
        }
        let lists = [
            ("exports", &self.exports),
            ("keep", &self.keep),
            ("keep_vague", &self.keep_vague),
            ("public", &self.public),
            ("isolate", &self.isolate),
        ];
        for (list, patterns) in lists {
            check_patterns(list, patterns, table, &mut errors);
        }
        for (i, entry) in self.plugins.iter().enumerate() {
            let at = format!("plugins[{i}]");
            check_patterns(&format!("{at}.exports"), &entry.exports, table, &mut errors);
            let before = self.plugins.get(..i).unwrap_or_default();
            let (what, name) = entry.subject();
            if name.is_empty() {
                errors.push(
                    invalid(&place(&at, table), "the entry names nothing")
                        .hint("give it a `package`, or a `library`"),
                );
            } else if before.iter().any(|e| e.subject() == (what, name)) {
                errors.push(duplicate(
                    &place(&format!("{at}.{what}"), table),
                    &format!("the {what} `{name}` is listed twice"),
                ));
            } else if let Some(name) = &entry.plugin
                && let Some(first) = before.iter().find(|e| e.plugin.as_ref() == Some(name))
            {
                errors.push(duplicate(
                    &place(&format!("{at}.plugin"), table),
                    &format!(
                        "the {}s `{}` and `{}` are both the plugin `{name}`",
                        first.subject().0,
                        first.subject().1,
                        entry.subject().1
                    ),
                ));
            }
        }
        Error::all(errors)
    }

    /// Name of the library that takes what plugins share, where one is given.
    #[must_use]
    pub fn workspace_library(&self) -> Option<&str> {
        self.workspace_library.as_deref().map(given_library_name)
    }
}

/// As a pattern for the schema: what [`is_library_name`] lets through.
pub(crate) const LIBRARY_NAME: &str = r"^[^-./\\:\s\x00][^/\\:\s\x00]*$";

/// Can this stand in `libNAME.a`?
pub(crate) fn is_library_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(['-', '.'])
        && !name.contains(['/', '\\', ':', '\0'])
        && !name.chars().any(char::is_whitespace)
}

fn check_patterns(list: &str, patterns: &[String], table: &str, errors: &mut Vec<Diagnostic>) {
    for (i, pattern) in patterns.iter().enumerate() {
        if let Err(e) = check_pattern(pattern) {
            let at = place(&format!("{list}[{i}]"), table);
            errors.extend(e.0.into_iter().map(|mut d| {
                d.message = format!("at `{at}`: {}", d.message);
                d
            }));
        }
    }
}

/// The place in the words of the file: a TOML key or a JSON path.
fn place(path: &str, table: &str) -> String {
    match (path, table) {
        ("" | ".", "") => "the top level".to_owned(),
        ("" | ".", table) => table.to_owned(),
        (path, "") => path.to_owned(),
        (path, table) => format!("{table}.{path}"),
    }
}

fn invalid(place: &str, why: &str) -> Diagnostic {
    Diagnostic::new(
        Code::ManifestInvalid,
        format!("the manifest is not valid at `{place}`: {why}"),
    )
}

fn duplicate(place: &str, why: &str) -> Diagnostic {
    Diagnostic::new(
        Code::ManifestDuplicatePlugin,
        format!("the manifest names a plugin twice at `{place}`: {why}"),
    )
    .hint("give each plugin one entry with its own name")
}

/// A diagnostic for what serde says, with the nearest known field for an unknown one.
fn misread(path: &str, table: &str, why: &str) -> Error {
    let diagnostic = invalid(&place(path, table), why);
    // serde: "unknown field `x`, expected one of `a`, `b`" or "expected `a`".
    let mut quoted = why.split('`').skip(1).step_by(2);
    let hint = match (why.starts_with("unknown field"), quoted.next()) {
        (true, Some(field)) => {
            let known: Vec<&str> = quoted.collect();
            Some(
                did_you_mean(field, known.iter().copied())
                    .unwrap_or_else(|| format!("known fields: {}", known.join(", "))),
            )
        }
        _ => None,
    };
    match hint {
        Some(hint) => diagnostic.hint(hint).into(),
        None => diagnostic
            .hint("`dragonfire schema manifest` prints what a manifest may hold")
            .into(),
    }
}

fn read(path: &Utf8Path) -> Result<String> {
    let text = std::fs::read_to_string(path).map_err(|e| {
        let code = match e.kind() {
            std::io::ErrorKind::NotFound => Code::InputNotFound,
            std::io::ErrorKind::IsADirectory => Code::InputIsDirectory,
            std::io::ErrorKind::InvalidData => Code::ManifestInvalid,
            _ => Code::InputUnreadable,
        };
        Diagnostic::new(code, format!("cannot read the manifest: {e}")).file(path)
    })?;
    // Some editors write a byte-order mark.
    Ok(match text.strip_prefix('\u{feff}') {
        Some(text) => text.to_owned(),
        None => text,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(json: &str) -> Error {
        parse_json(json).unwrap_err()
    }

    #[test]
    fn unknown_fields_have_a_place_and_a_neighbour() {
        let e = error(r#"{"schema": 1, "plugins": [{"package": "a"}, {"pakage": "b"}]}"#);
        assert_eq!(e.code(), Code::ManifestInvalid);
        let text = e.to_string();
        assert!(text.contains("plugins[1]"), "{text}");
        assert!(text.contains("did you mean `package`?"), "{text}");

        let text = error(r#"{"schema": 1, "zzzzzzzzzzzzzz": 1}"#).to_string();
        assert!(text.contains("known fields: schema"), "{text}");
    }

    #[test]
    fn the_toml_table_is_named() {
        let metadata = serde_json::json!({"dragonfire": {"schema": 1, "export": []}});
        let text = from_workspace_metadata(&metadata).unwrap_err().to_string();
        assert!(
            text.contains("workspace.metadata.dragonfire.export"),
            "{text}"
        );
        assert!(text.contains("did you mean `exports` or"), "{text}");
        assert_eq!(
            from_workspace_metadata(&serde_json::Value::Null).unwrap(),
            None
        );
        let metadata = serde_json::json!({"dragonfire": {"schema": 1}});
        let manifest = from_workspace_metadata(&metadata).unwrap().unwrap();
        assert_eq!(manifest.workspace_library(), None);
    }

    #[test]
    fn names_of_the_workspace_library() {
        let default = |names: &[&str]| default_workspace_library(names.iter().copied());
        assert_eq!(default(&["gstjson", "gstregex"]), "gstrsworkspace");
        assert_eq!(default(&["extra", "gstregex"]), "gstrsworkspace");
        assert_eq!(default(&["rustls", "hyper"]), "rustls_shared");
        assert_eq!(default(&["gst"]), "gst_shared");
        for given in [
            "shared",
            "libshared",
            "libshared.a",
            "shared.lib",
            "shared.a",
        ] {
            assert_eq!(given_library_name(given), "shared");
        }
        assert_eq!(given_library_name("lib"), "lib");
    }

    #[test]
    fn what_types_cannot_say() {
        let e = error(r#"{"schema": 2}"#);
        assert!(e.to_string().contains("reads schema 1"), "{e}");
        let e = error(r#"{"schema": 1, "plugins": [{"package": "a"}, {"package": "a"}]}"#);
        assert_eq!(e.code(), Code::ManifestDuplicatePlugin);
        assert!(e.to_string().contains("plugins[1].package"), "{e}");
        let e = error(
            r#"{"schema": 1, "plugins": [{"package": "a", "plugin": "p"},
                                         {"package": "b", "plugin": "p"}]}"#,
        );
        assert_eq!(e.code(), Code::ManifestDuplicatePlugin);
        assert!(e.to_string().contains("`a` and `b`"), "{e}");
        let e = error(r#"{"schema": 1, "exports": ["ok", "a["]}"#);
        assert!(e.to_string().contains("exports[1]"), "{e}");
        for name in ["", "a/b", "-x", "a b"] {
            let e = error(&format!(
                r#"{{"schema": 1, "workspace_library": "{name}"}}"#
            ));
            assert!(e.to_string().contains("no library name"), "{e}");
        }
    }

    #[test]
    fn not_json_at_all() {
        for text in [
            "",
            "{",
            "[]",
            "{\"schema\": 1} x",
            "{\"schema\": \"1\"}",
            "{}",
        ] {
            assert_eq!(error(text).code(), Code::ManifestInvalid, "{text}");
        }
    }

    #[test]
    fn files() {
        let e = load(&ManifestSource::Path("no/such/manifest.json".into())).unwrap_err();
        assert_eq!(e.code(), Code::InputNotFound);
    }
}
