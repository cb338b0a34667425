//! What this engine can do, for build systems that work with several of its versions.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::schema::protocol_version;

/// `capabilities`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CapabilitiesRequest {
    #[schemars(schema_with = "protocol_version")]
    pub protocol: u32,
}

/// The answer. Lists grow from version to version and lose nothing within a protocol version.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Capabilities {
    /// The engine's version.
    pub version: String,
    /// Versions of the protocol that it speaks.
    pub protocols: Vec<u32>,
    /// Versions of the manifest's schema that it reads.
    pub manifests: Vec<u32>,
    /// What can be asked, with the fields of each request.
    pub operations: Vec<Operation>,
    /// The operations that combine libraries.
    pub strategies: Vec<String>,
    /// Formats of objects.
    pub formats: Vec<FormatSupport>,
    /// Archive kinds that can be written.
    pub archives: Vec<String>,
    /// What no field of a request shows: `docs/protocol.md` says what each means.
    pub features: Vec<String>,
}

/// An operation and the fields that its request may have, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Operation {
    pub name: String,
    pub fields: Vec<String>,
}

/// An object format and its machines.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FormatSupport {
    /// `elf`, `coff` or `mach-o`.
    pub format: String,
    /// Machines that `inspect` and `dedup` know by name; they take others too.
    pub read: Vec<String>,
    /// Machines that `prelink` and `meld` write objects for. Of Mach-O's `aarch64` that is arm64, not arm64e.
    pub written: Vec<String>,
}
