//! Flags for rustc, of all crates and of the workspace's own; libraries that are asked about before they are built.

use super::*;

/// Two plugins and a path dependency outside of the workspace, which each tell which of `mine` and `all` they were
/// compiled with; the plugins' build script must not be with `mine`.
fn telling(kind: &str, config: &str) -> Workspace {
    let w = two_plugins(ROOT, kind, kind);
    let flags =
        "i32::from(cfg!(mine)) + 10 * i32::from(cfg!(all)) + 100 * i32::from(cfg!(configured))";
    w.write(
        "outside/Cargo.toml",
        &(package("outside", "outside", "\"rlib\"", "") + "[workspace]\n"),
    );
    w.write(
        "outside/src/lib.rs",
        &format!("pub fn value() -> i32 {{ {flags} }}\n"),
    );
    w.write(
        "one/Cargo.toml",
        &package(
            "gst-plugin-one",
            "gstone",
            kind,
            "[dependencies]\noutside = { path = \"../outside\" }\n",
        ),
    );
    w.write(
        "Cargo.toml",
        &(ROOT.to_owned() + "exclude = [\"outside\"]\n"),
    );
    w.write(
        "one/build.rs",
        "fn main() { assert!(!cfg!(mine)); assert!(cfg!(all) || true) }\n",
    );
    w.write(
        "one/src/lib.rs",
        &function("one_value", &format!("1000 * outside::value() + {flags}")),
    );
    w.write("two/src/lib.rs", &function("two_value", flags));
    w.write(".cargo/config.toml", config);
    w
}

#[test]
fn flags_are_for_all_crates_or_for_the_workspaces_own() {
    for kind in [STATIC_TOO, DYNAMIC] {
        let w = telling(kind, "");
        let packages = json!(["gst-plugin-one", "gst-plugin-two"]);
        let run = |flags: &[&str], local: &[&str]| {
            let response = w.build(
                &json!({ "packages": packages, "rustflags": flags, "local_rustflags": local }),
            );
            link_and_run(&w, &response, &["one_value", "two_value"])
        };
        // Each is another build than the one before, without a change of any source.
        assert_eq!(run(&[], &[]), "0\n0\n", "{kind}");
        assert_eq!(run(&[], &["--cfg=mine"]), "1\n1\n", "{kind}");
        assert_eq!(
            run(&["--cfg=all"], &["--cfg", "mine"]),
            "10011\n11\n",
            "{kind}"
        );
        assert_eq!(
            run(&[], &["--cfg=mine=\"a\\\\b c\"", "--cfg=mine"]),
            "1\n1\n",
            "{kind}"
        );
        assert_eq!(run(&[], &[]), "0\n0\n", "{kind}");
    }
}

#[test]
fn the_users_own_flags_stay() {
    let build = "[build]\nrustflags = [\"--cfg=configured\"]\n";
    let target = "[target.'cfg(unix)']\nrustflags = [\"--cfg\", \"configured\"]\n";
    let elsewhere = "[target.'cfg(windows)']\nrustflags = [\"--cfg=wrong\"]\n\
                     [build]\nrustflags = [\"--cfg=configured\"]\n";
    let variable = |name: &str, value: &str| json!({ name: value });
    let upper = host().to_uppercase().replace('-', "_");
    let of_target = format!("CARGO_TARGET_{upper}_RUSTFLAGS");
    for (config, env) in [
        (build, json!({})),
        (target, json!({})),
        (elsewhere, json!({})),
        ("", variable("RUSTFLAGS", " --cfg  configured ")),
        (build, variable("RUSTFLAGS", "--cfg=configured")),
        (
            "",
            variable("CARGO_ENCODED_RUSTFLAGS", "--cfg\u{1f}configured"),
        ),
        ("", variable(&of_target, "--cfg=configured")),
        (build, variable(&of_target, "--cfg=configured")),
    ] {
        let w = telling(STATIC_TOO, config);
        let response = w.build(&json!({
            "packages": ["gst-plugin-two"], "rustflags": ["--cfg=all"], "env": env
        }));
        assert_eq!(
            link_and_run(&w, &response, &["two_value"]),
            "110\n",
            "{config} {env}"
        );
    }
}

fn host() -> String {
    let output = Command::new(env!("CARGO")).arg("-vV").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let line = text.lines().find_map(|l| l.strip_prefix("host: "));
    line.unwrap().to_owned()
}

#[test]
fn libraries_are_known_by_their_names_before_they_are_there() {
    let w = two_plugins(ROOT, STATIC_TOO, STATIC_TOO);
    let ask = |libraries: Value, manifest: Option<Value>| {
        let mut request = json!({"protocol": 1, "operation": "discover", "libraries": libraries});
        if let Some(manifest) = manifest {
            request["manifest"] = manifest;
        }
        w.send(&request)
    };
    let two = json!([{"path": "not/there/libmine.a"}, {"path": "libother.a"}]);
    let response = ask(two.clone(), None);
    assert_eq!(response["plugins"][0]["plugin"], "mine", "{response}");
    assert_eq!(response["plugins"][1]["file_name"], "libother.a");
    assert_eq!(
        response["workspace_library"]["file_name"],
        "libmine_shared.a"
    );
    let named = json!({"schema": 1, "workspace_library": "common",
        "plugins": [{"library": "mine", "plugin": "a"}, {"library": "other"}]});
    let response = ask(two, Some(named));
    assert_eq!(response["plugins"][0]["plugin"], "a", "{response}");
    assert_eq!(response["workspace_library"]["library"], "common");
    let response = ask(json!([{"path": "x/mine.lib"}]), None);
    assert_eq!(
        response["workspace_library"]["file_name"],
        "mine_shared.lib"
    );
    let response = ask(json!([]), None);
    assert_eq!(
        response["errors"][0]["code"], "request-invalid",
        "{response}"
    );
}
