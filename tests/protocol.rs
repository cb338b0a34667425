//! The protocol and the command line, asked of the program itself.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

fn dragonfire(args: &[&str], stdin: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_dragonfire"))
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("dragonfire starts");
    let mut pipe = child.stdin.take().expect("its stdin");
    // A program that ends without reading is no failure of the test.
    let _ = pipe.write_all(stdin);
    drop(pipe);
    child.wait_with_output().expect("dragonfire ends")
}

/// Sends a request; checks that exactly one JSON object comes back and that the exit status fits it.
fn request(stdin: &[u8]) -> (Value, i32) {
    let output = dragonfire(&["request"], stdin);
    let text = String::from_utf8(output.stdout).expect("UTF-8 on stdout");
    assert!(
        text.ends_with('\n') && text.trim_end().lines().count() == 1,
        "{text}"
    );
    let response: Value = serde_json::from_str(&text).expect("JSON on stdout");
    let status = output.status.code().expect("an exit status");
    assert!(response.is_object());
    assert_eq!(response["protocol"], 1);
    assert_eq!(response["ok"], status == 0);
    (response, status)
}

/// The first error of a request that fails: code, message, hint.
fn failure(stdin: &[u8], code: &str, expected_status: i32) -> (String, String) {
    let (response, status) = request(stdin);
    assert_eq!(status, expected_status, "{response}");
    let error = &response["errors"][0];
    assert_eq!(error["code"], code, "{response}");
    let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    (text(&error["message"]), text(&error["hint"]))
}

fn bytes(value: &Value) -> Vec<u8> {
    value.to_string().into_bytes()
}

#[test]
fn what_is_not_json() {
    for stdin in [
        "",
        " \n",
        "{",
        "nonsense",
        "{\"protocol\": 1} x",
        "{\"a\": \"\u{1}\"}",
    ] {
        failure(stdin.as_bytes(), "request-not-json", 2);
    }
    failure(
        b"{\"protocol\": 1, \"operation\": \"\xff\"}",
        "request-not-json",
        2,
    );
    // Deeper than any request; must not exhaust the stack.
    failure("[".repeat(1_000_000).as_bytes(), "request-not-json", 2);
}

#[test]
fn protocol_version() {
    for version in [
        json!(0),
        json!(2),
        json!("1"),
        json!(1.5),
        json!(null),
        json!(-1),
    ] {
        let stdin = bytes(&json!({"protocol": version, "operation": "inspect"}));
        failure(&stdin, "protocol-version", 2);
    }
    let (message, hint) = failure(b"{\"operation\": \"meld\"}", "protocol-version", 2);
    assert!(message.contains("no protocol version"), "{message}");
    assert!(hint.contains("\"protocol\": 1"), "{hint}");
}

#[test]
fn unknown_operation() {
    let stdin = bytes(&json!({"protocol": 1, "operation": "mled"}));
    let (message, hint) = failure(&stdin, "unknown-operation", 2);
    assert!(message.contains("`mled`"), "{message}");
    let known = hint.rsplit(": ").next().expect("a list");
    assert!(known.starts_with("meld"), "{hint}");
    for operation in [
        "discover", "build", "inspect", "dedup", "prelink", "verify", "why",
    ] {
        assert!(known.contains(operation), "{hint}");
    }
    failure(b"{\"protocol\": 1}", "request-invalid", 2);
    failure(b"{\"protocol\": 1, \"operation\": 3}", "request-invalid", 2);
    failure(b"[]", "request-invalid", 2);
}

#[test]
fn the_place_of_a_fault() {
    let libraries = json!({"libraries": [{"path": "liba.a"}]});
    let dir = json!({"dir": "out"});
    let cases = [
        (json!({"operation": "dedup"}), "$"),
        (json!({"operation": "dedup", "source": libraries}), "$"),
        (
            json!({"operation": "dedup", "source": libraries, "output": dir, "exprots": []}),
            "$.exprots",
        ),
        (
            json!({"operation": "dedup", "source": {"libraries": [{"path": "a"}, {"pth": "b"}]}, "output": dir}),
            "$.source.libraries[1].pth",
        ),
        (
            json!({"operation": "dedup", "source": {"workspace": {"locked": "yes"}}, "output": dir}),
            "$.source.workspace.locked",
        ),
        (
            json!({"operation": "meld", "source": libraries, "output": dir, "symbols": "some"}),
            "$.symbols",
        ),
        (
            json!({"operation": "meld", "source": libraries, "output": dir, "metadata": {"libtool": 1}}),
            "$.metadata.libtool",
        ),
        (
            json!({"operation": "meld", "source": libraries, "output": dir, "threads": -1}),
            "$.threads",
        ),
        (
            json!({"operation": "meld", "source": libraries, "output": dir, "manifest": {"schema": 1, "plugins": [{"package": "a"}, {}]}}),
            "$.manifest.plugins[1]",
        ),
        (
            json!({"operation": "meld", "source": libraries, "output": dir, "manifest": 7}),
            "$.manifest",
        ),
        // What the types do not say.
        (
            json!({"operation": "meld", "source": {"libraries": []}, "output": dir}),
            "$.source.libraries",
        ),
        (
            json!({"operation": "meld", "source": libraries, "output": {"dir": ""}}),
            "$.output.dir",
        ),
        (
            json!({"operation": "meld", "source": libraries, "output": dir, "threads": 0}),
            "$.threads",
        ),
        (
            json!({"operation": "meld", "source": libraries, "output": dir, "workspace_library": "a/b"}),
            "$.workspace_library",
        ),
        (
            json!({"operation": "discover", "workspace": {}}),
            "$.workspace.manifest_path",
        ),
        (
            json!({"operation": "why", "source": libraries, "what": ""}),
            "$.what",
        ),
        (
            json!({"operation": "verify", "libraries": []}),
            "$.libraries",
        ),
    ];
    let cases = cases.into_iter().chain(faults_of_targets_and_packages());
    for (mut case, place) in cases {
        case["protocol"] = json!(1);
        let (message, _) = failure(&bytes(&case), "request-invalid", 2);
        assert!(
            message.contains(&format!("(at `{place}`)")),
            "{case}: {message}"
        );
    }
}

fn faults_of_targets_and_packages() -> Vec<(Value, &'static str)> {
    let dir = json!({"dir": "out"});
    let workspace = |targets: Value| json!({"manifest_path": "Cargo.toml", "targets": targets});
    let two = workspace(json!(["aarch64-apple-ios", "aarch64-apple-darwin"]));
    let both = json!({"manifest_path": "Cargo.toml", "target": "a", "targets": ["b"]});
    let source = json!({"workspace": two});
    let libraries = json!({"libraries": [{"path": "liba.a"}]});
    let of = |packages: Value| json!({"operation": "meld", "source": source, "output": dir, "packages": packages});
    vec![
        (
            json!({"operation": "discover", "workspace": two}),
            "$.workspace.targets",
        ),
        (
            json!({"operation": "inspect", "source": source}),
            "$.source.workspace.targets",
        ),
        (
            json!({"operation": "build", "workspace": both}),
            "$.workspace.targets",
        ),
        (
            json!({"operation": "build", "workspace": workspace(json!([""]))}),
            "$.workspace.targets",
        ),
        (
            json!({"operation": "meld", "source": source, "output": {"in-place": "libw.a"}}),
            "$.output",
        ),
        (
            json!({"operation": "meld", "source": libraries, "output": dir, "packages": {"jni_libs": "jni"}}),
            "$.packages",
        ),
        (of(json!({"headers": "include"})), "$.packages.headers"),
        (
            of(json!({"xcframework": "a.zip"})),
            "$.packages.xcframework",
        ),
        (of(json!({"jni_libs": ""})), "$.packages.jni_libs"),
        (of(json!({"jnilibs": "j"})), "$.packages.jnilibs"),
    ]
}

#[test]
fn a_request_that_fails_is_not_a_malformed_one() {
    let request = json!({
        "protocol": 1, "operation": "dedup",
        "source": {"libraries": [{"path": "no/such/library.a"}]},
        "output": {"dir": "no/such/folder"},
    });
    let (message, _) = failure(&bytes(&request), "input-not-found", 1);
    assert!(!message.is_empty());
}

#[test]
fn events_are_json_lines_on_stderr() {
    let request = json!({
        "protocol": 1, "operation": "dedup",
        "source": {"libraries": [{"path": "no/such/library.a"}]},
        "output": {"dir": "no/such/folder"},
    });
    let output = dragonfire(&["request", "--events"], &bytes(&request));
    let text = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(!text.is_empty());
    for line in text.lines() {
        let event: Value = serde_json::from_str(line).expect(line);
        assert!(event["event"].is_string(), "{line}");
    }
    serde_json::from_slice::<Value>(&output.stdout).expect("one JSON value on stdout");
}

#[test]
fn command_line_errors() {
    let run = |args: &[&str]| {
        let output = dragonfire(args, b"");
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code(), text)
    };
    // clap's own.
    for args in [
        &["meld", "liba.a"][..],
        &["dedup", "--out", "o", "--in-place", "liba.a"],
        &[
            "dedup",
            "--out",
            "o",
            "--manifest-path",
            "Cargo.toml",
            "liba.a",
        ],
        &["dedup", "--out", "o", "--features", "f", "liba.a"],
        &["-o", "libw.a"],
        &["-f", "elf", "-o", "libw.a", "liba.a"],
        &["meld", "--out", "o", "--jni-libs", "j", "liba.a"],
        &[
            "meld", "--out", "o", "--target", "a", "--target", "b", "liba.a",
        ],
        &[
            "meld",
            "--out",
            "o",
            "--manifest-path",
            "Cargo.toml",
            "--headers",
            "include",
        ],
        &["frobnicate"],
        &[],
    ] {
        assert_eq!(run(args).0, Some(2), "{args:?}");
    }
    // Ours.
    let (status, text) = run(&["meld", "--out", "o"]);
    assert_eq!(status, Some(2), "{text}");
    assert!(
        text.contains("request-invalid") && text.contains("--manifest-path"),
        "{text}"
    );
    let (status, text) = run(&["dedup", "--out", "o", "no/such/library.a"]);
    assert_eq!(status, Some(1), "{text}");
    assert!(
        text.contains("error: no/such/library.a: ") && text.contains("(input-not-found)"),
        "{text}"
    );
    // The original's command line fails like any other.
    let (status, text) = run(&["-o", "libw.a", "-f", "gnu", "no/such/library.a"]);
    assert_eq!(status, Some(1), "{text}");
    assert!(text.contains("(input-not-found)"), "{text}");
}

#[test]
fn json_on_the_command_line() {
    let output = dragonfire(&["dedup", "--json", "--out", "o", "no/such/library.a"], b"");
    assert_eq!(output.status.code(), Some(1));
    let response: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(response["errors"][0]["code"], "input-not-found");
    assert_eq!(response["operation"], "dedup");
}
