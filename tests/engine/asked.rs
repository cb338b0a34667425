//! Builds asked for in the ways that cargo and other build systems have: features of dependencies, target folders
//! spelled in any way, compilers with arguments.

use super::*;

/// A renamed, an optional and a target's own dependency, with features; one plugin without any.
fn with_dependencies(kind: &str) -> Workspace {
    let depends = "[dependencies]\n\
        short = { package = \"base\", path = \"../base\" }\n\
        extra = { path = \"../extra\", optional = true }\n\
        [target.'cfg(unix)'.dependencies]\nunixy = { path = \"../unixy\" }\n\
        [target.'cfg(windows)'.dependencies]\nwindowsy = { path = \"../windowsy\" }\n\
        [build-dependencies]\nbuilder = { path = \"../builder\" }\n\
        [features]\nextra = [\"dep:extra\"]\n";
    let value =
        "short::base() + unixy::value() + if cfg!(feature = \"extra\") { EXTRA } else { 0 }";
    let extra = "#[cfg(feature = \"extra\")] use extra::value as extra_value;\n\
        #[cfg(not(feature = \"extra\"))] fn extra_value() -> i32 { 0 }\n";
    let features = "[features]\nmore = []\n";
    let value_of = |step: i32| {
        format!(
            "pub fn value() -> i32 {{ if cfg!(feature = \"more\") {{ {} }} else {{ {step} }} }}\n",
            step * 2
        )
    };
    let w = two_plugins(
        &ROOT.replace(
            "\"base\"",
            "\"base\", \"extra\", \"unixy\", \"windowsy\", \"builder\"",
        ),
        kind,
        kind,
    );
    w.write(
        "one/Cargo.toml",
        &package("gst-plugin-one", "gstone", kind, depends),
    );
    w.write(
        "one/src/lib.rs",
        &(extra.to_owned() + &function("one_value", &value.replace("EXTRA", "extra_value()"))),
    );
    for (name, step) in [("extra", 10), ("unixy", 1), ("windowsy", 5), ("builder", 7)] {
        w.write(
            &format!("{name}/Cargo.toml"),
            &package(name, name, "\"rlib\"", features),
        );
        w.write(&format!("{name}/src/lib.rs"), &value_of(step));
    }
    w
}

#[test]
fn features_of_dependencies_are_cargos() {
    // What cargo itself does with the static libraries says what the wrapper has to.
    for (kind, folder) in [(STATIC_TOO, "release"), (DYNAMIC, "dragonfire/release")] {
        let w = with_dependencies(kind);
        let run = |features: &[&str]| {
            let response = w.build(
                &json!({ "packages": ["gst-plugin-one", "gst-plugin-two"], "features": features }),
            );
            let path = Path::new(response["plugins"][0]["path"].as_str().unwrap()).to_owned();
            assert_eq!(path, w.path("target").join(folder).join("libgstone.a"));
            link_and_run(&w, &response, &["one_value", "two_value"])
        };
        assert_eq!(run(&[]), "101\n102\n", "{kind}");
        // Under the name that it has in Cargo.toml; what is shared is one.
        assert_eq!(run(&["short/big"]), "1001\n1002\n", "{kind}");
        assert_eq!(run(&["unixy/more"]), "102\n102\n", "{kind}");
        // Turns the dependency on as well; with a question mark only its feature.
        assert_eq!(run(&["extra/more"]), "121\n102\n", "{kind}");
        assert_eq!(run(&["extra"]), "111\n102\n", "{kind}");
        assert_eq!(run(&["extra?/more"]), "101\n102\n", "{kind}");
        assert_eq!(
            run(&["extra?/more,extra", "short/big"]),
            "1021\n1002\n",
            "{kind}"
        );
        let fails = |feature: &str| {
            let request =
                json!({ "packages": ["gst-plugin-one", "gst-plugin-two"], "features": [feature] });
            let response = w.ask("build", &request);
            assert_eq!(response["ok"], false, "{kind} {feature}: {response:#}");
            response["errors"][0].clone()
        };
        let none = fails("shrot/big");
        let unknown = fails("short/bgi");
        if kind == DYNAMIC {
            assert_eq!(none["hint"], "did you mean `short`?");
            assert_eq!(unknown["hint"], "did you mean `big`?");
            let message = unknown["message"].as_str().unwrap();
            assert!(
                message.contains("`base` 0.1.0 has no feature `bgi`"),
                "{message}"
            );
            let builder = fails("builder/more");
            assert!(
                builder["message"]
                    .as_str()
                    .unwrap()
                    .contains("build dependency"),
                "{builder}"
            );
        }
    }
}

#[test]
fn features_of_dependencies_keep_to_the_lock_file() {
    let w = with_dependencies(DYNAMIC);
    w.cargo(&["generate-lockfile", "--offline"]);
    let before = w.contents();
    let request = json!({ "packages": ["gst-plugin-one"], "features": ["short/big"], "locked": true, "offline": true });
    let response = w.build(&request);
    assert_eq!(link_and_run(&w, &response, &["one_value"]), "1001\n");
    assert_eq!(before, w.contents());
}

/// Target folders that are spelled with `..`, in each place that may name one.
#[cfg(unix)]
#[test]
fn a_target_folder_is_found_however_it_is_spelled() {
    for kind in [STATIC, DYNAMIC] {
        let w = two_plugins(ROOT, kind, kind);
        // A link's `..` is in another place than its name says.
        fs::create_dir_all(w.path("target/deep/er")).unwrap();
        std::os::unix::fs::symlink(w.path("target/deep/er"), w.path("target/link")).unwrap();
        let one = json!(["gst-plugin-one"]);
        let check = |response: Value, folder: &str| {
            let path = PathBuf::from(response["plugins"][0]["path"].as_str().unwrap());
            assert!(path.is_file(), "{kind}: {path:?}");
            assert!(
                !path.components().any(|c| c.as_os_str() == ".."),
                "{path:?}"
            );
            let folder = w.path(folder).canonicalize().unwrap();
            assert!(
                path.canonicalize().unwrap().starts_with(&folder),
                "{path:?} is not in {folder:?}"
            );
        };
        let asked = |dir: &str| w.build(&json!({ "packages": one, "target_dir": w.path(dir) }));
        check(asked("target/nothing/../a"), "target/a");
        check(asked("target/./b/c/../../b"), "target/b");
        check(asked("target/link/../d"), "target/deep/d");
        let variable = |name: &str, dir: &str| {
            w.build(&json!({ "packages": one, "env": { name: w.path(dir) } }))
        };
        check(variable("CARGO_TARGET_DIR", "target/x/../e"), "target/e");
        check(
            variable("CARGO_BUILD_TARGET_DIR", "target/x/../f"),
            "target/f",
        );
        w.write(
            ".cargo/config.toml",
            "[build]\ntarget-dir = \"target/x/../g\"\n",
        );
        check(w.build(&json!({ "packages": one })), "target/g");
        // The workspace itself, too.
        let manifest = w.path("one/../two/../Cargo.toml");
        check(
            w.build(&json!({ "packages": one, "manifest_path": manifest })),
            "target/g",
        );
    }
}

/// From where the user is, as cargo reads them; it runs in the workspace.
#[test]
fn relative_target_folders_of_the_environment() {
    let w = two_plugins(ROOT, STATIC, STATIC);
    fs::create_dir_all(w.path("target/here")).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_dragonfire"))
        .args([
            "build",
            "--json",
            "--package",
            "gst-plugin-one",
            "--manifest-path",
            "../../Cargo.toml",
        ])
        .current_dir(w.path("target/here"))
        .env("CARGO_TARGET_DIR", "../x/../there")
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(w.path("target/there/release/libgstone.a").is_file());
}

/// As gst-plugins-rs' build system sets the variable.
#[test]
fn the_compiler_may_have_arguments() {
    for kind in [STATIC, DYNAMIC] {
        let w = two_plugins(ROOT, kind, kind);
        w.write(
            "one/src/lib.rs",
            &function(
                "one_value",
                "base::base() + if cfg!(told = \"so much\") { 10 } else { 1 }",
            ),
        );
        // A build script runs the compiler too, and its own is compiled and linked.
        w.write(
            "one/build.rs",
            "fn main() {\n\
                println!(\"cargo::rustc-check-cfg=cfg(told, values(\\\"so much\\\"))\");\n\
                let rustc = std::env::var_os(\"RUSTC\").unwrap();\n\
                let out = std::process::Command::new(rustc).arg(\"-vV\").output().unwrap();\n\
                assert!(out.stdout.starts_with(b\"rustc 1.\"), \"{out:?}\");\n}\n",
        );
        for target in [None, Some(host())] {
            let mut request = json!({
                "packages": ["gst-plugin-one"],
                "env": { "RUSTC": "rustc -C linker=cc --cfg 'told=\"so much\"'" },
            });
            if let Some(target) = target {
                request["env"]["RUSTC"] = json!(format!(
                    "{} --target {target}",
                    request["env"]["RUSTC"].as_str().unwrap()
                ));
                request["target"] = json!(target);
            }
            let response = w.build(&request);
            assert_eq!(
                link_and_run(&w, &response, &["one_value"]),
                "110\n",
                "{kind}"
            );
            assert!(
                !response["plugins"][0]["native_static_libs"]
                    .as_array()
                    .unwrap()
                    .is_empty()
            );
        }
    }
}

fn host() -> String {
    let output = Command::new("rustc").arg("-vV").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .find_map(|l| l.strip_prefix("host: "))
        .unwrap()
        .to_owned()
}

/// A static program has another unwinder than the one that rustc names.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[test]
fn static_programs_link_with_what_is_named() {
    let w = two_plugins(ROOT, STATIC, STATIC);
    w.write(
        "one/src/lib.rs",
        &function(
            "one_value",
            "std::panic::catch_unwind(|| panic!()).map_or(5, |()| 6)",
        ),
    );
    let response = w.build(&json!({ "packages": ["gst-plugin-one"] }));
    let natives = response["plugins"][0]["native_static_libs"]
        .as_array()
        .unwrap()
        .clone();
    assert!(
        natives.contains(&json!("-lc")) && !natives.contains(&json!("-lgcc_s")),
        "{natives:?}"
    );
    assert_eq!(link_and_run(&w, &response, &["one_value"]), "5\n");
    let program = w.path("target/static");
    let mut cc = Command::new("cc");
    cc.arg("-static")
        .arg(w.path("target/main.c"))
        .arg("-o")
        .arg(&program);
    cc.arg(response["plugins"][0]["path"].as_str().unwrap());
    cc.args(natives.iter().map(|n| n.as_str().unwrap()));
    let output = cc.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(Command::new(program).output().unwrap().stdout, b"5\n");
}

/// `cargo dragonfire`, from a folder within the workspace; cargo finds the program on PATH.
#[test]
fn cargos_subcommand_finds_the_workspace() {
    let w = two_plugins(ROOT, STATIC, STATIC);
    // The entry points of plugins: what melding keeps where nothing is said.
    for name in ["one", "two"] {
        let value = format!("base::base() + {}", name.len());
        w.write(
            &format!("{name}/src/lib.rs"),
            &function(&format!("gst_plugin_{name}_register"), &value),
        );
    }
    let program = Path::new(env!("CARGO_BIN_EXE_cargo-dragonfire"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(program.parent().unwrap().to_owned());
    let path = std::env::join_paths(folders.chain(std::env::split_paths(&path))).unwrap();
    let ask = |folder: &str, args: &[&str]| {
        let output = Command::new(env!("CARGO"))
            .arg("dragonfire")
            .args(args)
            .current_dir(w.path(folder))
            .env("PATH", &path)
            .env_remove("CARGO_TARGET_DIR")
            .output()
            .unwrap();
        assert!(output.status.success(), "{args:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(ask("one/src", &["discover", "--quiet", "--json"]).contains("gsttwo"));
    let response: Value =
        serde_json::from_str(&ask("one/src", &["meld", "-p", "gst-plugin-one", "--json"])).unwrap();
    assert_eq!(libraries(&response), ["gstone"]);
    assert!(w.path("target/dragonfire/lib/libgstone.a").is_file());
    let response: Value =
        serde_json::from_str(&ask(".", &["meld", "--json", "--out", "target/x"])).unwrap();
    assert_eq!(libraries(&response), ["gstone", "gsttwo"]);
    assert!(w.path("target/x/libgstrsworkspace.a").is_file());
    // Libraries are what they are, in whatever folder.
    ask("target/x", &["inspect", "libgstone.a"]);
    assert!(ask(".", &["--version"]).starts_with("dragonfire "));
    let nowhere = tempfile::tempdir().unwrap();
    let output = Command::new(program)
        .args(["dragonfire", "discover"])
        .current_dir(nowhere.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("no Cargo.toml in this folder"));
}
