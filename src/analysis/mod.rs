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

pub mod contested;
pub mod exports;
pub mod graph;
pub mod identity;
pub mod meeting;
pub mod reach;
pub mod resolve;
pub mod roots;
pub mod runtime_names;
pub mod universe;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use rayon::prelude::*;

use crate::error::{Code, Diagnostic, Error, Result};
use crate::exports::NameRules;
use crate::format::model::Definition;
use crate::format::{self, MemberKind};
use crate::input::{Inputs, LibraryId};
use contested::Contested;
use graph::{Graph, NameId, ObjectId};
use identity::atoms::{AtomClasses, classify};
use identity::members::MemberClasses;
use meeting::{Registries, Vague};
use reach::{Reached, Root, Rules, reach};
use resolve::{DefinitionSite, Offer, Resolution};
use roots::split_exports;
use universe::universes;

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
    /// Those of exports, by library, then those of members.
    pub sets: Vec<RootSet>,
    /// By root set.
    pub reached: Vec<Reached>,
    /// By root set.
    pub demands: Vec<Vec<Demand>>,
    /// By root set.
    pub universes: Vec<u32>,
    pub classes: AtomClasses,
    pub contested: Contested,
    pub vague: Vague<'d>,
    pub registries: Registries<'d>,
    /// By library.
    pub commons: Vec<BTreeMap<NameId, Common>>,
    pub warnings: Vec<Diagnostic>,
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
        refuse_bitcode(inputs)?;
        let graph = Graph::new(inputs, members)?;
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
        let contested = Contested::new(
            &graph,
            inputs.format(),
            &offers,
            &exports,
            &|name| rules.isolates(name),
            &|name| rules.publishes(name),
        );
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
            warnings: Vec::new(),
        };
        let whole = making.resolve_wholes()?;
        let universe_of = match sharing {
            Sharing::None => libraries.iter().map(|l| l.0).collect(),
            Sharing::Universe => universes(&making.graph, &making.resolutions),
        };
        let (mut sets, mut reached) = making.export_sets(whole)?;
        let first_member = sets.len();
        making.member_sets(&mut sets, &universe_of)?;
        let fresh: Vec<Reached> = sets[first_member..]
            .par_iter()
            .map(|set| reach(making.rules_of(set), &set.roots))
            .collect();
        reached.extend(fresh);
        let demands = making.demands(&sets);
        making.warn_of_runtimes(&sets);
        let universes: Vec<u32> = sets
            .iter()
            .map(|s| universe_of[s.library().index()])
            .collect();
        let homes: Vec<Option<u32>> = sets
            .iter()
            .map(|set| {
                let member = set.member()?;
                let alike = making.contested.is_alike(member);
                Some(if alike { u32::MAX } else { set.library().0 })
            })
            .collect();
        let classes = classify(&making.graph, &reached, &universes, &homes, &making.vague);
        let commons = making.commons(&sets);
        let Making {
            graph,
            offers,
            exports,
            resolutions,
            contested,
            vague,
            registries,
            warnings,
            ..
        } = making;
        Ok(Self {
            graph,
            offers,
            resolutions,
            exports,
            sets,
            reached,
            demands,
            universes,
            classes,
            contested,
            vague,
            registries,
            commons,
            warnings,
            sharing,
        })
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

    /// The root sets of a library's exports.
    pub fn export_sets(&self, library: LibraryId) -> impl Iterator<Item = usize> + '_ {
        self.sets
            .iter()
            .enumerate()
            .filter(move |(_, s)| s.kind == RootKind::Exports && s.library() == library)
            .map(|(i, _)| i)
    }

    /// Names that the final linker joins and that the libraries may define.
    pub fn met_names(&self) -> impl Iterator<Item = &'d [u8]> + use<'_, 'd> {
        let mut names: BTreeSet<NameId> = BTreeSet::new();
        for set in self.sets.iter().filter(|s| s.member().is_some()) {
            names.extend(set.roots.iter().map(|r| r.name));
        }
        names.extend(self.commons.iter().flat_map(|c| c.keys().copied()));
        // Of a group that stays one, every name does.
        let mut groups: BTreeSet<(ObjectId, u32)> = BTreeSet::new();
        for reached in &self.reached {
            let named = reached.targets.iter().filter_map(|t| match *t {
                reach::Target::Vague { node, .. } => Some(node),
                _ => None,
            });
            for node in named.chain(reached.roots.iter().map(|r| r.1)) {
                let node = reached.nodes[node as usize];
                let group = self.graph.file(node.object).atoms[node.atom as usize].group;
                groups.extend(group.map(|g| (node.object, g)));
            }
        }
        for (object, group) in groups {
            let file = self.graph.file(object);
            let group = file.groups.get(group as usize).filter(|g| g.comdat);
            for &atom in group.map_or(&[][..], |g| &g.atoms) {
                let own = file.symbols_of(atom);
                names.extend(own.filter_map(|(s, _)| self.graph.name_of(object, s)));
            }
        }
        names.into_iter().map(|n| self.graph.name(n))
    }

    /// Exports that are hidden: static programs see them.
    #[must_use]
    pub fn hidden_exports(&self) -> HashSet<&'d [u8]> {
        let mut hidden = HashSet::new();
        for (library, names) in self.exports.iter().enumerate() {
            for &name in names {
                let site = self.resolutions[library].definition(name);
                if let Some(site) = site
                    && !self.graph.globals[site.object.index()][site.position as usize]
                        .visibility
                        .is_outside()
                {
                    hidden.insert(self.graph.name(name));
                }
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
        let mut names: BTreeSet<NameId> = BTreeSet::new();
        while let Some(s) = waiting.pop() {
            let needed = self.reached[s].externals();
            let mut more: Vec<usize> = Vec::new();
            let demanded = self.demands[s].iter().filter_map(|d| match d {
                Demand::Name(name) => Some(*name),
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
                Demand::Name(_) => None,
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
                let member = self.graph.member_of[fault.from.object.index()];
                errors.push(
                    Diagnostic::new(
                        Code::ReferenceLost,
                        format!(
                            "live data or code of {} refers to a place in a table that is rebuilt or \
                             left out (unwind or debug information)",
                            String::from_utf8_lossy(section)
                        ),
                    )
                    .file(inputs.library(set.library()).path)
                    .member(inputs.member(member).name)
                    .symbol(name)
                    .hint("use the dedup strategy, or leave what uses it out"),
                );
            }
        }
        errors.dedup();
        errors.truncate(SHOWN);
        Error::all(errors)
    }
}

/// The analysis in the making.
struct Making<'a, 'd> {
    inputs: &'a Inputs<'d>,
    rules: &'a NameRules,
    graph: Graph<'d>,
    offers: Vec<Offer>,
    exports: Vec<Vec<NameId>>,
    resolutions: Vec<Resolution>,
    contested: Contested,
    vague: Vague<'d>,
    registries: Registries<'d>,
    /// By library: members that another library needs for a contested name.
    wanted: Vec<BTreeSet<ObjectId>>,
    warnings: Vec<Diagnostic>,
}

impl<'d> Making<'_, 'd> {
    fn rules_with<'b>(&'b self, resolution: &'b Resolution) -> Rules<'b, 'd> {
        Rules {
            graph: &self.graph,
            resolution,
            contested: &self.contested,
            vague: &self.vague,
            registries: &self.registries,
            names: self.rules,
        }
    }

    fn rules_of<'b>(&'b self, set: &RootSet) -> Rules<'b, 'd> {
        self.rules_with(&self.resolutions[set.resolution])
    }

    /// The exports that a walk starts from: contested ones stand in members of their own.
    fn export_roots(&self, library: LibraryId, names: &[NameId]) -> Vec<Root> {
        names
            .iter()
            .filter(|&&name| !self.contested.is(library, name))
            .map(|&name| Root { name, own: None })
            .collect()
    }

    /// Resolves each library for all of its exports, again wherever one turned out to export more than
    /// it was asked for. Gives what each reaches.
    fn resolve_wholes(&mut self) -> Result<Vec<Reached>> {
        let count = self.offers.len();
        let mut reached: Vec<Reached> = Vec::new();
        reached.resize_with(count, Reached::default);
        let mut again: Vec<usize> = (0..count).collect();
        let graph = &self.graph;
        self.resolutions = self
            .offers
            .iter()
            .map(|offer| Resolution::new(graph, offer.library, true))
            .collect();
        while !again.is_empty() {
            let fresh: Vec<Resolution> = again
                .par_iter()
                .map(|&l| {
                    let offer = &self.offers[l];
                    let mut resolution = Resolution::new(&self.graph, offer.library, true);
                    let roots = self.exports[l].iter().copied();
                    resolution.pull(self.inputs, &self.graph, offer, roots);
                    resolution
                })
                .collect();
            for (&l, resolution) in again.iter().zip(fresh) {
                self.resolutions[l] = resolution;
            }
            self.graph
                .take_apart(self.inputs, &pulled(&self.resolutions))?;
            let graph = &self.graph;
            self.resolutions
                .par_iter_mut()
                .for_each(|r| r.settle_groups(graph));
            let mut warnings = Vec::new();
            self.vague = Vague::new(
                self.inputs,
                &self.graph,
                &self.resolutions,
                self.rules,
                &mut warnings,
            );
            self.registries = Registries::new(&self.graph, &self.resolutions);
            let fresh: Vec<Reached> = again
                .par_iter()
                .map(|&l| {
                    let resolution = &self.resolutions[l];
                    let roots = self.export_roots(resolution.library, &self.exports[l]);
                    reach(self.rules_with(resolution), &roots)
                })
                .collect();
            for (&l, r) in again.iter().zip(fresh) {
                reached[l] = r;
            }
            again = self.implicit_exports(&reached);
            if again.is_empty() {
                self.warnings.extend(warnings);
            }
        }
        Ok(reached)
    }

    /// What one library needs from outside and another defines stays visible: they link together
    /// today. Gives the libraries that export more now.
    fn implicit_exports(&mut self, reached: &[Reached]) -> Vec<usize> {
        let mut grown = Vec::new();
        let format = self.inputs.format();
        for (user, r) in reached.iter().enumerate() {
            for name in r.externals() {
                let all = 0..self.offers.len();
                if self.contested.is(LibraryId(user as u32), name) {
                    // Its own definition serves it; else another's member does, by name.
                    if self.offers[user].definer(name).is_none() {
                        let other = all
                            .clone()
                            .find_map(|l| Some((l, self.offers[l].definer(name)?)));
                        if let Some((l, object)) = other {
                            self.wanted[l].insert(object);
                        }
                    }
                    continue;
                }
                let defines = |l: usize, name| {
                    let object = self.offers[l].definer(name);
                    object.is_some_and(|o| !self.graph.is_verbatim(o))
                };
                let imported = all.clone().any(|l| self.offers[l].definer(name).is_some());
                let mut owner = all.clone().find(|&l| l != user && defines(l, name));
                let mut name = name;
                // The linker makes the pointer to what the set itself defines, by its name.
                if let (false, Some(target)) = (
                    imported,
                    format::import_target(format, self.graph.name(name)),
                ) && let Some(target) = self.graph.find_name(target)
                {
                    name = target;
                    owner = Some(user)
                        .filter(|&l| defines(l, name))
                        .or_else(|| all.clone().find(|&l| defines(l, name)));
                }
                let Some(owner) = owner else { continue };
                if self.exports[owner].contains(&name) {
                    continue;
                }
                self.exports[owner].push(name);
                grown.push(owner);
                self.warnings.push(
                    Diagnostic::new(
                        Code::ImplicitExport,
                        format!(
                            "stays visible because {} needs it from outside",
                            self.inputs.libraries[user].name
                        ),
                    )
                    .file(self.inputs.libraries[owner].path)
                    .symbol(self.graph.name(name))
                    .hint("list it among the plugin's exports, or give it another name"),
                );
            }
        }
        grown.sort_unstable();
        grown.dedup();
        grown
    }

    /// The root sets of exports, and what each reaches; `whole` is what each library's exports reach
    /// together.
    fn export_sets(&mut self, whole: Vec<Reached>) -> Result<(Vec<RootSet>, Vec<Reached>)> {
        let groups: Vec<Vec<Vec<NameId>>> = (0..self.offers.len())
            .into_par_iter()
            .map(|l| {
                split_exports(
                    &self.graph,
                    &self.offers[l],
                    &self.resolutions[l],
                    &self.exports[l],
                    &|object| self.has_effects(LibraryId(l as u32), object),
                )
            })
            .collect();
        let mut sets = Vec::new();
        let mut reached = Vec::new();
        let mut conflicts = Vec::new();
        for ((l, groups), whole) in groups.into_iter().enumerate().zip(whole) {
            let library = LibraryId(l as u32);
            if groups.len() < 2 {
                conflicts.extend(all_of(vec![self.resolutions[l].check()]));
                sets.push(RootSet {
                    libraries: vec![library],
                    kind: RootKind::Exports,
                    roots: self.export_roots(library, &self.exports[l]),
                    resolution: l,
                });
                reached.push(whole);
                continue;
            }
            let mut fresh: Vec<Resolution> = groups
                .par_iter()
                .map(|names| {
                    let mut own = Resolution::new(&self.graph, library, groups.len() < 8);
                    let roots = names.iter().copied();
                    own.pull(self.inputs, &self.graph, &self.offers[l], roots);
                    own
                })
                .collect();
            conflicts.extend(all_of(fresh.iter().map(Resolution::check).collect()));
            self.graph.take_apart(self.inputs, &pulled(&fresh))?;
            let graph = &self.graph;
            fresh.par_iter_mut().for_each(|r| r.settle_groups(graph));
            let first = sets.len();
            for (names, own) in groups.iter().zip(fresh) {
                sets.push(RootSet {
                    libraries: vec![library],
                    kind: RootKind::Exports,
                    roots: self.export_roots(library, names),
                    resolution: self.resolutions.len(),
                });
                self.resolutions.push(own);
            }
            let walks: Vec<Reached> = sets[first..]
                .par_iter()
                .map(|set| reach(self.rules_of(set), &set.roots))
                .collect();
            reached.extend(walks);
        }
        Error::all(conflicts)?;
        Ok((sets, reached))
    }

    /// Does pulling the object do more than serve references?
    fn has_effects(&self, library: LibraryId, object: ObjectId) -> bool {
        if self.graph.is_verbatim(object) {
            return false;
        }
        if self
            .contested
            .defined_by(&self.graph, library, object)
            .next()
            .is_some()
        {
            return true;
        }
        let resolution = &self.resolutions[library.index()];
        self.rules_with(resolution)
            .lives_when_pulled(object)
            .next()
            .is_some()
    }

    /// One root set for each member that defines contested names and that some other root set pulls,
    /// or that brings a runtime name.
    fn member_sets(&mut self, sets: &mut Vec<RootSet>, universe_of: &[u32]) -> Result<()> {
        let mut known: BTreeSet<(LibraryId, ObjectId)> = BTreeSet::new();
        let mut waiting: Vec<(LibraryId, ObjectId)> = Vec::new();
        for set in sets.iter() {
            for pulled in &self.resolutions[set.resolution].pulled {
                waiting.push((set.library(), pulled.object));
            }
        }
        for (l, offer) in self.offers.iter().enumerate() {
            let library = LibraryId(l as u32);
            let runtime = (0..self.graph.names.len() as u32).map(NameId);
            let runtime = runtime.filter(|&n| self.contested.is_runtime(n));
            waiting.extend(runtime.filter_map(|n| Some((library, offer.definer(n)?))));
            waiting.extend(self.wanted[l].iter().map(|&o| (library, o)));
            // Some linkers take a member for a common that it defines.
            waiting.extend(self.definers_of_commons(offer).map(|o| (library, o)));
        }
        // By object and universe: the sets of it, with what each pulls.
        let mut alike: HashMap<(ObjectId, u32), Vec<usize>> = HashMap::new();
        let mut own: Vec<RootSet> = Vec::new();
        while !waiting.is_empty() {
            waiting.retain(|&(library, object)| {
                !self.graph.is_verbatim(object)
                    && self
                        .contested
                        .defined_by(&self.graph, library, object)
                        .next()
                        .is_some()
                    && known.insert((library, object))
            });
            waiting.sort_unstable_by_key(|&(l, o)| (l, self.offers[l.index()].rank(o)));
            let mut fresh: Vec<Resolution> = waiting
                .par_iter()
                .map(|&(library, object)| {
                    let mut own = Resolution::new(&self.graph, library, false);
                    let offer = &self.offers[library.index()];
                    own.pull_member(self.inputs, &self.graph, offer, object);
                    own
                })
                .collect();
            self.graph.take_apart(self.inputs, &pulled(&fresh))?;
            let graph = &self.graph;
            fresh.par_iter_mut().for_each(|r| r.settle_groups(graph));
            let mut next = Vec::new();
            for ((library, object), resolution) in
                std::mem::take(&mut waiting).into_iter().zip(fresh)
            {
                next.extend(resolution.pulled.iter().map(|p| (library, p.object)));
                let universe = universe_of[library.index()];
                let same = alike.entry((object, universe)).or_default();
                let twin = same.iter().copied().find(|&s| {
                    self.contested.is_alike(object)
                        && self.resolutions[own[s].resolution].pulled == resolution.pulled
                });
                if let Some(twin) = twin {
                    own[twin].libraries.push(library);
                    continue;
                }
                same.push(own.len());
                own.push(RootSet {
                    libraries: vec![library],
                    kind: RootKind::Member(object),
                    roots: self.member_roots(library, object),
                    resolution: self.resolutions.len(),
                });
                self.resolutions.push(resolution);
            }
            waiting = next;
        }
        own.sort_by_key(|s| {
            let library = s.library();
            (
                library,
                s.member().map(|o| self.offers[library.index()].rank(o)),
            )
        });
        // Commons have no place: whoever refers to one brings it.
        sets.extend(own.into_iter().filter(|set| !set.roots.is_empty()));
        Ok(())
    }

    /// Members that define what another member of the library has as a common.
    fn definers_of_commons<'b>(&'b self, offer: &'b Offer) -> impl Iterator<Item = ObjectId> + 'b {
        let common: HashSet<NameId> = self.resolutions[offer.library.index()]
            .pulled
            .iter()
            .flat_map(|p| &self.graph.globals[p.object.index()])
            .filter(|g| g.kind == format::GlobalKind::Common)
            .map(|g| g.name)
            .collect();
        let objects = if common.is_empty() {
            &[][..]
        } else {
            offer.objects()
        };
        objects.iter().copied().filter(move |o| {
            let mut globals = self.graph.globals[o.index()].iter();
            globals.any(|g| g.kind == format::GlobalKind::Defined && common.contains(&g.name))
        })
    }

    /// The contested definitions of an object that have a place or a value.
    fn member_roots(&self, library: LibraryId, object: ObjectId) -> Vec<Root> {
        let file = self.graph.file(object);
        let globals = self.graph.globals[object.index()].iter().enumerate();
        globals
            .filter(|(_, g)| g.kind.is_definition() && self.contested.is(library, g.name))
            .filter(|(position, _)| {
                let symbol = self.graph.global_symbol(object, *position as u32);
                let symbol = symbol.and_then(|s| file.symbols.get(s as usize));
                matches!(
                    symbol.map(|s| s.definition),
                    Some(Definition::Atom { .. } | Definition::Absolute(_))
                )
            })
            .map(|(position, g)| Root {
                name: g.name,
                own: Some(DefinitionSite {
                    object,
                    position: position as u32,
                }),
            })
            .collect()
    }

    /// What each root set brings along.
    fn demands(&self, sets: &[RootSet]) -> Vec<Vec<Demand>> {
        let mut set_of: HashMap<(LibraryId, ObjectId), u32> = HashMap::new();
        for (at, set) in sets.iter().enumerate() {
            if let Some(object) = set.member() {
                for &library in &set.libraries {
                    set_of.insert((library, object), at as u32);
                }
            }
        }
        sets.par_iter()
            .map(|set| {
                let library = set.library();
                let mut demands = Vec::new();
                for pulled in &self.resolutions[set.resolution].pulled {
                    if set.member() == Some(pulled.object) {
                        continue;
                    }
                    let names = self
                        .contested
                        .defined_by(&self.graph, library, pulled.object);
                    let member = set_of.get(&(library, pulled.object));
                    if self.contested.is_alike(pulled.object) {
                        demands.extend(names.map(Demand::Name));
                    } else if self.contested.is(library, pulled.reason) {
                        demands.push(Demand::Name(pulled.reason));
                    } else if let Some(&member) = member {
                        demands.push(Demand::Set(member));
                    } else {
                        demands.extend(names.map(Demand::Name));
                    }
                }
                demands
            })
            .collect()
    }

    /// Two heaps in one program: each library's memory must be freed where it came from.
    fn warn_of_runtimes(&mut self, sets: &[RootSet]) {
        let names = [&b"malloc"[..], b"_malloc"];
        let Some(malloc) = names.iter().find_map(|n| self.graph.find_name(n)) else {
            return;
        };
        let mut owners: Vec<LibraryId> = Vec::new();
        for set in sets {
            if set.member().is_some() && set.roots.iter().any(|r| r.name == malloc) {
                owners.push(set.library());
            }
        }
        owners.sort_unstable();
        owners.dedup();
        if let [first, second, ..] = owners[..] {
            self.warnings.push(
                Diagnostic::new(
                    Code::ContestedRuntime,
                    format!(
                        "{} and {} each bring a heap of their own: a program with both takes the first \
                         for both",
                        self.inputs.library(first).name,
                        self.inputs.library(second).name
                    ),
                )
                .file(self.inputs.library(second).path)
                .symbol(self.graph.name(malloc))
                .hint("build only one of them with it"),
            );
        }
    }

    /// The commons of what each library pulls for any of its root sets.
    fn commons(&self, sets: &[RootSet]) -> Vec<BTreeMap<NameId, Common>> {
        let mut all: Vec<BTreeMap<NameId, Common>> = vec![BTreeMap::new(); self.offers.len()];
        for set in sets {
            for pulled in &self.resolutions[set.resolution].pulled {
                for (position, global) in
                    self.graph.globals[pulled.object.index()].iter().enumerate()
                {
                    if global.kind != format::GlobalKind::Common {
                        continue;
                    }
                    let file = self.graph.file(pulled.object);
                    let index = self.graph.global_symbol(pulled.object, position as u32);
                    let Some((symbol_index, symbol)) =
                        index.and_then(|s| Some((s, file.symbols.get(s as usize)?)))
                    else {
                        continue;
                    };
                    let Definition::Common { align } = symbol.definition else {
                        continue;
                    };
                    let far = file.far_commons.binary_search(&symbol_index).is_ok();
                    for library in &set.libraries {
                        let known = all[library.index()].entry(global.name).or_insert(Common {
                            size: 0,
                            align: 1,
                            far,
                        });
                        known.far &= far;
                        known.size = known.size.max(symbol.size);
                        known.align = known.align.max(align);
                    }
                }
            }
        }
        all
    }
}

/// The conflicts of a library that no program can link; where some export can be linked, the final linker
/// refuses the others.
fn all_of(checks: Vec<Result<()>>) -> Vec<Diagnostic> {
    if checks.iter().any(Result::is_ok) {
        return Vec::new();
    }
    let errors = checks.into_iter().filter_map(Result::err);
    errors.flat_map(|e| e.0).collect()
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
        .flat_map(|r| r.pulled.iter().map(|p| p.object))
        .collect();
    all.sort_unstable();
    all.dedup();
    all
}
