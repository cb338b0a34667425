//! The one manifest schema: which plugins there are and what they export.
//!
//! The same types read a JSON file and `[workspace.metadata.dragonfire]` of a Cargo.toml.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Name of the workspace library where nothing else is said.
pub const DEFAULT_WORKSPACE_LIBRARY: &str = "gstrsworkspace";

/// The manifest. Unknown fields are errors.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Version of this schema: 1.
    pub schema: u32,
    /// Library that takes what the plugins share, without `lib` prefix or suffix.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace_library: Option<String>,
    /// Globs over symbol names that every plugin exports. `{plugin}` is the library name less its
    /// leading `gst`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exports: Vec<String>,
    /// The plugins; empty means every one that discovery finds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plugins: Vec<PluginEntry>,
    /// Globs over vague-linkage symbols (C++ inline functions, type_info) that stay visible.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keep_vague: Vec<String>,
}

/// One plugin of the manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PluginEntry {
    /// Cargo package name.
    pub package: String,
    /// Plugin name for `{plugin}`, where the library's name less `gst` is not it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plugin: Option<String>,
    /// Globs of further exports of this plugin.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exports: Vec<String>,
}
