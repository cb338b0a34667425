//! Which symbols a plugin exports: expands the manifest's patterns and matches them with names.
//!
//! Three lists say it: the manifest's own `exports` (for every plugin), those of a plugin's entry,
//! and the request's. Where no list has a pattern for a plugin, [`DEFAULT_EXPORTS`] hold.
//!
//! What must match:
//! - every pattern of a plugin's entry matches a symbol of that plugin;
//! - every manifest-wide and request pattern matches a symbol of some plugin;
//! - every plugin has at least one export.

use std::collections::HashSet;

use globset::{GlobBuilder, GlobMatcher};

use crate::error::{Code, Diagnostic, Error, Result};
use crate::manifest::{Manifest, PluginEntry};
use crate::nearest::nearest;

/// What a plugin exports where nothing is said: the entry points of a GStreamer plugin.
pub const DEFAULT_EXPORTS: &[&str] = &[
    "gst_plugin_{plugin}_register",
    "gst_plugin_{plugin}_get_desc",
];

/// `gstjson` -> `json`; what has no leading `gst` stays as it is.
#[must_use]
pub fn plugin_name(library: &str) -> &str {
    match library.strip_prefix("gst") {
        Some(rest) if !rest.is_empty() => rest,
        _ => library,
    }
}

/// Where a pattern stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// Index in the manifest's or the request's list.
    Everyone(usize),
    Entry,
    Default,
}

#[derive(Debug, Clone)]
struct Pattern {
    /// As written, less `{plugin}`.
    text: String,
    origin: Origin,
    /// What every match starts with: settles nearly all of a library's symbols.
    prefix: String,
    /// `None` where the prefix is the whole pattern.
    glob: Option<GlobMatcher>,
}

impl Pattern {
    fn new(text: String, origin: Origin) -> Result<Self> {
        Ok(Self {
            prefix: text
                .get(..special(&text).unwrap_or(text.len()))
                .unwrap_or_default()
                .to_owned(),
            glob: compile(&text)?,
            text,
            origin,
        })
    }

    fn matches(&self, name: &[u8]) -> bool {
        let Some(rest) = name.strip_prefix(self.prefix.as_bytes()) else {
            return false;
        };
        match &self.glob {
            None => rest.is_empty(),
            Some(glob) => std::str::from_utf8(name).is_ok_and(|name| glob.is_match(name)),
        }
    }
}

/// Patterns of which any may match. Lists of names are long: those are looked up.
#[derive(Debug, Clone, Default)]
struct AnyOf {
    names: HashSet<Vec<u8>>,
    globs: Vec<Pattern>,
}

impl AnyOf {
    fn new(patterns: impl IntoIterator<Item = Pattern>) -> Self {
        let mut all = Self::default();
        for pattern in patterns {
            match pattern.glob {
                None => {
                    all.names.insert(pattern.text.into_bytes());
                }
                Some(_) => all.globs.push(pattern),
            }
        }
        all
    }

    fn is_empty(&self) -> bool {
        self.names.is_empty() && self.globs.is_empty()
    }

    fn matches(&self, name: &[u8]) -> bool {
        self.names.contains(name) || self.globs.iter().any(|p| p.matches(name))
    }
}

/// What the manifest says of names that are no exports.
#[derive(Debug, Clone, Default)]
pub struct NameRules {
    keep: AnyOf,
    keep_vague: AnyOf,
    public: AnyOf,
    isolate: AnyOf,
    /// What the format puts before names of C.
    decoration: &'static [u8],
}

impl NameRules {
    /// # Errors
    /// `manifest-invalid` for a pattern that is none.
    pub fn new(manifest: Option<&Manifest>, decoration: &'static [u8]) -> Result<Self> {
        let Some(manifest) = manifest else {
            return Ok(Self::default());
        };
        let all = |list: &[String]| -> Result<AnyOf> {
            let patterns = list.iter().enumerate();
            let patterns =
                patterns.map(|(at, text)| Pattern::new(text.clone(), Origin::Everyone(at)));
            Ok(AnyOf::new(patterns.collect::<Result<Vec<_>>>()?))
        };
        Ok(Self {
            keep: all(&manifest.keep)?,
            keep_vague: all(&manifest.keep_vague)?,
            public: all(&manifest.public)?,
            isolate: all(&manifest.isolate)?,
            decoration,
        })
    }

    fn any(&self, list: &AnyOf, name: &[u8]) -> bool {
        !list.is_empty() && list.matches(name.strip_prefix(self.decoration).unwrap_or(name))
    }

    /// Is there anything that [`Self::keeps`] would say yes to?
    #[must_use]
    pub fn keeps_any(&self) -> bool {
        !self.keep.is_empty()
    }

    /// Does what has this name, a symbol or a section, live with its member?
    #[must_use]
    pub fn keeps(&self, name: &[u8]) -> bool {
        self.any(&self.keep, name)
    }

    /// Does this vague function stay one with the program's?
    #[must_use]
    pub fn keeps_vague(&self, name: &[u8]) -> bool {
        self.any(&self.keep_vague, name)
    }

    /// Is the name left to the final linker, whatever it is?
    #[must_use]
    pub fn publishes(&self, name: &[u8]) -> bool {
        self.any(&self.public, name)
    }

    /// Does each library keep its own of this name, made to meet or not?
    #[must_use]
    pub fn isolates(&self, name: &[u8]) -> bool {
        self.any(&self.isolate, name)
    }
}

/// The exports of one plugin.
#[derive(Debug, Clone)]
pub struct Exports {
    /// The plugin's name, as it stands for `{plugin}`.
    pub plugin: String,
    patterns: Vec<Pattern>,
    any: AnyOf,
}

impl Exports {
    /// Is this symbol an export? `name` is without the format's decoration.
    #[must_use]
    pub fn matches(&self, name: &[u8]) -> bool {
        self.any.matches(name)
    }

    /// The patterns, `{plugin}` expanded.
    pub fn patterns(&self) -> impl Iterator<Item = &str> {
        self.patterns.iter().map(|p| p.text.as_str())
    }
}

/// A plugin library and the global symbols it defines.
#[derive(Debug, Clone, Copy)]
pub struct Defined<'a, 'n> {
    /// Library name without prefix and suffix.
    pub library: &'a str,
    /// Its Cargo package, where known.
    pub package: Option<&'a str>,
    /// As in the symbol tables.
    pub names: &'a [&'n [u8]],
    /// What the format puts before names of C.
    pub decoration: &'static [u8],
}

/// The patterns of a run, for all its plugins.
#[derive(Debug, Clone, Copy)]
pub struct ExportRules<'a> {
    manifest: Option<&'a Manifest>,
    requested: &'a [String],
}

impl<'a> ExportRules<'a> {
    /// `requested` are the request's `exports`, besides the manifest's.
    #[must_use]
    pub fn new(manifest: Option<&'a Manifest>, requested: &'a [String]) -> Self {
        Self {
            manifest,
            requested,
        }
    }

    /// The manifest's entry for a library.
    #[must_use]
    pub fn entry(&self, library: &str, package: Option<&str>) -> Option<&'a PluginEntry> {
        let entries = &self.manifest?.plugins;
        match package {
            Some(package) => entries.iter().find(|e| e.package == package),
            // Only a file is known: GStreamer's `gst-plugin-json` is `gstjson`.
            None => entries.iter().find(|e| {
                let snake = e.package.replace('-', "_");
                e.plugin.as_deref() == Some(plugin_name(library))
                    || snake == library
                    || snake
                        .strip_prefix("gst_plugin_")
                        .is_some_and(|p| p == plugin_name(library))
            }),
        }
    }

    /// The exports of one plugin.
    ///
    /// # Errors
    /// `manifest-invalid` for a pattern that is no glob.
    pub fn for_plugin(&self, library: &str, package: Option<&str>) -> Result<Exports> {
        let entry = self.entry(library, package);
        let plugin = entry
            .and_then(|e| e.plugin.as_deref())
            .unwrap_or_else(|| plugin_name(library));
        let everyone = self
            .everyone()
            .enumerate()
            .map(|(i, p)| (p, Origin::Everyone(i)));
        let own = entry
            .map_or(&[][..], |e| &e.exports)
            .iter()
            .map(|p| (p.as_str(), Origin::Entry));
        let mut texts: Vec<(&str, Origin)> = everyone.chain(own).collect();
        if texts.is_empty() {
            texts.extend(DEFAULT_EXPORTS.iter().map(|p| (*p, Origin::Default)));
        }
        let mut patterns = Vec::with_capacity(texts.len());
        for (text, origin) in texts {
            patterns.push(Pattern::new(text.replace("{plugin}", plugin), origin)?);
        }
        Ok(Exports {
            plugin: plugin.to_owned(),
            any: AnyOf::new(patterns.iter().cloned()),
            patterns,
        })
    }

    /// The exports of every plugin of `plugins`, sorted, each name once.
    ///
    /// # Errors
    /// `manifest-export-unmatched`, with the nearest symbols, for what must match and does not.
    pub fn select<'n>(&self, plugins: &[Defined<'_, 'n>]) -> Result<Vec<Vec<&'n [u8]>>> {
        let mut errors = Vec::new();
        let mut selected = Vec::with_capacity(plugins.len());
        let everyone: Vec<&str> = self.everyone().collect();
        let mut everyone_matched = vec![false; everyone.len()];
        for plugin in plugins {
            let exports = self.for_plugin(plugin.library, plugin.package)?;
            let mut names: Vec<&[u8]> = Vec::new();
            let errors_before = errors.len();
            // Sorted, and without decoration: a pattern's matches stand where its prefix does.
            let bare = plugin.names.iter().filter_map(|name| {
                let bare = name.strip_prefix(plugin.decoration)?;
                Some((bare, *name))
            });
            let mut bare: Vec<(&[u8], &[u8])> = bare.collect();
            bare.sort_unstable();
            for pattern in &exports.patterns {
                let before = names.len();
                let prefix = pattern.prefix.as_bytes();
                let first = bare.partition_point(|(bare, _)| *bare < prefix);
                let near = bare[first..].iter();
                let near = near.take_while(|(bare, _)| match pattern.glob {
                    Some(_) => bare.starts_with(prefix),
                    None => *bare == prefix,
                });
                names.extend(near.filter(|(b, _)| pattern.matches(b)).map(|(_, n)| *n));
                let matched = names.len() > before;
                match pattern.origin {
                    Origin::Everyone(i) => {
                        if let Some(m) = everyone_matched.get_mut(i) {
                            *m |= matched;
                        }
                    }
                    Origin::Entry if !matched => errors.push(unmatched(
                        &pattern.text,
                        format!(
                            "the plugin `{}` exports nothing that matches `{}`",
                            exports.plugin, pattern.text
                        ),
                        &[*plugin],
                    )),
                    Origin::Entry | Origin::Default => {}
                }
            }
            if names.is_empty() && errors.len() == errors_before {
                let patterns: Vec<&str> = exports.patterns().collect();
                let first = patterns.first().copied().unwrap_or_default();
                errors.push(unmatched(
                    first,
                    format!(
                        "the library `{}` defines none of its exports: {}",
                        plugin.library,
                        patterns.join(", ")
                    ),
                    &[*plugin],
                ));
            }
            names.sort_unstable();
            names.dedup();
            selected.push(names);
        }
        for (text, matched) in everyone.iter().zip(everyone_matched) {
            if !matched && errors.is_empty() && !plugins.is_empty() {
                errors.push(unmatched(
                    text,
                    format!("no library exports anything that matches `{text}`"),
                    plugins,
                ));
            }
        }
        Error::all(errors)?;
        Ok(selected)
    }

    /// The patterns meant for every plugin: the manifest's, then the request's.
    fn everyone(&self) -> impl Iterator<Item = &'a str> {
        let manifest = self.manifest.map_or(&[][..], |m| &m.exports);
        manifest.iter().chain(self.requested).map(String::as_str)
    }
}

/// Checks that `pattern` is a glob, `{plugin}` in it or not.
///
/// # Errors
/// `manifest-invalid`.
pub fn check_pattern(pattern: &str) -> Result<()> {
    compile(&pattern.replace("{plugin}", "plugin")).map(drop)
}

/// Where a pattern is more than a name.
fn special(text: &str) -> Option<usize> {
    text.find(['*', '?', '[', ']', '{', '}', '\\'])
}

/// `None` for a name.
fn compile(text: &str) -> Result<Option<GlobMatcher>> {
    let invalid = |why: String| {
        Diagnostic::new(
            Code::ManifestInvalid,
            format!("`{text}` is no pattern of symbol names: {why}"),
        )
        .hint("`*` stands for any text, `?` for one character, `{a,b}` for one of two")
    };
    if text.is_empty() {
        return Err(invalid("it is empty".to_owned()).into());
    }
    if special(text).is_none() {
        return Ok(None);
    }
    let glob = GlobBuilder::new(text)
        .literal_separator(false)
        .backslash_escape(true)
        .build()
        .map_err(|e| invalid(e.kind().to_string()))?;
    Ok(Some(glob.compile_matcher()))
}

fn unmatched(pattern: &str, message: String, plugins: &[Defined<'_, '_>]) -> Diagnostic {
    let names = plugins.iter().flat_map(|p| p.names.iter());
    let mut names: Vec<&str> = names
        .filter_map(|n| std::str::from_utf8(n).ok())
        // Mangled names are nobody's entry point, and there are a hundred thousand of them.
        .filter(|n| !n.starts_with("_ZN") && !n.starts_with("_R") && n.len() < 200)
        .collect();
    names.sort_unstable();
    names.dedup();
    let near: Vec<String> = nearest(pattern, names.iter().copied())
        .into_iter()
        .map(|n| format!("`{n}`"))
        .collect();
    let hint = if near.is_empty() {
        "name the exported functions with --exports or in the manifest's `exports`".to_owned()
    } else {
        format!("the nearest symbols are {}", near.join(", "))
    };
    Diagnostic::new(Code::ManifestExportUnmatched, message)
        .symbol(pattern.as_bytes())
        .hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(json: &str) -> Manifest {
        serde_json::from_str(json).unwrap()
    }

    fn defined<'a>(library: &'a str, names: &'a [&'a [u8]]) -> Defined<'a, 'a> {
        Defined {
            library,
            package: None,
            names,
            decoration: b"",
        }
    }

    const JSON: &[&[u8]] = &[
        b"gst_plugin_json_get_desc",
        b"gst_plugin_json_register",
        b"memcpy",
    ];
    const EXTRA: &[&[u8]] = &[b"my_extra_two", b"my_extra_one", b"\xff\xfe"];

    #[test]
    fn defaults_follow_the_library_name() {
        let rules = ExportRules::new(None, &[]);
        let all = rules.select(&[defined("gstjson", JSON)]).unwrap();
        assert_eq!(
            all,
            [vec![
                &b"gst_plugin_json_get_desc"[..],
                b"gst_plugin_json_register"
            ]]
        );
        let exports = rules.for_plugin("gstjson", None).unwrap();
        assert!(exports.matches(b"gst_plugin_json_register"));
        assert!(!exports.matches(b"gst_plugin_json_register_too"));
        assert!(!exports.matches(b"gst_plugin_regex_register"));
        assert!(!exports.matches(b"\xff"));
    }

    /// In proportion to names and patterns, not to their product.
    #[test]
    fn every_name_may_be_a_pattern() {
        let names: Vec<String> = (0..50_000).map(|i| format!("name{i}")).collect();
        let bytes: Vec<&[u8]> = names.iter().map(|n| n.as_bytes()).collect();
        let rules = ExportRules::new(None, &names);
        let selected = rules.select(&[defined("many", &bytes)]).unwrap();
        assert_eq!(selected[0].len(), names.len());
        let exports = rules.for_plugin("many", None).unwrap();
        assert!(bytes.iter().all(|n| exports.matches(n)) && !exports.matches(b"name"));
    }

    #[test]
    fn the_manifest_of_the_documentation() {
        let m = manifest(
            r#"{"schema": 1, "exports": ["gst_plugin_{plugin}_register"], "plugins": [
                {"package": "gst-plugin-json"},
                {"package": "my-extra", "exports": ["my_extra_*"]}]}"#,
        );
        let rules = ExportRules::new(Some(&m), &[]);
        let all = rules
            .select(&[defined("gstjson", JSON), defined("my_extra", EXTRA)])
            .unwrap();
        assert_eq!(all[0], [b"gst_plugin_json_register"]);
        assert_eq!(all[1], [b"my_extra_one", b"my_extra_two"]);
    }

    #[test]
    fn an_entry_renames_the_plugin() {
        let m = manifest(
            r#"{"schema": 1, "plugins": [{"package": "gst-plugin-x", "plugin": "json"}]}"#,
        );
        let rules = ExportRules::new(Some(&m), &[]);
        let exports = rules.for_plugin("gstx", Some("gst-plugin-x")).unwrap();
        assert_eq!(exports.plugin, "json");
        assert!(exports.matches(b"gst_plugin_json_register"));
    }

    #[test]
    fn what_matches_nothing_is_an_error_with_the_nearest() {
        let m = manifest(
            r#"{"schema": 1, "plugins": [
                {"package": "my-extra", "exports": ["my_extra_on", "my_extra_*"]}]}"#,
        );
        let e = ExportRules::new(Some(&m), &[])
            .select(&[defined("my_extra", EXTRA)])
            .unwrap_err();
        assert_eq!(e.code(), Code::ManifestExportUnmatched);
        assert_eq!(e.0.len(), 1);
        assert!(e.to_string().contains("`my_extra_one`"), "{e}");

        let requested = ["my_extra_*".to_owned(), "nothing_like_it".to_owned()];
        let e = ExportRules::new(None, &requested)
            .select(&[defined("my_extra", EXTRA)])
            .unwrap_err();
        assert!(e.to_string().contains("nothing_like_it"), "{e}");

        let e = ExportRules::new(None, &[])
            .select(&[defined("my_extra", EXTRA)])
            .unwrap_err();
        assert_eq!(e.code(), Code::ManifestExportUnmatched);
    }

    #[test]
    fn globs() {
        let requested = ["a_?", "b_{x,y}*", "c_[0-9]", "d\\*"].map(str::to_owned);
        let exports = ExportRules::new(None, &requested)
            .for_plugin("x", None)
            .unwrap();
        for name in ["a_1", "b_x", "b_yes", "c_7", "d*"] {
            assert!(exports.matches(name.as_bytes()), "{name}");
        }
        for name in ["a_", "a_12", "b_z", "c_x", "d1", ""] {
            assert!(!exports.matches(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn bad_globs_are_refused() {
        assert!(check_pattern("a[").is_err());
        assert!(check_pattern("").is_err());
        assert!(check_pattern("{plugin}_{a,b}*").is_ok());
    }
}
