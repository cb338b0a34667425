//! Discovery and builds on small real Cargo workspaces, by the machine's cargo, through the program
//! itself. No package comes from a registry.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

mod asked;
mod flags;
mod settings;

/// A workspace in a temporary folder, which nothing in it may change but its target directory.
struct Workspace {
    folder: tempfile::TempDir,
}

impl Workspace {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Self { folder };
        for (path, text) in files {
            workspace.write(path, text);
        }
        workspace
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn cargo(&self, args: &[&str]) {
        let output = Command::new(env!("CARGO"))
            .args(args)
            .current_dir(self.folder.path())
            .env_remove("CARGO_TARGET_DIR")
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
    }

    /// Sends a request of the operation with these fields of `workspace`.
    fn ask(&self, operation: &str, workspace: &Value) -> Value {
        self.request(json!({ "operation": operation, "workspace": workspace }))
    }

    fn request(&self, mut request: Value) -> Value {
        request["protocol"] = json!(1);
        let workspace = request["workspace"].as_object_mut().unwrap();
        workspace
            .entry("manifest_path")
            .or_insert_with(|| json!(self.path("Cargo.toml")));
        self.send(&request)
    }

    fn send(&self, request: &Value) -> Value {
        let mut child = Command::new(env!("CARGO_BIN_EXE_dragonfire"))
            .arg("request")
            // The workspace's own target folder, whatever the tests are built in.
            .env_remove("CARGO_TARGET_DIR")
            // What the tests themselves are built with says nothing about the workspaces that they make.
            .env_remove("CARGO_PROFILE_RELEASE_LTO")
            .env_remove("CARGO_PROFILE_RELEASE_CODEGEN_UNITS")
            .env_remove("CARGO_PROFILE_RELEASE_OPT_LEVEL")
            .current_dir(self.folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        serde_json::to_writer(child.stdin.take().unwrap(), request).unwrap();
        let output = child.wait_with_output().unwrap();
        let response: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&output.stderr)));
        assert_eq!(
            response["ok"] == true,
            output.status.success(),
            "{response}"
        );
        response
    }

    fn build(&self, workspace: &Value) -> Value {
        let response = self.ask("build", workspace);
        assert_eq!(response["ok"], true, "{response:#}");
        response
    }

    /// Every file but those of the target directory.
    fn contents(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        fn walk(folder: &Path, all: &mut BTreeMap<PathBuf, Vec<u8>>) {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    if path.file_name().unwrap() != "target" {
                        walk(&path, all);
                    }
                } else {
                    let bytes = fs::read(&path).unwrap();
                    all.insert(path, bytes);
                }
            }
        }
        let mut all = BTreeMap::new();
        walk(self.folder.path(), &mut all);
        all
    }
}

fn code(response: &Value) -> &str {
    response["errors"][0]["code"].as_str().unwrap_or_default()
}

fn libraries(response: &Value) -> Vec<&str> {
    let plugins = response["plugins"].as_array().unwrap();
    plugins
        .iter()
        .map(|p| p["library"].as_str().unwrap())
        .collect()
}

/// Links a C program of the built libraries and gives what it prints.
fn link_and_run(workspace: &Workspace, response: &Value, functions: &[&str]) -> String {
    let mut source = "#include <stdio.h>\n".to_owned();
    for f in functions {
        source += &format!("extern int {f}(void);\n");
    }
    source += "int main(void) {\n";
    for f in functions {
        source += &format!("printf(\"%d\\n\", {f}());\n");
    }
    source += "return 0; }\n";
    workspace.write("target/main.c", &source);
    let program = workspace.path("target/main");
    let mut cc = Command::new("cc");
    cc.arg(workspace.path("target/main.c"))
        .arg("-o")
        .arg(&program);
    for plugin in response["plugins"].as_array().unwrap() {
        cc.arg(plugin["path"].as_str().unwrap());
        for native in plugin["native_static_libs"].as_array().unwrap() {
            cc.arg(native.as_str().unwrap());
        }
    }
    if let Some(path) = response["workspace_library"]["path"].as_str() {
        cc.arg(path);
    }
    let output = cc.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let output = Command::new(program).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn package(name: &str, lib: &str, crate_type: &str, rest: &str) -> String {
    format!(
        "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\
         [lib]\nname = \"{lib}\"\ncrate-type = [{crate_type}]\n{rest}"
    )
}

const STATIC: &str = "\"staticlib\"";
const STATIC_TOO: &str = "\"staticlib\", \"rlib\"";
const DYNAMIC: &str = "\"cdylib\", \"rlib\"";

fn function(name: &str, value: &str) -> String {
    format!("#[unsafe(no_mangle)] pub extern \"C\" fn {name}() -> i32 {{ {value} }}\n")
}

const ROOT: &str = "[workspace]\nresolver = \"2\"\nmembers = [\"one\", \"two\", \"base\"]\n";

/// Two plugins and what they share; `one` and `two` have the crate types given.
fn two_plugins(root: &str, one: &str, two: &str) -> Workspace {
    let depends = "[dependencies]\nbase = { path = \"../base\" }\n\
                   [features]\nmore = []\nbig = [\"base/big\"]\n";
    Workspace::new(&[
        ("Cargo.toml", root),
        (
            "base/Cargo.toml",
            &package("base", "base", "\"rlib\"", "[features]\nbig = []\n"),
        ),
        (
            "base/src/lib.rs",
            "pub fn base() -> i32 { if cfg!(feature = \"big\") { 1000 } else { 100 } }\n",
        ),
        (
            "one/Cargo.toml",
            &package("gst-plugin-one", "gstone", one, depends),
        ),
        (
            "one/src/lib.rs",
            &function(
                "one_value",
                "base::base() + if cfg!(feature = \"more\") { 10 } else { 1 }",
            ),
        ),
        (
            "two/Cargo.toml",
            &package("gst-plugin-two", "gsttwo", two, depends),
        ),
        ("two/src/lib.rs", &function("two_value", "base::base() + 2")),
    ])
}

#[test]
fn discovery_takes_static_libraries_and_cargo_c_packages() {
    let capi = "[package.metadata.capi.pkg_config]\n\
                requires = \"gstreamer-1.0 >= 1.14, glib-2.0\"\nrequires_private = \"gio-2.0\"\n";
    let w = Workspace::new(&[
        (
            "Cargo.toml",
            "[workspace]\nresolver = \"2\"\nmembers = [\"a\", \"b\", \"c\", \"d\"]\n",
        ),
        ("a/Cargo.toml", &package("a", "gsta", STATIC, "")),
        ("a/src/lib.rs", ""),
        ("b/Cargo.toml", &package("b", "gstb", DYNAMIC, capi)),
        ("b/src/lib.rs", ""),
        ("c/Cargo.toml", &package("c", "c", DYNAMIC, "")),
        ("c/src/lib.rs", ""),
        (
            "d/Cargo.toml",
            "[package]\nname = \"d\"\nversion = \"0.1.0\"\n",
        ),
        ("d/src/main.rs", "fn main() {}"),
    ]);
    let before = w.contents();
    let all = w.ask("discover", &json!({}));
    assert_eq!(libraries(&all), ["gsta", "gstb"]);
    let b = &all["plugins"][1];
    assert_eq!(b["plugin"], "b");
    assert_eq!(b["package"], "b");
    assert_eq!(b["version"], "0.1.0");
    assert_eq!(
        b["pkg_config_requires"],
        json!(["gstreamer-1.0 >= 1.14", "glib-2.0", "gio-2.0"])
    );
    assert_eq!(all["workspace_library"]["library"], "gstrsworkspace");

    let named = w.ask("discover", &json!({ "packages": ["c", "a", "c"] }));
    assert_eq!(libraries(&named), ["c", "gsta"]);
    let windows = w.ask("discover", &json!({ "target": "x86_64-pc-windows-msvc" }));
    assert_eq!(windows["plugins"][0]["file_name"], "gsta.lib");
    assert_eq!(
        windows["workspace_library"]["file_name"],
        "gstrsworkspace.lib"
    );
    let mingw = w.ask("discover", &json!({ "target": "x86_64-pc-windows-gnu" }));
    assert_eq!(mingw["plugins"][0]["file_name"], "libgsta.a");

    let missing = w.ask("discover", &json!({ "packages": ["d"] }));
    assert_eq!(code(&missing), "no-static-library");
    assert_eq!(before, w.contents(), "discovery changed the workspace");
}

#[test]
fn the_table_in_cargo_toml_is_the_manifest() {
    let w = two_plugins(
        &format!(
            "{ROOT}[workspace.metadata.dragonfire]\nschema = 1\nworkspace_library = \"shared\"\n\
             plugins = [{{ package = \"gst-plugin-two\", plugin = \"zwei\" }}]\n"
        ),
        DYNAMIC,
        DYNAMIC,
    );
    let response = w.ask("discover", &json!({}));
    assert_eq!(libraries(&response), ["gsttwo"]);
    assert_eq!(response["plugins"][0]["plugin"], "zwei");
    assert_eq!(response["workspace_library"]["library"], "shared");
    // A manifest that is given takes its place.
    let response = w.request(json!({
        "operation": "discover",
        "workspace": {},
        "manifest": { "schema": 1, "plugins": [{ "package": "gst-plugin-one" }] },
    }));
    assert_eq!(libraries(&response), ["gstone"]);

    w.write(
        "Cargo.toml",
        &format!("{ROOT}[workspace.metadata.dragonfire]\nschema = 1\nexport = []\n"),
    );
    let response = w.ask("discover", &json!({}));
    assert_eq!(code(&response), "manifest-invalid");
    let error = &response["errors"][0];
    let message = error["message"].as_str().unwrap();
    assert!(
        message.contains("workspace.metadata.dragonfire.export"),
        "{message}"
    );
    assert_eq!(error["hint"], "did you mean `exports` or `exports_of`?");
    assert_eq!(error["file"], json!(w.path("Cargo.toml")));
}

#[test]
fn what_is_not_there_is_named() {
    let w = two_plugins(ROOT, DYNAMIC, DYNAMIC);
    w.cargo(&["generate-lockfile", "--offline"]);
    let response = w.ask("discover", &json!({ "packages": ["gst-plugin-oen"] }));
    assert_eq!(code(&response), "package-not-found");
    let hint = response["errors"][0]["hint"].as_str().unwrap();
    assert!(hint.contains("`gst-plugin-one`"), "{hint}");

    let response = w.ask("discover", &json!({}));
    assert_eq!(code(&response), "no-static-library");

    let response = w.ask("build", &json!({ "cargo": w.path("no/cargo") }));
    assert_eq!(code(&response), "cargo-not-found");

    let response = w.ask(
        "discover",
        &json!({ "manifest_path": w.path("no/Cargo.toml") }),
    );
    assert_eq!(code(&response), "input-not-found");

    w.write("one/Cargo.toml", "[package\n");
    let response = w.ask("discover", &json!({}));
    assert_eq!(code(&response), "cargo-failed");
    let message = response["errors"][0]["message"].as_str().unwrap();
    assert!(message.contains("one/Cargo.toml"), "{message}");
}

#[test]
fn one_name_for_two_libraries_is_refused() {
    let w = Workspace::new(&[
        (
            "Cargo.toml",
            "[workspace]\nresolver = \"2\"\nmembers = [\"a\", \"b\"]\n",
        ),
        ("a/Cargo.toml", &package("a", "gstsame", STATIC, "")),
        ("a/src/lib.rs", ""),
        ("b/Cargo.toml", &package("b", "gstsame", STATIC, "")),
        ("b/src/lib.rs", ""),
    ]);
    let response = w.ask("discover", &json!({}));
    assert_eq!(code(&response), "manifest-duplicate-plugin");
}

#[test]
fn static_libraries_are_built_as_the_user_would() {
    let w = two_plugins(ROOT, STATIC, STATIC_TOO);
    let first = w.build(&json!({}));
    assert_eq!(libraries(&first), ["gstone", "gsttwo"]);
    let path = first["plugins"][0]["path"].as_str().unwrap();
    assert_eq!(Path::new(path), w.path("target/release/libgstone.a"));
    let natives = first["plugins"][0]["native_static_libs"]
        .as_array()
        .unwrap();
    assert!(natives.contains(&json!("-lc")), "{natives:?}");
    assert_eq!(
        first["plugins"][0]["bytes_before"],
        fs::metadata(path).unwrap().len()
    );
    assert_eq!(
        link_and_run(&w, &first, &["one_value", "two_value"]),
        "101\n102\n"
    );
    // Native libraries are known of a build that has nothing to do, and after a build without us.
    assert_eq!(first, w.build(&json!({})));
    w.cargo(&["build", "--release", "--offline"]);
    assert_eq!(first, w.build(&json!({})));
    assert!(!w.path("target/dragonfire").exists());
}

#[test]
fn dynamic_libraries_are_wrapped() {
    let w = two_plugins(ROOT, DYNAMIC, DYNAMIC);
    w.cargo(&["generate-lockfile", "--offline"]);
    let before = w.contents();
    let packages = json!(["gst-plugin-one", "gst-plugin-two"]);
    // Nothing is linked dynamically on the way: no linker is needed.
    let request = json!({ "packages": packages, "locked": true, "cargo_flags": ["--config",
        "target.'cfg(all())'.linker = 'no-such-linker'"] });
    let first = w.build(&request);
    assert_eq!(
        link_and_run(&w, &first, &["one_value", "two_value"]),
        "101\n102\n"
    );
    assert_eq!(
        first,
        w.build(&request),
        "a build that has nothing to do tells less"
    );
    let inputs = first["inputs"].as_array().unwrap();
    for file in [
        "Cargo.toml",
        "Cargo.lock",
        "one/Cargo.toml",
        "one/src/lib.rs",
        "two/src/lib.rs",
        "base/Cargo.toml",
        "base/src/lib.rs",
    ] {
        assert!(
            inputs.contains(&json!(w.path(file))),
            "{file} in {inputs:#?}"
        );
    }
    assert_eq!(inputs.len(), 8, "{inputs:#?}");
    assert_eq!(before, w.contents(), "the build changed the workspace");

    w.write("base/src/lib.rs", "pub fn base() -> i32 { 200 }\n");
    let again = w.build(&request);
    assert_eq!(
        link_and_run(&w, &again, &["one_value", "two_value"]),
        "201\n202\n"
    );
    // The user's own builds still make the dynamic libraries.
    w.cargo(&["build", "--release", "--offline"]);
    assert!(
        fs::metadata(w.path("target/release/libgstone.so"))
            .unwrap()
            .len()
            > 1000
    );
}

#[test]
fn link_time_optimisation_takes_place() {
    let root = format!("{ROOT}[profile.release]\nlto = \"fat\"\ncodegen-units = 1\n");
    let w = two_plugins(&root, STATIC_TOO, STATIC_TOO);
    let response = w.build(&json!({ "packages": ["gst-plugin-one"] }));
    let optimised = response["plugins"][0]["bytes_before"].as_u64().unwrap();
    assert_eq!(link_and_run(&w, &response, &["one_value"]), "101\n");
    let plain = w.build(&json!({
        "packages": ["gst-plugin-one"],
        "env": { "CARGO_PROFILE_RELEASE_LTO": "off" },
    }));
    assert_eq!(
        Path::new(plain["plugins"][0]["path"].as_str().unwrap()),
        w.path("target/release/libgstone.a")
    );
    let plain = plain["plugins"][0]["bytes_before"].as_u64().unwrap();
    assert!(optimised * 2 < plain, "{optimised} against {plain}");
}

#[test]
fn link_time_optimisation_is_told_and_can_be_turned_off() {
    for lto in ["thin", "fat"] {
        // A profile of its own name, and one that inherits.
        let root = format!(
            "{ROOT}[profile.base-ship]\ninherits = \"release\"\nlto = \"{lto}\"\n\
             [profile.ship]\ninherits = \"base-ship\"\n"
        );
        let w = two_plugins(&root, STATIC_TOO, STATIC_TOO);
        for (folder, value) in [("one", 1), ("two", 2)] {
            let sum =
                format!("std::env::args().map(|a| a.len().min(0) as i32).sum::<i32>() + {value}");
            w.write(
                &format!("{folder}/src/lib.rs"),
                &function(&format!("{folder}_value"), &sum),
            );
        }
        let meld = |no_lto: bool| {
            let out = w.path(if no_lto { "without" } else { "with" });
            let mut program = Command::new(env!("CARGO_BIN_EXE_dragonfire"));
            program.args(["meld", "--json", "--offline", "--profile", "ship"]);
            program.args(["--exports", "*_value", "--manifest-path"]);
            program.arg(w.path("Cargo.toml")).arg("--out").arg(out);
            program.env_remove("CARGO_TARGET_DIR");
            program.args(no_lto.then_some("--no-lto"));
            let output = program.output().unwrap();
            serde_json::from_slice::<Value>(&output.stdout).unwrap()
        };
        let optimised = meld(false);
        let warning = &optimised["warnings"][0];
        assert_eq!(warning["code"], "link-time-optimised", "{optimised}");
        let message = warning["message"].as_str().unwrap();
        let shared = |r: &Value| r["workspace_library"]["bytes"].as_u64().unwrap();
        let bytes = optimised["totals"]["bytes_after"].as_u64().unwrap();
        let figure = format!("; {} of {bytes} bytes are shared", shared(&optimised));
        assert!(
            message.contains(&format!("`ship` asks for {lto} ")),
            "{message}"
        );
        assert!(message.ends_with(&figure), "{message}");

        let without = meld(true);
        assert!(without.get("warnings").is_none(), "{without}");
        assert!(without.get("sharing").is_none(), "{without}");
        assert_eq!(
            link_and_run(&w, &without, &["one_value", "two_value"]),
            "1\n2\n"
        );
        // After thin optimisation two libraries as small as these still have a std in common.
        if lto == "fat" {
            let reason = &optimised["sharing"]["apart"][0]["reason"];
            assert_eq!(*reason, "fat-lto", "{optimised}");
            assert!(
                shared(&optimised) * 4 < shared(&without),
                "{optimised} {without}"
            );
        }
    }
}

#[test]
fn features_reach_the_plugins_that_have_them() {
    for (kind, folder) in [(STATIC_TOO, "release"), (DYNAMIC, "dragonfire/release")] {
        let w = two_plugins(ROOT, kind, kind);
        let packages = json!(["gst-plugin-one", "gst-plugin-two"]);
        let run = |fields: Value| {
            let mut fields = fields;
            fields["packages"] = packages.clone();
            let response = w.build(&fields);
            let path = response["plugins"][0]["path"].as_str().unwrap();
            assert_eq!(
                Path::new(path),
                w.path("target").join(folder).join("libgstone.a")
            );
            link_and_run(&w, &response, &["one_value", "two_value"])
        };
        assert_eq!(run(json!({ "features": ["more"] })), "110\n102\n");
        assert_eq!(
            run(json!({ "features": ["gst-plugin-one/more"] })),
            "110\n102\n"
        );
        // Features of what is shared are the same for all.
        assert_eq!(
            run(json!({ "features": ["gst-plugin-one/big"] })),
            "1001\n1002\n"
        );
        assert_eq!(run(json!({ "all_features": true })), "1010\n1002\n");
        let unknown = w.ask(
            "build",
            &json!({ "packages": packages, "features": ["mroe"] }),
        );
        assert_eq!(unknown["ok"], false);
    }
}

#[test]
fn a_locked_build_keeps_to_the_lock_file() {
    for kind in [STATIC, DYNAMIC] {
        let w = two_plugins(ROOT, kind, kind);
        let request = json!({ "packages": ["gst-plugin-one"], "locked": true, "offline": true });
        let before = w.contents();
        assert_eq!(
            code(&w.ask("build", &request)),
            "lock-would-change",
            "{kind}"
        );
        assert_eq!(before, w.contents());

        w.cargo(&["generate-lockfile", "--offline"]);
        w.build(&request);

        w.write("new/Cargo.toml", &package("new", "new", "\"rlib\"", ""));
        w.write("new/src/lib.rs", "");
        let depends =
            "[dependencies]\nbase = { path = \"../base\" }\nnew = { path = \"../new\" }\n";
        w.write(
            "one/Cargo.toml",
            &package("gst-plugin-one", "gstone", kind, depends),
        );
        w.write("Cargo.toml", &ROOT.replace("\"base\"", "\"base\", \"new\""));
        let before = w.contents();
        let response = w.ask("build", &request);
        assert_eq!(code(&response), "lock-would-change", "{kind}: {response:#}");
        assert_eq!(before, w.contents());
        w.build(&json!({ "packages": ["gst-plugin-one"], "offline": true }));
    }
}

#[test]
fn the_compilers_errors_reach_the_user() {
    for kind in [STATIC, DYNAMIC] {
        let w = two_plugins(ROOT, kind, kind);
        w.write("two/src/lib.rs", "pub fn broken() -> i32 { \"text\" }\n");
        let packages = json!(["gst-plugin-one", "gst-plugin-two"]);
        let response = w.ask("build", &json!({ "packages": packages }));
        assert_eq!(code(&response), "cargo-failed");
        let message = response["errors"][0]["message"].as_str().unwrap();
        assert!(message.contains("mismatched types"), "{message}");
        assert!(message.contains("two/src/lib.rs:1"), "{message}");
    }
}

#[test]
fn crate_types_that_do_not_go_together() {
    let w = two_plugins(ROOT, STATIC, DYNAMIC);
    let packages = json!(["gst-plugin-one", "gst-plugin-two"]);
    let response = w.ask("build", &json!({ "packages": packages }));
    assert_eq!(code(&response), "no-static-library");
    let hint = response["errors"][0]["hint"].as_str().unwrap();
    assert!(hint.contains("rlib"), "{hint}");
    let w = two_plugins(ROOT, STATIC_TOO, DYNAMIC);
    let response = w.build(&json!({ "packages": packages }));
    assert_eq!(
        link_and_run(&w, &response, &["one_value", "two_value"]),
        "101\n102\n"
    );
}

#[test]
fn patches_and_profiles_hold_in_the_wrapper() {
    let root = "[workspace]\nresolver = \"2\"\nmembers = [\"one\"]\n\
                [patch.crates-io]\nno-such-package-anywhere = { path = \"patched\" }\n\
                [profile.ship]\ninherits = \"release\"\ndebug-assertions = true\n\
                [profile.ship.package.\"*\"]\nopt-level = 1\ndebug-assertions = false\n";
    let w = Workspace::new(&[
        ("Cargo.toml", root),
        (
            "patched/Cargo.toml",
            &package("no-such-package-anywhere", "patched", "\"rlib\"", ""),
        ),
        (
            "patched/src/lib.rs",
            "pub fn value() -> i32 { i32::from(cfg!(debug_assertions)) }\n",
        ),
        (
            "one/Cargo.toml",
            &package(
                "one",
                "one",
                DYNAMIC,
                "[dependencies]\nno-such-package-anywhere = \"0.1\"\n",
            ),
        ),
        (
            "one/src/lib.rs",
            &function(
                "one_value",
                "patched::value() + 10 * i32::from(cfg!(debug_assertions))",
            ),
        ),
    ]);
    let response = w.build(&json!({ "packages": ["one"], "profile": "ship", "offline": true }));
    // A member has the profile's assertions; what is none has those of `"*"`.
    assert_eq!(link_and_run(&w, &response, &["one_value"]), "10\n");
}

#[test]
fn plugins_of_dependencies_are_built_too() {
    let git = Workspace::new(&[
        ("Cargo.toml", &package("far", "gstfar", DYNAMIC, "")),
        ("src/lib.rs", &function("far_value", "7")),
    ]);
    for args in [
        &["init", "-q", "-b", "side"][..],
        &["add", "-A"],
        &[
            "-c",
            "user.name=t",
            "-c",
            "user.email=t@t",
            "commit",
            "-q",
            "-m",
            "x",
        ],
    ] {
        let git = Command::new("git")
            .args(args)
            .current_dir(git.folder.path())
            .status();
        assert!(git.unwrap().success());
    }
    let url = git.folder.path().display();
    let depends = format!(
        "[dependencies]\nfar = {{ git = \"file://{url}\", branch = \"side\" }}\n\
         near = {{ path = \"near\" }}\n[workspace]\n"
    );
    let w = Workspace::new(&[
        ("Cargo.toml", &package("all", "all", "\"rlib\"", &depends)),
        ("src/lib.rs", ""),
        ("near/Cargo.toml", &package("near", "gstnear", DYNAMIC, "")),
        ("near/src/lib.rs", &function("near_value", "8")),
    ]);
    let home = w.path("target/home");
    let env = json!({ "CARGO_HOME": home, "CARGO_NET_OFFLINE": "false" });
    let request = json!({ "packages": ["far", "near"], "env": env });
    let response = w.build(&request);
    assert_eq!(libraries(&response), ["gstfar", "gstnear"]);
    assert_eq!(
        link_and_run(&w, &response, &["far_value", "near_value"]),
        "7\n8\n"
    );
    w.build(&json!({ "packages": ["far", "near"], "env": env, "locked": true }));
    let response = w.ask("build", &json!({ "packages": ["fra"], "env": env }));
    assert_eq!(code(&response), "package-not-found");
}

#[cfg(unix)]
#[test]
fn the_users_compiler_wrapper_still_runs() {
    use std::os::unix::fs::PermissionsExt;
    for (kind, variable) in [
        (STATIC, "RUSTC_WORKSPACE_WRAPPER"),
        (DYNAMIC, "RUSTC_WRAPPER"),
    ] {
        let w = two_plugins(ROOT, kind, kind);
        let log = w.path("target/log");
        w.write(
            "target/wrap",
            &format!(
                "#!/bin/sh\necho \"$@\" >> '{}'\nexec \"$@\"\n",
                log.display()
            ),
        );
        let wrapper = w.path("target/wrap");
        fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755)).unwrap();
        let response = w.build(&json!({
            "packages": ["gst-plugin-one"],
            "env": { variable: wrapper },
        }));
        assert!(
            response["plugins"][0]["native_static_libs"]
                .as_array()
                .unwrap()
                .len()
                > 1
        );
        let log = fs::read_to_string(log).unwrap();
        assert!(log.contains("--crate-name gstone"), "{kind}: {log}");
        assert!(log.contains("--print native-static-libs"), "{kind}: {log}");
    }
}

#[test]
fn build_scripts_may_ask_the_compiler() {
    // As the build scripts of libc and of autocfg's users do.
    let script = "fn main() {\n\
        let rustc = std::env::var_os(\"RUSTC\").unwrap();\n\
        let mut command = match std::env::var_os(\"RUSTC_WRAPPER\") {\n\
            Some(w) => { let mut c = std::process::Command::new(w); c.arg(rustc); c }\n\
            None => std::process::Command::new(rustc),\n\
        };\n\
        let out = command.arg(\"--version\").output().unwrap().stdout;\n\
        assert!(out.starts_with(b\"rustc 1.\"), \"{}\", String::from_utf8_lossy(&out));\n}\n";
    let w = two_plugins(ROOT, DYNAMIC, DYNAMIC);
    w.write("one/build.rs", script);
    let response = w.build(&json!({ "packages": ["gst-plugin-one"] }));
    assert_eq!(link_and_run(&w, &response, &["one_value"]), "101\n");
}

/// A stand-in for cargo-c: what it is asked, and that its messages and .pc files are read.
#[cfg(unix)]
#[test]
fn cargo_c_is_asked_where_it_is_installed() {
    use std::os::unix::fs::PermissionsExt;
    let w = two_plugins(ROOT, STATIC_TOO, STATIC_TOO);
    let path = std::env::var("PATH").unwrap();
    let request = |path: &str| json!({ "builder": "cargo-c", "env": { "PATH": path } });
    // cargo also looks in its home for its own commands.
    let mut without = request(&path);
    without["env"]["CARGO_HOME"] = json!(w.path("target/home"));
    if Command::new("cargo-cbuild")
        .arg("--version")
        .output()
        .is_err()
    {
        assert_eq!(code(&w.ask("build", &without)), "cargo-not-found");
    }
    let script = format!(
        "#!/bin/sh\nshift\n[ \"$1\" = --version ] && echo 1 && exit 0\n\
         echo \"$@\" > '{}'\n'{}' build \"$@\" || exit\n\
         for p in gstone gsttwo; do printf 'Libs.private: -lgcc_s -lm -lc\\n' > '{}'/$p.pc; done\n",
        w.path("target/asked").display(),
        env!("CARGO"),
        w.path("target/release").display(),
    );
    w.write("target/bin/cargo-cbuild", &script);
    let tool = w.path("target/bin/cargo-cbuild");
    fs::set_permissions(tool, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{path}", w.path("target/bin").display());
    let response = w.build(&request(&path));
    assert_eq!(
        link_and_run(&w, &response, &["one_value", "two_value"]),
        "101\n102\n"
    );
    assert_eq!(
        response["plugins"][1]["native_static_libs"],
        json!(["-lm", "-lc"])
    );
    let asked = fs::read_to_string(w.path("target/asked")).unwrap();
    assert!(
        asked.contains("--package gst-plugin-one@0.1.0 --package gst-plugin-two@0.1.0"),
        "{asked}"
    );
}
