//! The sets of libraries that a request is about: one, or for several targets one for each target or
//! platform of Apple's.

use camino::Utf8PathBuf;

use super::packages::Packages;
use super::subject::Subject;
use super::{Made, make_set, write};
use crate::emit;
use crate::error::{Code, Diagnostic, Error, Result};
use crate::inspect::debug_cost;
use crate::output::commit::Stage;
use crate::protocol::asked::AsksExports as _;
use crate::protocol::event::Events;
use crate::protocol::request::{
    CombineRequest, ManifestSource, Metadata, Output, Source, Strategy, Workspace,
};
use crate::protocol::response::{Response, TargetSet, Totals};
use crate::workspace;
use crate::workspace::targets::{Group, groups};

/// Makes every set and what is packaged of them.
pub fn make(
    strategy: Strategy,
    request: &CombineRequest,
    events: &dyn Events,
    stage: &mut Stage,
) -> Result<Response> {
    let workspace = match &request.source {
        Source::Workspace(workspace) => workspace,
        Source::Libraries(_) => {
            let subject = find(request, events)?;
            return Ok(make_set(strategy, request, subject, events, stage)?.response);
        }
    };
    let groups = groups(&targets(workspace, request)?)?;
    let mut packages = Packages::open(&request.packages, &groups, stage)?;
    match groups.as_slice() {
        [] => {
            let subject = find(request, events)?;
            Ok(make_set(strategy, request, subject, events, stage)?.response)
        }
        [group] => {
            let mut subject = of_group(workspace, group, request, events)?;
            subject.inputs.extend(packages.inputs());
            subject.inputs.sort();
            subject.inputs.dedup();
            let Made {
                mut response,
                libraries,
            } = make_set(strategy, request, subject, events, stage)?;
            packages.add(group, &response, &libraries, stage)?;
            packages.finish(&mut response)?;
            if group.targets.len() > 1 {
                response.target = None;
                response.targets.clone_from(&group.targets);
            }
            Ok(response)
        }
        several => {
            let mut all = Response::new(strategy.name());
            for group in several {
                let own = for_group(request, group)?;
                let subject = of_group(workspace, group, request, events)
                    .map_err(|e| named(e, &group.name()))?;
                let Made {
                    response,
                    libraries,
                } = make_set(strategy, &own, subject, events, stage)
                    .map_err(|e| named(e, &group.name()))?;
                packages.add(group, &response, &libraries, stage)?;
                add(&mut all, group, response);
            }
            all.inputs.extend(packages.inputs());
            all.inputs.sort();
            all.inputs.dedup();
            packages.finish(&mut all)?;
            if let Some(path) = &request.metadata.depfile {
                let written = written(&all);
                let file = emit::depfile(path, &request.metadata, &written, &all.inputs);
                write(file, stage, &mut all.files)?;
            }
            Ok(all)
        }
    }
}

/// The targets asked for; for packages, which are for one at least, the one that cargo builds for.
fn targets(workspace: &Workspace, request: &CombineRequest) -> Result<Vec<String>> {
    let mut targets = workspace.targets.clone();
    targets.extend(workspace.target.clone());
    if targets.is_empty() && !request.packages.is_empty() {
        targets.extend(workspace::target(workspace)?);
    }
    Ok(targets)
}

fn find(request: &CombineRequest, events: &dyn Events) -> Result<Subject> {
    let manifest = request.manifest.as_ref();
    let subject = Subject::find(&request.source, manifest, request.asked(), events)?;
    Ok(with_program(subject, request))
}

/// The result depends on the program that it is made for, and on the manifest's file.
fn with_program(mut subject: Subject, request: &CombineRequest) -> Subject {
    let before = subject.inputs.len();
    subject.inputs.extend(request.used_by.iter().cloned());
    if let Some(ManifestSource::Path(path)) = &request.manifest {
        subject.inputs.push(path.clone());
    }
    if subject.inputs.len() > before {
        subject.inputs.sort();
        subject.inputs.dedup();
    }
    subject
}

fn of_group(
    workspace: &Workspace,
    group: &Group,
    request: &CombineRequest,
    events: &dyn Events,
) -> Result<Subject> {
    let manifest = request.manifest.as_ref();
    let subject =
        Subject::for_targets(workspace, &group.targets, manifest, request.asked(), events)?;
    Ok(with_program(subject, request))
}

/// The request of one of several sets, into a folder of its own.
fn for_group(request: &CombineRequest, group: &Group) -> Result<CombineRequest> {
    let Output::Dir(dir) = &request.output else {
        return Err(Diagnostic::new(Code::Internal, "several sets in place").into());
    };
    let named = one_place(&request.metadata, request.report.is_some());
    if !named.is_empty() {
        return Err(Diagnostic::new(
            Code::RequestInvalid,
            format!(
                "one place is given for what each set of libraries has: {}",
                named.join(", ")
            ),
        )
        .hint("leave it out, or give targets of one platform")
        .into());
    }
    let mut own = request.clone();
    own.output = Output::Dir(dir.join(group.name()));
    own.metadata.depfile = None;
    Ok(own)
}

/// Options by which all sets would write to one place.
fn one_place(metadata: &Metadata, report: bool) -> Vec<&'static str> {
    let given = [
        ("pkg_config_dir", metadata.pkg_config_dir.is_some()),
        (
            "workspace_pkg_config_dir",
            metadata.workspace_pkg_config_dir.is_some(),
        ),
        ("patch_pkg_config", !metadata.patch_pkg_config.is_empty()),
        ("cmake_file", metadata.cmake_file.is_some()),
        ("libdir", metadata.libdir.is_some()),
        ("workspace_libdir", metadata.workspace_libdir.is_some()),
        (
            "installed_pkg_config_dir",
            metadata.installed_pkg_config_dir.is_some(),
        ),
        (
            "installed_workspace_pkg_config_dir",
            metadata.installed_workspace_pkg_config_dir.is_some(),
        ),
        ("report", report),
    ];
    given.iter().filter(|g| g.1).map(|g| g.0).collect()
}

/// An error of one set of several.
fn named(error: Error, name: &str) -> Error {
    let name = |mut d: Diagnostic| {
        d.message = format!("{name}: {}", d.message);
        d
    };
    Error(error.0.into_iter().map(name).collect())
}

/// Adds one set to the response about several.
fn add(all: &mut Response, group: &Group, one: Response) {
    let name = group.name();
    all.targets.extend(group.targets.iter().cloned());
    if let Some(totals) = &one.totals {
        let sum = all.totals.get_or_insert_with(Totals::default);
        sum.bytes_before += totals.bytes_before;
        sum.bytes_after += totals.bytes_after;
        sum.debug_bytes_removed += totals.debug_bytes_removed;
        sum.debug_bytes += totals.debug_bytes;
        debug_cost::join(&mut sum.debug_crates, totals.debug_crates.clone());
    }
    all.warnings.extend(one.warnings.into_iter().map(|mut w| {
        w.message = format!("{name}: {}", w.message);
        w
    }));
    all.files.extend(one.files);
    all.inputs.extend(one.inputs);
    all.sets.push(TargetSet {
        name,
        targets: group.targets.clone(),
        plugins: one.plugins,
        workspace_library: one.workspace_library,
        totals: one.totals,
        sharing: one.sharing,
        link: one.link,
    });
}

/// The libraries of all sets.
fn written(all: &Response) -> Vec<Utf8PathBuf> {
    let sets = all.sets.iter().filter_map(|s| s.link.as_ref());
    sets.flat_map(|l| l.libraries.iter().cloned()).collect()
}
