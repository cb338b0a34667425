//! A Cargo workspace of plugins: finds them, builds them as static libraries.

use camino::Utf8PathBuf;

use crate::error::{Code, Diagnostic, Result};
use crate::manifest::{self, Manifest};
use crate::protocol::event::Events;
use crate::protocol::request::{ManifestSource, Workspace};
use crate::protocol::response::Plugin;

/// The manifest that holds for a workspace: the one given, else `[workspace.metadata.dragonfire]`.
///
/// # Errors
/// Those of [`manifest::load`] and of running cargo.
pub fn manifest(
    _workspace: &Workspace,
    given: Option<&ManifestSource>,
    _events: &dyn Events,
) -> Result<Option<Manifest>> {
    given.map(manifest::load).transpose()
}

/// The plugins of a workspace, in the order that they are named, without `path`.
///
/// # Errors
/// `cargo-not-found`, `cargo-failed`, `package-not-found`, `no-static-library`,
/// `manifest-duplicate-plugin`.
pub fn discover(
    _workspace: &Workspace,
    _manifest: Option<&Manifest>,
    _events: &dyn Events,
) -> Result<Vec<Plugin>> {
    Err(Diagnostic::new(Code::Internal, "discovery is not there yet").into())
}

/// What cargo built.
#[derive(Debug, Clone, Default)]
pub struct Built {
    /// In the order that they are named, with `path` and `native_static_libs`.
    pub plugins: Vec<Plugin>,
    /// Target triple the libraries are for, where known.
    pub target: Option<String>,
    /// What the libraries depend on: sources, Cargo.toml files, the lock file.
    pub inputs: Vec<Utf8PathBuf>,
    pub warnings: Vec<Diagnostic>,
}

/// Builds the plugins as static libraries, in one cargo invocation.
///
/// # Errors
/// Those of [`discover`], `cargo-failed`, `lock-would-change`.
pub fn build(
    _workspace: &Workspace,
    _manifest: Option<&Manifest>,
    _events: &dyn Events,
) -> Result<Built> {
    Err(Diagnostic::new(Code::Internal, "building is not there yet").into())
}
