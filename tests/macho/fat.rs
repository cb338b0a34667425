//! Universal libraries: split, combined for each architecture, joined; lipo is the judge.

use std::fs;

use camino::{Utf8Path, Utf8PathBuf};
use dragonfire::error::{Code, Error};
use dragonfire::protocol::event::Silent;
use dragonfire::protocol::request::Request;
use dragonfire::protocol::response::Response;
use serde_json::{Value, json};

use crate::support::{ARM64, X86_64, compile, run, scratch};

const TARGETS: [(&str, &str); 2] = [("arm64", ARM64), ("x86_64", X86_64)];

/// A plugin's library for one architecture: a member of its own and two that all share.
fn thin(dir: &Utf8Path, name: &str, arch: &str, target: &str) -> Utf8PathBuf {
    let dir = dir.join(format!("{name}-{arch}"));
    fs::create_dir_all(&dir).unwrap();
    let own =
        format!("int common(int); int gst_plugin_{name}_register(int x) {{ return common(x); }}");
    let sources = [
        ("own", own.as_str()),
        (
            "common",
            "int deep(int); int common(int x) { return deep(x) + 1; }",
        ),
        ("deep", "int calls; int deep(int x) { return x + calls++; }"),
    ];
    let library = dir.join(format!("libgst{name}.a"));
    let mut arguments = vec![
        "--format=darwin".to_owned(),
        "rcs".to_owned(),
        library.to_string(),
    ];
    for (member, source) in sources {
        let object = dir.join(format!("{member}.o"));
        fs::write(&object, compile(target, "c", source, &[])).unwrap();
        arguments.push(object.into());
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    run("llvm-ar-19", &arguments);
    library
}

fn fat(dir: &Utf8Path, name: &str, wide: bool) -> Utf8PathBuf {
    let library = dir.join(format!("libgst{name}.a"));
    let slices = TARGETS.map(|(arch, target)| thin(dir, name, arch, target));
    let mut arguments = vec!["-create", "-output", library.as_str()];
    if wide {
        arguments.push("-fat64");
    }
    arguments.extend(slices.iter().map(|s| s.as_str()));
    run("llvm-lipo-19", &arguments);
    library
}

fn ask(request: Value) -> Result<Response, Error> {
    let request: Request = serde_json::from_value(request).unwrap();
    dragonfire::run(&request, &Silent)
}

fn dedup(libraries: &[Utf8PathBuf], output: Value) -> Result<Response, Error> {
    let paths: Vec<Value> = libraries.iter().map(|p| json!({"path": p})).collect();
    ask(
        json!({"protocol": 1, "operation": "dedup", "source": {"libraries": paths},
        "output": output}),
    )
}

/// The slice of one architecture, as lipo takes it out.
fn extract(library: &Utf8Path, arch: &str) -> Utf8PathBuf {
    let slice = library.with_extension(arch);
    let arguments = ["-thin", arch, "-output", slice.as_str(), library.as_str()];
    run("llvm-lipo-19", &arguments);
    slice
}

fn members(library: &Utf8Path) -> Vec<String> {
    let list = run("llvm-ar-19", &["t", library.as_str()]);
    let names = list.lines().filter(|l| !l.starts_with("dragonfire."));
    names.map(str::to_owned).collect()
}

/// Checks the three libraries with lipo and ld64.lld, for each architecture.
fn check(dir: &Utf8Path, wide: bool) {
    for name in ["libgsta.a", "libgstb.a", "libgstrsworkspace.a"] {
        let info = run("llvm-lipo-19", &["-archs", dir.join(name).as_str()]);
        let mut archs: Vec<&str> = info.split_whitespace().collect();
        archs.sort_unstable();
        assert_eq!(archs, ["arm64", "x86_64"], "{name}");
    }
    for (arch, target) in TARGETS {
        let [a, b, shared] = ["libgsta.a", "libgstb.a", "libgstrsworkspace.a"]
            .map(|name| extract(&dir.join(name), arch));
        assert_eq!(members(&a), ["own.o"]);
        assert_eq!(members(&b), ["own.o"]);
        assert_eq!(members(&shared), ["common.o", "deep.o"]);
        let map = run("llvm-nm-19", &["--print-armap", shared.as_str()]);
        assert!(map.contains("_deep in deep.o"), "{map}");

        let main = dir.join("main.o");
        let source = "int gst_plugin_a_register(int); int gst_plugin_b_register(int);
            int main(void) { return gst_plugin_a_register(1) + gst_plugin_b_register(2); }";
        fs::write(&main, compile(target, "c", source, &[])).unwrap();
        let program = dir.join("program");
        // The universal files themselves, where the linker knows their header.
        let libraries = match wide {
            true => [a, b, shared],
            false => ["libgsta.a", "libgstb.a", "libgstrsworkspace.a"].map(|n| dir.join(n)),
        };
        let mut arguments = vec!["-arch", arch, "-platform_version", "macos", "11.0", "11.0"];
        arguments.extend([
            "-undefined",
            "dynamic_lookup",
            "-o",
            program.as_str(),
            main.as_str(),
        ]);
        arguments.extend(libraries.iter().map(|l| l.as_str()));
        run("ld64.lld-19", &arguments);
        let symbols = run("llvm-nm-19", &[program.as_str()]);
        assert_eq!(symbols.matches(" _deep\n").count(), 1, "{symbols}");
    }
}

#[test]
fn each_architecture_is_combined_by_itself() {
    for wide in [false, true] {
        let (_keep, dir) = scratch();
        let given = ["a", "b"].map(|name| fat(&dir, name, wide));
        let out = dir.join("out");
        let response = dedup(&given, json!({"dir": out})).unwrap();
        check(&out, wide);
        for (plugin, path) in response.plugins.iter().zip(&given) {
            assert_eq!(plugin.bytes_before, fs::metadata(path).unwrap().len());
            let written = plugin.path.as_ref().unwrap();
            assert_eq!(plugin.bytes_after, fs::metadata(written).unwrap().len());
            assert_eq!((plugin.members_kept, plugin.members_moved), (2, 4));
        }
        let magic = fs::read(out.join("libgsta.a")).unwrap()[..4].to_vec();
        let expected: u32 = if wide { 0xcafe_babf } else { 0xcafe_babe };
        assert_eq!(magic, expected.to_be_bytes());
        // The same again, byte for byte.
        let again = dir.join("again");
        dedup(&given, json!({"dir": again})).unwrap();
        for name in ["libgsta.a", "libgstb.a", "libgstrsworkspace.a"] {
            let (a, b) = (fs::read(out.join(name)), fs::read(again.join(name)));
            assert!(a.unwrap() == b.unwrap(), "{name}");
        }
    }
}

#[test]
fn slices_are_aligned_as_they_were() {
    let (_keep, dir) = scratch();
    let given = ["a", "b"].map(|name| fat(&dir, name, false));
    let out = dir.join("out");
    dedup(&given, json!({"dir": out})).unwrap();
    let align = |path: &Utf8Path| -> Vec<String> {
        let info = run(
            "llvm-objdump-19",
            &["--macho", "--universal-headers", path.as_str()],
        );
        let lines = info.lines().filter(|l| l.trim().starts_with("align"));
        lines.map(|l| l.trim().to_owned()).collect()
    };
    assert_eq!(align(&given[0]), align(&out.join("libgsta.a")));
    assert_eq!(align(&given[0]), align(&out.join("libgstrsworkspace.a")));
}

#[test]
fn work_in_place_can_be_done_again() {
    let (_keep, dir) = scratch();
    let given = ["a", "b"].map(|name| fat(&dir, name, false));
    let workspace = dir.join("libgstrsworkspace.a");
    dedup(&given, json!({"in-place": workspace})).unwrap();
    check(&dir, false);
    let before = fs::read(&given[0]).unwrap();
    let again = dedup(&given, json!({"in-place": workspace})).unwrap();
    assert!(
        again
            .warnings
            .iter()
            .any(|w| w.code == Code::InputAlreadyThinned)
    );
    check(&dir, false);
    assert!(before == fs::read(&given[0]).unwrap());
    // With one of them alone the other would lose what it needs.
    let error = dedup(&given[..1], json!({"in-place": workspace})).unwrap_err();
    assert_eq!(error.code(), Code::InputAlreadyThinned);
}

#[test]
fn inspect_shows_each_slice() {
    let (_keep, dir) = scratch();
    let given = fat(&dir, "a", false);
    let response = ask(json!({"protocol": 1, "operation": "inspect",
        "source": {"libraries": [{"path": given}]}, "exports": ["gst_plugin_*"]}))
    .unwrap();
    let inspection = response.inspection.unwrap();
    let names: Vec<String> = inspection
        .libraries
        .iter()
        .map(|l| l.shown_name())
        .collect();
    assert_eq!(names, ["gsta (x86_64)", "gsta (arm64)"]);
    for library in &inspection.libraries {
        assert!(library.kinds.code > 0);
        assert_eq!(library.kinds.total(), library.bytes);
        assert!(
            library
                .exports
                .contains(&"gst_plugin_a_register".to_owned())
        );
    }
}

#[test]
fn sets_that_do_not_match_are_refused_with_both_names() {
    let (_keep, dir) = scratch();
    let both = fat(&dir, "a", false);
    let thin = thin(&dir, "b", "arm64", ARM64);
    let out = dir.join("out");
    let one = dir.join("libgstc.a");
    run(
        "llvm-lipo-19",
        &["-create", "-output", one.as_str(), thin.as_str()],
    );
    for other in [&thin, &one] {
        for set in [[both.clone(), other.clone()], [other.clone(), both.clone()]] {
            let error = dedup(&set, json!({"dir": out})).unwrap_err();
            assert_eq!(error.code(), Code::MixedFormats);
            let text = error.to_string();
            assert!(text.contains("libgsta.a"), "{text}");
            assert!(text.contains(other.file_name().unwrap()), "{text}");
            assert!(!out.exists());
        }
    }
}

/// Breaks a file in one way.
type Spoil<'a> = &'a dyn Fn(&mut Vec<u8>);

#[test]
fn broken_headers_have_a_code() {
    let (_keep, dir) = scratch();
    let good = fs::read(fat(&dir, "a", false)).unwrap();
    let put = |data: &mut Vec<u8>, at: usize, value: u32| {
        data[at..at + 4].copy_from_slice(&value.to_be_bytes());
    };
    let word = |at: usize| u32::from_be_bytes(good[at..at + 4].try_into().unwrap());
    // Entries stand at 8 and 28: processor, subtype, offset, size, alignment.
    let first = (word(8), word(12), word(16));
    let cases: [(&str, Code, Spoil<'_>); 8] = [
        ("past the end", Code::ArchiveTruncated, &|d| {
            put(d, 40, u32::MAX)
        }),
        ("starts past the end", Code::ArchiveTruncated, &|d| {
            put(d, 36, u32::MAX - 8)
        }),
        ("overlapping", Code::ArchiveMalformed, &|d| {
            put(d, 36, first.2 + 8)
        }),
        ("in the header", Code::ArchiveMalformed, &|d| put(d, 16, 4)),
        ("twice the same", Code::ArchiveMalformed, &|d| {
            put(d, 28, first.0);
            put(d, 32, first.1);
        }),
        ("no slices", Code::ArchiveMalformed, &|d| put(d, 4, 0)),
        (
            "more slices than the file holds",
            Code::ArchiveTruncated,
            &|d| {
                put(d, 4, 40);
                d.truncate(300);
            },
        ),
        ("alignment of exabytes", Code::ArchiveMalformed, &|d| {
            put(d, 24, 200)
        }),
    ];
    for (name, code, spoil) in cases {
        let mut data = good.clone();
        spoil(&mut data);
        let path = dir.join("libgstbroken.a");
        fs::write(&path, &data).unwrap();
        let out = dir.join("out");
        let error = dedup(std::slice::from_ref(&path), json!({"dir": out})).unwrap_err();
        assert_eq!(error.code(), code, "{name}: {error}");
        assert!(!out.exists() || fs::read_dir(&out).unwrap().count() == 0);
        let error = ask(json!({"protocol": 1, "operation": "inspect",
            "source": {"libraries": [{"path": path}]}}))
        .unwrap_err();
        assert_eq!(error.code(), code, "{name}: {error}");
    }
    // A slice that is no archive.
    let path = dir.join("libgstobject.a");
    let object = dir.join("a.o");
    fs::write(&object, compile(ARM64, "c", "int x = 1;", &[])).unwrap();
    run(
        "llvm-lipo-19",
        &["-create", "-output", path.as_str(), object.as_str()],
    );
    let error = dedup(&[path], json!({"dir": dir.join("out")})).unwrap_err();
    assert_eq!(error.code(), Code::InputNotArchive);
    assert!(error.to_string().contains("arm64"), "{error}");
}
