//! `discover` and `build`: what a Cargo workspace has, and its static libraries.

use crate::error::Result;
use crate::manifest::{self, Manifest};
use crate::protocol::event::Events;
use crate::protocol::request::WorkspaceRequest;
use crate::protocol::response::{Response, WorkspaceLibrary};
use crate::workspace;

/// Answers `discover`: plugins and file names, nothing built.
///
/// # Errors
/// Those of reading the manifest and the workspace.
pub fn discover(asked: &WorkspaceRequest, events: &dyn Events) -> Result<Response> {
    let manifest = workspace::manifest(&asked.workspace, asked.manifest.as_ref(), events)?;
    let found = workspace::discover(&asked.workspace, manifest.as_ref(), events)?;
    let library = manifest.as_ref().map_or(
        manifest::DEFAULT_WORKSPACE_LIBRARY,
        Manifest::workspace_library,
    );
    Ok(Response {
        workspace_library: Some(WorkspaceLibrary {
            library: library.to_owned(),
            file_name: workspace::file_name(library, found.target.as_deref()),
            ..WorkspaceLibrary::default()
        }),
        target: found.target,
        plugins: found.plugins,
        inputs: found.inputs,
        ..Response::new("discover")
    })
}

/// Answers `build`: plugin libraries as cargo makes them.
///
/// # Errors
/// Those of discovery, and `build-failed`.
pub fn build(asked: &WorkspaceRequest, events: &dyn Events) -> Result<Response> {
    let manifest = workspace::manifest(&asked.workspace, asked.manifest.as_ref(), events)?;
    let built = workspace::build(&asked.workspace, manifest.as_ref(), events)?;
    Ok(Response {
        target: built.target,
        plugins: built.plugins,
        inputs: built.inputs,
        warnings: built.warnings,
        ..Response::new("build")
    })
}
