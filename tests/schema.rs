//! The schemas in the repository are those of the types.

use std::path::Path;

use dragonfire::protocol::schema::{Subject, render};
use serde_json::Value;

const SUBJECTS: [(Subject, &str); 3] = [
    (Subject::Manifest, "manifest"),
    (Subject::Request, "request"),
    (Subject::Response, "response"),
];

#[test]
fn committed_schemas_have_not_drifted() {
    for (subject, name) in SUBJECTS {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("schema/{name}.json"));
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            committed == render(subject),
            "schema/{name}.json is old: cargo run -- schema {name} > schema/{name}.json"
        );
    }
}

#[test]
fn the_version_is_a_required_constant() {
    let request: Value = serde_json::from_str(&render(Subject::Request)).expect("JSON");
    let variants = request["oneOf"]
        .as_array()
        .expect("one schema an operation");
    assert_eq!(variants.len(), 10);
    for variant in variants {
        // A variant stands here or among the definitions.
        let body = match variant["$ref"].as_str() {
            Some(reference) => &request["$defs"][reference.rsplit('/').next().unwrap_or_default()],
            None => variant,
        };
        assert_eq!(body["properties"]["protocol"]["const"], 1, "{variant}");
        let required = body["required"].as_array().expect("required fields");
        assert!(required.contains(&"protocol".into()), "{variant}");
    }
    let manifest: Value = serde_json::from_str(&render(Subject::Manifest)).expect("JSON");
    assert_eq!(manifest["properties"]["schema"]["const"], 1);
    assert_eq!(manifest["additionalProperties"], false);
}

/// Every code, and no other one, has a line of its own with a cause and a cure.
#[test]
fn the_page_of_error_codes_is_complete() {
    let response: Value = serde_json::from_str(&render(Subject::Response)).expect("JSON");
    let mut codes = Vec::new();
    strings(&response["$defs"]["Code"], &mut codes);
    assert!(codes.len() > 40, "{codes:?}");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/errors.md");
    let page = std::fs::read_to_string(path).expect("docs/errors.md");
    let mut told = Vec::new();
    for line in page.lines().filter(|l| l.starts_with("| `")) {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [code, cause, cure] = cells.as_slice() else {
            panic!("three cells: {line}");
        };
        assert!(cause.len() > 10 && cure.len() > 5, "{line}");
        told.push(code.trim_matches('`').to_owned());
    }
    codes.sort();
    told.sort();
    assert_eq!(told, codes, "docs/errors.md and the codes in src/error.rs");
}

/// The values of an enumeration, with or without descriptions.
fn strings(schema: &Value, all: &mut Vec<String>) {
    for one in schema["enum"].as_array().into_iter().flatten() {
        all.extend(one.as_str().map(str::to_owned));
    }
    all.extend(schema["const"].as_str().map(str::to_owned));
    for one in schema["oneOf"].as_array().into_iter().flatten() {
        strings(one, all);
    }
}
