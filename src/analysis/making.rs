//! The analysis in the making: resolutions, root sets and what they bring along, in the order in which they
//! depend on each other.

use std::collections::{BTreeMap, BTreeSet};

use foldhash::{HashMap, HashMapExt, HashSet};
use rayon::prelude::*;

use super::across::Seen;
use super::contested::Contested;
use super::graph::{Graph, NameId, ObjectId};
use super::identity::copies::Unlike;
use super::meeting::{Vague, unlike_tables};
use super::reach::{Reached, Root, Rules, reach, reach_all};
use super::registries::Registries;
use super::resolve::{DefinitionSite, Offer, Resolution};
use super::roots::split_exports;
use super::torn::Torn;
use super::{RootKind, RootSet};
use crate::error::{Code, Diagnostic, Error, Result};
use crate::exports::NameRules;
use crate::format::model::Definition;
use crate::format::{self, bound_stem};
use crate::input::{Inputs, LibraryId};

/// The analysis in the making.
pub(super) struct Making<'a, 'd> {
    pub inputs: &'a Inputs<'d>,
    pub rules: &'a NameRules,
    pub graph: Graph<'d>,
    pub offers: Vec<Offer>,
    pub exports: Vec<Vec<NameId>>,
    pub resolutions: Vec<Resolution>,
    pub contested: Contested,
    pub vague: Vague<'d>,
    pub registries: Registries<'d>,
    /// By library: members that another library needs for a contested name.
    pub wanted: Vec<BTreeSet<ObjectId>>,
    /// Tables of functions that libraries have unlike functions in: each keeps its own.
    pub unlike: BTreeSet<NameId>,
    /// By library: vague definitions of which its members hold different copies.
    pub copies: Vec<Vec<Unlike>>,
    /// By library: those of which the copies say the same, and are not one for all that.
    pub divided: Vec<BTreeSet<NameId>>,
    /// By library: the members that hold them.
    pub holders: Vec<HashSet<ObjectId>>,
    /// By library: what would mean different things in its root sets.
    pub torn: BTreeMap<LibraryId, Torn>,
    /// Libraries of whose exports it was not said which belong together.
    pub undivided: BTreeSet<LibraryId>,
    pub warnings: Vec<Diagnostic>,
}

impl<'d> Making<'_, 'd> {
    pub(super) fn rules_with<'b>(&'b self, resolution: &'b Resolution) -> Rules<'b, 'd> {
        Rules {
            graph: &self.graph,
            resolution,
            contested: &self.contested,
            vague: &self.vague,
            registries: &self.registries,
            torn: self
                .torn
                .get(&resolution.library)
                .zip(self.resolutions.get(resolution.library.index())),
            names: self.rules,
        }
    }

    pub fn rules_of<'b>(&'b self, set: &RootSet) -> Rules<'b, 'd> {
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
    pub fn resolve_wholes(&mut self) -> Result<Vec<Reached>> {
        let count = self.offers.len();
        let mut reached: Vec<Reached> = Vec::new();
        reached.resize_with(count, Reached::default);
        let mut again: Vec<usize> = (0..count).collect();
        let mut seen = Seen::default();
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
                    self.find_apart(&mut resolution, &self.exports[l], None);
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
            let copies: Vec<Vec<Unlike>> = again
                .par_iter()
                .map(|&l| self.unlike_copies_of(l))
                .collect();
            for (&l, copies) in again.iter().zip(copies) {
                let differ = copies.iter().filter(|u| u.felt && !u.says_same);
                let holders = differ.flat_map(|u| [u.taken, u.other]);
                self.holders[l] = holders.collect();
                self.copies[l] = copies;
            }
            let mut warnings = Vec::new();
            self.vague = Vague::new(
                self.inputs,
                &self.graph,
                &self.resolutions,
                self.rules,
                &self.unlike,
                self.joined_functions().collect(),
                &mut warnings,
            );
            self.registries = Registries::new(&self.graph, &self.resolutions, self.rules);
            if self.contest_brought(&mut warnings) {
                again = (0..count).collect();
                continue;
            }
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
            self.wish_across(&again, &mut seen)?;
            let needs: Vec<Reached> = (0..count)
                .into_par_iter()
                .map(|l| self.needs_of_contested(l))
                .collect();
            again = self.implicit_exports(&reached, &needs)?;
            if again.is_empty() {
                let unlike = unlike_tables(&self.graph, &reached, &self.vague);
                if !unlike.is_empty() {
                    self.warn_of_tables(&unlike);
                    self.unlike.extend(unlike.into_keys());
                    again = (0..count).collect();
                    continue;
                }
                self.warnings.extend(warnings);
            }
        }
        Ok(reached)
    }

    /// One warning for each two libraries.
    fn warn_of_tables(&mut self, unlike: &BTreeMap<NameId, (LibraryId, LibraryId)>) {
        let mut by_pair: BTreeMap<(LibraryId, LibraryId), Vec<NameId>> = BTreeMap::new();
        for (&name, &pair) in unlike {
            by_pair.entry(pair).or_default().push(name);
        }
        for ((first, second), names) in by_pair {
            let others = match names.len() {
                1 => String::new(),
                n => format!(", and {} more", n - 1),
            };
            let mut named = names.iter().map(|&n| self.graph.name(n));
            let diagnostic = Diagnostic::new(
                Code::VagueDisagrees,
                format!(
                    "{} and {} hold different functions or constants behind this name{others}: each keeps its own, \
                     where a linker would take the first for both",
                    self.inputs.library(first).name,
                    self.inputs.library(second).name
                ),
            )
            .file(self.inputs.library(second).path)
            .symbol(named.next().unwrap_or_default())
            .hint("build both against one version of the code that defines it, with one compiler");
            self.warnings.push(diagnostic);
        }
    }

    /// What the contested definitions of a library's pulled members reach.
    fn needs_of_contested(&self, l: usize) -> Reached {
        let resolution = &self.resolutions[l];
        let library = resolution.library;
        let roots: Vec<Root> = resolution
            .pulled
            .iter()
            .filter(|p| !self.graph.is_verbatim(p.object))
            .flat_map(|p| self.member_roots(library, p.object))
            .collect();
        match roots.is_empty() {
            true => Reached::default(),
            false => reach_all(self.rules_with(resolution), &roots),
        }
    }

    /// The root sets of exports, and what each reaches; `whole` is what each library's exports reach
    /// together.
    pub fn export_sets(&mut self, whole: Vec<Reached>) -> Result<(Vec<RootSet>, Vec<Reached>)> {
        let groups: Vec<Option<Vec<Vec<NameId>>>> = (0..self.offers.len())
            .into_par_iter()
            .map(|l| {
                split_exports(
                    &self.graph,
                    &self.offers[l],
                    &self.resolutions[l],
                    &self.exports[l],
                    &|object| self.has_effects(LibraryId(l as u32), object),
                    &|name| self.leads_to(&self.resolutions[l], name).is_some(),
                    &|object| self.is_loud(LibraryId(l as u32), object),
                )
            })
            .collect();
        let mut sets = Vec::new();
        let mut reached = Vec::new();
        let mut conflicts = Vec::new();
        for ((l, groups), whole) in groups.into_iter().enumerate().zip(whole) {
            let library = LibraryId(l as u32);
            let groups = groups.unwrap_or_else(|| {
                self.undivided.insert(library);
                self.warnings.extend(self.other_copies(l));
                vec![self.exports[l].clone()]
            });
            // Contested exports are pulled by name, from members of their own.
            let several = groups.len() > 1;
            let groups: Vec<Vec<NameId>> = groups
                .into_iter()
                .filter(|names| names.iter().any(|&n| self.starts_a_walk(library, n)))
                .collect();
            if !several || groups.is_empty() {
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
                    self.find_apart(&mut own, names, None);
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

    /// Is the export an atom or number of its own, or a common, which has no member to stand in?
    fn starts_a_walk(&self, library: LibraryId, name: NameId) -> bool {
        !self.contested.is(library, name)
            || self.resolutions[library.index()]
                .definition(name)
                .is_some_and(|site| {
                    let global = &self.graph.globals[site.object.index()][site.position as usize];
                    global.kind == format::GlobalKind::Common
                })
    }

    /// Does pulling the object do more than serve references?
    pub(super) fn has_effects(&self, library: LibraryId, object: ObjectId) -> bool {
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
        if self.holders[library.index()].contains(&object) {
            return true;
        }
        // The bounds of a table whose elements nobody pulls: a program that pulls the object needs them.
        let asks = self.graph.globals[object.index()].iter().any(|g| {
            g.kind.pulls(self.graph.format)
                && bound_stem(self.graph.name(g.name)).is_some_and(|s| !self.registries.is_own(s))
        });
        if asks {
            return true;
        }
        self.is_loud(library, object)
    }

    /// Does something of the object run, or is it found, because it is pulled?
    pub(super) fn is_loud(&self, library: LibraryId, object: ObjectId) -> bool {
        if self.graph.is_verbatim(object) {
            return false;
        }
        let resolution = &self.resolutions[library.index()];
        !self.graph.wishes[object.index()].is_empty()
            || self
                .rules_with(resolution)
                .lives_when_pulled(object)
                .next()
                .is_some()
    }

    /// One root set for each member that defines contested names and that some other root set pulls,
    /// or that brings a runtime name.
    pub fn member_sets(
        &mut self,
        sets: &mut Vec<RootSet>,
        reached: &[Reached],
        universe_of: &[u32],
    ) -> Result<()> {
        let mut known: BTreeSet<(LibraryId, ObjectId)> = BTreeSet::new();
        let mut waiting: Vec<(LibraryId, ObjectId)> = Vec::new();
        for set in sets.iter() {
            for pulled in &self.resolutions[set.resolution].pulled {
                waiting.push((set.library(), pulled.object));
                waiting.extend(self.alternates(set.library(), pulled.object));
            }
        }
        for (set, reached) in sets.iter().zip(reached) {
            waiting.extend(self.searched(set.library(), reached));
        }
        for (l, offer) in self.offers.iter().enumerate() {
            let library = LibraryId(l as u32);
            let runtime = (0..self.graph.names.len() as u32).map(NameId);
            let runtime = runtime.filter(|&n| self.contested.is_runtime(n));
            waiting.extend(runtime.filter_map(|n| Some((library, offer.definer(n)?))));
            waiting.extend(self.wanted[l].iter().map(|&o| (library, o)));
            let exports = self.exports[l].iter();
            let exports = exports.filter(|&&n| self.contested.is(library, n));
            waiting.extend(exports.filter_map(|&n| Some((library, offer.definer(n)?))));
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
                    self.find_apart(&mut own, &[], Some(object));
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
                for pulled in &resolution.pulled {
                    next.push((library, pulled.object));
                    next.extend(self.alternates(library, pulled.object));
                }
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
    pub(super) fn member_roots(&self, library: LibraryId, object: ObjectId) -> Vec<Root> {
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

    /// Two heaps in one program: each library's memory must be freed where it came from.
    pub fn warn_of_runtimes(&mut self, sets: &[RootSet]) {
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

pub(super) fn pulled(resolutions: &[Resolution]) -> Vec<ObjectId> {
    let mut all: Vec<ObjectId> = resolutions
        .iter()
        .flat_map(|r| r.pulled.iter().map(|p| p.object))
        .collect();
    all.sort_unstable();
    all.dedup();
    all
}
