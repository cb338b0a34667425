//! JSON Schemas of the protocol and the manifest, generated from the Rust types.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

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
