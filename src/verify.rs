//! Proves what was written, from the files themselves, before anything is replaced.
//!
//! For every strategy: what a library could resolve before, it and the workspace library still can.
//! For prelink and meld besides: exports are there once and visible, nothing else is, every internal
//! reference has exactly one definition, and no plugin needs what its live code did not need.

use std::collections::HashSet;

use camino::Utf8Path;

use crate::analysis::{Analysis, Sharing};
use crate::combine;
use crate::error::{Code, Diagnostic, Error, Result};
use crate::exports::{Defined, ExportRules};
use crate::format::{self, GlobalKind};
use crate::graph::{Graph, NameId, ObjectId};
use crate::identity::members::MemberClasses;
use crate::input::{self, Inputs, LibraryId};
use crate::manifest;
use crate::marker::Marker;
use crate::protocol::request::{Strategy, VerifyRequest};
use crate::protocol::response::Response;
use crate::runtime_names::keeps_its_name;

/// What one plugin library was promised to be.
#[derive(Debug, Clone, Default)]
pub struct Promise<'a> {
    /// Symbols that programs take from it; empty where the strategy keeps every symbol.
    pub exports: Vec<&'a [u8]>,
    /// All that a program may be asked for on its behalf; `None`: not known.
    pub externals: Option<HashSet<&'a [u8]>>,
    /// What it defined before; looked for in it and the workspace library.
    pub defined: Vec<&'a [u8]>,
}

/// Checks the written libraries: those of the plugins in order, then the workspace library.
/// `paths` are the names that messages speak of.
///
/// # Errors
/// `verify-failed`, for everything that does not hold.
pub fn verify(
    written: &Inputs<'_>,
    paths: &[&Utf8Path],
    promises: &[Promise<'_>],
    atomic: bool,
) -> Result<()> {
    let graph = Graph::new(written, &MemberClasses::new(written))?;
    let check = Check {
        written,
        paths,
        graph: &graph,
    };
    let mut errors = Vec::new();
    for (library, promise) in promises.iter().enumerate() {
        errors.extend(check.library(library, promise));
    }
    if atomic {
        errors.extend(check.visibility(promises));
    }
    Error::all(errors)
}

/// Answers a `verify` request about libraries that an earlier run made.
///
/// # Errors
/// `verify-failed`; those of reading the libraries.
pub fn run(request: &VerifyRequest) -> Result<Response> {
    let manifest = request.manifest.as_ref().map(manifest::load).transpose()?;
    let rules = ExportRules::new(manifest.as_ref(), &request.exports);
    let Some(workspace) = &request.workspace_library else {
        return Err(
            Diagnostic::new(Code::RequestInvalid, "no workspace library is given")
                .hint("name the workspace library that the run wrote")
                .into(),
        );
    };
    let mut paths = request.libraries.clone();
    paths.push(workspace.clone());
    let files = input::open_all(&paths)?;
    let written = Inputs::read(&files)?;
    let strategy = written
        .members
        .iter()
        .find_map(|m| Marker::read(m.name, m.data))
        .map(|m| m.strategy);
    let Some(strategy) = strategy else {
        return Err(
            Diagnostic::new(Code::NotOurs, "these libraries carry no marker")
                .file(workspace)
                .hint("verify looks at libraries that dragonfire wrote")
                .into(),
        );
    };
    let atomic = strategy != Strategy::Dedup;
    let count = request.libraries.len();
    let original_files = input::open_all(&request.originals)?;
    let originals = Inputs::read(&original_files)?;
    let known = !request.originals.is_empty();
    if known && originals.libraries.len() != count {
        return Err(Diagnostic::new(
            Code::RequestInvalid,
            "there must be one original for each library, in the same order",
        )
        .into());
    }
    // What is looked for comes from the originals where they are given.
    let source = if known { &originals } else { &written };
    let mut exports = Vec::new();
    if atomic {
        exports = exported(source, count, &rules)?;
    }
    let mut promises = vec![Promise::default(); count];
    for (promise, own) in promises.iter_mut().zip(&exports) {
        promise.exports.clone_from(own);
    }
    if known && atomic {
        let members = MemberClasses::new(&originals);
        let sharing = match strategy {
            Strategy::Prelink => Sharing::None,
            _ => Sharing::Universe,
        };
        let analysis = Analysis::new(&originals, &members, &exports, sharing)?;
        for (at, promise) in promises.iter_mut().enumerate() {
            let names = analysis.reached[at].externals();
            promise.externals = Some(names.iter().map(|&n| analysis.graph.name(n)).collect());
            let roots = analysis.sets[at].roots.iter();
            promise.exports = roots.map(|&n| analysis.graph.name(n)).collect();
        }
        let order: Vec<&Utf8Path> = paths.iter().map(|p| p.as_path()).collect();
        verify(&written, &order, &promises, atomic)?;
        return Ok(Response::new("verify"));
    }
    if known {
        let defined = combine::defined_names(&originals)?;
        for (promise, names) in promises.iter_mut().zip(defined) {
            promise.defined = names;
        }
    }
    let order: Vec<&Utf8Path> = paths.iter().map(|p| p.as_path()).collect();
    verify(&written, &order, &promises, atomic)?;
    Ok(Response::new("verify"))
}

/// The exports of the first `count` libraries. Where a plugin's export lies in the workspace
/// library, the names of both count.
fn exported<'d>(
    inputs: &Inputs<'d>,
    count: usize,
    rules: &ExportRules<'_>,
) -> Result<Vec<Vec<&'d [u8]>>> {
    let mut names = combine::defined_names(inputs)?;
    let shared = names.split_off(count.min(names.len())).concat();
    for own in &mut names {
        own.extend_from_slice(&shared);
    }
    let defined: Vec<Defined<'_, 'd>> = inputs
        .libraries
        .iter()
        .zip(&names)
        .map(|(library, names)| Defined {
            library: &library.name,
            package: None,
            names,
            decoration: combine::decoration(inputs),
        })
        .collect();
    rules.select(&defined)
}

struct Check<'a, 'd> {
    written: &'a Inputs<'d>,
    paths: &'a [&'a Utf8Path],
    graph: &'a Graph<'d>,
}

impl Check<'_, '_> {
    fn failed(&self, library: usize, name: &[u8], message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(Code::VerifyFailed, message)
            .file(
                self.paths
                    .get(library)
                    .copied()
                    .unwrap_or(Utf8Path::new("")),
            )
            .symbol(name)
            .hint("this is a fault of dragonfire: please report it with the library")
    }

    /// The library's objects, then those of the workspace library.
    fn objects(&self, library: usize) -> Vec<ObjectId> {
        let workspace = self.written.libraries.len() - 1;
        [library, workspace]
            .iter()
            .flat_map(|&l| self.written.library(LibraryId(l as u32)).member_ids())
            .filter_map(|m| self.graph.object_of[m.index()])
            .collect()
    }

    fn library(&self, library: usize, promise: &Promise<'_>) -> Vec<Diagnostic> {
        let mut errors = Vec::new();
        let mut definer: Vec<Option<ObjectId>> = vec![None; self.graph.names.len()];
        for object in self.objects(library) {
            for global in &self.graph.globals[object.index()] {
                if global.kind.is_definition() {
                    definer[global.name.index()].get_or_insert(object);
                }
            }
        }
        let has = |name: &[u8]| {
            self.graph
                .find_name(name)
                .and_then(|n| definer[n.index()])
                .is_some()
        };
        for name in &promise.defined {
            if !has(name) {
                errors.push(self.failed(library, name, "this symbol got lost"));
            }
        }
        for name in &promise.exports {
            if !has(name) {
                errors.push(self.failed(library, name, "this export got lost"));
            }
        }
        let Some(allowed) = &promise.externals else {
            return errors;
        };
        // Whatever a linker pulls on behalf of the plugin, dead or alive.
        let mut pulled = vec![false; self.graph.member_of.len()];
        let mut asked = vec![false; self.graph.names.len()];
        let mut needed: Vec<NameId> = promise
            .exports
            .iter()
            .filter_map(|n| self.graph.find_name(n))
            .collect();
        while let Some(name) = needed.pop() {
            if std::mem::replace(&mut asked[name.index()], true) {
                continue;
            }
            let Some(object) = definer[name.index()] else {
                let name = self.graph.name(name);
                if !allowed.contains(name) && crate::reach::bound_stem(name).is_none() {
                    errors.push(self.failed(
                        library,
                        name,
                        "the plugin would need this symbol, which it did not need before",
                    ));
                }
                continue;
            };
            if std::mem::replace(&mut pulled[object.index()], true) {
                continue;
            }
            if let Some(name) = self.unmet_import(object, &definer)
                && !allowed.contains(name.as_slice())
            {
                errors.push(self.failed(
                    library,
                    &name,
                    "an import is there without its DLL's descriptor",
                ));
            }
            let globals = self.graph.globals[object.index()].iter();
            needed.extend(
                globals
                    .filter(|g| g.kind == GlobalKind::Undefined)
                    .map(|g| g.name),
            );
        }
        errors
    }

    /// What an import stub needs for link.exe, where nothing defines it.
    fn unmet_import(&self, stub: ObjectId, definer: &[Option<ObjectId>]) -> Option<Vec<u8>> {
        let member = self.written.member(self.graph.member_of[stub.index()]);
        let needs = format::import_needs(member.kind, member.data)?;
        let known = self.graph.find_name(&needs);
        known
            .and_then(|n| definer[n.index()])
            .is_none()
            .then_some(needs)
    }

    /// Exports visible and once, nothing else visible, every internal name once.
    fn visibility(&self, promises: &[Promise<'_>]) -> Vec<Diagnostic> {
        let exports: HashSet<&[u8]> = promises
            .iter()
            .flat_map(|p| p.exports.iter().copied())
            .collect();
        let mut errors = Vec::new();
        let mut definitions = vec![0u32; self.graph.names.len()];
        let mut visible = vec![false; self.graph.names.len()];
        let mut wanted: Vec<(usize, NameId)> = Vec::new();
        for (at, library) in self.written.libraries.iter().enumerate() {
            for member in library.member_ids() {
                let Some(object) = self.graph.object_of[member.index()] else {
                    continue;
                };
                if self.graph.is_verbatim(object) {
                    continue;
                }
                for global in &self.graph.globals[object.index()] {
                    let name = self.graph.name(global.name);
                    if !global.kind.is_definition() {
                        if !global.default_visibility && crate::reach::bound_stem(name).is_none() {
                            wanted.push((at, global.name));
                        }
                        continue;
                    }
                    definitions[global.name.index()] += 1;
                    visible[global.name.index()] |= global.default_visibility;
                    // Pulled on demand, from whichever library comes first.
                    let for_all = keeps_its_name(self.written.format(), name);
                    if global.default_visibility && !exports.contains(name) && !for_all {
                        errors.push(self.failed(at, name, "this internal symbol is visible"));
                    }
                    if definitions[global.name.index()] == 2 && !for_all {
                        errors.push(self.failed(at, name, "this symbol is defined twice"));
                    }
                }
            }
        }
        for (at, name) in wanted {
            if definitions[name.index()] != 1 {
                let name = self.graph.name(name);
                errors.push(self.failed(at, name, "an internal reference leads nowhere"));
            }
        }
        for (at, promise) in promises.iter().enumerate() {
            for name in &promise.exports {
                let found = self.graph.find_name(name);
                if found.is_some_and(|n| !visible[n.index()]) {
                    errors.push(self.failed(at, name, "this export is not visible"));
                }
            }
        }
        errors
    }
}
