//! The middle of the pipeline: resolve, reach and identity of a set of libraries, before any plan.
//!
//! In: the inputs, and the symbols that each library exports ([`exports`]). Out: an [`Analysis`]. Its
//! phases, in order: [`graph`] (distinct objects, taken apart), [`resolve`] (what a linker pulls),
//! [`reach`] (what lives, and why), [`universe`] (whose runtimes agree), [`identity`] (which atoms are
//! one); [`runtime_names`] are public whatever is asked for.

pub mod exports;
pub mod graph;
pub mod identity;
pub mod reach;
pub mod resolve;
pub mod runtime_names;
pub mod universe;

use rayon::prelude::*;

use crate::analysis::graph::{Graph, NameId, ObjectId};
use crate::analysis::identity::atoms::{AtomClasses, classify};
use crate::analysis::identity::members::MemberClasses;
use crate::analysis::reach::{Reached, reach};
use crate::analysis::resolve::Resolution;
use crate::analysis::runtime_names::keeps_its_name;
use crate::analysis::universe::universes;
use crate::error::{Code, Diagnostic, Error, Result};
use crate::format::{self, MemberKind};
use crate::input::{Inputs, LibraryId};

/// What starts a walk.
#[derive(Debug, Clone)]
pub struct RootSet {
    /// The library whose resolution counts.
    pub library: LibraryId,
    /// A name that stays by itself, pulled on demand; `None`: the exports of a plugin.
    pub runtime: Option<NameId>,
    pub roots: Vec<NameId>,
}

/// How far atoms of different libraries may be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sharing {
    /// Not at all (prelink).
    None,
    /// Within a universe (meld).
    Universe,
}

/// Everything a plan needs.
pub struct Analysis<'d> {
    pub graph: Graph<'d>,
    /// By library.
    pub resolutions: Vec<Resolution>,
    /// Those of the plugins, by library, then those of runtime names.
    pub sets: Vec<RootSet>,
    /// By root set.
    pub reached: Vec<Reached>,
    /// By root set.
    pub universes: Vec<u32>,
    pub classes: AtomClasses,
    /// By name: it stays public.
    public: Vec<bool>,
    pub warnings: Vec<Diagnostic>,
    sharing: Sharing,
}

impl<'d> Analysis<'d> {
    /// Analyses `inputs`; `exports` are each library's exported symbols, as in the symbol tables.
    ///
    /// # Errors
    /// `bitcode-member`, `conflicting-definitions`, and those of reading objects.
    pub fn new(
        inputs: &Inputs<'d>,
        members: &MemberClasses,
        exports: &[Vec<&[u8]>],
        sharing: Sharing,
    ) -> Result<Self> {
        refuse_bitcode(inputs)?;
        let mut graph = Graph::new(inputs, members)?;
        let libraries: Vec<LibraryId> = (0..inputs.libraries.len() as u32).map(LibraryId).collect();
        let mut sets: Vec<RootSet> = libraries
            .iter()
            .map(|&library| RootSet {
                library,
                runtime: None,
                roots: exports
                    .get(library.index())
                    .into_iter()
                    .flatten()
                    .filter_map(|name| graph.find_name(name))
                    .collect(),
            })
            .collect();
        let mut resolutions: Vec<Resolution> = libraries
            .par_iter()
            .map(|&library| Resolution::new(inputs, &graph, library))
            .collect();
        let format = inputs.format();
        let public: Vec<bool> = graph
            .names
            .par_iter()
            .with_min_len(4096)
            .map(|name| keeps_its_name(format, name))
            .collect();

        let mut reached: Vec<Reached> = Vec::new();
        let mut warnings = Vec::new();
        // Walk again wherever a library turned out to export more than it was asked for.
        let mut again: Vec<usize> = (0..sets.len()).collect();
        reached.resize_with(sets.len(), Reached::default);
        while !again.is_empty() {
            let results: Vec<Result<()>> = resolutions
                .par_iter_mut()
                .zip(&sets)
                .map(|(r, set)| r.pull(inputs, &graph, set.roots.iter().copied()))
                .collect();
            Error::collect(results)?;
            graph.take_apart(inputs, &pulled(&resolutions))?;
            let fresh: Vec<Reached> = again
                .par_iter()
                .map(|&s| {
                    reach(&graph, &resolutions[s], &sets[s].roots, &|n| {
                        public[n.index()]
                    })
                })
                .collect();
            for (&s, r) in again.iter().zip(fresh) {
                reached[s] = r;
            }
            again = implicit_exports(
                inputs,
                &graph,
                &resolutions,
                &reached,
                &public,
                &mut sets,
                &mut warnings,
            );
        }
        let names = runtime_sets(&resolutions, &public, sharing);
        for set in &names {
            let r = &mut resolutions[set.library.index()];
            r.pull(inputs, &graph, set.roots.iter().copied())?;
        }
        graph.take_apart(inputs, &pulled(&resolutions))?;
        for set in names {
            let own = set.runtime;
            let walk = reach(
                &graph,
                &resolutions[set.library.index()],
                &set.roots,
                &|n| public[n.index()] && Some(n) != own,
            );
            reached.push(walk);
            sets.push(set);
        }
        let by_library = match sharing {
            Sharing::None => libraries.iter().map(|l| l.0).collect(),
            Sharing::Universe => universes(&graph, &resolutions),
        };
        let universes: Vec<u32> = sets.iter().map(|s| by_library[s.library.index()]).collect();
        let classes = classify(&graph, &reached, &universes);
        Ok(Self {
            graph,
            resolutions,
            sets,
            reached,
            universes,
            classes,
            public,
            warnings,
            sharing,
        })
    }

    /// Do libraries share nothing (prelink)?
    #[must_use]
    pub fn is_alone(&self) -> bool {
        self.sharing == Sharing::None
    }

    /// Does this name stay by itself, for this root set?
    #[must_use]
    pub fn is_public(&self, set: usize, name: NameId) -> bool {
        self.public[name.index()] && self.sets[set].runtime != Some(name)
    }

    #[must_use]
    pub fn resolution(&self, set: usize) -> &Resolution {
        &self.resolutions[self.sets[set].library.index()]
    }
}

pub(crate) fn refuse_bitcode(inputs: &Inputs<'_>) -> Result<()> {
    let errors = inputs
        .members
        .iter()
        .filter(|m| m.kind == MemberKind::Bitcode)
        .map(|m| {
            let (what, way) = format::intermediate(m.data);
            Diagnostic::new(Code::BitcodeMember, format!("this member is {what}"))
                .file(inputs.library(m.library).path)
                .member(m.name)
                .hint(format!("{way}, or use the dedup strategy"))
        })
        .collect();
    Error::all(errors)
}

fn pulled(resolutions: &[Resolution]) -> Vec<ObjectId> {
    let mut all: Vec<ObjectId> = resolutions
        .iter()
        .flat_map(|r| r.pulled.iter().copied())
        .collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// What one plugin library needs from outside and another defines stays visible: they link together
/// today. Returns the sets that got new roots.
fn implicit_exports(
    inputs: &Inputs<'_>,
    graph: &Graph<'_>,
    resolutions: &[Resolution],
    reached: &[Reached],
    public: &[bool],
    sets: &mut [RootSet],
    warnings: &mut Vec<Diagnostic>,
) -> Vec<usize> {
    let mut grown = Vec::new();
    for (user, r) in reached.iter().enumerate() {
        for name in r.externals() {
            if public[name.index()] {
                continue;
            }
            let defines = |l: usize, name| {
                let object = resolutions[l].definer(name);
                object.is_some_and(|o| !graph.is_verbatim(o))
            };
            let all = 0..resolutions.len();
            let imported = all.clone().any(|l| resolutions[l].definer(name).is_some());
            let mut owner = all.clone().find(|&l| l != user && defines(l, name));
            let mut name = name;
            // The linker makes the pointer to what the set itself defines, by its name.
            if let (false, Some(target)) = (
                imported,
                format::import_target(inputs.format(), graph.name(name)),
            ) && let Some(target) = graph.find_name(target)
            {
                name = target;
                owner = Some(user)
                    .filter(|&l| defines(l, name))
                    .or_else(|| all.clone().find(|&l| defines(l, name)));
            }
            let Some(owner) = owner else { continue };
            if sets[owner].roots.contains(&name) {
                continue;
            }
            sets[owner].roots.push(name);
            grown.push(owner);
            warnings.push(
                Diagnostic::new(
                    Code::ImplicitExport,
                    format!(
                        "stays visible because {} needs it from outside",
                        inputs.libraries[user].name
                    ),
                )
                .file(inputs.libraries[owner].path)
                .symbol(graph.name(name))
                .hint("list it among the plugin's exports, or give it another name"),
            );
        }
    }
    grown.sort_unstable();
    grown.dedup();
    grown
}

/// One root set for each runtime name that a library brings along: from the first that does, or, where
/// libraries share nothing, from each.
fn runtime_sets(resolutions: &[Resolution], public: &[bool], sharing: Sharing) -> Vec<RootSet> {
    let mut seen = vec![false; public.len()];
    let mut sets = Vec::new();
    for resolution in resolutions {
        if sharing == Sharing::None {
            seen.fill(false);
        }
        for name in resolution.defined_names() {
            if !public[name.index()] || std::mem::replace(&mut seen[name.index()], true) {
                continue;
            }
            sets.push(RootSet {
                library: resolution.library,
                runtime: Some(name),
                roots: vec![name],
            });
        }
    }
    sets
}
