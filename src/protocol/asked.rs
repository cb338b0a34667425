//! What requests say of manifests and exports, whichever they are.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::request::{
    CombineRequest, InspectRequest, LibraryInput, ManifestSource, Request, Source, VerifyRequest,
    Workspace,
};
use super::schema::protocol_version;
use crate::exports::Asked;
use crate::exports::presets::Preset;

/// `why`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WhyRequest {
    #[schemars(schema_with = "protocol_version")]
    pub protocol: u32,
    pub source: Source,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<ManifestSource>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exports: Vec<String>,
    /// Presets of exports, besides the manifest's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub presets: Vec<Preset>,
    /// Crates in the libraries whose C API is exported, besides the manifest's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exports_of: Vec<String>,
    /// Symbol (mangled or a part of the demangled name) or section.
    #[schemars(length(min = 1))]
    pub what: String,
}

/// `discover`: exactly one of a workspace and libraries. Nothing is built, and libraries need not be there yet.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("oneOf" = [{"required": ["workspace"]}, {"required": ["libraries"]}]))]
pub struct DiscoverRequest {
    #[schemars(schema_with = "protocol_version")]
    pub protocol: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Workspace")]
    pub workspace: Option<Workspace>,
    /// Only the names of their files are looked at.
    #[serde(
        default,
        deserialize_with = "super::request::at_least_one",
        skip_serializing_if = "Vec::is_empty"
    )]
    #[schemars(length(min = 1))]
    pub libraries: Vec<LibraryInput>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<ManifestSource>,
}

/// `exports`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExportsRequest {
    #[schemars(schema_with = "protocol_version")]
    pub protocol: u32,
    pub source: Source,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<ManifestSource>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exports: Vec<String>,
    /// Presets of exports, besides the manifest's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub presets: Vec<Preset>,
    /// Crates in the libraries whose C API is exported, besides the manifest's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exports_of: Vec<String>,
}

impl Request {
    /// The manifest it brings or names.
    #[must_use]
    pub fn manifest(&self) -> Option<&ManifestSource> {
        match self {
            Self::Capabilities(_) => None,
            Self::Discover(r) => r.manifest.as_ref(),
            Self::Build(r) => r.manifest.as_ref(),
            Self::Inspect(r) => r.manifest.as_ref(),
            Self::Dedup(r) | Self::Prelink(r) | Self::Meld(r) => r.manifest.as_ref(),
            Self::Verify(r) => r.manifest.as_ref(),
            Self::Why(r) => r.manifest.as_ref(),
            Self::Exports(r) => r.manifest.as_ref(),
        }
    }
}

/// What a request says of exports.
pub trait AsksExports {
    /// The patterns, presets and crates, besides the manifest's.
    fn asked(&self) -> Asked<'_>;
}

macro_rules! asks_exports {
    ($($request:ty),*) => {$(
        impl AsksExports for $request {
            fn asked(&self) -> Asked<'_> {
                Asked {
                    patterns: &self.exports,
                    presets: &self.presets,
                    crates: &self.exports_of,
                }
            }
        }
    )*};
}

asks_exports!(
    CombineRequest,
    InspectRequest,
    VerifyRequest,
    WhyRequest,
    ExportsRequest
);
