//! What the engine answers: all an integration needs, so that no logic is written three times.

use camino::Utf8PathBuf;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::PROTOCOL;
use super::sharing::SharingGroups;
use crate::error::{Diagnostic, Error};
use crate::exports::presets::Preset;

/// The answer to any request. Parts that an operation does not have are absent.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Response {
    #[schemars(schema_with = "super::schema::protocol_version")]
    pub protocol: u32,
    pub ok: bool,
    /// The request's operation; empty where the request could not be read.
    pub operation: String,
    /// Target triple of a workspace build, where known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Target triples, where several were asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<String>,
    /// What was made for several targets, where it is more than one set of libraries: plugins, workspace
    /// library and link line stand in these then.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sets: Vec<TargetSet>,
    /// Plugin libraries, in input order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub plugins: Vec<Plugin>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workspace_library: Option<WorkspaceLibrary>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub totals: Option<Totals>,
    /// Meld: which libraries share with each other and why the others do not; absent where all do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sharing: Option<SharingGroups>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<Link>,
    /// Metadata files written.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<WrittenFile>,
    /// What the result depends on, for depfiles.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<String>")]
    pub inputs: Vec<Utf8PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<super::capabilities::Capabilities>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inspection: Option<super::inspection::Inspection>,
    /// `why`: the chain from an export to what was asked, first link first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub why: Vec<WhyStep>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Diagnostic>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<Diagnostic>,
}

impl Response {
    #[must_use]
    pub fn new(operation: &str) -> Self {
        Self {
            protocol: PROTOCOL,
            ok: true,
            operation: operation.to_owned(),
            ..Self::default()
        }
    }

    #[must_use]
    pub fn failure(operation: &str, error: Error) -> Self {
        Self {
            ok: false,
            errors: error.0,
            ..Self::new(operation)
        }
    }
}

/// The libraries for one target, or for the CPUs of one of Apple's platforms. Fields are those of a
/// [`Response`].
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct TargetSet {
    /// Its folder: the target triple, or platform and CPUs (`ios-arm64_x86_64-simulator`).
    pub name: String,
    pub targets: Vec<String>,
    pub plugins: Vec<Plugin>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workspace_library: Option<WorkspaceLibrary>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub totals: Option<Totals>,
    /// Meld: which libraries share with each other and why the others do not; absent where all do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sharing: Option<SharingGroups>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<Link>,
}

/// A plugin and its library.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Plugin {
    /// Library name without prefix and suffix: `gstjson`.
    pub library: String,
    /// File that every strategy writes it to on this target: `libgstjson.a`, `gstjson.lib`. Known
    /// after `discover` too, so that build systems can name their outputs before anything is built.
    pub file_name: String,
    /// The plugin's name: `json`.
    pub plugin: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub package: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The package's Cargo.toml.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub manifest_path: Option<Utf8PathBuf>,
    /// The library: built, or written by a strategy. Absent after `discover`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub path: Option<Utf8PathBuf>,
    /// Bytes of the library as it came and as it was written.
    pub bytes_before: u64,
    pub bytes_after: u64,
    pub members_before: u64,
    pub members_kept: u64,
    pub members_moved: u64,
    /// Bytes of debug information that the library came with, of which a strategy keeps part or none.
    pub debug_bytes_removed: u64,
    /// Bytes of debug information in the written library, with its relocations (prelink, meld).
    pub debug_bytes: u64,
    pub exports: Vec<String>,
    /// How they were chosen; absent where nothing chose (`dedup`, `discover`, `build`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exports_found: Option<ExportsFound>,
    /// Symbols a program must provide from elsewhere to use this plugin.
    pub externals: Vec<String>,
    /// Native libraries, cleaned, as linker arguments in order. Of libraries given as files, where the request
    /// says none and for `prelink` and `meld`: those that provide `externals`, less what compilers link anyway.
    pub native_static_libs: Vec<String>,
    /// pkg-config modules it requires (from cargo-c metadata).
    pub pkg_config_requires: Vec<String>,
    /// The crate it was built of, where a workspace was built.
    #[serde(skip)]
    #[schemars(skip)]
    pub crate_name: Option<String>,
}

/// How a library's exports were chosen.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ExportsFound {
    pub by: ExportsBy,
    /// Patterns took some.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub patterns: bool,
    /// Presets that took some.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub presets: Vec<Preset>,
    /// Crates whose C API they are.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub crates: Vec<String>,
}

/// Who says what a library exports.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ExportsBy {
    /// The manifest or the request.
    #[default]
    Asked,
    /// Nobody; it has the entry points of a GStreamer plugin.
    EntryPoints,
    /// Nobody; they are the C API of the library's own crate, or of a workspace's package and what it
    /// depends on.
    Api,
    /// Nobody; nothing in the library is Rust's, and all that it shows counts.
    Library,
    /// The program: its objects leave them undefined.
    Program,
}

/// What the plugins share.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct WorkspaceLibrary {
    pub library: String,
    /// As a plugin's `file_name`.
    pub file_name: String,
    /// Empty after `discover`: nothing is written yet.
    #[schemars(with = "String")]
    pub path: Utf8PathBuf,
    pub bytes: u64,
    pub members: u64,
    /// As a plugin's.
    pub debug_bytes: u64,
}

/// Sums over the set, in bytes.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Totals {
    pub bytes_before: u64,
    /// All plugin libraries and the workspace library.
    pub bytes_after: u64,
    pub debug_bytes_removed: u64,
    pub debug_bytes: u64,
    /// What of `debug_bytes` is said of each crate's functions, largest first (prelink, meld). Each library's bytes,
    /// with relocations and what is said once for all, are shared out in proportion to the uncompressed bytes of the
    /// functions' line rows and entries. What is inlined counts for the function that it is inlined into.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub debug_crates: Vec<CrateBytes>,
    /// Live bytes by number of plugins that reach them (prelink, meld).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reach_sets: Option<u64>,
}

/// A crate and bytes of something.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CrateBytes {
    #[serde(rename = "crate")]
    pub krate: String,
    pub bytes: u64,
}

/// How a program links the result.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Link {
    /// Libraries in link order: plugin libraries, then the workspace library.
    #[schemars(with = "Vec<String>")]
    pub libraries: Vec<Utf8PathBuf>,
    /// Native libraries of all plugins, in order, cleaned.
    pub native_static_libs: Vec<String>,
    /// Further linker arguments that the strategy needs on this target.
    pub linker_args: Vec<String>,
}

/// A metadata file.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct WrittenFile {
    pub kind: FileKind,
    #[schemars(with = "String")]
    pub path: Utf8PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FileKind {
    PkgConfig,
    Libtool,
    Cmake,
    Depfile,
    Report,
    Xcframework,
    JniLibrary,
}

/// One link of the chain that keeps something.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct WhyStep {
    /// Demangled name.
    pub name: String,
    pub library: String,
    pub member: String,
    pub section: String,
    /// How the step before it leads here: `export`, `reference`, or a keep rule's name; `external` for a
    /// symbol that programs must get from elsewhere, which is in no member.
    pub by: String,
}
