//! The examples do on small C libraries what they say.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const SHARED: &str = "__attribute__((noinline)) int twice(int x) { return x * 2; }\n\
    int unused(int x) { return twice(x) + 1; }\n";
const LEFT: &str = "int twice(int); int outside(void);\n\
    int (*table[3])(void) = {outside, outside, outside};\n\
    int gst_plugin_left_register(int x) { return twice(x) + table[x & 1](); }\n";
const RIGHT: &str = "int twice(int);\n\
    int gst_plugin_right_register(int x) { return twice(x) - 1; }\n";
const PROGRAM: &str = "int gst_plugin_left_register(int), gst_plugin_right_register(int);\n\
    int outside(void) { return 100; }\n\
    int main(void) { return gst_plugin_left_register(3) != 106 || gst_plugin_right_register(3) != 5; }\n";

fn ok(command: &mut Command) {
    let done = command.output().unwrap();
    let stderr = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{command:?}\n{stderr}");
}

fn write(dir: &Path, name: &str, text: &str) -> PathBuf {
    let path = dir.join(name);
    fs::write(&path, text).unwrap();
    path
}

/// Two libraries, `libgstleft.a` and `libgstright.a`, that have a member in common.
fn libraries(dir: &Path) -> [PathBuf; 2] {
    for (name, text) in [("shared", SHARED), ("left", LEFT), ("right", RIGHT)] {
        write(dir, &format!("{name}.c"), text);
        let flags = ["-c", "-O1", "-ffunction-sections", "-fdata-sections"];
        let mut cc = Command::new("cc");
        ok(cc.args(flags).arg(format!("{name}.c")).current_dir(dir));
    }
    ["left", "right"].map(|name| {
        let library = dir.join(format!("libgst{name}.a"));
        let mut ar = Command::new("ar");
        let members = [format!("{name}.o"), "shared.o".to_owned()];
        ok(ar.arg("rcsD").arg(&library).args(members).current_dir(dir));
        library
    })
}

/// Runs an example as cargo builds it beside this test.
fn example(name: &str, arguments: &[&Path]) -> Output {
    let test = std::env::current_exe().unwrap();
    // TARGET/debug/deps/examples-...
    let target_dir = test.ancestors().nth(3).unwrap();
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["run", "--quiet", "--frozen", "--example", name]);
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    cargo.arg("--target-dir").arg(target_dir).arg("--");
    let root = env!("CARGO_MANIFEST_DIR");
    cargo.args(arguments).current_dir(root).output().unwrap()
}

/// What it printed; it must have succeeded.
fn printed(done: &Output) -> String {
    let stderr = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{stderr}");
    String::from_utf8(done.stdout.clone()).unwrap()
}

#[test]
fn meld_two_melds() {
    let scratch = tempfile::tempdir().unwrap();
    let dir = scratch.path();
    let [left, right] = libraries(dir);
    let out = dir.join("out");
    let done = example("meld_two", &[&out, &left, &right]);
    let text = printed(&done);

    let size = |path: &Path| fs::metadata(path).unwrap().len();
    let mut expected = String::new();
    let mut melded = Vec::new();
    for before in [&left, &right] {
        let after = out.join(before.file_name().unwrap());
        let name = before.file_stem().unwrap().to_str().unwrap();
        let name = name.strip_prefix("lib").unwrap();
        expected += &format!("{name}: {} bytes, now {}\n", size(before), size(&after));
        melded.push(after);
    }
    let workspace = out.join("libgstrsworkspace.a");
    expected += &format!("gstrsworkspace: {} bytes shared\n", size(&workspace));
    assert_eq!(text, expected);
    assert!(String::from_utf8_lossy(&done.stderr).contains("verify ..."));

    melded.push(workspace);
    for library in &melded {
        let bytes = fs::read(library).unwrap();
        assert!(!bytes.windows(6).any(|w| w == b"unused"), "{library:?}");
    }
    let program = write(dir, "program.c", PROGRAM).with_extension("");
    let mut cc = Command::new("cc");
    let source = dir.join("program.c");
    ok(cc.arg("-o").arg(&program).arg(source).args(&melded));
    ok(&mut Command::new(&program));
}

#[test]
fn meld_two_fails_without_exports() {
    let scratch = tempfile::tempdir().unwrap();
    let [left, right] = libraries(scratch.path());
    let out = scratch.path().join("out");
    let done = example("meld_two", &[&out, &left, &right, Path::new("nobody_*")]);
    assert!(!done.status.success());
    let stderr = String::from_utf8_lossy(&done.stderr);
    assert!(stderr.contains("manifest-export-unmatched"), "{stderr}");
    assert!(!out.exists());
}

#[test]
fn atoms_are_printed() {
    let scratch = tempfile::tempdir().unwrap();
    let [left, _] = libraries(scratch.path());
    let object = scratch.path().join("left.o");
    let text = printed(&example("atoms", &[&object]));
    let line = |symbol: &str| {
        let end = format!("symbols: {symbol}");
        let found = text.lines().find(|l| l.ends_with(&end));
        found.unwrap_or_else(|| panic!("no {symbol} in\n{text}"))
    };
    let table = line("table");
    let size = 3 * size_of::<usize>();
    assert!(table.starts_with(".data"), "{table}");
    let figures = format!(": {size} bytes, 3 edges, ");
    assert!(table.contains(&figures), "{table}");
    let function = line("gst_plugin_left_register");
    assert!(function.starts_with(".text.gst_plugin_left_register: "));
    assert!(!function.contains(" 0 edges"), "{function}");

    assert_eq!(printed(&example("atoms", &[&left])), text);
}

#[test]
fn atoms_refuses_what_is_no_object() {
    let scratch = tempfile::tempdir().unwrap();
    let text = write(scratch.path(), "text", "no object, no archive\n");
    let done = example("atoms", &[&text]);
    assert!(!done.status.success());
    let stderr = String::from_utf8_lossy(&done.stderr);
    assert!(stderr.contains("input-not-archive"), "{stderr}");
}
