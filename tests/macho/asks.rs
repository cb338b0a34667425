//! Objects that are made to ask for symbols, and the marker: valid to tools, pulled by linkers.

use std::fs;

use camino::{Utf8Path, Utf8PathBuf};
use dragonfire::format::model::SymbolKind;
use dragonfire::format::{self, Ask};

use crate::support::{ARM64, C, CXX, I386, X86_64, compile, run, scratch};

const ARMV7: &str = "armv7-apple-ios9";
const TARGETS: [(&str, &str); 4] = [
    (ARM64, "arm64"),
    (X86_64, "x86_64"),
    (I386, "i386"),
    (ARMV7, "armv7"),
];

/// What objects are made to ask for; some they need already, one of these weakly.
const NAMES: &[&str] = &[
    "_one",
    "_a_much_longer_name_than_that",
    "_absent",
    "_printf",
];

fn amended(object: &[u8], names: &[&str]) -> Vec<u8> {
    let asks: Vec<Ask<'_>> = names
        .iter()
        .map(|name| Ask {
            name: name.as_bytes(),
            of: SymbolKind::NoType,
            hidden: false,
        })
        .collect();
    format::add_undefined(format::classify(object), object, &asks).unwrap()
}

fn write(dir: &Utf8Path, name: &str, bytes: &[u8]) -> Utf8PathBuf {
    let path = dir.join(name);
    fs::write(&path, bytes).unwrap();
    path
}

/// Links to a library that exports all that it has.
fn link(arch: &str, dir: &Utf8Path, arguments: &[&str]) -> String {
    let out = dir.join("out.dylib");
    let mut all = vec!["-arch", arch, "-platform_version"];
    all.extend(["macos", "11.0", "11.0"]);
    all.extend([
        "-dylib",
        "-undefined",
        "dynamic_lookup",
        "-install_name",
        "out",
        "-o",
        out.as_str(),
    ]);
    all.extend(arguments);
    run("ld64.lld-19", &all);
    run("llvm-nm-19", &[out.as_str()])
}

#[test]
fn all_that_was_there_is_as_it_was() {
    for (source, suffix) in [(C, "c"), (CXX, "cpp")] {
        for (target, arch) in TARGETS {
            let (_keep, dir) = scratch();
            let mut source = source.to_owned();
            if !arch.contains("64") {
                // These systems have none.
                source = source.replace("thread_local ", "");
            }
            let old = compile(target, suffix, &source, &["-g"]);
            let new = amended(&old, NAMES);
            assert_eq!(new, amended(&old, NAMES));
            let (old, new) = (write(&dir, "old.o", &old), write(&dir, "new.o", &new));
            // Contents, and relocations with the names of their symbols.
            let dump = |path: &Utf8Path, what: &[&str]| {
                let mut arguments = what.to_vec();
                arguments.push(path.as_str());
                let text = run("llvm-objdump-19", &arguments);
                text.lines()
                    .filter(|l| !l.contains("file format"))
                    .map(|l| format!("{l}\n"))
                    .collect::<String>()
            };
            let mut added = String::new();
            for what in ["-s", "-r"] {
                let (before, after) = (dump(&old, &[what]), dump(&new, &[what]));
                let more = after.strip_prefix(before.trim_end());
                added += more.unwrap_or_else(|| panic!("{arch}: {before}\n{after}"));
            }
            for name in NAMES {
                assert!(added.contains(name), "{arch}: {added}");
            }
            let code = |path| dump(path, &["-d", "--no-show-raw-insn"]);
            assert_eq!(code(&old), code(&new), "{arch}");
            run(
                "llvm-readobj-19",
                &[
                    "--sections",
                    "--relocs",
                    "--symbols",
                    "--macho-dysymtab",
                    new.as_str(),
                ],
            );
            // Undefined symbols are there once.
            let names = run("llvm-nm-19", &["-u", new.as_str()]);
            let count = names.lines().filter(|l| l.trim() == "_printf").count();
            assert_eq!(count, 1, "{names}");
        }
    }
}

#[test]
fn linkers_pull_what_is_asked_for() {
    for (target, arch) in [(ARM64, "arm64"), (X86_64, "x86_64")] {
        let (_keep, dir) = scratch();
        let main = amended(
            &compile(
                target,
                "c",
                "int flag = 1; int main_entry(void) { return flag; }",
                &[],
            ),
            &["_pull_me"],
        );
        let main = write(&dir, "main.o", &main);
        let pulled = "int pull_me(void) { return 1; } int beside = 3;";
        let pulled = write(&dir, "pulled.o", &compile(target, "c", pulled, &[]));
        let library = dir.join("liblate.a");
        run(
            "llvm-ar-19",
            &["rcsD", "--format=darwin", library.as_str(), pulled.as_str()],
        );
        for strip in [&[][..], &["-dead_strip"]] {
            let mut arguments = vec![main.as_str(), library.as_str()];
            arguments.extend(strip);
            let names = link(arch, &dir, &arguments);
            assert!(names.contains("_beside"), "{arch} {strip:?}: {names}");
            assert!(!names.contains("l_df_pull"), "{names}");
        }
    }
}

#[test]
fn thread_locals_are_found_without_asking() {
    let (_keep, dir) = scratch();
    let object = compile(
        ARM64,
        "c",
        "__thread int own = 4; int f(void) { return own; }",
        &[],
    );
    let mut found = Vec::new();
    format::for_each_global(format::classify(&object), &object, &mut |symbol| {
        found.push((symbol.name.to_vec(), symbol.of));
    })
    .unwrap();
    assert!(
        found.contains(&(b"_own".to_vec(), SymbolKind::Tls)),
        "{found:?}"
    );
    let ask = Ask {
        name: b"_own",
        of: SymbolKind::Tls,
        hidden: false,
    };
    let user = compile(
        ARM64,
        "c",
        "extern __thread int own; int g(void) { return own; }",
        &[],
    );
    let new = format::add_undefined(format::classify(&user), &user, &[ask]).unwrap();
    assert_eq!(new, user);
    let (user, own) = (write(&dir, "user.o", &new), write(&dir, "own.o", &object));
    link("arm64", &dir, &[user.as_str(), own.as_str()]);
}

#[test]
fn an_object_without_a_segment_gets_one() {
    for (target, _) in TARGETS {
        let (_keep, dir) = scratch();
        // The marker, with a symbol table.
        let template = compile(target, "c", "int x;", &[]);
        let kind = format::classify(&template);
        let marker = format::marker_object(kind, &template, b"a note").unwrap();
        let path = write(&dir, "marker.o", &marker);
        let text = run(
            "llvm-readobj-19",
            &["--sections", "--symbols", path.as_str()],
        );
        assert!(!text.contains("Section {"), "{text}");
        let commands = run("llvm-objdump-19", &["--macho", "-p", path.as_str()]);
        assert!(commands.contains("LC_SEGMENT"), "{commands}");
        assert_eq!(format::marker_note(kind, &marker), Some(&b"a note"[..]));
    }
}

#[test]
fn deduplicated_libraries_link_whole_and_on_demand() {
    for (target, arch) in [(ARM64, "arm64"), (X86_64, "x86_64")] {
        let (_keep, dir) = scratch();
        let names = "int shared(int) __asm__(\"__RNvCs1_5piece6shared\");\n";
        let mut libraries = Vec::new();
        for (name, value) in [("one", 10), ("two", 20)] {
            let sources = [
                (
                    "entry",
                    format!("{names}int gst_plugin_{name}_register(void) {{ return shared(1); }}"),
                ),
                (
                    "shared",
                    format!("{names}int hook(void); int shared(int x) {{ return x + hook(); }}"),
                ),
                ("hook", format!("int hook(void) {{ return {value}; }}")),
            ];
            let library = dir.join(format!("libgst{name}.a"));
            for (member, source) in sources {
                let folder = dir.join(name);
                fs::create_dir_all(&folder).unwrap();
                let object = compile(target, "c", &source, &[]);
                let object = write(&folder, &format!("{member}.o"), &object);
                run(
                    "llvm-ar-19",
                    &["rcsD", "--format=darwin", library.as_str(), object.as_str()],
                );
            }
            libraries.push(library);
        }
        let out = dir.join("out");
        let mut arguments = vec!["dedup", "--out", out.as_str()];
        arguments.extend(libraries.iter().map(|l| l.as_str()));
        run(env!("CARGO_BIN_EXE_dragonfire"), &arguments);
        let workspace = out.join("libgstrsworkspace.a");
        let members = run("llvm-ar-19", &["t", workspace.as_str()]);
        assert!(members.contains("shared.o"), "{members}");
        let one = out.join("libgstone.a");
        let asks = run("llvm-objdump-19", &["-r", one.as_str()]);
        assert!(asks.contains("_hook"), "{asks}");
        for strip in [&[][..], &["-dead_strip"]] {
            let mut arguments = vec![
                "-u",
                "_gst_plugin_one_register",
                one.as_str(),
                workspace.as_str(),
            ];
            arguments.extend(strip);
            let names = link(arch, &dir, &arguments);
            for wanted in [
                "T _gst_plugin_one_register",
                "T _hook",
                "T __RNvCs1_5piece6shared",
            ] {
                assert!(names.contains(wanted), "{names}");
            }
            assert!(!names.contains("l_df_pull"), "{names}");
        }
        link(arch, &dir, &["-all_load", one.as_str(), workspace.as_str()]);
        link(
            arch,
            &dir,
            &[
                "-force_load",
                one.as_str(),
                "-force_load",
                workspace.as_str(),
            ],
        );
    }
}

#[test]
fn broken_objects_are_refused_or_taken_never_worse() {
    for (target, _) in TARGETS {
        let good = compile(target, "c", C, &[]);
        let kind = format::classify(&good);
        let ask = NAMES.iter().map(|name| Ask {
            name: name.as_bytes(),
            of: SymbolKind::NoType,
            hidden: false,
        });
        let asks: Vec<Ask<'_>> = ask.collect();
        for end in 0..good.len() {
            let _ = format::add_undefined(kind, &good[..end], &asks);
        }
        // All that says where something is stands near the start.
        for at in (4..good.len().min(1500)).step_by(2) {
            for value in [0, 1, 0x7F, 0xFF] {
                let mut bad = good.clone();
                bad[at] = value;
                bad[(at + 3).min(good.len() - 1)] = value;
                let _ = format::add_undefined(kind, &bad, &asks);
            }
        }
    }
}
