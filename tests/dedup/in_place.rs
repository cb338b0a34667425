//! Work in place: every state between links, running again completes or refuses, and nothing is lost.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::{Bench, LINKERS, RUST_NAMES, dragonfire, in_place, ok, snapshot};

const PLUGINS: &[&str] = &["one", "two", "three"];
const LIBRARIES: &[&str] = &["libgstone.a", "libgsttwo.a", "libgstthree.a"];
const WORKSPACE: &str = "libgstrsworkspace.a";

/// Three plugins in `lib`, sharing two members and needing a hook that differs.
fn plugins(bench: &Bench) -> PathBuf {
    for (i, name) in PLUGINS.iter().enumerate() {
        let entry =
            format!("{RUST_NAMES}int gst_plugin_{name}_register(void) {{ return shared({i}); }}");
        let hook = format!("int hook(int x) {{ return x + {}; }}", 10 * (i + 1));
        bench.library(
            "lib",
            &format!("gst{name}"),
            &[
                ("entry.o", &entry),
                (
                    "shared.o",
                    &format!("{RUST_NAMES}int shared(int x) {{ return deep(x) * 2; }}"),
                ),
                (
                    "deep.o",
                    &format!(
                        "{RUST_NAMES}int hook(int); int deep(int x) {{ return hook(x) + 1; }}"
                    ),
                ),
                ("hook.o", &hook),
            ],
        );
    }
    bench.path("lib")
}

fn program(bench: &Bench, folder: &Path, linker: &str, workspace: bool) -> String {
    let mut source = String::from("#include <stdio.h>\n");
    let mut calls = String::new();
    for name in PLUGINS {
        source.push_str(&format!("int gst_plugin_{name}_register(void);\n"));
        calls.push_str(&format!("printf(\"%d \", gst_plugin_{name}_register());"));
    }
    source.push_str(&format!("int main(void) {{ {calls} return 0; }}\n"));
    let mut libraries: Vec<PathBuf> = LIBRARIES.iter().map(|l| folder.join(l)).collect();
    if workspace {
        libraries.push(folder.join(WORKSPACE));
    }
    bench.program(linker, &source, &libraries)
}

#[track_caller]
fn done(folder: &Path) -> std::process::Output {
    let output = in_place(folder, LIBRARIES);
    assert!(output.status.success(), "{output:?}");
    output
}

#[track_caller]
fn refused(folder: &Path, libraries: &[&str], code: &str) {
    let before = snapshot(folder);
    let output = in_place(folder, libraries);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains(code), "{text}");
    assert!(
        snapshot(folder) == before,
        "a refused run changed something"
    );
}

#[test]
fn running_again_changes_nothing() {
    let bench = Bench::new();
    let folder = plugins(&bench);
    let expected = program(&bench, &folder, "bfd", false);
    done(&folder);
    let first = snapshot(&folder);
    assert_eq!(program(&bench, &folder, "bfd", true), expected);
    let dates = |f: &Path| fs::metadata(f.join(WORKSPACE)).unwrap().modified().unwrap();
    let date = dates(&folder);
    done(&folder);
    assert!(snapshot(&folder) == first);
    assert_eq!(dates(&folder), date);
}

#[test]
fn every_state_between_links_and_is_completed() {
    let bench = Bench::new();
    let folder = plugins(&bench);
    let expected = program(&bench, &folder, "bfd", false);
    let before = snapshot(&folder);
    done(&folder);
    let after = snapshot(&folder);
    // The order of the renames: the workspace library, then the libraries as given.
    let order: Vec<&str> = [WORKSPACE].iter().chain(LIBRARIES).copied().collect();
    for replaced in 1..=order.len() {
        for (file, bytes) in &before {
            fs::write(file, bytes).unwrap();
        }
        for name in &order[..replaced] {
            let path = folder.join(name);
            fs::write(&path, &after[&path]).unwrap();
        }
        for linker in LINKERS {
            assert_eq!(
                program(&bench, &folder, linker, true),
                expected,
                "{replaced} {linker}"
            );
        }
        done(&folder);
        assert!(snapshot(&folder) == after, "not completed after {replaced}");
    }
}

#[test]
fn killed_at_any_moment_nothing_is_lost() {
    let bench = Bench::new();
    let folder = plugins(&bench);
    let expected = program(&bench, &folder, "bfd", false);
    let before = snapshot(&folder);
    done(&folder);
    let after = snapshot(&folder);
    // A spread of moments; wherever they fall, what follows must hold.
    for step in 0..40u64 {
        for (file, bytes) in &before {
            fs::write(file, bytes).unwrap();
        }
        let _ = fs::remove_file(folder.join(WORKSPACE));
        let mut child = dragonfire()
            .args(["-o", WORKSPACE, "-f", "gnu"])
            .args(LIBRARIES)
            .current_dir(&folder)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_micros(step * step * 20));
        let _ = child.kill();
        child.wait().unwrap();
        let workspace = folder.join(WORKSPACE).exists();
        assert_eq!(
            program(&bench, &folder, "bfd", workspace),
            expected,
            "step {step}"
        );
        done(&folder);
        let now = snapshot(&folder);
        for (file, bytes) in &after {
            assert!(
                now.get(file) == Some(bytes),
                "step {step}: {}",
                file.display()
            );
        }
    }
}

#[test]
fn a_rebuilt_plugin_joins_thinned_ones() {
    let bench = Bench::new();
    let folder = plugins(&bench);
    let expected = program(&bench, &folder, "bfd", false);
    let fresh = fs::read(folder.join("libgsttwo.a")).unwrap();
    done(&folder);
    let after = snapshot(&folder);
    fs::write(folder.join("libgsttwo.a"), fresh).unwrap();
    done(&folder);
    assert!(snapshot(&folder) == after);
    assert_eq!(program(&bench, &folder, "bfd", true), expected);
}

#[test]
fn what_others_lost_is_not_overwritten() {
    let bench = Bench::new();
    let folder = plugins(&bench);
    let fresh = fs::read(folder.join("libgstone.a")).unwrap();
    done(&folder);
    // One of them rebuilt, and given alone: the workspace library holds what the others lost.
    fs::write(folder.join("libgstone.a"), fresh).unwrap();
    refused(&folder, &["libgstone.a"], "input-already-thinned");
    // Gone with their workspace library, they cannot be made whole.
    let workspace = fs::read(folder.join(WORKSPACE)).unwrap();
    fs::remove_file(folder.join(WORKSPACE)).unwrap();
    refused(&folder, LIBRARIES, "input-already-thinned");
    // Nor from one that does not hold what they lost.
    let other = Bench::new();
    other.library(
        "lib",
        "gstone",
        &[("a.o", "int gst_plugin_one_register(void) { return 1; }")],
    );
    let output = in_place(&other.path("lib"), &["libgstone.a"]);
    assert!(output.status.success());
    fs::copy(other.path("lib").join(WORKSPACE), folder.join(WORKSPACE)).unwrap();
    refused(&folder, LIBRARIES, "input-already-thinned");
    fs::write(folder.join(WORKSPACE), workspace).unwrap();
    done(&folder);
}

#[test]
fn a_workspace_library_is_no_plugin() {
    let bench = Bench::new();
    let folder = plugins(&bench);
    done(&folder);
    let libraries: Vec<&str> = LIBRARIES.iter().chain(&[WORKSPACE]).copied().collect();
    refused(&folder, &libraries, "output-is-input");
    fs::rename(folder.join(WORKSPACE), folder.join("libgstother.a")).unwrap();
    let libraries: Vec<&str> = LIBRARIES
        .iter()
        .chain(&["libgstother.a"])
        .copied()
        .collect();
    refused(&folder, &libraries, "input-already-thinned");
}

#[test]
fn a_workspace_library_without_our_marker_is_not_lost_either() {
    let bench = Bench::new();
    let folder = plugins(&bench);
    done(&folder);
    // As the original tool leaves them: no markers.
    for name in LIBRARIES.iter().chain(&[WORKSPACE]) {
        ok(Command::new("ar")
            .arg("d")
            .arg(folder.join(name))
            .arg("dragonfire.marker.o"));
    }
    refused(&folder, LIBRARIES, "input-already-thinned");
}

#[test]
fn modes_and_links_are_kept() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let bench = Bench::new();
    let folder = plugins(&bench);
    let real = folder.join("real.a");
    fs::rename(folder.join("libgstone.a"), &real).unwrap();
    symlink("real.a", folder.join("libgstone.a")).unwrap();
    fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).unwrap();
    done(&folder);
    assert!(folder.join("libgstone.a").is_symlink());
    assert_eq!(
        fs::metadata(&real).unwrap().permissions().mode() & 0o777,
        0o640
    );
    let left: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    assert_eq!(left.len(), 5, "{left:?}");
}
