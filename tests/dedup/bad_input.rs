//! Bad input and bad outputs: an error with a code, and nothing written or changed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{Bench, code, dedup, dragonfire, members, ok, response, snapshot, try_dedup};

fn good(bench: &Bench, name: &str) -> PathBuf {
    let entry =
        format!("int shared(void); int gst_plugin_{name}_register(void) {{ return shared(); }}");
    bench.library(
        "in",
        &format!("gst{name}"),
        &[
            ("entry.o", &entry),
            (
                "a_member_with_a_long_name.o",
                "int shared(void) { return 7; }",
            ),
        ],
    )
}

/// The set fails with this code, beside a good library, and leaves everything as it is.
#[track_caller]
fn fails(bench: &Bench, libraries: &[PathBuf], expected: &str) -> String {
    let before = snapshot(&bench.path(""));
    let response = try_dedup(libraries, &bench.path("out"));
    assert_eq!(code(&response), expected, "{response:#}");
    let error = &response["errors"][0];
    assert!(!error["message"].as_str().unwrap().is_empty());
    assert!(snapshot(&bench.path("")) == before, "something was written");
    error.to_string()
}

#[track_caller]
fn bytes_fail(bench: &Bench, bytes: &[u8], expected: &[&str]) {
    let library = bench.path("in/libgstbad.a");
    fs::write(&library, bytes).unwrap();
    let response = try_dedup(&[library], &bench.path("out"));
    let got = code(&response);
    assert!(expected.contains(&got), "{got}: {response:#}");
    assert!(!bench.path("out").exists(), "something was written");
}

#[test]
fn no_file_no_archive() {
    let bench = Bench::new();
    let one = good(&bench, "one");
    let with = |bad: PathBuf| [one.clone(), bad];
    fails(&bench, &with(bench.path("in/none.a")), "input-not-found");
    fails(&bench, &with(bench.path("in")), "input-is-directory");
    fs::write(bench.path("in/empty.a"), b"").unwrap();
    fails(&bench, &with(bench.path("in/empty.a")), "input-empty");
    fs::write(bench.path("in/text.a"), b"hello, world").unwrap();
    fails(&bench, &with(bench.path("in/text.a")), "input-not-archive");
    fs::write(bench.path("in/no.a"), b"!<arch>\n").unwrap();
    fails(&bench, &with(bench.path("in/no.a")), "archive-no-objects");
    fs::write(bench.path("in/readme"), b"text").unwrap();
    ok(Command::new("ar")
        .arg("rcsD")
        .arg(bench.path("in/libnotes.a"))
        .arg(bench.path("in/readme")));
    fails(
        &bench,
        &with(bench.path("in/libnotes.a")),
        "archive-no-objects",
    );
}

#[test]
fn the_same_library_twice() {
    let bench = Bench::new();
    let one = good(&bench, "one");
    fails(&bench, &[one.clone(), one.clone()], "input-duplicate");
    let other = bench.path("in/../in/libgstone.a");
    fails(&bench, &[one.clone(), other], "input-duplicate");
    std::os::unix::fs::symlink(&one, bench.path("in/libgstlink.a")).unwrap();
    fails(
        &bench,
        &[one.clone(), bench.path("in/libgstlink.a")],
        "input-duplicate",
    );
    // Two libraries of one file name cannot both be written.
    fs::create_dir(bench.path("elsewhere")).unwrap();
    fs::copy(&one, bench.path("elsewhere/libgstone.a")).unwrap();
    fails(
        &bench,
        &[one, bench.path("elsewhere/libgstone.a")],
        "input-duplicate",
    );
}

#[test]
fn an_output_that_is_an_input() {
    let bench = Bench::new();
    let one = good(&bench, "one");
    let before = snapshot(&bench.path(""));
    assert_eq!(
        code(&try_dedup(std::slice::from_ref(&one), &bench.path("in"))),
        "output-is-input"
    );
    let workspace = bench.path("in/libgstrsworkspace.a");
    fs::copy(&one, &workspace).unwrap();
    let both = [one, workspace.clone()];
    assert_eq!(
        code(&try_dedup(&both, &bench.path("in"))),
        "output-is-input"
    );
    fs::remove_file(workspace).unwrap();
    assert!(snapshot(&bench.path("")) == before);
}

/// Offsets of the headers of an archive, and its end.
fn headers(bytes: &[u8]) -> Vec<usize> {
    let mut at = 8;
    let mut offsets = Vec::new();
    while at + 60 <= bytes.len() {
        offsets.push(at);
        let size = std::str::from_utf8(&bytes[at + 48..at + 58]).unwrap();
        at += 60 + size.trim().parse::<usize>().unwrap();
        at += at & 1;
    }
    offsets.push(at);
    offsets
}

#[test]
fn truncated_at_every_boundary() {
    let bench = Bench::new();
    let whole = fs::read(good(&bench, "one")).unwrap();
    let offsets = headers(&whole);
    // Index, long names, two members.
    assert_eq!(offsets.len(), 5);
    let cut = ["archive-truncated"];
    for at in 1..8 {
        bytes_fail(&bench, &whole[..at], &cut);
    }
    // Right before a header what is left is an archive, but its index speaks of what is gone.
    let between = ["archive-malformed", "archive-no-objects"];
    for at in &offsets[..4] {
        bytes_fail(&bench, &whole[..*at], &between);
        for within in [1, 16, 48, 58, 59] {
            bytes_fail(&bench, &whole[..at + within], &cut);
        }
        bytes_fail(&bench, &whole[..at + 60], &cut);
        bytes_fail(&bench, &whole[..at + 61], &cut);
    }
}

#[test]
fn sizes_past_the_end_and_broken_headers() {
    let bench = Bench::new();
    let whole = fs::read(good(&bench, "one")).unwrap();
    for at in &headers(&whole)[..4] {
        let with = |field: usize, text: &[u8]| {
            let mut bytes = whole.clone();
            bytes[at + field..at + field + text.len()].copy_from_slice(text);
            bytes
        };
        bytes_fail(&bench, &with(48, b"999999    "), &["archive-truncated"]);
        bytes_fail(&bench, &with(48, b"9999999999"), &["archive-truncated"]);
        bytes_fail(&bench, &with(48, b"-1        "), &["archive-malformed"]);
        bytes_fail(&bench, &with(48, b"          "), &["archive-malformed"]);
        bytes_fail(&bench, &with(48, b"0x10      "), &["archive-malformed"]);
        bytes_fail(&bench, &with(58, b"??"), &["archive-malformed"]);
        bytes_fail(
            &bench,
            &with(0, b"/99999          "),
            &["archive-malformed"],
        );
        bytes_fail(
            &bench,
            &with(0, b"/what           "),
            &["archive-malformed"],
        );
        bytes_fail(
            &bench,
            &with(0, b"#1/9999999999999"),
            &["archive-malformed"],
        );
    }
}

#[test]
fn objects_of_other_formats_and_machines() {
    let bench = Bench::new();
    let one = good(&bench, "one");
    // The header of an object for another machine is enough.
    let object = bench.path("objects/other.o");
    fs::copy(bench.path("objects/gstone/entry.o"), &object).unwrap();
    let mut bytes = fs::read(&object).unwrap();
    let machine = if bytes[18] == 62 { 183 } else { 62 };
    bytes[18] = machine;
    fs::write(&object, bytes).unwrap();
    let other = bench.path("in/libgstother.a");
    ok(Command::new("ar").arg("rcSD").arg(&other).arg(&object));
    fails(&bench, &[one.clone(), other], "mixed-formats");
    let macho = bench.path("objects/macho.o");
    fs::write(
        &macho,
        [0xCF, 0xFA, 0xED, 0xFE, 7, 0, 0, 1, 3, 0, 0, 0, 1, 0, 0, 0],
    )
    .unwrap();
    let other = bench.path("in/libgstmacho.a");
    ok(Command::new("ar").arg("rcSD").arg(&other).arg(&macho));
    fails(&bench, &[one, other], "mixed-formats");
}

#[test]
fn objects_that_are_cut_off() {
    let bench = Bench::new();
    let one = good(&bench, "one");
    let whole = fs::read(bench.path("objects/gstone/entry.o")).unwrap();
    let object = bench.path("objects/cut.o");
    fs::write(&object, &whole[..whole.len() - 100]).unwrap();
    let bad = bench.path("in/libgstcut.a");
    ok(Command::new("ar").arg("rcSD").arg(&bad).arg(&object));
    let error = fails(&bench, &[one, bad], "object-malformed");
    assert!(error.contains("cut.o"), "{error}");
}

#[test]
fn names_that_are_no_utf8() {
    let bench = Bench::new();
    let one = good(&bench, "one");
    let mut bytes = fs::read(&one).unwrap();
    let at = headers(&bytes)[2];
    assert_eq!(&bytes[at..at + 8], b"entry.o/");
    bytes[at..at + 7].copy_from_slice(b"\xff\xfe\x80ry.o");
    fs::write(&one, &bytes).unwrap();
    let response = dedup(&[one], &bench.path("out"));
    assert_eq!(response["plugins"][0]["members_kept"], 2);
    let after = fs::read(bench.path("out/libgstone.a")).unwrap();
    assert!(after.windows(8).any(|w| w == b"\xff\xfe\x80ry.o/"));
}

#[test]
fn bitcode_is_kept_whole_and_linked() {
    let bench = Bench::new();
    let c = bench.path("shared.c");
    fs::write(&c, "int shared(void) { return 7; }").unwrap();
    let bitcode = bench.path("shared.o");
    ok(Command::new("clang-19")
        .args(["-c", "-O1", "-flto", "-fPIC", "-o"])
        .arg(&bitcode)
        .arg(&c));
    let mut libraries = Vec::new();
    for name in ["one", "two"] {
        let entry = format!(
            "int shared(void); int gst_plugin_{name}_register(void) {{ return shared(); }}"
        );
        let entry = bench.object(&format!("objects/{name}/entry.o"), &entry);
        let library = bench.path(&format!("libgst{name}.a"));
        ok(Command::new("llvm-ar-19")
            .arg("rcsD")
            .arg(&library)
            .arg(entry)
            .arg(&bitcode));
        libraries.push(library);
    }
    let response = dedup(&libraries, &bench.path("out"));
    let warnings = response["warnings"].as_array().unwrap();
    assert!(
        warnings.iter().any(|w| w["code"] == "bitcode-member"),
        "{warnings:?}"
    );
    let after = crate::support::written(&response);
    assert!(members(&after[0]).contains(&"shared.o".to_owned()));
    // The index still leads to it: lld compiles it and links.
    let source = "#include <stdio.h>\nint gst_plugin_one_register(void), gst_plugin_two_register(void);\n\
        int main(void) { printf(\"%d\\n\", gst_plugin_one_register() + gst_plugin_two_register()); return 0; }";
    assert_eq!(bench.program("lld", source, &after), "14\n");
    let symbols = ok(Command::new("llvm-nm-19")
        .arg("--print-armap")
        .arg(&after[0]));
    assert!(String::from_utf8_lossy(&symbols.stdout).contains("shared in shared.o"));
}

#[test]
fn outputs_that_cannot_be_written() {
    let bench = Bench::new();
    let one = good(&bench, "one");
    // A file in the way of the folder, a folder in the way of a file.
    fs::write(bench.path("file"), b"").unwrap();
    let before = snapshot(&bench.path(""));
    assert_eq!(
        code(&try_dedup(std::slice::from_ref(&one), &bench.path("file"))),
        "output-unwritable"
    );
    assert_eq!(
        code(&try_dedup(
            std::slice::from_ref(&one),
            &bench.path("file/below/it")
        )),
        "output-unwritable"
    );
    fs::create_dir_all(bench.path("taken/libgstone.a")).unwrap();
    assert_eq!(
        code(&try_dedup(std::slice::from_ref(&one), &bench.path("taken"))),
        "output-unwritable"
    );
    fs::remove_dir_all(bench.path("taken")).unwrap();
    assert!(snapshot(&bench.path("")) == before);
    // A folder nobody may write: root may, so /proc stands in for it.
    assert_eq!(
        code(&try_dedup(&[one], Path::new("/proc/self/nothing"))),
        "output-unwritable"
    );
}

#[test]
fn a_full_disk() {
    let bench = Bench::new();
    // Random bytes for a section of half a megabyte: three of them do not fit into one.
    let big = |name: &str| {
        format!(
            "int gst_plugin_{name}_register(void) {{ return 1; }}\nint data_{name}[131072] = {{ 1 }};"
        )
    };
    let libraries: Vec<PathBuf> = ["one", "two", "three"]
        .iter()
        .map(|n| bench.library("in", &format!("gst{n}"), &[("entry.o", &big(n))]))
        .collect();
    let disk = bench.path("disk");
    fs::create_dir(&disk).unwrap();
    let script = "mount -t tmpfs -o size=1m tmpfs \"$1\" && cd \"$1\" || exit 77\n\
        mkdir kept && echo before > kept/file\n\
        d=$2; shift 2\n\
        \"$d\" dedup --json --out \"$PWD/out\" \"$@\"; status=$?\n\
        find . >&2; exit $status";
    let isolate: &[&str] = if is_root() { &["-m"] } else { &["-Urm"] };
    let mut command = Command::new("unshare");
    command
        .args(isolate)
        .args(["sh", "-c", script, "sh"])
        .arg(&disk);
    command
        .arg(env!("CARGO_BIN_EXE_dragonfire"))
        .args(&libraries);
    let output = command.output().unwrap();
    if output.status.code() == Some(77) && std::env::var("CI").as_deref() != Ok("true") {
        eprintln!(
            "no tmpfs can be mounted here: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        return;
    }
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(code(&answer), "output-disk-full");
    let left = String::from_utf8(output.stderr).unwrap();
    let mut left: Vec<&str> = left.lines().filter(|l| l.starts_with('.')).collect();
    left.sort_unstable();
    assert_eq!(left, [".", "./kept", "./kept/file"]);
}

fn is_root() -> bool {
    let output = ok(Command::new("id").arg("-u"));
    output.stdout.starts_with(b"0\n")
}

#[test]
fn all_bad_libraries_are_named() {
    let bench = Bench::new();
    let one = good(&bench, "one");
    fs::write(bench.path("in/text.a"), b"hello, world").unwrap();
    fs::write(bench.path("in/empty.a"), b"").unwrap();
    let libraries = [bench.path("in/text.a"), one, bench.path("in/empty.a")];
    let response = response(
        dragonfire()
            .args(["dedup", "--json", "--out"])
            .arg(bench.path("out"))
            .args(&libraries),
    );
    let codes: Vec<&str> = response["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["code"].as_str().unwrap())
        .collect();
    assert_eq!(codes, ["input-not-archive", "input-empty"]);
}
