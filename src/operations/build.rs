//! `discover` and `build`: what a Cargo workspace has, and its static libraries.

use super::combine::subject::plugins_of;
use crate::error::Result;
use crate::exports::Asked;
use crate::input::library_file_name;
use crate::manifest::{self, Manifest, default_workspace_library};
use crate::protocol::event::Events;
use crate::protocol::request::{DiscoverRequest, Workspace, WorkspaceRequest};
use crate::protocol::response::{Plugin, Response, TargetSet, WorkspaceLibrary};
use crate::workspace::{self, targets};

/// Answers `discover`: plugins and file names, nothing built.
///
/// # Errors
/// Those of reading the manifest and the workspace.
pub fn discover(asked: &DiscoverRequest, events: &dyn Events) -> Result<Response> {
    let Some(workspace) = &asked.workspace else {
        return of_libraries(asked);
    };
    let manifest = workspace::manifest(workspace, asked.manifest.as_ref(), events)?;
    let found = workspace::discover(workspace, manifest.as_ref(), events)?;
    let given = manifest.as_ref().and_then(Manifest::workspace_library);
    let names = found.plugins.iter().map(|p| p.library.as_str());
    let library = given.map_or_else(|| default_workspace_library(names), str::to_owned);
    Ok(Response {
        workspace_library: Some(WorkspaceLibrary {
            file_name: workspace::file_name(&library, found.target.as_deref()),
            library,
            ..WorkspaceLibrary::default()
        }),
        target: found.target,
        plugins: found.plugins,
        inputs: found.inputs,
        ..Response::new("discover")
    })
}

/// The same for libraries that others build: their names alone tell.
fn of_libraries(asked: &DiscoverRequest) -> Result<Response> {
    let manifest = asked.manifest.as_ref().map(manifest::load).transpose()?;
    let manifest = manifest.as_ref();
    let of_path = plugins_of(&asked.libraries, manifest, Asked::default())?;
    let plugins: Vec<Plugin> = of_path
        .into_iter()
        .map(|p| Plugin { path: None, ..p })
        .collect();
    let given = manifest.and_then(Manifest::workspace_library);
    let names = plugins.iter().map(|p| p.library.as_str());
    let library = given.map_or_else(|| default_workspace_library(names), str::to_owned);
    let like = plugins.first().map_or("", |p| p.file_name.as_str());
    Ok(Response {
        workspace_library: Some(WorkspaceLibrary {
            file_name: library_file_name(&library, like),
            library,
            ..WorkspaceLibrary::default()
        }),
        plugins,
        ..Response::new("discover")
    })
}

/// Answers `build`: plugin libraries as cargo makes them.
///
/// # Errors
/// Those of discovery, `build-failed`, and for several targets `target-duplicate`.
pub fn build(asked: &WorkspaceRequest, events: &dyn Events) -> Result<Response> {
    let several = &asked.workspace.targets;
    if several.len() < 2 {
        return one(&asked.workspace, asked, events);
    }
    targets::groups(several)?;
    let mut all = Response {
        targets: several.clone(),
        ..Response::new("build")
    };
    for target in several {
        let built = one(&asked.workspace.with_target(target), asked, events)?;
        all.inputs.extend(built.inputs);
        all.warnings.extend(built.warnings);
        all.sets.push(TargetSet {
            name: built.target.unwrap_or_default(),
            targets: vec![target.clone()],
            plugins: built.plugins,
            ..TargetSet::default()
        });
    }
    all.inputs.sort();
    all.inputs.dedup();
    Ok(all)
}

fn one(workspace: &Workspace, asked: &WorkspaceRequest, events: &dyn Events) -> Result<Response> {
    let manifest = workspace::manifest(workspace, asked.manifest.as_ref(), events)?;
    let built = workspace::build(workspace, manifest.as_ref(), events)?;
    Ok(Response {
        target: built.target,
        plugins: built.plugins,
        inputs: built.inputs,
        warnings: built.warnings,
        ..Response::new("build")
    })
}
