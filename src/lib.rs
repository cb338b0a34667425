//! dragonfire: Rust plugins as static libraries, each piece once.
//!
//! The pipeline, one module a phase:
//!
//! request -> [`workspace`] (discover, build) -> [`input`] (read archives) -> [`format`] (read
//! objects) -> [`resolve`] -> [`reach`] -> [`identity`] -> [`plan`] (write objects) -> [`archive`]
//! (write) -> [`verify`] -> [`emit`] -> [`commit`] -> response
//!
//! [`analysis`] runs the middle of it, [`combine`] the whole.

pub mod analysis;
pub mod archive;
mod bitcode;
pub mod cli;
pub mod combine;
pub mod commit;
pub mod emit;
pub mod error;
pub mod exports;
pub mod format;
pub mod graph;
pub mod identity;
pub mod input;
pub mod inspect;
pub mod manifest;
pub mod marker;
pub mod nearest;
pub mod plan;
mod progress;
pub mod protocol;
pub mod reach;
pub mod report;
pub mod resolve;
pub mod restore;
pub mod runtime_names;
mod table;
mod targets;
mod universal;
pub mod universe;
pub mod verify;
pub mod why;
pub mod workspace;

use error::Result;
use protocol::event::Events;
use protocol::request::{Request, Strategy, WorkspaceRequest};
use protocol::response::{Response, WorkspaceLibrary};

/// Carries out a request.
///
/// # Errors
/// Every failure a user can cause, with its code; nothing has been written then.
pub fn run(request: &Request, events: &dyn Events) -> Result<Response> {
    match request {
        Request::Discover(asked) => discover(asked, events),
        Request::Build(asked) => build(asked, events),
        Request::Inspect(asked) => inspect::run(asked, events),
        Request::Dedup(asked) => combine::run(Strategy::Dedup, asked, events),
        Request::Prelink(asked) => combine::run(Strategy::Prelink, asked, events),
        Request::Meld(asked) => combine::run(Strategy::Meld, asked, events),
        Request::Verify(asked) => verify::run(asked),
        Request::Why(asked) => why::run(asked, events),
    }
}

fn discover(asked: &WorkspaceRequest, events: &dyn Events) -> Result<Response> {
    let manifest = workspace::manifest(&asked.workspace, asked.manifest.as_ref(), events)?;
    let found = workspace::discover(&asked.workspace, manifest.as_ref(), events)?;
    let library = manifest.as_ref().map_or(
        manifest::DEFAULT_WORKSPACE_LIBRARY,
        manifest::Manifest::workspace_library,
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

fn build(asked: &WorkspaceRequest, events: &dyn Events) -> Result<Response> {
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
