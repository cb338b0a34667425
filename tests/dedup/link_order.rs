//! Every subset of the plugins links, with every linker, and does what it did before.

use std::path::PathBuf;

use crate::support::{Bench, LINKERS, RUST_NAMES, dedup, members, subsets, written};

/// Plugins of one shape: `entry` calls `shared`, which calls `deep`, which calls back for what each
/// plugin's own `hook.o` defines. Nothing in the plugin calls the hook itself.
fn plugin_members(name: &str, hook: &str) -> Vec<(String, String)> {
    let entry = format!(
        "{RUST_NAMES}int gst_plugin_{name}_register(void) {{ return shared({}); }}",
        name.len()
    );
    vec![
        ("entry.o".into(), entry),
        ("shared.o".into(), format!("{RUST_NAMES}{SHARED}")),
        ("deep.o".into(), format!("{RUST_NAMES}{DEEP}")),
        ("hook.o".into(), hook.into()),
    ]
}

const SHARED: &str = "int shared(int x) { return deep(x) + 1; }";
const DEEP: &str = "int hook(int); int other(int); int deep(int x) { return hook(x) + other(x); }";

struct Plugins {
    bench: Bench,
    names: Vec<&'static str>,
    before: Vec<PathBuf>,
}

impl Plugins {
    fn new(plugins: &[(&'static str, Vec<(String, String)>)]) -> Self {
        let bench = Bench::new();
        let mut before = Vec::new();
        for (name, members) in plugins {
            let members: Vec<(&str, &str)> = members
                .iter()
                .map(|(n, c)| (n.as_str(), c.as_str()))
                .collect();
            before.push(bench.library("in", &format!("gst{name}"), &members));
        }
        Self {
            bench,
            names: plugins.iter().map(|(n, _)| *n).collect(),
            before,
        }
    }

    fn source(&self, subset: &[usize]) -> String {
        let mut declare = String::from("#include <stdio.h>\n");
        let mut calls = String::new();
        for i in subset {
            let name = self.names[*i];
            declare.push_str(&format!("int gst_plugin_{name}_register(void);\n"));
            calls.push_str(&format!(
                "printf(\"{name} %d\\n\", gst_plugin_{name}_register());\n"
            ));
        }
        format!("{declare}int main(void) {{ {calls} return 0; }}\n")
    }

    /// Links every subset before and after; the programs must print the same.
    fn check(&self) -> serde_json::Value {
        let response = dedup(&self.before, &self.bench.path("out"));
        let after = written(&response);
        let (workspace, plugins) = after.split_last().unwrap();
        for subset in subsets(self.names.len()) {
            for order in [subset.clone(), subset.iter().rev().copied().collect()] {
                let source = self.source(&order);
                let old: Vec<PathBuf> = order.iter().map(|i| self.before[*i].clone()).collect();
                let mut new: Vec<PathBuf> = order.iter().map(|i| plugins[*i].clone()).collect();
                new.push(workspace.clone());
                for linker in LINKERS {
                    let expected = self.bench.program(linker, &source, &old);
                    let got = self.bench.program(linker, &source, &new);
                    assert_eq!(got, expected, "{linker} {order:?}");
                }
            }
        }
        response
    }
}

fn hook(value: i32) -> String {
    format!("int hook(int x) {{ return x * {value}; }} int other(int x) {{ return {value}; }}")
}

#[test]
fn what_shared_members_need_of_each_plugin_is_asked_for_early() {
    let plugins = Plugins::new(&[
        ("one", plugin_members("one", &hook(3))),
        ("two", plugin_members("two", &hook(50))),
        ("three", plugin_members("three", &hook(700))),
    ]);
    plugins.check();
    let workspace = plugins.bench.path("out/libgstrsworkspace.a");
    let shared = members(&workspace);
    assert!(shared.contains(&"shared.o".to_owned()), "{shared:?}");
    assert!(shared.contains(&"deep.o".to_owned()), "{shared:?}");
    assert!(!shared.contains(&"hook.o".to_owned()), "{shared:?}");
    let kept = members(&plugins.bench.path("out/libgstone.a"));
    assert_eq!(kept, ["entry.o", "hook.o", "dragonfire.marker.o"]);
}

#[test]
fn a_shared_member_that_programs_call_by_name_stays_with_what_it_needs() {
    for entry in [
        "public_entry",
        "RSA_entry",
        "_RC4_entry",
        "rust_panic_count",
    ] {
        called_by_name(entry);
    }
}

fn called_by_name(entry: &str) {
    let shared = (
        "public.o".to_owned(),
        format!("int hook(int); int {entry}(void) {{ return hook(4); }}"),
    );
    let with = |name, value| {
        let mut members = plugin_members(name, &hook(value));
        members.push(shared.clone());
        members
    };
    let plugins = Plugins::new(&[("one", with("one", 3)), ("two", with("two", 50))]);
    plugins.check();
    let kept = members(&plugins.bench.path("out/libgstone.a"));
    assert!(kept.contains(&"public.o".to_owned()), "{entry}: {kept:?}");
    let out = |n: &str| plugins.bench.path(&format!("out/lib{n}.a"));
    for linker in LINKERS {
        let source = format!(
            "#include <stdio.h>\nint {entry}(void);\n\
            int main(void) {{ printf(\"%d\\n\", {entry}()); return 0; }}"
        );
        let libraries = [out("gsttwo"), out("gstrsworkspace")];
        assert_eq!(plugins.bench.program(linker, &source, &libraries), "200\n");
    }
}

#[test]
fn look_alikes_stay_apart() {
    // `clash` is defined three times: by a member that one and three hold, and by another of two,
    // of the same name and size.
    let clash = |value: i32| {
        (
            "clash.o".to_owned(),
            format!("int clash(void) {{ return {value}; }}"),
        )
    };
    let user = |name: &str, value: i32| {
        let entry =
            format!("int clash(void); int gst_plugin_{name}_register(void) {{ return clash(); }}");
        vec![("entry.o".to_owned(), entry), clash(value)]
    };
    let plugins = Plugins::new(&[
        ("one", user("one", 11)),
        ("two", user("two", 22)),
        ("three", user("three", 11)),
    ]);
    let response = plugins.check();
    let codes: Vec<&str> = response["warnings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|w| w["code"].as_str().unwrap())
        .collect();
    assert!(codes.contains(&"near-duplicate"), "{codes:?}");
    assert!(codes.contains(&"member-not-shared"), "{codes:?}");
    assert!(members(&plugins.bench.path("out/libgstone.a")).contains(&"clash.o".to_owned()));
}

#[test]
fn a_plugin_that_needs_another_still_finds_it() {
    let asks = "int answer(void); int gst_plugin_asks_register(void) { return answer(); }";
    let tells = "int answer(void) { return 42; } int gst_plugin_tells_register(void) { return 1; }";
    let through = "int answer(void); int through(void) { return answer() + 1; }";
    let bench = Bench::new();
    let member = ("through.o", through);
    let entry = |name: &str| {
        format!("int through(void); int gst_plugin_{name}_register(void) {{ return through(); }}")
    };
    let (first, second) = (entry("first"), entry("second"));
    let before = [
        bench.library("in", "gstasks", &[("entry.o", asks)]),
        bench.library("in", "gstfirst", &[("entry.o", &first), member]),
        bench.library("in", "gstsecond", &[("entry.o", &second), member]),
        bench.library("in", "gsttells", &[("entry.o", tells)]),
    ];
    let after = written(&dedup(&before, &bench.path("out")));
    let source = "#include <stdio.h>\n\
        int gst_plugin_asks_register(void), gst_plugin_first_register(void), gst_plugin_second_register(void);\n\
        int main(void) { printf(\"%d %d %d\\n\", gst_plugin_asks_register(),\
        gst_plugin_first_register(), gst_plugin_second_register()); return 0; }";
    for linker in LINKERS {
        assert_eq!(bench.program(linker, source, &before), "42 43 43\n");
        assert_eq!(bench.program(linker, source, &after), "42 43 43\n");
    }
}

#[test]
fn one_library_and_nothing_shared_still_make_a_workspace_library() {
    let plugins = Plugins::new(&[("one", plugin_members("one", &hook(3)))]);
    plugins.check();
    let plugins = Plugins::new(&[
        (
            "one",
            vec![(
                "a.o".into(),
                "int gst_plugin_one_register(void) { return 1; }".into(),
            )],
        ),
        (
            "two",
            vec![(
                "b.o".into(),
                "int gst_plugin_two_register(void) { return 2; }".into(),
            )],
        ),
    ]);
    let response = plugins.check();
    assert_eq!(response["workspace_library"]["members"], 0);
    assert!(plugins.bench.path("out/libgstrsworkspace.a").is_file());
}

#[test]
fn equal_members_of_one_library_stay() {
    let twice = (
        "twice.o".to_owned(),
        "int twice(void) { return 2; }".to_owned(),
    );
    let bench = Bench::new();
    let entry = "int twice(void); int gst_plugin_one_register(void) { return twice(); }";
    let one = bench.library("in", "gstone", &[("entry.o", entry), ("a.o", &twice.1)]);
    // `ar rs`, and `ar qs` too, would replace the first of the name.
    let again = bench.object("objects/gstone/again/a.o", &twice.1);
    crate::support::ok(
        std::process::Command::new("ar")
            .arg("qD")
            .arg(&one)
            .arg(again),
    );
    let two = bench.library(
        "in",
        "gsttwo",
        &[("b.o", "int gst_plugin_two_register(void) { return 2; }")],
    );
    dedup(&[one, two], &bench.path("out"));
    assert_eq!(
        members(&bench.path("out/libgstone.a")),
        ["entry.o", "a.o", "a.o", "dragonfire.marker.o"]
    );
}
