//! The marker in every output is harmless, also where every member is linked by force.

use std::path::PathBuf;
use std::process::Command;

use crate::support::{Bench, LINKERS, dedup, link, members, ok, written};

const MAIN: &str = "int gst_plugin_one_register(void); int gst_plugin_two_register(void);\n\
    int main(void) { return gst_plugin_one_register() + gst_plugin_two_register() - 14; }";

fn plugins(bench: &Bench) -> Vec<PathBuf> {
    let library = |name: &str| {
        let entry = format!(
            "int shared(void); int gst_plugin_{name}_register(void) {{ return shared(); }}"
        );
        bench.library(
            "in",
            &format!("gst{name}"),
            &[
                ("entry.o", &entry),
                ("shared.o", "int shared(void) { return 7; }"),
            ],
        )
    };
    vec![library("one"), library("two")]
}

#[test]
fn whole_archives_link_and_keep_nothing_of_it() {
    let bench = Bench::new();
    let after = written(&dedup(&plugins(&bench), &bench.path("out")));
    for library in &after {
        assert!(members(library).contains(&"dragonfire.marker.o".to_owned()));
    }
    let main = bench.object("main.o", MAIN);
    for linker in LINKERS {
        let program = bench.path(&format!("whole-{linker}"));
        ok(link(linker)
            .arg("-o")
            .arg(&program)
            .arg(&main)
            .arg("-Wl,--whole-archive")
            .args(&after)
            .arg("-Wl,--no-whole-archive,--fatal-warnings"));
        ok(&mut Command::new(&program));
        let bytes = std::fs::read(&program).unwrap();
        assert!(!bytes.windows(10).any(|w| w == b"dragonfire"), "{linker}");
        let headers = ok(Command::new("readelf").arg("-lW").arg(&program));
        let headers = String::from_utf8(headers.stdout).unwrap();
        let stack = headers.lines().find(|l| l.contains("GNU_STACK")).unwrap();
        assert!(!stack.contains("RWE"), "{linker}: {stack}");
    }
}

#[test]
fn tools_take_the_archives() {
    let bench = Bench::new();
    let after = written(&dedup(&plugins(&bench), &bench.path("out")));
    let main = bench.object("main.o", MAIN);
    for tool in [
        &["strip", "-g"][..],
        &["ranlib"],
        &["llvm-strip-19", "-g"],
        &["llvm-ranlib-19"],
        &["objcopy"],
        &["nm"],
        &["llvm-nm-19"],
        &["readelf", "-a"],
    ] {
        for library in &after {
            ok(Command::new(tool[0]).args(&tool[1..]).arg(library));
        }
        let program = bench.path("program");
        ok(link("bfd").arg("-o").arg(&program).arg(&main).args(&after));
        ok(&mut Command::new(&program));
    }
}
