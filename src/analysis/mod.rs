//! The middle of the pipeline: what resolves where, what lives, and which of it is one, before any plan.
//!
//! In: the inputs, and the symbols that each library exports ([`exports`]). Out: an [`Analysis`]. Its
//! phases, in order: [`graph`] (distinct objects, taken apart), [`contested`] and [`meeting`] (what is left
//! to the final linker), [`resolve`] (what a linker pulls), [`roots`] (exports that belong together),
//! [`reach`](mod@reach) (what lives, and why), [`universe`] (whose runtimes agree), [`identity`] (which
//! atoms are one). [`runtime_names`] are public whatever is asked for.
//!
//! Invariants: resolutions are complete before the walk of their root set begins, and nothing after it
//! resolves again; every edge of a live atom has a target that is live, named, a number, or void by the
//! format's own rules ([`Analysis::check`] refuses the rest).

mod across;
pub mod blocks;
mod brought;
mod commons;
pub mod components;
pub mod contested;
mod demands;
pub mod disputed;
mod divided;
pub mod exports;
pub mod graph;
pub mod identity;
mod implicit;
pub mod left_out;
mod making;
mod meaning;
pub mod meeting;
pub mod personalities;
pub mod reach;
pub mod registries;
pub mod resolve;
pub mod roots;
pub mod runtime_names;
pub mod tables;
pub mod torn;
pub mod universe;
mod unlike;
mod walks;
mod wishes;

use std::collections::{BTreeMap, BTreeSet};

use foldhash::{HashMap, HashMapExt, HashSet, HashSetExt};
use rayon::prelude::*;

use crate::error::{Code, Diagnostic, Error, Result};
use crate::exports::NameRules;
use crate::format::model::{Binding, Definition, SymbolKind, Visibility};
use crate::format::{self, MemberKind};
use crate::input::{Inputs, LibraryId};
use crate::protocol::event::Steps;
use blocks::Blocks;
use contested::Contested;
use demands::Comes;
use graph::{Graph, NameId, ObjectId};
use identity::atoms::AtomClasses;
use identity::members::MemberClasses;
use identity::twins::twins;
use making::Making;
use meeting::Vague;
use reach::{Reached, Root};
use registries::Registries;
use resolve::{Offer, Resolution};
use walks::Walks;

/// What a root set stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RootKind {
    /// Exports of a library that bring along the same members with effects.
    Exports,
    /// What a member defines of contested names: pulled by name, as the member was.
    Member(ObjectId),
}

/// What starts a walk.
#[derive(Debug, Clone)]
pub struct RootSet {
    /// The libraries whose root set it is, the first of which resolves its names. Several only for
    /// members that they hold alike.
    pub libraries: Vec<LibraryId>,
    pub kind: RootKind,
    pub roots: Vec<Root>,
    /// Index into [`Analysis::resolutions`].
    resolution: usize,
}

impl RootSet {
    /// The library that resolves its names.
    #[must_use]
    pub fn library(&self) -> LibraryId {
        self.libraries.first().copied().unwrap_or(LibraryId(0))
    }

    /// The member whose definitions it stands for.
    #[must_use]
    pub fn member(&self) -> Option<ObjectId> {
        match self.kind {
            RootKind::Exports => None,
            RootKind::Member(object) => Some(object),
        }
    }
}

/// What a root set brings along besides what it refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Demand {
    /// A name that somebody has to define: the linker takes the first who does.
    Name(NameId),
    /// The same of a name that lives though nothing refers to it.
    Need(NameId),
    /// The root set of a member, whether somebody else defines its names or not: a linker would have
    /// pulled it for something else that it holds.
    Set(u32),
}

/// How far atoms of different libraries may be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sharing {
    /// Not at all (prelink).
    None,
    /// Within a universe (meld).
    Universe,
}

/// A common symbol, as large and as strictly aligned as any of its library's members want it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Common {
    pub size: u64,
    pub align: u64,
    /// No member wants it within reach of a distance of 32 bits.
    pub far: bool,
    /// The most constraining one (gABI, "Symbol Visibility").
    pub visibility: Visibility,
}

/// Everything a plan needs.
pub struct Analysis<'d> {
    pub graph: Graph<'d>,
    /// By library.
    pub offers: Vec<Offer>,
    /// By library, all of its exports together; then those of root sets that have their own.
    pub resolutions: Vec<Resolution>,
    /// By library: its exports, those that only another library needs included.
    pub exports: Vec<Vec<NameId>>,
    /// By library: how many of them, the first, were asked for.
    asked: Vec<usize>,
    /// Those of exports, by library, then those of members.
    pub sets: Vec<RootSet>,
    /// By root set.
    pub reached: Vec<Reached>,
    /// By root set.
    pub demands: Vec<Vec<Demand>>,
    comes: Comes,
    /// By root set.
    pub universes: Vec<u32>,
    pub classes: AtomClasses,
    pub contested: Contested,
    pub vague: Vague<'d>,
    pub registries: Registries<'d>,
    /// By library.
    pub commons: Vec<BTreeMap<NameId, Common>>,
    undivided: BTreeSet<LibraryId>,
    pub warnings: Vec<Diagnostic>,
    pub format: format::Format,
    sharing: Sharing,
}

impl<'d> Analysis<'d> {
    /// Analyses `inputs`; `exports` are each library's exported symbols, as in the symbol tables,
    /// `rules` what the manifest says of other names.
    ///
    /// # Errors
    /// `bitcode-member`, `conflicting-definitions`, and those of reading objects.
    pub fn new(
        inputs: &Inputs<'d>,
        members: &MemberClasses,
        exports: &[Vec<&[u8]>],
        rules: &NameRules,
        sharing: Sharing,
    ) -> Result<Self> {
        Self::watched(
            inputs,
            members,
            exports,
            rules,
            sharing,
            &Steps::untold(),
            false,
        )
    }

    /// As [`Self::new`], with every object that is read told to `steps`. `merges`: pieces that linkers may merge
    /// get symbols.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn watched(
        inputs: &Inputs<'d>,
        members: &MemberClasses,
        exports: &[Vec<&[u8]>],
        rules: &NameRules,
        sharing: Sharing,
        steps: &Steps<'_>,
        merges: bool,
    ) -> Result<Self> {
        refuse_bitcode(inputs)?;
        let mut graph = Graph::new(inputs, members, steps)?;
        graph.names_pieces = merges;
        let libraries: Vec<LibraryId> = (0..inputs.libraries.len() as u32).map(LibraryId).collect();
        let offers: Vec<Offer> = libraries
            .par_iter()
            .map(|&library| Offer::new(inputs, &graph, library))
            .collect();
        let exports: Vec<Vec<NameId>> = libraries
            .iter()
            .map(|library| {
                let own = exports.get(library.index()).into_iter().flatten();
                own.filter_map(|name| graph.find_name(name)).collect()
            })
            .collect();
        let asked = exports.iter().map(Vec::len).collect();
        let twins = twins(inputs, &mut graph, &offers, &exports)?;
        let format = inputs.format();
        let mut contested = Contested::new(&graph, &twins, format, &offers, &exports, rules);
        contested.local_aliases = inputs.has_gnu_linkers();
        let mut making = Making {
            inputs,
            rules,
            graph,
            offers,
            exports,
            resolutions: Vec::new(),
            contested,
            vague: Vague::default(),
            registries: Registries::default(),
            wanted: vec![BTreeSet::new(); libraries.len()],
            unlike: BTreeSet::new(),
            copies: vec![Vec::new(); libraries.len()],
            divided: vec![BTreeSet::new(); libraries.len()],
            holders: vec![HashSet::default(); libraries.len()],
            torn: BTreeMap::new(),
            undivided: BTreeSet::new(),
            warnings: Vec::new(),
        };
        let Walks {
            sets,
            reached,
            universes,
            demands,
            classes,
        } = making.walk(sharing)?;
        let commons = making.commons(&sets);
        let comes = Comes::new(&sets, &demands);
        let Making {
            graph,
            offers,
            exports,
            resolutions,
            contested,
            vague,
            registries,
            undivided,
            warnings,
            ..
        } = making;
        Ok(Self {
            graph,
            offers,
            resolutions,
            exports,
            asked,
            sets,
            reached,
            demands,
            comes,
            universes,
            classes,
            contested,
            vague,
            registries,
            commons,
            undivided,
            warnings,
            format: inputs.format(),
            sharing,
        })
    }

    /// Are the library's exports taken for one set because there are too many to tell which belong together?
    #[must_use]
    pub fn is_undivided(&self, library: LibraryId) -> bool {
        self.undivided.contains(&library)
    }

    /// Do libraries share nothing (prelink)?
    #[must_use]
    pub fn is_alone(&self) -> bool {
        self.sharing == Sharing::None
    }

    #[must_use]
    pub fn resolution(&self, set: usize) -> &Resolution {
        &self.resolutions[self.sets[set].resolution]
    }

    /// Where in the order of constructors the member comes in a program that calls all of the library's exports.
    #[must_use]
    pub fn place(&self, library: LibraryId, member: ObjectId) -> Option<u32> {
        self.resolutions.get(library.index())?.place(member)
    }

    /// Does the member define the name, in a root set of its own?
    #[must_use]
    pub fn is_own(&self, member: ObjectId, name: NameId) -> bool {
        self.comes.own.contains(&(member, name))
    }

    /// Is a reference by name one of a member to its own definition, which is linked with the root set
    /// anyway? It pulls nothing then: mold would prefer another member's strong definition.
    #[must_use]
    pub fn comes_anyway(&self, set: usize, from: ObjectId, name: NameId) -> bool {
        !format::weak_needs_a_twin(self.format)
            && self.is_own(from, name)
            && self.comes.with.contains(&(set as u32, name))
    }

    /// The root set of a member that this root set always brings along.
    #[must_use]
    pub fn brought(&self, set: usize, member: ObjectId) -> Option<usize> {
        let found = self.comes.member.get(&(set as u32, member));
        found.map(|&m| m as usize)
    }

    /// Exports that only another library needs.
    #[must_use]
    pub fn implicit(&self, library: LibraryId) -> &[NameId] {
        let asked = self.asked[library.index()];
        self.exports[library.index()].get(asked..).unwrap_or(&[])
    }

    /// Which of a library's exports come along with which, whatever is called.
    #[must_use]
    pub fn blocks(&self, library: LibraryId) -> Blocks {
        let at = library.index();
        let open = |name: NameId| !self.contested.is(library, name);
        Blocks::new(
            &self.graph,
            &self.offers[at],
            &self.resolutions[at],
            self.exports[at].iter().copied().filter(|&n| open(n)),
            open,
        )
    }

    /// The root sets of a library's exports.
    pub fn export_sets(&self, library: LibraryId) -> impl Iterator<Item = usize> + '_ {
        self.sets
            .iter()
            .enumerate()
            .filter(move |(_, s)| s.kind == RootKind::Exports && s.library() == library)
            .map(|(i, _)| i)
    }

    /// Exports that are hidden, or that some reference says are (gABI: the most constraining visibility holds):
    /// static programs see them.
    #[must_use]
    pub fn hidden_exports(&self) -> HashSet<&'d [u8]> {
        let mut hidden = HashSet::new();
        for (library, names) in self.exports.iter().enumerate() {
            for &name in names {
                let site = self.resolutions[library].definition(name);
                if format::is_shared_by_all(self.format, self.graph.name(name)) {
                    hidden.insert(self.graph.name(name));
                } else if let Some(site) = site
                    && !self.graph.globals[site.object.index()][site.position as usize]
                        .visibility
                        .is_outside()
                {
                    hidden.insert(self.graph.name(name));
                }
            }
            let exported: HashSet<NameId> = names.iter().copied().collect();
            for pulled in &self.resolutions[library].pulled {
                let said = self.graph.globals[pulled.object.index()].iter();
                let said = said.filter(|g| !g.visibility.is_outside());
                let said = said.filter(|g| exported.contains(&g.name));
                hidden.extend(said.map(|g| self.graph.name(g.name)));
            }
        }
        hidden
    }

    /// Names that a program must provide from elsewhere for a library's exports, sorted: what is live for
    /// them needs, and what comes along with them.
    #[must_use]
    pub fn externals(&self, library: LibraryId) -> Vec<NameId> {
        let mut sets: BTreeSet<usize> = self.export_sets(library).collect();
        let mut waiting: Vec<usize> = sets.iter().copied().collect();
        let mut set_of: HashMap<NameId, Vec<usize>> = HashMap::new();
        for (at, set) in self.sets.iter().enumerate() {
            if set.member().is_some() && set.libraries.contains(&library) {
                for root in &set.roots {
                    set_of.entry(root.name).or_default().push(at);
                }
            }
        }
        // Exports with contested names are roots of their members' sets.
        for name in &self.exports[library.index()] {
            for &set in set_of.get(name).into_iter().flatten() {
                if sets.insert(set) {
                    waiting.push(set);
                }
            }
        }
        let mut names: BTreeSet<NameId> = BTreeSet::new();
        while let Some(s) = waiting.pop() {
            let needed = self.reached[s].externals();
            let mut more: Vec<usize> = Vec::new();
            let demanded = self.demands[s].iter().filter_map(|d| match d {
                Demand::Name(name) | Demand::Need(name) => Some(*name),
                Demand::Set(_) => None,
            });
            for name in needed.into_iter().chain(demanded) {
                match set_of.get(&name) {
                    Some(own) => more.extend(own),
                    None if !self.commons[library.index()].contains_key(&name) => {
                        names.insert(name);
                    }
                    None => {}
                }
            }
            more.extend(self.demands[s].iter().filter_map(|d| match d {
                Demand::Set(set) => Some(*set as usize),
                Demand::Name(_) | Demand::Need(_) => None,
            }));
            for set in more {
                if sets.insert(set) {
                    waiting.push(set);
                }
            }
        }
        names.into_iter().collect()
    }

    /// Refuses live references that lead nowhere: what was there cannot be carried over.
    ///
    /// # Errors
    /// `reference-lost`, for each of the first of a library.
    pub fn check(&self, inputs: &Inputs<'_>) -> Result<()> {
        const SHOWN: usize = 20;
        let mut errors = Vec::new();
        for (set, reached) in self.sets.iter().zip(&self.reached) {
            for fault in &reached.faults {
                let file = self.graph.file(fault.from.object);
                let symbol = fault.symbol.and_then(|s| file.symbols.get(s as usize));
                let section = file
                    .atoms
                    .get(fault.from.atom as usize)
                    .map_or(&b""[..], |a| a.section);
                let name = symbol.map_or(&b""[..], |s| s.name);
                // Assemblers name places of local labels by their section.
                let labels: Vec<String> = file
                    .symbols
                    .iter()
                    .filter(|s| s.definition == Definition::Dropped && !s.name.is_empty())
                    .filter(|s| !matches!(s.kind, SymbolKind::Section | SymbolKind::File))
                    .map(|s| String::from_utf8_lossy(s.name).into_owned())
                    .take(3)
                    .collect();
                let labels = match labels.len() {
                    0 => String::new(),
                    _ => format!("; labels there: {}", labels.join(", ")),
                };
                let member = self.graph.member_of[fault.from.object.index()];
                let nowhere = symbol.is_some_and(|s| {
                    s.definition == Definition::Undefined && s.binding == Binding::Local
                });
                let to = match nowhere {
                    true => "a local symbol that its object does not define".to_owned(),
                    false => format!(
                        "a place in a table that is rebuilt or left out (unwind or debug \
                         information{labels})"
                    ),
                };
                let section = String::from_utf8_lossy(section);
                errors.push(
                    Diagnostic::new(
                        Code::ReferenceLost,
                        format!("live data or code of {section} refers to {to}"),
                    )
                    .file(inputs.library(set.library()).path)
                    .member(inputs.member(member).name)
                    .symbol(name)
                    .hint("use the dedup strategy, or leave what uses it out"),
                );
            }
        }
        for (at, set) in self.sets.iter().enumerate() {
            for name in set.roots.iter().map(|r| r.name) {
                let found = self.resolution(at).symbol(&self.graph, name);
                let Some((object, symbol)) = found.filter(|f| !self.graph.is_verbatim(f.0)) else {
                    continue;
                };
                let symbol = self.graph.file(object).symbols.get(symbol as usize);
                if symbol.is_some_and(|s| s.definition == Definition::Dropped) {
                    let member = self.graph.member_of[object.index()];
                    let what = "the export is in a table that is rebuilt or left out";
                    errors.push(
                        Diagnostic::new(Code::ReferenceLost, what)
                            .file(inputs.library(set.library()).path)
                            .member(inputs.member(member).name)
                            .symbol(self.graph.name(name))
                            .hint("leave it out of the exports"),
                    );
                }
            }
        }
        errors.dedup();
        errors.truncate(SHOWN);
        Error::all(errors)
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
