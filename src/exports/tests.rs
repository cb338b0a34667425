//! What is chosen of made-up libraries.

use foldhash::HashSetExt;

use super::api::Owner;
use super::*;

fn manifest(json: &str) -> Manifest {
    serde_json::from_str(json).unwrap()
}

/// A library's symbols, visible and of its own crate but where said.
struct Library {
    name: &'static str,
    symbols: Vec<Symbol<'static>>,
    used: HashSet<&'static [u8]>,
    whole: bool,
}

impl Library {
    fn new(name: &'static str, names: &[&'static [u8]]) -> Self {
        let symbols = names
            .iter()
            .map(|&name| symbol(name, Owner::Root))
            .collect();
        Self {
            name,
            symbols,
            used: HashSet::new(),
            whole: false,
        }
    }

    fn with(mut self, symbols: impl IntoIterator<Item = Symbol<'static>>) -> Self {
        self.symbols.extend(symbols);
        self
    }

    fn defined(&self) -> Defined<'_, 'static> {
        Defined {
            library: self.name,
            package: None,
            symbols: &self.symbols,
            decoration: b"",
            root: "own",
            whole: self.whole,
            used: &self.used,
        }
    }
}

fn symbol(name: &'static [u8], owner: Owner<'static>) -> Symbol<'static> {
    Symbol {
        name,
        visible: true,
        vague: false,
        runtime: false,
        owner,
    }
}

fn hidden(name: &'static [u8]) -> Symbol<'static> {
    Symbol {
        visible: false,
        ..symbol(name, Owner::Root)
    }
}

fn asked(patterns: &[String]) -> Asked<'_> {
    Asked {
        patterns,
        ..Asked::default()
    }
}

fn select<'a>(rules: &ExportRules<'a>, libraries: &'a [Library]) -> Result<Selected<'static>> {
    let defined: Vec<Defined<'_, 'static>> = libraries.iter().map(Library::defined).collect();
    rules.select(&defined)
}

fn json() -> Library {
    Library::new(
        "gstjson",
        &[
            b"gst_plugin_json_get_desc",
            b"gst_plugin_json_register",
            b"memcpy",
        ],
    )
}

fn extra() -> Library {
    Library::new("my_extra", &[b"my_extra_two", b"my_extra_one", b"\xff\xfe"])
}

#[test]
fn entry_points_follow_the_library_name() {
    let all = [json()];
    let chosen = select(&ExportRules::new(None, Asked::default()), &all).unwrap();
    let names = [
        &b"gst_plugin_json_get_desc"[..],
        b"gst_plugin_json_register",
    ];
    assert_eq!(chosen.exports, [names]);
    assert_eq!(chosen.found[0].by, ExportsBy::EntryPoints);
}

/// In proportion to names and patterns, not to their product.
#[test]
fn every_name_may_be_a_pattern() {
    let names: Vec<String> = (0..50_000).map(|i| format!("name{i}")).collect();
    let bytes: Vec<&'static [u8]> = names
        .iter()
        .map(|n| -> &'static [u8] { Box::leak(n.clone().into_boxed_str()).as_bytes() })
        .collect();
    let all = [Library::new("many", &bytes)];
    let chosen = select(&ExportRules::new(None, asked(&names)), &all).unwrap();
    assert_eq!(chosen.exports[0].len(), names.len());
    assert!(chosen.warnings.is_empty());
}

#[test]
fn the_manifest_of_the_documentation() {
    let m = manifest(
        r#"{"schema": 1, "exports": ["gst_plugin_{plugin}_register"], "plugins": [
            {"package": "gst-plugin-json"},
            {"library": "my_extra", "exports": ["my_extra_*"]}]}"#,
    );
    let all = [json(), extra()];
    let chosen = select(&ExportRules::new(Some(&m), Asked::default()), &all).unwrap();
    assert_eq!(chosen.exports[0], [b"gst_plugin_json_register"]);
    assert_eq!(chosen.exports[1], [b"my_extra_one", b"my_extra_two"]);
    // The other entry point, and memcpy, which nothing here says is a runtime's.
    let text = chosen.warnings[0].to_string();
    assert!(
        text.contains("2 more look like API: gst_plugin_json_get_desc, memcpy"),
        "{text}"
    );
}

#[test]
fn an_entry_renames_the_plugin() {
    let m =
        manifest(r#"{"schema": 1, "plugins": [{"package": "gst-plugin-x", "plugin": "json"}]}"#);
    let rules = ExportRules::new(Some(&m), Asked::default());
    assert_eq!(rules.plugin("gstx", Some("gst-plugin-x")), "json");
    assert_eq!(rules.plugin("gsty", Some("gst-plugin-y")), "y");
}

#[test]
fn what_matches_nothing_is_an_error_with_the_nearest() {
    let m = manifest(
        r#"{"schema": 1, "plugins": [
            {"package": "my-extra", "exports": ["my_extra_on", "my_extra_*"]}]}"#,
    );
    let all = [extra()];
    let e = select(&ExportRules::new(Some(&m), Asked::default()), &all).unwrap_err();
    assert_eq!(e.code(), Code::ManifestExportUnmatched);
    assert_eq!(e.0.len(), 1);
    assert!(e.to_string().contains("`my_extra_one`"), "{e}");

    let requested = ["my_extra_*".to_owned(), "nothing_like_it".to_owned()];
    let e = select(&ExportRules::new(None, asked(&requested)), &all).unwrap_err();
    assert!(e.to_string().contains("nothing_like_it"), "{e}");

    // Of a glob, the beginning is compared.
    let requested = ["my_exrta_*".to_owned()];
    let e = select(&ExportRules::new(None, asked(&requested)), &all).unwrap_err();
    assert!(e.to_string().contains("`my_extra_one`"), "{e}");
}

#[test]
fn globs_leave_hidden_symbols_out_and_names_do_not() {
    let all = [Library::new("x", &[b"x_seen"]).with([hidden(b"x_hidden"), hidden(b"y_hidden")])];
    let globs = ["x_*".to_owned()];
    let chosen = select(&ExportRules::new(None, asked(&globs)), &all).unwrap();
    assert_eq!(chosen.exports, [[b"x_seen"]]);
    let names = ["x_hidden".to_owned()];
    let chosen = select(&ExportRules::new(None, asked(&names)), &all).unwrap();
    assert_eq!(chosen.exports, [[b"x_hidden"]]);
    let globs = ["y_*".to_owned()];
    let e = select(&ExportRules::new(None, asked(&globs)), &all).unwrap_err();
    assert!(
        e.to_string()
            .contains("only hidden symbols match (y_hidden)"),
        "{e}"
    );
}

#[test]
fn the_api_is_that_of_the_own_crate() {
    let mut library = Library::new(
        "x",
        &[
            b"x_call",
            b"_ZN1x1f17h0123456789abcdefE",
            b"_RNvC1x1f",
            b"anon.0123456789abcdef0123456789abcdef.1",
        ],
    )
    .with([
        symbol(b"x_native", Owner::RootNative),
        symbol(b"dep_call", Owner::Crate("dep")),
        symbol(b"dep_used", Owner::Crate("dep")),
        symbol(b"dep_native", Owner::Native("dep")),
        symbol(b"rust_eh_personality", Owner::Std),
        hidden(b"x_hidden"),
    ]);
    library.used.insert(b"dep_used");
    let mut all = [library];
    let rules = ExportRules::new(None, Asked::default());
    let chosen = select(&rules, &all).unwrap();
    assert_eq!(chosen.exports[0], [&b"x_call"[..], b"x_native"]);
    assert_eq!(chosen.found[0].crates, ["own"]);
    let text = chosen.warnings[0].to_string();
    assert!(
        text.contains("1 more looks like API in other parts of the library: dep_call"),
        "{text}"
    );
    // rustc exports from a cdylib whatever any crate marked.
    all[0].whole = true;
    let chosen = select(&rules, &all).unwrap();
    let names = [&b"dep_call"[..], b"dep_used", b"x_call", b"x_native"];
    assert_eq!(chosen.exports[0], names);
    assert_eq!(chosen.found[0].crates, ["dep", "own"]);
    assert!(chosen.warnings.is_empty());
}

#[test]
fn a_facade_is_asked_about() {
    let all = [Library::new("x", &[]).with([
        symbol(b"dep_call", Owner::Crate("dep")),
        symbol(b"dep_other", Owner::Crate("dep")),
        symbol(b"deep_call", Owner::Crate("deep")),
    ])];
    let e = select(&ExportRules::new(None, Asked::default()), &all).unwrap_err();
    assert_eq!(e.code(), Code::ExportsNotFound);
    let text = e.to_string();
    assert!(
        text.contains("`dep` (2: dep_call, dep_other), `deep` (1: deep_call)"),
        "{text}"
    );
    assert!(text.contains("--exports-of dep"), "{text}");
    let crates = ["dep".to_owned()];
    let of_dep = Asked {
        crates: &crates,
        ..Asked::default()
    };
    let chosen = select(&ExportRules::new(None, of_dep), &all).unwrap();
    assert_eq!(chosen.exports[0], [&b"dep_call"[..], b"dep_other"]);
    let crates = ["dap".to_owned()];
    let of_none = Asked {
        crates: &crates,
        ..Asked::default()
    };
    let all = [Library::new("x", &[b"x_call"]).with([
        symbol(b"dep_call", Owner::Crate("dep")),
        symbol(b"deep_call", Owner::Crate("deep")),
    ])];
    let e = select(&ExportRules::new(None, of_none), &all).unwrap_err();
    assert!(
        e.to_string()
            .contains("the nearest crates are `dep`, `deep`"),
        "{e}"
    );
}

#[test]
fn presets() {
    let all = [Library::new(
        "x",
        &[
            b"Java_a_b",
            b"JNI_OnLoad",
            b"ns$cxxbridge1$f",
            b"PyInit_x",
            b"other",
        ],
    )
    .with([symbol(
        b"_ZN4rust10cxxbridge16String3lenEv",
        Owner::Native("cxx"),
    )])];
    let of = |presets: &[Preset]| {
        let asked = Asked {
            presets,
            ..Asked::default()
        };
        select(&ExportRules::new(None, asked), &all)
    };
    let jni = of(&[Preset::Jni]).unwrap();
    assert_eq!(jni.exports[0], [&b"JNI_OnLoad"[..], b"Java_a_b"]);
    assert_eq!(jni.found[0].presets, [Preset::Jni]);
    let cxx = of(&[Preset::Cxx]).unwrap();
    let names = [
        &b"_ZN4rust10cxxbridge16String3lenEv"[..],
        b"ns$cxxbridge1$f",
    ];
    assert_eq!(cxx.exports[0], names);
    assert_eq!(of(&[Preset::Python]).unwrap().exports[0], [b"PyInit_x"]);
    let e = of(&[Preset::Napi]).unwrap_err();
    assert_eq!(e.code(), Code::ManifestExportUnmatched);
    assert!(e.to_string().contains("none of its exports: napi"), "{e}");
    // A bridge brings its runtime along.
    let found = of(&[]).unwrap();
    assert!(found.exports[0].contains(&&b"_ZN4rust10cxxbridge16String3lenEv"[..]));
}

#[test]
fn entries_of_nothing_are_errors() {
    let m = manifest(
        r#"{"schema": 1, "plugins": [{"library": "gstjsn"}, {"package": "gst-plugin-json"}]}"#,
    );
    let e = check_entries(&m, &[("gstjson".to_owned(), None)]).unwrap_err();
    assert_eq!(e.0.len(), 1);
    assert_eq!(e.code(), Code::ManifestEntryUnknown);
    assert!(e.to_string().contains("`gstjson`"), "{e}");
}
