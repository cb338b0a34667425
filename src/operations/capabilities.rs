//! `capabilities`: what this engine can do, from the tables that its stages themselves go by.

use clap::ValueEnum;

use crate::format::{self, Format, Machine};
use crate::manifest;
use crate::protocol::capabilities::{Capabilities, FormatSupport, Operation};
use crate::protocol::request::{ArchiveFlavour, OPERATIONS, Strategy};
use crate::protocol::response::Response;
use crate::protocol::{PROTOCOL, schema};

/// What no field of a request shows. A name is never taken back while the protocol has its number.
pub const FEATURES: [&str; 6] = [
    "cargo-c-metadata",
    "debug-lines-of-live-code",
    "progress-events",
    "proof-before-replacing",
    "thin-archives",
    "universal-libraries",
];

/// Answers `capabilities`.
#[must_use]
pub fn run() -> Response {
    let fields = schema::fields_of_requests();
    let operations = OPERATIONS.iter().map(|name| Operation {
        name: (*name).to_owned(),
        fields: fields.get(*name).cloned().unwrap_or_default(),
    });
    let strategies = [Strategy::Dedup, Strategy::Prelink, Strategy::Meld];
    let formats = [Format::Elf, Format::Coff, Format::MachO].map(|format| FormatSupport {
        format: format.to_string().to_lowercase(),
        read: names(format::known_machines(format)),
        written: names(format::written_machines(format)),
    });
    let archives = ArchiveFlavour::value_variants().iter();
    let archives = archives.filter_map(|a| Some(a.to_possible_value()?.get_name().to_owned()));
    Response {
        capabilities: Some(Capabilities {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            protocols: vec![PROTOCOL],
            manifests: vec![manifest::SCHEMA],
            operations: operations.collect(),
            strategies: strategies.iter().map(|s| s.name().to_owned()).collect(),
            formats: formats.into(),
            archives: archives.collect(),
            features: FEATURES.iter().map(|f| (*f).to_owned()).collect(),
        }),
        ..Response::new("capabilities")
    }
}

fn names(machines: &[Machine]) -> Vec<String> {
    machines.iter().map(ToString::to_string).collect()
}
