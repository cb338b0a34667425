//! What is written beside libraries: metadata for those who link them, and packages of mobile platforms.

use std::collections::BTreeMap;

use camino::Utf8PathBuf;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which metadata files are written beside the libraries.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Metadata {
    /// .pc files, relocatable (`${pcfiledir}`).
    pub pkg_config: bool,
    /// Folder for .pc files; `None`: `pkgconfig` in the output folder.
    #[schemars(with = "Option<String>")]
    pub pkg_config_dir: Option<Utf8PathBuf>,
    /// .pc files (of cargo-c, say) to patch in place rather than write anew.
    #[schemars(with = "Vec<String>")]
    pub patch_pkg_config: Vec<Utf8PathBuf>,
    /// Version in the workspace library's .pc file; `None`: the first plugin's, else 0.
    pub workspace_version: Option<String>,
    /// Description in the workspace library's .pc file; `None`: a general one.
    pub workspace_description: Option<String>,
    /// Shared libraries of the same names are installed too: what only static linking needs goes to
    /// the private fields of plugins' new .pc files.
    pub pkg_config_private: bool,
    /// libtool .la files.
    pub libtool: bool,
    /// A CMake targets file: relocatable (`${CMAKE_CURRENT_LIST_DIR}`), one imported static library
    /// `<namespace>::<plugin>` each, `<namespace>::<library>` as its alias, `<namespace>::all`.
    pub cmake: bool,
    /// The targets file; `None`: `cmake/<workspace library>-targets.cmake` in the output folder. It
    /// finds the libraries by the relative path from its folder to theirs.
    #[schemars(with = "Option<String>")]
    pub cmake_file: Option<Utf8PathBuf>,
    /// Namespace of its targets; `None`: the workspace library's name.
    pub cmake_namespace: Option<String>,
    /// The configuration that the libraries are of (`Debug`), where a package holds several: each has its own
    /// targets file, and all of them may be included.
    #[schemars(length(min = 1))]
    pub cmake_configuration: Option<String>,
    /// Folder where headers will be installed: plugins' new .pc files name it in `Cflags`. It is found from the
    /// folder of .pc files as libraries are.
    #[schemars(with = "Option<String>")]
    pub include_dir: Option<Utf8PathBuf>,
    /// By plugin library, static libraries that stand beside it, without prefix and suffix: their code calls the plugin,
    /// and is called by it, as the C++ half of a bridge is. New .pc files name them.
    pub beside: BTreeMap<String, Vec<String>>,
    /// Folder where the libraries will be installed, where it is not the output folder.
    #[schemars(with = "Option<String>")]
    pub libdir: Option<Utf8PathBuf>,
    /// The same for the workspace library; `None`: as `libdir`, or where it is written.
    #[schemars(with = "Option<String>")]
    pub workspace_libdir: Option<Utf8PathBuf>,
    /// Folder for the workspace library's .pc file; `None`: `pkg_config_dir`. GStreamer's programs
    /// take every .pc file beside the plugins' for a plugin.
    #[schemars(with = "Option<String>")]
    pub workspace_pkg_config_dir: Option<Utf8PathBuf>,
    /// Folder that .pc files will be installed in, where it is not `pkg_config_dir`.
    #[schemars(with = "Option<String>")]
    pub installed_pkg_config_dir: Option<Utf8PathBuf>,
    /// The same for the workspace library's .pc file; `None`: where it is written, if that is a folder of its own,
    /// else as the plugins'.
    #[schemars(with = "Option<String>")]
    pub installed_workspace_pkg_config_dir: Option<Utf8PathBuf>,
    /// Make-style dependency file.
    #[schemars(with = "Option<String>")]
    pub depfile: Option<Utf8PathBuf>,
    /// What the depfile's rule makes; empty: the written libraries.
    #[schemars(with = "Vec<String>")]
    pub depfile_targets: Vec<Utf8PathBuf>,
}

/// What mobile platforms ship, made of the libraries of a workspace.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Packages {
    /// An .xcframework of the libraries for Apple's targets: for each platform one library, in which
    /// the plugins and what they share are together. It is replaced whole.
    #[schemars(with = "Option<String>", regex(pattern = r"[^/\\]\.xcframework/?$"))]
    pub xcframework: Option<Utf8PathBuf>,
    /// Headers for it; a module map is written where this folder has none.
    #[schemars(with = "Option<String>", length(min = 1))]
    pub headers: Option<Utf8PathBuf>,
    /// A folder for the libraries of Android's targets, each in a folder with its ABI's name.
    #[schemars(with = "Option<String>", length(min = 1))]
    pub jni_libs: Option<Utf8PathBuf>,
}

impl Packages {
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.xcframework.is_none() && self.headers.is_none() && self.jni_libs.is_none()
    }
}
