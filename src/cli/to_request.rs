//! Arguments to the same requests that the protocol reads.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};

use super::args::{
    Combine, Command, DropIn, ExportArgs, Inspect, MetadataArgs, Print, Verify, Why, WorkspaceArgs,
};
use crate::error::{Code, Diagnostic, Result};
use crate::exports::presets::Preset;
use crate::input::library_name;
use crate::manifest::{default_workspace_library, given_library_name};
use crate::protocol::PROTOCOL;
use crate::protocol::capabilities::CapabilitiesRequest;
use crate::protocol::request::{
    CombineRequest, DiscoverRequest, ExportsRequest, InspectRequest, LibraryInput, ManifestSource,
    Metadata, Output, Packages, Request, Source, VerifyRequest, WhyRequest, Workspace,
    WorkspaceRequest,
};

impl DropIn {
    pub(super) fn into_request(self) -> Result<Request> {
        let output = self.output;
        let name = library_name(&output);
        let source = libraries(self.libraries);
        Ok(Request::Dedup(CombineRequest {
            workspace_library: Some(name),
            archive: self.format,
            ..CombineRequest::new(source, Output::InPlace(output))
        }))
    }
}

impl Command {
    pub(super) fn into_request(self) -> Result<Request> {
        match self {
            Self::Capabilities { .. } => Ok(capabilities()),
            Self::Discover(c) => Ok(Request::Discover(DiscoverRequest {
                protocol: PROTOCOL,
                workspace: Some(c.workspace.here()),
                libraries: Vec::new(),
                manifest: c.manifest.map(ManifestSource::Path),
            })),
            Self::Build(c) => Ok(Request::Build(WorkspaceRequest {
                protocol: PROTOCOL,
                workspace: c.workspace.here(),
                manifest: c.manifest.map(ManifestSource::Path),
            })),
            Self::Dedup(c) | Self::Prelink(c) | Self::Meld(c)
                if c.print == Some(Print::Exports) =>
            {
                c.into_exports_request().map(Request::Exports)
            }
            Self::Dedup(c) => c.into_request().map(Request::Dedup),
            Self::Prelink(c) => c.into_request().map(Request::Prelink),
            Self::Meld(c) => c.into_request().map(Request::Meld),
            Self::Inspect(c) => c.into_request().map(Request::Inspect),
            Self::Verify(c) => Ok(Request::Verify(c.into_request())),
            Self::Why(c) => c.into_request().map(Request::Why),
            Self::Schema { .. }
            | Self::Completions { .. }
            | Self::Man { .. }
            | Self::Request { .. } => Err(Diagnostic::new(
                Code::Internal,
                "this command is no request to the engine",
            )
            .into()),
        }
    }
}

/// What `capabilities` and `--version --verbose` ask.
pub(super) fn capabilities() -> Request {
    Request::Capabilities(CapabilitiesRequest { protocol: PROTOCOL })
}

impl WorkspaceArgs {
    /// The workspace of the working directory where none is named.
    fn here(mut self) -> Workspace {
        self.manifest_path
            .get_or_insert_with(|| "Cargo.toml".into());
        self.into_workspace().unwrap_or_default()
    }

    fn into_workspace(self) -> Option<Workspace> {
        let o = self.options;
        let (target, targets) = match self.target.len() {
            0 | 1 => (self.target.into_iter().next(), Vec::new()),
            _ => (None, self.target),
        };
        Some(Workspace {
            manifest_path: self.manifest_path?,
            packages: o.package,
            profile: o.profile,
            features: o.features,
            all_features: o.all_features,
            no_default_features: o.no_default_features,
            no_lto: o.no_lto,
            target,
            targets,
            target_dir: o.target_dir,
            offline: o.offline,
            locked: o.locked,
            frozen: o.frozen,
            jobs: o.jobs,
            rustflags: o.rustflag,
            local_rustflags: o.local_rustflag,
            cargo_flags: o.cargo_flag,
            builder: o.builder.unwrap_or_default(),
            ..Workspace::default()
        })
    }
}

/// What is said of exports, and libraries that were among it.
struct Exports {
    manifest: Option<ManifestSource>,
    exports: Vec<String>,
    presets: Vec<Preset>,
    exports_of: Vec<String>,
    paths: Vec<Utf8PathBuf>,
}

impl ExportArgs {
    /// `--exports` takes all values up to the next option, so libraries can end up among them; no
    /// symbol is called `libx.a`.
    fn split(self) -> Exports {
        let (paths, exports) = self
            .exports
            .iter()
            .flat_map(|list| patterns(list))
            .map(str::to_owned)
            .partition::<Vec<String>, _>(|e| e.ends_with(".a") || e.ends_with(".lib"));
        let paths = paths.into_iter().map(Utf8PathBuf::from).collect();
        Exports {
            manifest: self.manifest.map(ManifestSource::Path),
            exports,
            presets: self.preset,
            exports_of: self.exports_of,
            paths,
        }
    }
}

/// Patterns of a list with commas; one within `{a,b}` or behind a backslash is the pattern's own.
fn patterns(list: &str) -> Vec<&str> {
    let mut all = Vec::new();
    let (mut from, mut depth, mut escaped) = (0, 0_u32, false);
    for (at, c) in list.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                all.extend(list.get(from..at));
                from = at + 1;
            }
            _ => {}
        }
    }
    all.extend(list.get(from..));
    all
}

impl Combine {
    fn into_exports_request(self) -> Result<ExportsRequest> {
        let exports = self.exports.split();
        Ok(ExportsRequest {
            protocol: PROTOCOL,
            source: source(self.workspace, [self.libraries, exports.paths].concat())?,
            manifest: exports.manifest,
            exports: exports.exports,
            presets: exports.presets,
            exports_of: exports.exports_of,
        })
    }

    fn into_request(self) -> Result<CombineRequest> {
        let exports = self.exports.split();
        let target = match (
            &self.workspace.manifest_path,
            self.workspace.target.as_slice(),
        ) {
            (Some(_), _) | (None, []) => None,
            (None, [target]) => Some(target.clone()),
            (None, _) => {
                return Err(invalid(
                    "libraries are of one target, and several are given",
                    "name one, or a workspace with --manifest-path to build for several",
                )
                .into());
            }
        };
        let source = source(self.workspace, [self.libraries, exports.paths].concat())?;
        let output = match self.out {
            Some(dir) => Output::Dir(dir),
            None if !self.in_place => {
                return Err(
                    invalid("no folder for the result is named", "give it with --out").into(),
                );
            }
            None => Output::InPlace(beside(&source, self.workspace_library.as_deref())),
        };
        Ok(CombineRequest {
            protocol: PROTOCOL,
            source,
            output,
            manifest: exports.manifest,
            workspace_library: self.workspace_library,
            exports: exports.exports,
            presets: exports.presets,
            exports_of: exports.exports_of,
            used_by: self.used_by,
            target,
            archive: self.archive,
            symbols: self.symbols.unwrap_or_default(),
            granularity: self.granularity.unwrap_or_default(),
            debug: self.debug,
            debug_compress: self.debug_compress.unwrap_or_default(),
            remap_path_prefix: self.remap_path_prefix,
            drop_bitcode: self.drop_bitcode,
            or_dedup: self.or_dedup,
            metadata: self.metadata.into_metadata(),
            packages: Packages {
                xcframework: self.packages.xcframework,
                headers: self.packages.headers,
                jni_libs: self.packages.jni_libs,
            },
            report: self.report,
            threads: self.threads,
        })
    }
}

impl MetadataArgs {
    fn into_metadata(self) -> Metadata {
        Metadata {
            // Who says where .pc files go, wants them.
            pkg_config: self.pkg_config
                || self.pkg_config_dir.is_some()
                || self.workspace_pkg_config_dir.is_some(),
            pkg_config_dir: self.pkg_config_dir,
            workspace_pkg_config_dir: self.workspace_pkg_config_dir,
            patch_pkg_config: self.patch_pkg_config,
            pkg_config_private: self.pkg_config_private,
            libtool: self.libtool,
            cmake: self.cmake || self.cmake_file.is_some() || self.cmake_namespace.is_some(),
            cmake_file: self.cmake_file,
            cmake_namespace: self.cmake_namespace,
            cmake_configuration: self.cmake_configuration,
            include_dir: self.include_dir,
            beside: BTreeMap::new(),
            workspace_version: self.workspace_version,
            workspace_description: None,
            libdir: self.libdir,
            workspace_libdir: self.workspace_libdir,
            installed_pkg_config_dir: self.installed_pkg_config_dir,
            installed_workspace_pkg_config_dir: self.installed_workspace_pkg_config_dir,
            depfile: self.depfile,
            depfile_targets: self.depfile_target,
        }
    }
}

impl Inspect {
    fn into_request(self) -> Result<InspectRequest> {
        let exports = self.exports.split();
        let libraries = [self.libraries, exports.paths].concat();
        // Of libraries given, `--target` says what `--for` says.
        let given = match self.workspace.target.as_slice() {
            [target] if !libraries.is_empty() => Some(target.clone()),
            _ => None,
        };
        let source = if libraries.is_empty() && !self.symbol.is_empty() {
            match self.workspace.into_workspace() {
                Some(workspace) => Source::Workspace(workspace),
                None => Source::default(),
            }
        } else {
            source(self.workspace, libraries)?
        };
        Ok(InspectRequest {
            protocol: PROTOCOL,
            source,
            manifest: exports.manifest,
            exports: exports.exports,
            presets: exports.presets,
            exports_of: exports.exports_of,
            symbols: self.symbol,
            target: self.for_target.or(given),
            melded: self.melded,
        })
    }
}

impl Verify {
    fn into_request(self) -> VerifyRequest {
        let exports = self.exports.split();
        VerifyRequest {
            protocol: PROTOCOL,
            libraries: [self.libraries, exports.paths].concat(),
            workspace_library: self.workspace_library,
            originals: self.original,
            manifest: exports.manifest,
            exports: exports.exports,
            presets: exports.presets,
            exports_of: exports.exports_of,
        }
    }
}

impl Why {
    fn into_request(mut self) -> Result<WhyRequest> {
        let what = self.names.pop().unwrap_or_default();
        let exports = self.exports.split();
        let named = self.names.into_iter().map(Utf8PathBuf::from).collect();
        Ok(WhyRequest {
            protocol: PROTOCOL,
            source: source(self.workspace, [named, exports.paths].concat())?,
            manifest: exports.manifest,
            exports: exports.exports,
            presets: exports.presets,
            exports_of: exports.exports_of,
            what,
        })
    }
}

fn libraries(paths: Vec<Utf8PathBuf>) -> Source {
    let input = |path| LibraryInput {
        path,
        ..LibraryInput::default()
    };
    Source::Libraries(paths.into_iter().map(input).collect())
}

fn source(workspace: WorkspaceArgs, paths: Vec<Utf8PathBuf>) -> Result<Source> {
    match workspace.into_workspace() {
        Some(workspace) if paths.is_empty() => Ok(Source::Workspace(workspace)),
        Some(_) => Err(invalid(
            "both a workspace and libraries are given",
            "name libraries, or a workspace with --manifest-path",
        )
        .into()),
        None if paths.is_empty() => Err(invalid(
            "no library is given",
            "name libraries, or a workspace with --manifest-path Cargo.toml",
        )
        .into()),
        None => Ok(libraries(paths)),
    }
}

/// The workspace library of an in-place run: beside the first library, named in its manner.
fn beside(source: &Source, name: Option<&str>) -> Utf8PathBuf {
    let libraries = match source {
        Source::Libraries(libraries) => libraries.as_slice(),
        Source::Workspace(_) => &[],
    };
    let first = libraries.first().map(|l| l.path.as_path());
    let names: Vec<String> = libraries.iter().map(|l| library_name(&l.path)).collect();
    let name = name.map_or_else(
        || default_workspace_library(names.iter().map(String::as_str)),
        |given| given_library_name(given).to_owned(),
    );
    let first = first.unwrap_or(Utf8Path::new(""));
    let file = if first.extension() == Some("lib") {
        format!("{name}.lib")
    } else {
        format!("lib{name}.a")
    };
    first.with_file_name(file)
}

fn invalid(message: &str, hint: &str) -> Diagnostic {
    Diagnostic::new(Code::RequestInvalid, message).hint(hint)
}
