//! Embedded bitcode: reported, dropped on request, and what is left still links.

use std::fs;

use camino::Utf8Path;
use dragonfire::error::Code;
use dragonfire::format;
use dragonfire::input::archive::read::Archive;
use dragonfire::protocol::event::Silent;
use dragonfire::protocol::request::Request;
use dragonfire::protocol::response::Response;
use serde_json::json;

use crate::support::{ARM64, Sections, X86_64, check, compile, read, run, scratch};

const PLUGIN: &str = r#"
extern int shared(int);
static const char *name = "plugin";
int gst_plugin_NAME_register(int x) { return shared(x) + name[x & 3]; }
"#;
const SHARED: &str = r#"
static int calls;
static int (*table[2])(int);
int shared(int x) { calls += x; table[0] = shared; return calls; }
"#;

/// Two libraries, of a plugin's member and one that both have.
fn libraries(dir: &Utf8Path, target: &str, flags: &[&str]) -> [camino::Utf8PathBuf; 2] {
    ["a", "b"].map(|name| {
        let own = dir.join(format!("{name}.o"));
        let shared = dir.join("shared.o");
        let source = PLUGIN.replace("NAME", name);
        fs::write(&own, compile(target, "c", &source, flags)).unwrap();
        fs::write(&shared, compile(target, "c", SHARED, flags)).unwrap();
        let library = dir.join(format!("libgst{name}.a"));
        let arguments = [
            "--format=darwin",
            "rcs",
            library.as_str(),
            own.as_str(),
            shared.as_str(),
        ];
        run("llvm-ar-19", &arguments);
        library
    })
}

fn ask(request: serde_json::Value) -> Response {
    let request: Request = serde_json::from_value(request).unwrap();
    dragonfire::run(&request, &Silent).unwrap()
}

fn embedded(library: &Utf8Path) -> u64 {
    let data = fs::read(library).unwrap();
    let archive = Archive::parse(&data).unwrap();
    let of = |data| format::embedded_bitcode(format::classify(data), data);
    archive.members.iter().filter_map(|m| of(m.data)).sum()
}

/// Links a program with both plugins; gives the addresses' owners.
fn link(dir: &Utf8Path, target: &str, libraries: &[&Utf8Path]) {
    let main = dir.join("main.o");
    let source = "int gst_plugin_a_register(int); int gst_plugin_b_register(int);
        int main(void) { return gst_plugin_a_register(1) + gst_plugin_b_register(2); }";
    fs::write(&main, compile(target, "c", source, &[])).unwrap();
    let program = dir.join("program");
    // Nothing of the system is needed but the library's name.
    let system = dir.join("libSystem.tbd");
    let text = "--- !tapi-tbd\ntbd-version: 4\ntargets: [ arm64-macos, x86_64-macos ]\n\
        install-name: '/usr/lib/libSystem.B.dylib'\nexports:\n  \
        - targets: [ arm64-macos, x86_64-macos ]\n    symbols: [ dyld_stub_binder ]\n...\n";
    fs::write(&system, text).unwrap();
    let arch = target.split('-').next().unwrap();
    let mut arguments = vec![
        "-arch",
        arch,
        "-platform_version",
        "macos",
        "11.0",
        "11.0",
        "-dead_strip",
        "-o",
        program.as_str(),
        main.as_str(),
        system.as_str(),
    ];
    arguments.extend(libraries.iter().map(|l| l.as_str()));
    run("ld64.lld-19", &arguments);
    let symbols = run("llvm-nm-19", &[program.as_str()]);
    assert_eq!(symbols.matches(" _shared\n").count(), 1, "{symbols}");
    let sections = run("llvm-objdump-19", &["-h", program.as_str()]);
    assert!(!sections.contains("__bitcode"), "{sections}");
}

#[test]
fn bitcode_is_reported_and_dropped() {
    for target in [ARM64, X86_64] {
        for embed in ["-fembed-bitcode=all", "-fembed-bitcode=marker"] {
            let (_keep, dir) = scratch();
            let given = libraries(&dir, target, &[embed]);
            assert!(embedded(&given[0]) > 0);
            let paths: Vec<_> = given.iter().map(|p| json!({"path": p})).collect();

            let seen = ask(json!({"protocol": 1, "operation": "inspect",
                "source": {"libraries": paths}}));
            let codes: Vec<Code> = seen.warnings.iter().map(|w| w.code).collect();
            assert_eq!(codes, [Code::EmbeddedBitcode; 2]);
            assert!(seen.inspection.unwrap().kinds.bitcode > 0);

            let out = dir.join("out");
            ask(
                json!({"protocol": 1, "operation": "dedup", "source": {"libraries": paths},
                "output": {"dir": out}, "drop_bitcode": true}),
            );
            let written: Vec<_> = ["libgsta.a", "libgstb.a", "libgstrsworkspace.a"]
                .iter()
                .map(|name| out.join(name))
                .collect();
            for path in &written {
                assert_eq!(embedded(path), 0, "{path}");
            }
            let written: Vec<&Utf8Path> = written.iter().map(|p| p.as_path()).collect();
            link(&dir, target, &written);

            // Without being asked nothing is touched.
            let kept = dir.join("kept");
            ask(
                json!({"protocol": 1, "operation": "dedup", "source": {"libraries": paths},
                "output": {"dir": kept}}),
            );
            let left: u64 = given
                .iter()
                .map(|p| embedded(&kept.join(p.file_name().unwrap())))
                .sum();
            assert!(left > 0);
        }
    }
}

#[test]
fn nothing_else_of_the_object_changes() {
    for target in [ARM64, X86_64, "i386-apple-macos10.6"] {
        for flags in [&["-fembed-bitcode=all"][..], &["-fembed-bitcode=all", "-g"]] {
            let (_keep, dir) = scratch();
            let data = compile(target, "c", crate::support::C, flags);
            let kind = format::classify(&data);
            let clean = format::drop_bitcode(kind, &data).unwrap().unwrap();
            assert!(clean.len() + 64 < data.len());
            assert!(format::drop_bitcode(kind, &clean).unwrap().is_none());
            check(&clean, &read(&clean));
            let (before, after) = (dir.join("before.o"), dir.join("after.o"));
            fs::write(&before, &data).unwrap();
            fs::write(&after, &clean).unwrap();
            // Contents, symbols and relocations as the platform's own tool shows them.
            for what in [
                &["--macho", "--section=__TEXT,__text", "--reloc"][..],
                &["--macho", "--section=__DATA,__data"],
                &["--macho", "--section=__TEXT,__cstring"],
                &["--syms"],
                &["--macho", "--unwind-info"],
                &["--macho", "--indirect-symbols"],
            ] {
                let show = |path: &Utf8Path| {
                    let mut arguments = what.to_vec();
                    arguments.push(path.as_str());
                    run("llvm-objdump-19", &arguments).replace(path.as_str(), "")
                };
                assert_eq!(show(&before), show(&after), "{target} {what:?}");
            }
            let _ = Sections::of(&after);
            if flags.contains(&"-g") {
                let verify = ["--verify", "--quiet", after.as_str()];
                run("llvm-dwarfdump-19", &verify);
            }
        }
    }
}

#[test]
fn bitcode_over_other_parts_is_refused() {
    let data = compile(ARM64, "c", SHARED, &["-fembed-bitcode=all"]);
    let at = data
        .windows(16)
        .position(|w| w.starts_with(b"__bitcode\0"))
        .unwrap();
    for offset in [0_u32, 100, 0x7fff_ff00] {
        let mut data = data.clone();
        data[at + 48..at + 52].copy_from_slice(&offset.to_le_bytes());
        let error = format::drop_bitcode(format::classify(&data), &data).unwrap_err();
        assert_eq!(error.code(), Code::ObjectMalformed);
    }
}
