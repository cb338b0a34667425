//! Proves what was written, from the files themselves, before anything is replaced.
//!
//! For every strategy: what a library could resolve before, it and the workspace library still can.
//! For prelink and meld besides: exports are there once and visible, nothing else is, every internal
//! reference has exactly one definition, and no plugin needs what its live code did not need.
//!
//! In: the written libraries, and what each was promised to be. Out: nothing, or what does not hold.

pub mod proof;

use camino::Utf8Path;
use foldhash::{HashMap, HashSet};

use crate::analysis::graph::{Graph, NameId, ObjectId};
use crate::analysis::identity::members::MemberClasses;
use crate::analysis::runtime_names::keeps_its_name;
use crate::error::{Code, Diagnostic, Error, Result};
use crate::format::output::is_crossing_name;
use crate::format::{self, GlobalKind};
use crate::input::{Inputs, LibraryId, MemberId};
use crate::protocol::event::Steps;

use proof::Proof;

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

/// What was promised of all libraries together.
#[derive(Debug, Clone, Default)]
pub struct Promises<'a> {
    /// By plugin library.
    pub libraries: Vec<Promise<'a>>,
    /// Names that the final linker joins: visible as they were, and defined by whoever has them.
    pub met: HashSet<&'a [u8]>,
    /// Exports that nobody outside of a shared library saw before either.
    pub hidden: HashSet<&'a [u8]>,
}

/// Checks the written libraries: those of the plugins in order, then the workspace library.
/// `paths` are the names that messages speak of.
///
/// # Errors
/// `verify-failed`, for everything that does not hold.
pub fn verify(
    written: &Inputs<'_>,
    paths: &[&Utf8Path],
    promises: &Promises<'_>,
    atomic: bool,
    proof: Option<&Proof<'_, '_>>,
) -> Result<()> {
    let mut graph = Graph::new(written, &MemberClasses::new(written), &Steps::untold())?;
    if proof.is_some() {
        let all: Vec<ObjectId> = (0..graph.member_of.len() as u32).map(ObjectId).collect();
        graph.take_apart(written, &all)?;
    }
    let check = Check {
        written,
        paths,
        graph: &graph,
    };
    let mut errors = match atomic {
        true => check.objects_alone(),
        // They are as compilers made them.
        false => Vec::new(),
    };
    // By export: the last library that has it.
    let exporters: HashMap<&[u8], usize> = promises
        .libraries
        .iter()
        .enumerate()
        .flat_map(|(library, p)| p.exports.iter().map(move |&name| (name, library)))
        .collect();
    for (library, promise) in promises.libraries.iter().enumerate() {
        errors.extend(check.library(library, promise, &exporters));
    }
    if atomic {
        errors.extend(check.visibility(promises));
    }
    if let Some(proof) = proof {
        errors.extend(proof.faults(written, &graph, promises));
    }
    Error::all(errors)
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

    /// What linkers would stop at in one of the objects, whatever the others are.
    fn objects_alone(&self) -> Vec<Diagnostic> {
        let of_member = |(library, member): (usize, MemberId)| {
            let member = self.written.member(member);
            let faults = format::faults(member.kind, member.data);
            let told = faults.into_iter().map(move |what| {
                let failed = self.failed(library, b"", what);
                failed.member(member.name)
            });
            told.collect::<Vec<_>>()
        };
        let libraries = self.written.libraries.iter().enumerate();
        libraries
            .flat_map(|(at, library)| library.member_ids().map(move |m| (at, m)))
            .flat_map(of_member)
            .collect()
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

    fn library(
        &self,
        library: usize,
        promise: &Promise<'_>,
        exporters: &HashMap<&[u8], usize>,
    ) -> Vec<Diagnostic> {
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
            // What another library exports may stand in the workspace library: what that needs is not this one's.
            let foreign = |name: &[u8]| {
                allowed.contains(name) && exporters.get(name).is_some_and(|&l| l != library)
            };
            let object = definer[name.index()].filter(|_| !foreign(self.graph.name(name)));
            let Some(object) = object else {
                let name = self.graph.name(name);
                if !allowed.contains(name) && format::bound_stem(name).is_none() {
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
                    .filter(|g| g.kind.pulls(self.written.format()))
                    // What is weak may be absent.
                    .filter(|g| {
                        g.kind == GlobalKind::Undefined || definer[g.name.index()].is_some()
                    })
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
    fn visibility(&self, promises: &Promises<'_>) -> Vec<Diagnostic> {
        let exports: HashSet<&[u8]> = promises
            .libraries
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
                        if !global.visibility.is_outside()
                            && !promises.met.contains(name)
                            && is_crossing_name(name)
                            && format::bound_stem(name).is_none()
                        {
                            wanted.push((at, global.name));
                        }
                        continue;
                    }
                    definitions[global.name.index()] += 1;
                    visible[global.name.index()] |= global.visibility.is_outside();
                    // Pulled on demand, from whichever library comes first.
                    let for_all =
                        keeps_its_name(self.written.format(), name) || promises.met.contains(name);
                    // What it names, an export does, too: the proof looks.
                    let alias =
                        format::copies_variables(self.written.format()) && is_crossing_name(name);
                    if global.visibility.is_outside()
                        && !exports.contains(name)
                        && !for_all
                        && !alias
                    {
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
        for (at, promise) in promises.libraries.iter().enumerate() {
            for name in promise
                .exports
                .iter()
                .filter(|n| !promises.hidden.contains(*n))
            {
                let found = self.graph.find_name(name);
                if found.is_some_and(|n| !visible[n.index()]) {
                    errors.push(self.failed(at, name, "this export is not visible"));
                }
            }
        }
        errors
    }
}
