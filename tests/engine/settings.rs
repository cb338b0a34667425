//! Settings of cargo that hold as they do for cargo itself, and runs within runs.

use super::*;

/// A package with a workspace of its own in `folder`, which defines `name`.
fn single(w: &Workspace, folder: &str, name: &str, crate_type: &str) {
    let text = package(name, name, crate_type, "[workspace]\n");
    w.write(&format!("{folder}/Cargo.toml"), &text);
    let source = format!("//! Documented.\n/// Documented.\n{}", function(name, "7"));
    w.write(&format!("{folder}/src/lib.rs"), &source);
}

/// A compiler wrapper at `path` that writes its arguments to `target/log`.
#[cfg(unix)]
fn wrapper(w: &Workspace, path: &str) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let log = w.path("target/log");
    fs::create_dir_all(w.path("target")).unwrap();
    let text = format!(
        "#!/bin/sh\necho \"$@\" >> '{}'\nexec \"$@\"\n",
        log.display()
    );
    w.write(path, &text);
    fs::set_permissions(w.path(path), fs::Permissions::from_mode(0o755)).unwrap();
    log
}

/// The variable that names our compiler wrapper to cargo is set for build scripts too.
#[cfg(unix)]
#[test]
fn a_build_script_may_build_other_libraries() {
    for (outer, inner) in [
        (STATIC_TOO, STATIC_TOO),
        (STATIC_TOO, DYNAMIC),
        (DYNAMIC, STATIC_TOO),
        (DYNAMIC, DYNAMIC),
    ] {
        let w = Workspace::new(&[]);
        single(&w, "outer", "outer", outer);
        single(&w, "inner", "inner", inner);
        let script = format!(
            "fn main() {{\n    let mut build = std::process::Command::new({:?});\n    \
             build.args([\"build\", \"--offline\", \"-q\", \"--package\", \"inner\", \"--manifest-path\", {:?}]);\n    \
             assert!(build.status().unwrap().success());\n}}\n",
            env!("CARGO_BIN_EXE_dragonfire"),
            w.path("inner/Cargo.toml"),
        );
        w.write("outer/build.rs", &script);
        let log = wrapper(&w, "target/wrap");
        let variable = match outer {
            STATIC_TOO => "RUSTC_WORKSPACE_WRAPPER",
            _ => "RUSTC_WRAPPER",
        };
        w.build(&json!({
            "manifest_path": w.path("outer/Cargo.toml"), "packages": ["outer"],
            "env": { variable: w.path("target/wrap") },
        }));
        assert!(w.path("inner/target").is_dir(), "{outer} {inner}");
        // The user's wrapper is for both.
        let log = fs::read_to_string(log).unwrap();
        for name in ["--crate-name outer", "--crate-name inner"] {
            assert!(log.contains(name), "{outer} {inner} {name}: {log}");
        }
    }
}

#[cfg(unix)]
#[test]
fn programs_are_found_from_where_they_are_named() {
    for (kind, key) in [
        (STATIC_TOO, "rustc-workspace-wrapper"),
        (DYNAMIC, "rustc-wrapper"),
    ] {
        let w = Workspace::new(&[]);
        single(&w, "rust", "alone", kind);
        let log = wrapper(&w, "tools/wrap");
        let ask = |env: Value| {
            let _ = fs::remove_dir_all(w.path("rust/target"));
            let _ = fs::remove_file(&log);
            let manifest = w.path("rust/Cargo.toml");
            w.build(&json!({ "manifest_path": manifest, "packages": ["alone"], "env": env }));
            fs::read_to_string(&log)
                .unwrap()
                .contains("--crate-name alone")
        };
        // A configuration's from the folder around `.cargo`, a variable's from that of the request.
        w.write(
            ".cargo/config.toml",
            &format!("[build]\n{key} = \"tools/wrap\"\n"),
        );
        assert!(ask(json!({})), "{kind}");
        fs::remove_file(w.path(".cargo/config.toml")).unwrap();
        let variable = key.to_uppercase().replace('-', "_");
        assert!(ask(json!({ variable: "./tools/wrap" })), "{kind}");
        let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
        let tool = format!(
            "#!/bin/sh\necho \"$@\" >> '{}'\nexec {rustc} \"$@\"\n",
            log.display()
        );
        w.write("tools/wrap", &tool);
        assert!(ask(json!({ "RUSTC": "tools/wrap" })), "{kind}");
    }
}

#[test]
fn configured_flags_may_be_one_text() {
    let w = Workspace::new(&[]);
    single(&w, ".", "alone", STATIC_TOO);
    w.write(".cargo/config.toml", "[build]\nrustflags = \"--cfg one\"\n");
    w.write(
        "src/lib.rs",
        &function("alone", "i32::from(cfg!(one)) + 10 * i32::from(cfg!(two))"),
    );
    let response = w.build(&json!({ "rustflags": ["--cfg=two"] }));
    assert_eq!(link_and_run(&w, &response, &["alone"]), "11\n");
    let response = w.ask("build", &json!({ "rustflags": ["--cfg=two=\"a b\""] }));
    assert_eq!(code(&response), "request-invalid", "{response}");
}

#[test]
fn what_is_generated_passes_the_users_lints() {
    let w = Workspace::new(&[]);
    single(&w, ".", "alone", DYNAMIC);
    let env = json!({ "RUSTFLAGS": "-Dmissing_docs -Dwarnings" });
    let response = w.build(&json!({ "packages": ["alone"], "env": env }));
    assert_eq!(link_and_run(&w, &response, &["alone"]), "7\n");
}

/// What we call a package's wrapper, another package may be called.
#[test]
fn packages_may_be_called_as_wrappers_are() {
    let w = Workspace::new(&[(
        "Cargo.toml",
        "[workspace]\nresolver = \"2\"\nmembers = [\"a\", \"b\"]\n",
    )]);
    for (folder, name, lib) in [("a", "one", "one"), ("b", "one-dragonfire", "two")] {
        w.write(
            &format!("{folder}/Cargo.toml"),
            &package(name, lib, DYNAMIC, ""),
        );
        w.write(&format!("{folder}/src/lib.rs"), &function(lib, "7"));
    }
    let response = w.build(&json!({ "packages": ["one", "one-dragonfire"] }));
    assert_eq!(libraries(&response), ["one", "two"]);
}

#[test]
fn packages_may_be_named_by_a_pattern() {
    let w = two_plugins(ROOT, STATIC_TOO, DYNAMIC);
    let ask = |names: Value| w.ask("discover", &json!({ "packages": names }));
    let found = ask(json!(["*-two", "gst-plugin-*"]));
    assert_eq!(libraries(&found), ["gsttwo", "gstone"]);
    assert_eq!(code(&ask(json!(["no-*"]))), "package-not-found");
}

/// cargo does not keep a library's builds with and without a compiler wrapper apart where it is a shared one too.
#[test]
fn what_the_user_built_before_is_not_taken_for_ours() {
    for kind in ["\"staticlib\", \"cdylib\"", "\"staticlib\", \"dylib\""] {
        let w = Workspace::new(&[]);
        single(&w, ".", "alone", kind);
        w.cargo(&["build", "--release", "--offline"]);
        let response = w.build(&json!({}));
        let natives = response["plugins"][0]["native_static_libs"].as_array();
        assert!(natives.unwrap().contains(&json!("-lc")), "{response:#}");
        assert_eq!(response["warnings"], Value::Null, "{response:#}");
        assert_eq!(link_and_run(&w, &response, &["alone"]), "7\n");
    }
}
