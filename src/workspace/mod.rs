//! A Cargo workspace of plugins: finds them, builds them as static libraries.

mod build;
mod cargo;
mod depinfo;
mod discover;
mod features;
mod flags;
mod lock;
mod native_libs;
mod profile;
pub mod rustc;
pub mod targets;
mod wrapper;

use camino::Utf8PathBuf;

pub use self::discover::file_name;
pub use self::native_libs::without_leak;
use crate::error::{Diagnostic, Result};
use crate::manifest::{self, Manifest};
use crate::protocol::event::Events;
use crate::protocol::request::{ManifestSource, Workspace};
use crate::protocol::response::Plugin;

/// The manifest that holds for a workspace: the one given, else `[workspace.metadata.dragonfire]`.
///
/// # Errors
/// Those of [`manifest::load`] and of running cargo.
pub fn manifest(
    workspace: &Workspace,
    given: Option<&ManifestSource>,
    _events: &dyn Events,
) -> Result<Option<Manifest>> {
    if let Some(given) = given {
        return manifest::load(given).map(Some);
    }
    let opened = cargo::Opened::open(workspace)?;
    manifest::from_workspace_metadata(&opened.members.workspace_metadata)
        .map_err(|e| e.in_file(&opened.root().join("Cargo.toml")))
}

/// What discovery finds.
#[derive(Debug, Clone, Default)]
pub struct Discovered {
    /// In the order that they are named, without `path`.
    pub plugins: Vec<Plugin>,
    /// Target triple that a build would be for, where known.
    pub target: Option<String>,
    /// Files that the answer depends on.
    pub inputs: Vec<Utf8PathBuf>,
}

/// The plugins of a workspace.
///
/// # Errors
/// `input-not-found`, `cargo-not-found`, `cargo-failed`, `package-not-found`, `no-static-library`,
/// `manifest-duplicate-plugin`.
pub fn discover(
    workspace: &Workspace,
    manifest: Option<&Manifest>,
    events: &dyn Events,
) -> Result<Discovered> {
    events.phase("discover");
    let opened = cargo::Opened::open(workspace)?;
    let found = discover::find(&opened, manifest)?;
    Ok(Discovered {
        plugins: found.into_iter().map(|f| f.plugin).collect(),
        target: opened.target(),
        inputs: opened.manifests(),
    })
}

/// The target that a workspace is built for, where known.
///
/// # Errors
/// Those of running cargo.
pub fn target(workspace: &Workspace) -> Result<Option<String>> {
    Ok(cargo::Opened::open(workspace)?.target())
}

/// cargo's target directory for a workspace.
///
/// # Errors
/// Those of running cargo.
pub fn target_dir(workspace: &Workspace) -> Result<Utf8PathBuf> {
    cargo::Opened::open(workspace)?.target_dir()
}

/// What cargo built.
#[derive(Debug, Clone, Default)]
pub struct Built {
    /// In the order that they are named, with `path`, `bytes_before` and `native_static_libs`.
    pub plugins: Vec<Plugin>,
    /// Target triple the libraries are for, where known.
    pub target: Option<String>,
    /// What the libraries depend on: sources, Cargo.toml files, the lock file.
    pub inputs: Vec<Utf8PathBuf>,
    pub warnings: Vec<Diagnostic>,
}

/// Builds the plugins as static libraries, in one cargo invocation. The running program must call
/// [`rustc::take_over`] first thing in its `main`.
///
/// # Errors
/// Those of [`discover`], `lock-would-change`.
pub fn build(
    workspace: &Workspace,
    manifest: Option<&Manifest>,
    events: &dyn Events,
) -> Result<Built> {
    events.phase("discover");
    let opened = cargo::Opened::open(workspace)?;
    let found = discover::find(&opened, manifest)?;
    events.phase("build");
    build::build(&opened, found, events)
}
