//! What can be asked of the engine. The command line builds these same types.

use super::PROTOCOL;
use camino::Utf8PathBuf;
use schemars::JsonSchema;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;
use std::fmt;

pub use super::asked::{DiscoverRequest, ExportsRequest, WhyRequest};
use super::capabilities::CapabilitiesRequest;
pub use super::metadata::{Metadata, Packages};
use super::schema::protocol_version;
use crate::exports::presets::Preset;
use crate::manifest::{LIBRARY_NAME, Manifest};

/// A request. In JSON, `"protocol": 1` stands beside `"operation"`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "operation", rename_all = "kebab-case")]
pub enum Request {
    /// What can this engine do?
    Capabilities(CapabilitiesRequest),
    /// Which plugins does this workspace have, or do these libraries make?
    Discover(DiscoverRequest),
    /// Build them as static libraries.
    Build(WorkspaceRequest),
    /// What is in these libraries?
    Inspect(InspectRequest),
    /// Move whole members that several libraries hold to the workspace library.
    Dedup(CombineRequest),
    /// Make one object of each library: what its exports reach.
    Prelink(CombineRequest),
    /// All libraries together, each atom once, partitioned by reach set.
    Meld(CombineRequest),
    /// Check libraries made by an earlier run.
    Verify(VerifyRequest),
    /// Which path keeps this symbol or section?
    Why(WhyRequest),
    /// What does each library export, and who says so? Nothing is written.
    Exports(ExportsRequest),
}

impl Request {
    /// The operation's name as in JSON.
    #[must_use]
    pub fn operation(&self) -> &'static str {
        match self {
            Self::Capabilities(_) => "capabilities",
            Self::Discover(_) => "discover",
            Self::Build(_) => "build",
            Self::Inspect(_) => "inspect",
            Self::Dedup(_) => "dedup",
            Self::Prelink(_) => "prelink",
            Self::Meld(_) => "meld",
            Self::Verify(_) => "verify",
            Self::Why(_) => "why",
            Self::Exports(_) => "exports",
        }
    }
}

/// Names of the operations, for the message about an unknown one.
pub const OPERATIONS: &[&str] = &[
    "capabilities",
    "discover",
    "build",
    "inspect",
    "dedup",
    "prelink",
    "meld",
    "verify",
    "why",
    "exports",
];

/// How libraries are combined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    Dedup,
    Prelink,
    Meld,
}

impl Strategy {
    /// The operation's name as in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Dedup => "dedup",
            Self::Prelink => "prelink",
            Self::Meld => "meld",
        }
    }
}

/// A manifest by path or in place.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum ManifestSource {
    Path(#[schemars(with = "String")] Utf8PathBuf),
    Inline(Manifest),
}

/// By hand: serde's derive for untagged enums hides which field of the manifest is wrong.
impl<'de> Deserialize<'de> for ManifestSource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PathOrManifest;
        impl<'de> Visitor<'de> for PathOrManifest {
            type Value = ManifestSource;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the path of a manifest, or a manifest")
            }

            fn visit_str<E: de::Error>(self, path: &str) -> Result<ManifestSource, E> {
                Ok(ManifestSource::Path(path.into()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ManifestSource, A::Error> {
                Manifest::deserialize(MapAccessDeserializer::new(map)).map(ManifestSource::Inline)
            }
        }
        deserializer.deserialize_any(PathOrManifest)
    }
}

/// A Cargo workspace and how to build it.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("required" = ["manifest_path"]))]
pub struct Workspace {
    /// Its Cargo.toml.
    #[schemars(with = "String", length(min = 1))]
    pub manifest_path: Utf8PathBuf,
    /// Packages that are plugins; empty: those of the manifest, else all that discovery finds.
    pub packages: Vec<String>,
    /// Cargo profile; `None`: release.
    pub profile: Option<String>,
    pub features: Vec<String>,
    pub all_features: bool,
    pub no_default_features: bool,
    /// Builds without link-time optimisation, whatever the profile says: libraries optimised by themselves have
    /// nothing in common.
    pub no_lto: bool,
    /// Target triple; `None`: the host's, and no `--target` is given to cargo.
    #[schemars(length(min = 1))]
    pub target: Option<String>,
    /// `build`, `dedup`, `prelink`, `meld`: several target triples in place of one. Each is built by
    /// itself; those that differ only in the CPU of one of Apple's platforms make one set of universal
    /// libraries. Where there are several sets, the response has `sets`, and each set is written to a
    /// folder of the output folder: a triple's, or a platform's (`macos-arm64_x86_64`).
    #[schemars(inner(length(min = 1)))]
    pub targets: Vec<String>,
    #[schemars(with = "Option<String>")]
    pub target_dir: Option<Utf8PathBuf>,
    pub offline: bool,
    pub locked: bool,
    pub frozen: bool,
    #[schemars(range(min = 1))]
    pub jobs: Option<u32>,
    /// Flags for rustc, behind those of the environment and of cargo's configuration.
    pub rustflags: Vec<String>,
    /// Flags for rustc where it compiles the workspace's own libraries; not with the builder `cargo-c`.
    pub local_rustflags: Vec<String>,
    /// Further arguments for `cargo build`.
    pub cargo_flags: Vec<String>,
    /// The cargo to run; `None`: `$CARGO`, else `cargo` on PATH.
    #[schemars(with = "Option<String>")]
    pub cargo: Option<Utf8PathBuf>,
    /// Environment for cargo (`CC_<target>`, `CARGO_TARGET_<T>_LINKER`, ...).
    pub env: BTreeMap<String, String>,
    /// How packages that declare no static library are built.
    pub builder: Builder,
}

impl Workspace {
    /// The one target that is asked for, or the first of several.
    #[must_use]
    pub fn target(&self) -> Option<&String> {
        self.target.as_ref().or(self.targets.first())
    }

    /// The same for one of several targets.
    #[must_use]
    pub fn with_target(&self, target: &str) -> Self {
        Self {
            target: Some(target.to_owned()),
            targets: Vec::new(),
            ..self.clone()
        }
    }
}

/// How packages without a staticlib crate type are built.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, clap::ValueEnum,
)]
#[serde(rename_all = "kebab-case")]
pub enum Builder {
    /// cargo where every plugin declares a staticlib; a generated wrapper workspace where one does
    /// not, or declares a cdylib besides, or where the profile asks for link-time optimisation, which
    /// cargo skips for a library that is an rlib too.
    #[default]
    Auto,
    /// A generated workspace of static libraries around the plugins, in the target directory.
    Wrapper,
    /// `cargo cbuild` (cargo-c).
    CargoC,
}

/// `build`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WorkspaceRequest {
    #[schemars(schema_with = "protocol_version")]
    pub protocol: u32,
    pub workspace: Workspace,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<ManifestSource>,
}

/// A library given by path.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LibraryInput {
    #[schemars(with = "String", length(min = 1))]
    pub path: Utf8PathBuf,
    /// Package of the manifest it belongs to, where the file name does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package: Option<String>,
    /// Native libraries it needs, as linker arguments in order (`-lm`, `-framework X`); without, they are found.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub native_static_libs: Vec<String>,
}

/// Where the libraries come from: exactly one of the two.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
// There is one of it in a run.
#[allow(clippy::large_enum_variant)]
pub enum Source {
    #[serde(deserialize_with = "at_least_one")]
    Libraries(#[schemars(length(min = 1))] Vec<LibraryInput>),
    Workspace(Workspace),
}

/// As the schema has it: who names libraries, names one.
pub(super) fn at_least_one<'de, D: Deserializer<'de>>(
    json: D,
) -> Result<Vec<LibraryInput>, D::Error> {
    let libraries = Vec::deserialize(json)?;
    if libraries.is_empty() {
        return Err(de::Error::custom("the request names no library"));
    }
    Ok(libraries)
}

impl Default for Source {
    fn default() -> Self {
        Self::Libraries(Vec::new())
    }
}

/// Archive kind to write.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, clap::ValueEnum,
)]
#[serde(rename_all = "kebab-case")]
pub enum ArchiveFlavour {
    Gnu,
    Coff,
    Darwin,
}

/// Where results go.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Output {
    /// Into this folder; no input is touched.
    Dir(#[schemars(with = "String", length(min = 1))] Utf8PathBuf),
    /// Over the inputs; the workspace library is written to this path.
    InPlace(#[schemars(with = "String", length(min = 1))] Utf8PathBuf),
}

/// Which symbol names stay in the output.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, clap::ValueEnum,
)]
#[serde(rename_all = "kebab-case")]
pub enum Symbols {
    /// Internal functions keep their names, for backtraces and profilers.
    #[default]
    Keep,
    /// Only what linking needs.
    Exports,
}

/// What of a library a program can take alone.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, clap::ValueEnum,
)]
#[serde(rename_all = "kebab-case")]
pub enum Granularity {
    /// Exports of members that can be pulled apart; with meld also each export of libraries that have more than a
    /// handful. Joined where an archive member would cost more than it saves.
    #[default]
    Auto,
    /// All that its exports need.
    Plugin,
    /// What each export needs.
    Export,
}

/// What happens to debug information.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, clap::ValueEnum,
)]
#[serde(rename_all = "kebab-case")]
pub enum Debug {
    /// Files, lines and inlined functions of live code (prelink and meld). On Apple's systems functions keep
    /// their names for it, whatever `symbols` says.
    Lines,
    /// `lines`, and variables and types of live code (prelink and meld). CodeView has none of these: lines are
    /// written there, with a warning.
    Full,
    /// Members keep theirs (dedup).
    Keep,
    Strip,
}

/// How written debug information is compressed.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, clap::ValueEnum,
)]
#[serde(rename_all = "kebab-case")]
pub enum DebugCompress {
    /// As zlib streams, on ELF.
    #[default]
    Zlib,
    None,
}

/// `dedup`, `prelink` and `meld`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CombineRequest {
    #[schemars(schema_with = "protocol_version")]
    pub protocol: u32,
    pub source: Source,
    pub output: Output,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<ManifestSource>,
    /// Overrides the manifest's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = LIBRARY_NAME))]
    pub workspace_library: Option<String>,
    /// Globs of exports, besides the manifest's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exports: Vec<String>,
    /// Presets of exports, besides the manifest's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub presets: Vec<Preset>,
    /// Crates in the libraries whose C API is exported, besides the manifest's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exports_of: Vec<String>,
    /// The objects and static libraries of one program: what they leave undefined is exported, and nothing
    /// else (prelink and meld); what they define too is left to the final linker. In place of `exports`, `presets` and `exports_of`, whoever says them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<String>")]
    pub used_by: Vec<Utf8PathBuf>,
    /// Target triple of libraries given by path, where known: tells MSVC from MinGW names, which the
    /// libraries themselves need not. A workspace has its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Archive kind; `None`: as the inputs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archive: Option<ArchiveFlavour>,
    #[serde(default)]
    pub symbols: Symbols,
    /// What a program can take alone.
    #[serde(default)]
    pub granularity: Granularity,
    /// `None`: dedup keeps; prelink and meld write lines where the libraries' own code has debug
    /// information, and nothing where only the standard library has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub debug: Option<Debug>,
    /// prelink and meld.
    #[serde(default)]
    pub debug_compress: DebugCompress,
    /// prelink and meld: `FROM=TO`, the prefix FROM of paths in debug information becomes TO; the last that
    /// fits counts, and the last `=` divides, as rustc has it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(inner(regex(pattern = "=")))]
    pub remap_path_prefix: Vec<String>,
    /// dedup: empty the sections of bitcode that Apple's compilers embed in objects (`__LLVM,__bitcode`,
    /// `__LLVM,__cmdline`); Apple's stores refuse programs with them. Other strategies always do.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub drop_bitcode: bool,
    /// prelink and meld: deduplicate, with a warning, where objects of the libraries' format and machine
    /// cannot be written. For build systems that have one project for every target.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub or_dedup: bool,
    #[serde(default)]
    pub metadata: Metadata,
    #[serde(default, skip_serializing_if = "Packages::is_empty")]
    pub packages: Packages,
    /// Self-contained HTML page of what was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub report: Option<Utf8PathBuf>,
    /// Worker threads; `None`: one a core. The output does not depend on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub threads: Option<u32>,
}

impl CombineRequest {
    /// [`Self::remap_path_prefix`], taken apart; what has no `=` says nothing.
    #[must_use]
    pub fn remap(&self) -> Vec<(String, String)> {
        let split = |rule: &String| {
            let (from, to) = rule.rsplit_once('=')?;
            Some((from.to_owned(), to.to_owned()))
        };
        self.remap_path_prefix.iter().filter_map(split).collect()
    }

    /// Combines the libraries of `source` into `output`; all else as where nothing is said.
    #[must_use]
    pub fn new(source: Source, output: Output) -> Self {
        Self {
            protocol: PROTOCOL,
            source,
            output,
            manifest: None,
            workspace_library: None,
            exports: Vec::new(),
            presets: Vec::new(),
            exports_of: Vec::new(),
            used_by: Vec::new(),
            target: None,
            archive: None,
            symbols: Symbols::default(),
            granularity: Granularity::default(),
            debug: None,
            debug_compress: DebugCompress::default(),
            remap_path_prefix: Vec::new(),
            drop_bitcode: false,
            or_dedup: false,
            metadata: Metadata::default(),
            packages: Packages::default(),
            report: None,
            threads: None,
        }
    }
}

/// `inspect`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InspectRequest {
    #[schemars(schema_with = "protocol_version")]
    pub protocol: u32,
    /// May be absent where `symbols` are given: then they are explained for `target`.
    #[serde(default)]
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
    /// Only explain these symbols.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub symbols: Vec<String>,
    /// For which system providers are named: a target triple, or a word such as `msvc` or `musl`;
    /// `None`: what the libraries are for, without libraries every system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Meld in memory and show reach sets, the biggest atoms and what each plugin alone costs.
    #[serde(default)]
    pub melded: bool,
}

/// `verify`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VerifyRequest {
    #[schemars(schema_with = "protocol_version")]
    pub protocol: u32,
    /// Plugin libraries of one run.
    #[schemars(with = "Vec<String>", length(min = 1))]
    pub libraries: Vec<Utf8PathBuf>,
    /// Their workspace library.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", required)]
    pub workspace_library: Option<Utf8PathBuf>,
    /// The libraries before the run, to compare externals with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<String>")]
    pub originals: Vec<Utf8PathBuf>,
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
