//! What the engine says it can do, against what it does.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use dragonfire::format::{self, Format, Machine, MemberKind};
use serde_json::{Value, json};

fn stdout(args: &[&str], stdin: &str) -> String {
    let mut child = Command::new(env!("CARGO_BIN_EXE_dragonfire"))
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("dragonfire starts");
    // A program that does not read is no failure.
    let _ = child
        .stdin
        .take()
        .expect("stdin")
        .write_all(stdin.as_bytes());
    let output = child.wait_with_output().expect("dragonfire ends");
    String::from_utf8(output.stdout).expect("UTF-8")
}

fn ask(request: &Value) -> Value {
    serde_json::from_str(&stdout(&["request"], &request.to_string())).expect("JSON")
}

fn capabilities() -> Value {
    let response = ask(&json!({"protocol": 1, "operation": "capabilities"}));
    assert_eq!(response["ok"], true, "{response}");
    assert_eq!(response["operation"], "capabilities");
    response["capabilities"].clone()
}

fn list(value: &Value) -> Vec<&str> {
    let words = value.as_array().expect("a list").iter();
    words.map(|v| v.as_str().expect("a word")).collect()
}

#[test]
fn the_request_and_the_commands_say_the_same() {
    let capabilities = capabilities();
    assert_eq!(capabilities["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(capabilities["protocols"], json!([1]));
    let by_command: Value =
        serde_json::from_str(&stdout(&["capabilities", "--json"], "")).expect("JSON");
    assert_eq!(by_command["capabilities"], capabilities);
    let version = stdout(&["--version"], "");
    let text = stdout(&["capabilities"], "");
    assert!(text.starts_with(&version), "{text}");
    for arguments in [
        &["--version", "--verbose"][..],
        &["--verbose", "-V"],
        &["-vV"],
    ] {
        assert_eq!(stdout(arguments, ""), text, "{arguments:?}");
    }
    for format in capabilities["formats"].as_array().expect("formats") {
        let name = format["format"].as_str().expect("a name");
        assert!(text.lines().any(|l| l.starts_with(name)), "{name}: {text}");
    }
}

/// Each operation that it names is one, and takes the fields that it names: an unknown one is said, with the
/// place.
#[test]
fn operations_take_their_fields() {
    let capabilities = capabilities();
    for operation in capabilities["operations"].as_array().expect("operations") {
        let name = operation["name"].as_str().expect("a name");
        let fields: BTreeSet<&str> = list(&operation["fields"]).into_iter().collect();
        let top = fields
            .iter()
            .filter(|f| !f.contains('.') && **f != "protocol");
        for field in top {
            // Of no field's type.
            let response = ask(&json!({"protocol": 1, "operation": name, *field: 1.5}));
            let message = response["errors"][0]["message"].as_str().expect("an error");
            assert!(!message.contains("unknown field"), "{name}: {message}");
            assert!(message.contains(&format!("$.{field}")), "{name}: {message}");
        }
        let response = ask(&json!({"protocol": 1, "operation": name, "nonsense": true}));
        let message = response["errors"][0]["message"].as_str().expect("an error");
        assert!(message.contains("unknown field `nonsense`"), "{message}");
    }
    let meld = &capabilities["operations"].as_array().expect("operations");
    let meld = meld.iter().find(|o| o["name"] == "meld").expect("meld");
    let fields = list(&meld["fields"]);
    for deep in [
        "metadata.pkg_config",
        "source.workspace.targets",
        "packages.xcframework",
    ] {
        assert!(fields.contains(&deep), "{deep}: {fields:?}");
    }
    for strategy in list(&capabilities["strategies"]) {
        assert!(
            ["dedup", "prelink", "meld"].contains(&strategy),
            "{strategy}"
        );
    }
}

/// Mach-O's writer decides by numbers of its own.
#[test]
fn machines_that_are_named_are_written() {
    // mach/machine.h: CPU_TYPE_X86_64, I386, ARM64, ARM.
    for cpu in [0x0100_0007_u32, 7, 0x0100_000c, 12] {
        let mut header = Vec::new();
        for word in [0xfeed_facf_u32, cpu, 0, 1, 0, 0, 0, 0] {
            header.extend(word.to_le_bytes());
        }
        let kind = format::classify(&header);
        let MemberKind::Object(Format::MachO, machine) = kind else {
            panic!("{kind:?}");
        };
        assert!(format::known_machines(Format::MachO).contains(&machine));
        assert_eq!(
            format::check_writable(kind, &header).is_ok(),
            format::written_machines(Format::MachO).contains(&machine),
            "{machine}"
        );
    }
    for format in [Format::Elf, Format::Coff] {
        for machine in format::known_machines(format) {
            let writable = format::check_writable(MemberKind::Object(format, *machine), b"");
            let named = format::written_machines(format).contains(machine);
            assert_eq!(writable.is_ok(), named, "{format} {machine}");
        }
        let other = MemberKind::Object(format, Machine::Other(1));
        assert!(format::check_writable(other, b"").is_err());
    }
    let all = capabilities();
    let coff = &all["formats"][1];
    assert_eq!(coff["format"], "coff");
    assert!(list(&coff["read"]).contains(&"x86") && !list(&coff["written"]).contains(&"x86"));
}

#[test]
fn every_feature_is_explained() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/protocol.md");
    let page = std::fs::read_to_string(page).expect("docs/protocol.md");
    for feature in list(&capabilities()["features"]) {
        assert!(page.contains(&format!("| `{feature}` |")), "{feature}");
    }
}
