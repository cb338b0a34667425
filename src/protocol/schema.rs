//! JSON Schemas of the protocol and the manifest, generated from the Rust types.

use std::collections::{BTreeMap, BTreeSet};

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::Value;

use super::PROTOCOL;
use super::request::Request;
use super::response::Response;
use crate::manifest::Manifest;

/// What there is a schema of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Subject {
    Manifest,
    Request,
    Response,
}

/// The schema as text, with a line break at its end. The repository keeps these as
/// `schema/<subject>.json`.
#[must_use]
pub fn render(subject: Subject) -> String {
    let schema = match subject {
        Subject::Manifest => root::<Manifest>("deserialize"),
        Subject::Request => root::<Request>("deserialize"),
        Subject::Response => root::<Response>("serialize"),
    };
    // A Schema is a JSON value: it always serialises.
    let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text.push('\n');
    text
}

/// The fields that a request of each operation may have, with those inside them as `metadata.pkg_config`; in
/// alphabetical order.
#[must_use]
pub fn fields_of_requests() -> BTreeMap<String, Vec<String>> {
    let schema = root::<Request>("deserialize");
    let schema = schema.as_value();
    let requests = schema["oneOf"].as_array().into_iter().flatten();
    let fields = requests.filter_map(|request| {
        // Where several operations have one type, it is a definition beside the name.
        let name = request["properties"]["operation"]["const"].as_str()?;
        let mut found = BTreeSet::new();
        fields(schema, request, &mut Vec::new(), &mut found);
        found.remove("operation");
        Some((name.to_owned(), found.into_iter().collect()))
    });
    fields.collect()
}

/// Adds the fields of `part` below the field `above`.
fn fields<'s>(
    schema: &'s Value,
    part: &'s Value,
    above: &mut Vec<&'s str>,
    found: &mut BTreeSet<String>,
) {
    if let Some(name) = part["$ref"].as_str() {
        let name = name.rsplit('/').next().unwrap_or_default();
        fields(schema, &schema["$defs"][name], above, found);
    }
    for choices in ["anyOf", "oneOf"] {
        for choice in part[choices].as_array().into_iter().flatten() {
            fields(schema, choice, above, found);
        }
    }
    if part["items"].is_object() {
        fields(schema, &part["items"], above, found);
    }
    for (name, field) in part["properties"].as_object().into_iter().flatten() {
        above.push(name);
        found.insert(above.join("."));
        fields(schema, field, above, found);
        above.pop();
    }
}

/// Requests are described as we read them, responses as we write them.
fn root<T: JsonSchema>(contract: &str) -> Schema {
    let settings = SchemaSettings::draft2020_12();
    let settings = if contract == "serialize" {
        settings.for_serialize()
    } else {
        settings.for_deserialize()
    };
    settings.into_generator().into_root_schema_for::<T>()
}

/// The version of the protocol: a constant, so that a validator refuses another.
pub(super) fn protocol_version(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "integer", "const": PROTOCOL })
}

/// The version of the manifest's schema.
pub(crate) fn manifest_version(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "integer", "const": 1 })
}

/// One value, or a list of them.
pub(crate) fn one_or_several<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    let one = generator.subschema_for::<T>();
    json_schema!({ "anyOf": [one, { "type": "array", "items": one }] })
}
