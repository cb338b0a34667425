//! Metadata for a result, rendered in one place: how to link it (`.pc`, `.la`, CMake targets, link
//! line) and what it depends on (depfile). Nothing is written here: the caller stages the files with
//! the libraries, so that all of them appear or none.

mod cmake;
mod depfile;
mod libtool;
mod link_args;
mod native;
pub mod needs;
mod pkgconfig;
mod places;
pub mod xcframework;

use camino::{Utf8Path, Utf8PathBuf};
use foldhash::{HashMap, HashMapExt};

use crate::error::{Code, Diagnostic, Error, Result};
use crate::format::Format;
use crate::input::library_name;
use crate::protocol::request::{Metadata, Strategy};
use crate::protocol::response::{FileKind, Link, Plugin, WorkspaceLibrary};
use places::folder;

/// The result that metadata is written for.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    pub strategy: Strategy,
    pub format: Format,
    /// Target triple, where known.
    pub target: Option<&'a str>,
    /// Written plugin libraries; `path` is where they are (or will be, when staged).
    pub plugins: &'a [Plugin],
    pub workspace_library: Option<&'a WorkspaceLibrary>,
    /// Linker arguments that the strategy asks for.
    pub linker_args: &'a [String],
    /// What the result depends on, for the depfile.
    pub inputs: &'a [Utf8PathBuf],
    /// Folder of metadata files for which the request names no other.
    pub dir: &'a Utf8Path,
}

/// A file to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetadataFile {
    pub kind: FileKind,
    pub path: Utf8PathBuf,
    pub contents: String,
}

/// Renders every metadata file that `metadata` asks for, in a fixed order.
///
/// # Errors
/// `input-not-found` and `input-unreadable` for a .pc file to patch, `request-invalid` for one that
/// names none of the plugins.
pub fn emit(subject: &Subject<'_>, metadata: &Metadata) -> Result<Vec<MetadataFile>> {
    let mut files = pkgconfig::files(subject, metadata)?;
    if metadata.libtool {
        files.extend(libtool::files(subject, metadata));
    }
    if metadata.cmake {
        files.push(cmake::file(subject, metadata));
    }
    if let Some(path) = &metadata.depfile {
        let plugins = subject.plugins.iter().filter_map(|p| p.path.clone());
        let workspace = subject.workspace_library.map(|w| w.path.clone());
        let written: Vec<Utf8PathBuf> = plugins.chain(workspace).collect();
        files.push(depfile(path, metadata, &written, subject.inputs));
    }
    Ok(files)
}

/// Refuses libraries of which metadata would be written to one place, or under one name: the first would hide the
/// others.
///
/// # Errors
/// `manifest-duplicate-plugin`.
pub fn check_names(plugins: &[Plugin], metadata: &Metadata) -> Result<()> {
    let mut errors = Vec::new();
    let mut libraries: HashMap<&str, &Plugin> = HashMap::new();
    let mut targets: HashMap<&str, &Plugin> = HashMap::new();
    for plugin in plugins {
        let library = plugin.library.as_str();
        if (metadata.pkg_config || metadata.libtool || metadata.cmake)
            && let Some(first) = libraries.insert(library, plugin)
        {
            let hint = "give one of the files another name, or ask for no metadata";
            errors.push(same(plugin, first, "library", library).hint(hint));
            continue;
        }
        if !metadata.cmake {
            continue;
        }
        let hint = "give one of them another `plugin` name in the manifest";
        let names = [plugin.plugin.as_str(), library];
        // Either name is a target; of one plugin both may be the same.
        for name in names.iter().take(if names[0] == names[1] { 1 } else { 2 }) {
            if let Some(first) = targets.insert(name, plugin) {
                errors.push(same(plugin, first, "CMake target", name).hint(hint));
                break;
            }
        }
        if names.contains(&cmake::ALL) {
            let message = format!(
                "the library `{library}` takes the CMake target `{}`, which stands for all",
                cmake::ALL
            );
            let diagnostic = Diagnostic::new(Code::ManifestDuplicatePlugin, message);
            errors.push(
                of_file(diagnostic, plugin).hint("write no CMake targets, or give it another name"),
            );
        }
    }
    Error::all(errors)
}

fn same(plugin: &Plugin, first: &Plugin, what: &str, name: &str) -> Diagnostic {
    let message = format!(
        "`{}` and `{}` both make the {what} `{name}`",
        first
            .path
            .as_ref()
            .map_or(first.library.as_str(), |p| p.as_str()),
        plugin
            .path
            .as_ref()
            .map_or(plugin.library.as_str(), |p| p.as_str()),
    );
    of_file(
        Diagnostic::new(Code::ManifestDuplicatePlugin, message),
        plugin,
    )
}

fn of_file(diagnostic: Diagnostic, plugin: &Plugin) -> Diagnostic {
    match &plugin.path {
        Some(path) => diagnostic.file(path),
        None => diagnostic,
    }
}

/// The dependency file of `written` libraries, which depend on `inputs`.
#[must_use]
pub fn depfile(
    path: &Utf8Path,
    metadata: &Metadata,
    written: &[Utf8PathBuf],
    inputs: &[Utf8PathBuf],
) -> MetadataFile {
    let targets = match metadata.depfile_targets.as_slice() {
        [] => written,
        own => own,
    };
    MetadataFile {
        kind: FileKind::Depfile,
        path: path.to_owned(),
        contents: depfile::text(targets, inputs),
    }
}

/// Fills in what the .pc files that `metadata` names tell of plugins of which only the library is
/// given: native libraries, version, description.
pub fn complete(plugins: &mut [Plugin], metadata: &Metadata) {
    pkgconfig::complete(plugins, metadata);
}

/// How a program links the whole set.
#[must_use]
pub fn link(subject: &Subject<'_>) -> Link {
    link_args::link(subject)
}

/// A written library and where it will be.
#[derive(Debug, Clone, Copy)]
struct Placed<'a> {
    /// The file as it was written.
    path: &'a Utf8Path,
    /// The folder it will be in when programs are linked.
    libdir: &'a Utf8Path,
}

impl<'a> Placed<'a> {
    fn file_name(&self) -> &'a str {
        self.path.file_name().unwrap_or_default()
    }

    /// The name that `-l` finds it by, where there is one.
    fn link_name(&self) -> Option<String> {
        let name = library_name(self.path);
        let file = self.file_name();
        (file == format!("lib{name}.a") || file == format!("{name}.lib")).then_some(name)
    }
}

impl<'a> Subject<'a> {
    /// The plugins that have a library, and where each is.
    fn placed(&self, metadata: &'a Metadata) -> impl Iterator<Item = (&'a Plugin, Placed<'a>)> {
        self.plugins.iter().filter_map(|plugin| {
            let path = plugin.path.as_deref()?;
            let libdir = metadata.libdir.as_deref().unwrap_or_else(|| folder(path));
            Some((plugin, Placed { path, libdir }))
        })
    }

    fn placed_workspace(&self, metadata: &'a Metadata) -> Option<(&'a str, Placed<'a>)> {
        let workspace = self.workspace_library?;
        let path = workspace.path.as_path();
        let libdir = metadata
            .workspace_libdir
            .as_deref()
            .or(metadata.libdir.as_deref())
            .unwrap_or_else(|| folder(path));
        Some((workspace.library.as_str(), Placed { path, libdir }))
    }

    /// Native libraries that the workspace library needs: a piece of it is there because two plugins
    /// reach it, so whatever that piece needs, those two need as well. Asking for the libraries of
    /// single plugins too would make every program need them.
    fn workspace_natives(&self) -> Vec<String> {
        native::shared(self.plugins.iter().map(|p| p.native_static_libs.as_slice()))
    }

    /// Whether programs are linked by link.exe or a linker with its command line.
    fn is_msvc(&self) -> bool {
        if self.format != Format::Coff {
            return false;
        }
        if let Some(target) = self.target {
            return target.ends_with("msvc");
        }
        let is_lib = |name: &str| name.to_ascii_lowercase().ends_with(".lib");
        let paths = self.plugins.iter().filter_map(|p| p.path.as_deref());
        paths.map(Utf8Path::as_str).any(is_lib)
            || self
                .plugins
                .iter()
                .flat_map(|p| &p.native_static_libs)
                .any(|arg| is_lib(arg))
    }
}

#[cfg(test)]
mod tests;
