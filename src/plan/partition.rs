//! Which output object each atom goes to: one object per reach set, and the names that cross them.
//!
//! Atoms that one library's root sets reach go to its own library, those of larger sets to the workspace
//! library. What an atom of set S refers to has a reach set that contains S, so a program never meets a
//! reference that its plugins do not have anyway. Two things stand apart: contested definitions have an
//! object for each member that held them (their *home*), and groups of vague linkage are copied into
//! every object that refers to them, as compilers do: the final linker keeps one.

use std::collections::{BTreeMap, BTreeSet};

use foldhash::{HashMap, HashMapExt, HashSet, HashSetExt};
use rayon::prelude::*;

use super::bits::{Bits, bits_of, ones};
use super::copies;
use super::cuts::{self, Cut};
use super::doubled;
use super::early;
use super::groups;
use super::homes::{homes, owners};
use super::pieces::{self, Units};
use super::place::Place;
use crate::analysis::Analysis;
use crate::analysis::blocks::Blocks;
use crate::analysis::graph::{NameId, ObjectId};
use crate::analysis::identity::atoms::ClassId;
use crate::analysis::reach::{Cause, Reached, Target};
use crate::format::model::{Binding, KeepRule};
use crate::format::ordered::sequence;
use crate::input::LibraryId;
use crate::protocol::request::Granularity;

/// A reach set that some atom has, or a home; ids follow the order of first occurrence, homes come last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SetId(pub u32);

impl SetId {
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// An exported symbol, or a contested definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Export {
    pub name: NameId,
    pub class: ClassId,
    pub offset: u64,
    /// The first root set whose root it is.
    pub set: usize,
}

/// The partition.
#[derive(Debug)]
pub struct Partition {
    /// By class.
    pub set_of: Vec<SetId>,
    /// By set.
    pub bits: Vec<Bits>,
    /// By set: its classes, in the order they are written.
    pub classes: Vec<Vec<ClassId>>,
    /// By set: classes of vague groups that it refers to and that are copied into its object.
    pub copies: Vec<Vec<ClassId>>,
    /// By class: part of a group that stays one, so that the final linker may choose another's.
    pub grouped: Vec<bool>,
    /// In root order; each name once where libraries share.
    pub exports: Vec<Export>,
    /// By class: its exports, ascending.
    pub(super) exports_of: HashMap<ClassId, Vec<u32>>,
    /// Each place that has a name, once.
    pub(super) export_places: HashSet<(ClassId, NameId, u64)>,
    /// By root set: itself, or the one that it is part of.
    owners: Vec<usize>,
    /// By root set: the exports among its roots.
    pub(super) exports_of_set: Vec<Vec<u32>>,
    /// By root set: the set of what it alone reaches, with all of its exports where it is split.
    pub(super) own: Vec<Option<SetId>>,
    /// By root set: how far it is taken apart.
    pub(super) cuts: Vec<Cut>,
    /// By root set that is split: what its exports are part of (node, part).
    parts: BTreeMap<usize, Vec<(u32, u64)>>,
    /// By root set: see [`Self::hub`].
    pub(super) hubs: Vec<Option<ClassId>>,
    /// By set: its units, where any root set is split.
    units: Vec<Vec<u32>>,
    /// By set that is no home: the member whose code alone it holds, see [`copies::apart`].
    pub(super) members_of: Vec<Option<ObjectId>>,
    /// From here on sets are homes.
    first_home: u32,
    /// By name, and by scope: a library of its own where libraries share nothing or have their own.
    by_name: HashMap<(NameId, u32), usize>,
    /// Roots that are numbers: (root set, name, value).
    pub values: Vec<(usize, NameId, u64)>,
    /// By root set of a member: its home.
    pub homes: BTreeMap<usize, SetId>,
    /// By set, where not all stand by themselves: see [`Self::find_turns`].
    pub(super) turn: Vec<u32>,
    /// By set: see [`Self::find_order`].
    pub(super) order: Vec<(u32, u8)>,
    /// Places that other objects refer to, in order: they get a hidden global.
    pub crossing: Vec<Place>,
    pub(super) crossing_at: HashMap<Place, u32>,
    /// See [`Partition::alias`]: by place, the binding of the strongest other name.
    pub(super) aliases: HashMap<(ClassId, u64), Binding>,
    /// By root set: what it brings along by rules, one class of each object.
    pub forced: Vec<Vec<ClassId>>,
    /// What sets' objects ask for early, ascending: see [`early`](super::early).
    pub(super) early: Vec<(SetId, NameId)>,
    /// Exports that several libraries define.
    pub(super) doubled: HashSet<NameId>,
    /// Is any registry bound by live code?
    pub has_bounds: bool,
    /// Exports of several plugins that are not one thing: (name, root set of the second).
    pub clashes: Vec<(NameId, usize)>,
}

impl Partition {
    /// Partitions what `analysis` found to live.
    #[must_use]
    pub fn new(analysis: &Analysis<'_>, granularity: Granularity) -> Self {
        let wanted = early::wanted(analysis);
        let libraries: Vec<bool> = wanted.iter().map(|w| !w.is_empty()).collect();
        let blocks = cuts::blocks(analysis, &libraries);
        let mut cuts = cuts::cuts(analysis, granularity, &blocks);
        loop {
            let mut partition = Self::with(analysis, granularity, cuts, &blocks);
            let carried_off = partition.carried_off(analysis);
            if carried_off.is_empty() {
                partition.find_early(analysis, &wanted, &blocks);
                partition.find_parts(analysis, &blocks);
                return partition;
            }
            cuts = partition.cuts;
            for s in carried_off {
                cuts[s] = Cut::Whole;
            }
        }
    }

    fn with(
        analysis: &Analysis<'_>,
        granularity: Granularity,
        cuts: Vec<Cut>,
        blocks: &[Option<Blocks>],
    ) -> Self {
        let classes = &analysis.classes;
        let count = classes.first.len();
        let words = analysis.sets.len().div_ceil(64);
        let mut class_bits: Vec<u64> = vec![0; count * words];
        let owners = owners(analysis);
        for (s, own) in classes.class_of.iter().enumerate() {
            let s = owners[s];
            for class in own {
                class_bits[class.index() * words + s / 64] |= 1 << (s % 64);
            }
        }
        let (homed, home_of) = homes(analysis, &owners);
        // What only one member's root set reaches stands in its home with it.
        let home_of_bits: HashMap<Bits, usize> = homed
            .iter()
            .enumerate()
            .map(|(home, members)| (bits_of(members.sets.iter().copied(), words), home))
            .collect();
        let bits_of_class = |class: usize| &class_bits[class * words..(class + 1) * words];
        let homes_of: Vec<Option<usize>> = (0..count)
            .map(|class| {
                let own = home_of.get(&ClassId(class as u32));
                own.or_else(|| home_of_bits.get(bits_of_class(class)))
                    .copied()
            })
            .collect();
        let ties = pieces::ties(analysis);
        let torn = ties
            .iter()
            .any(|(a, b)| bits_of_class(a.index()) != bits_of_class(b.index()));
        let cut = cuts.iter().any(|&cut| cut != Cut::Whole);
        let by_export = (torn || cut).then(|| {
            let mut units = Units::new(analysis, &owners, &cuts, blocks, &ties);
            if granularity == Granularity::Auto && cut {
                units.join(analysis, blocks, |c| homes_of[c.index()].is_some());
            }
            units
        });
        let apart = copies::apart(analysis, |class| homes_of[class.index()].is_some());
        let mut ids: HashMap<(Key<'_>, Option<ObjectId>), SetId> = HashMap::new();
        let mut members_of: Vec<Option<ObjectId>> = Vec::new();
        let mut bits: Vec<Bits> = Vec::new();
        let mut units: Vec<Vec<u32>> = Vec::new();
        let mut set_of = vec![SetId(u32::MAX); count];
        let mut later: Vec<(ClassId, usize)> = Vec::new();
        for class in 0..count {
            let id = ClassId(class as u32);
            let own = bits_of_class(class);
            if let Some(home) = homes_of[class] {
                later.push((id, home));
                continue;
            }
            let key = match &by_export {
                None => Key::Bits(own),
                Some(by_export) => Key::Units(by_export.set_of[class]),
            };
            let member = apart.get(&id).copied();
            set_of[class] = *ids.entry((key, member)).or_insert_with(|| {
                members_of.push(member);
                match &by_export {
                    None => bits.push(own.to_vec()),
                    Some(by_export) => {
                        let own = &by_export.sets[by_export.set_of[class] as usize];
                        let sets = own.iter().map(|&u| by_export.root_set[u as usize] as usize);
                        bits.push(bits_of(sets, words));
                        units.push(own.clone());
                    }
                }
                SetId(bits.len() as u32 - 1)
            });
        }
        let first_home = bits.len() as u32;
        let mut own = vec![None; analysis.sets.len()];
        for (at, bits) in bits.iter().enumerate() {
            let mut sets = ones(bits);
            if let (Some(s), None) = (sets.next(), sets.next()) {
                let all = |u: &Units| u.of[s].len() == units[at].len();
                let first = own[s].is_none() || members_of[at].is_none();
                if first && by_export.as_ref().is_none_or(all) {
                    own[s] = Some(SetId(at as u32));
                }
            }
        }
        let mut home_sets = BTreeMap::new();
        for (home, members) in homed.iter().enumerate() {
            let id = SetId(first_home + home as u32);
            bits.push(bits_of(members.sets.iter().copied(), words));
            for &s in &members.sets {
                home_sets.insert(s, id);
            }
        }
        for (class, home) in later {
            set_of[class.index()] = SetId(first_home + home as u32);
        }
        let mut members: Vec<Vec<ClassId>> = vec![Vec::new(); bits.len()];
        for (class, set) in set_of.iter().enumerate() {
            members[set.index()].push(ClassId(class as u32));
        }
        members.par_iter_mut().for_each(|list| sort(analysis, list));
        let mut partition = Self {
            copies: vec![Vec::new(); bits.len()],
            grouped: Vec::new(),
            set_of,
            bits,
            classes: members,
            exports: Vec::new(),
            exports_of: HashMap::new(),
            export_places: HashSet::new(),
            by_name: HashMap::new(),
            values: Vec::new(),
            owners,
            exports_of_set: vec![Vec::new(); analysis.sets.len()],
            own,
            cuts,
            parts: BTreeMap::new(),
            hubs: Vec::new(),
            units,
            members_of,
            first_home,
            homes: home_sets,
            turn: Vec::new(),
            order: Vec::new(),
            crossing: Vec::new(),
            crossing_at: HashMap::default(),
            aliases: HashMap::new(),
            forced: Vec::new(),
            early: Vec::new(),
            doubled: HashSet::new(),
            has_bounds: false,
            clashes: Vec::new(),
        };
        partition.find_exports(analysis);
        partition.doubled = doubled::names(analysis, &partition.exports);
        partition.grouped = groups::stay(analysis, &partition.exports);
        partition.find_hubs();
        partition.find_forced(analysis);
        partition.find_copies(analysis);
        partition.find_aliases(analysis);
        partition.find_crossing(analysis);
        partition.find_order(analysis);
        partition.find_turns(analysis);
        partition
    }

    /// The scope in which a name of this root set is one thing.
    fn scope(analysis: &Analysis<'_>, s: usize) -> u32 {
        let Some(set) = analysis.sets.get(s) else {
            return 0;
        };
        // A member's definitions are its library's own, unless several hold it alike.
        let own = analysis.is_alone() || (set.member().is_some() && set.libraries.len() < 2);
        if own { set.library().0 + 1 } else { 0 }
    }

    fn find_exports(&mut self, analysis: &Analysis<'_>) {
        let mut plugins: HashMap<NameId, LibraryId> = HashMap::new();
        for (s, reached) in analysis.reached.iter().enumerate() {
            let member = analysis.sets[s].member().is_some();
            for &(name, value) in &reached.values {
                self.values.push((s, name, value));
            }
            for &(name, node, offset) in &reached.roots {
                let class = analysis.classes.class_of[s][node as usize];
                let export = Export {
                    name,
                    class,
                    offset,
                    set: s,
                };
                if member {
                    // Several of one library may define the name: that is what contested means.
                    self.add_export(export);
                    self.exports_of_set[s].push(self.exports.len() as u32 - 1);
                    self.by_name
                        .entry((name, Self::scope(analysis, s)))
                        .or_insert(self.exports.len() - 1);
                    continue;
                }
                let library = analysis.sets[s].library();
                let here = reached.nodes[node as usize];
                let file = analysis.graph.file(here.object);
                let group = file.atoms[here.atom as usize].group;
                // Any library's copy will do: the final linker takes one.
                let vague =
                    group.is_some_and(|g| file.groups.get(g as usize).is_some_and(|g| g.comdat));
                let key = match vague {
                    true => (name, library.0 + 1),
                    false => (name, Self::scope(analysis, s)),
                };
                // One program may link all of the libraries, whatever they share.
                let first = *plugins.entry(name).or_insert(library);
                if !vague && analysis.is_alone() && first != library {
                    self.clashes.push((name, s));
                }
                match self.by_name.get(&key) {
                    None => {
                        self.add_export(export);
                        self.exports_of_set[s].push(self.exports.len() as u32 - 1);
                        self.by_name.insert(key, self.exports.len() - 1);
                    }
                    Some(&known) => {
                        self.exports_of_set[s].push(known as u32);
                        let known = self.exports[known];
                        if known.class != class || known.offset != offset {
                            self.clashes.push((name, s));
                        }
                    }
                }
            }
        }
    }

    fn add_export(&mut self, export: Export) {
        if self
            .export_places
            .insert((export.class, export.name, export.offset))
        {
            let known = self.exports_of.entry(export.class).or_default();
            known.push(self.exports.len() as u32);
        }
        self.exports.push(export);
    }

    /// What all exports of a split root set bring along is pulled by a place of its own object: without one
    /// each export's object names it all.
    fn find_hubs(&mut self) {
        self.hubs = vec![None; self.own.len()];
        for s in (0..self.own.len()).filter(|&s| self.cuts[s] != Cut::Whole) {
            let classes = self.own[s].map_or(&[][..], |own| &self.classes[own.index()]);
            self.hubs[s] = classes.iter().copied().find(|c| !self.grouped[c.index()]);
            if self.hubs[s].is_none() {
                self.own[s] = None;
            }
        }
    }

    fn find_parts(&mut self, analysis: &Analysis<'_>, blocks: &[Option<Blocks>]) {
        for (s, &cut) in self.cuts.iter().enumerate() {
            if cut != Cut::Whole {
                let parts = cuts::parts(analysis, s, cut, blocks);
                let parts = parts.iter().map(|p| (p.node, p.part)).collect();
                self.parts.insert(s, parts);
            }
        }
    }

    /// The nodes of a split root set's exports, with those that a program takes together side by side:
    /// (node, what it is part of).
    #[must_use]
    pub fn parts(&self, s: usize) -> &[(u32, u64)] {
        self.parts.get(&s).map_or(&[], Vec::as_slice)
    }

    fn find_forced(&mut self, analysis: &Analysis<'_>) {
        self.forced = analysis
            .reached
            .iter()
            .enumerate()
            .map(|(s, reached)| {
                let offer = &analysis.offers[analysis.sets[s].library().index()];
                let mut forced: Vec<(u32, ClassId)> = rule_kept(reached)
                    .map(|node| {
                        let member = reached.nodes[node as usize].object;
                        let class = analysis.classes.class_of[s][node as usize];
                        (offer.rank(member), class)
                    })
                    .collect();
                forced.sort_unstable();
                let mut seen = HashSet::new();
                let forced = forced.into_iter().map(|(_, class)| class);
                self.one_of_each(forced.filter(|&c| seen.insert(c)).collect())
            })
            .collect();
    }

    /// Pulling an object for one of its atoms pulls it for all. Groups are pulled by their names.
    fn one_of_each(&self, forced: Vec<ClassId>) -> Vec<ClassId> {
        let mut sets: HashSet<SetId> = HashSet::new();
        let mut forced = forced;
        forced.retain(|c| self.grouped[c.index()] || sets.insert(self.set_of[c.index()]));
        forced
    }

    /// The units of a set, ascending; none where no root set is split.
    #[must_use]
    pub fn units(&self, set: SetId) -> &[u32] {
        self.units.get(set.index()).map_or(&[], Vec::as_slice)
    }

    /// Names that the final linker joins, and that the libraries' objects may define.
    #[must_use]
    pub fn met_names<'d>(&self, analysis: &Analysis<'d>) -> BTreeSet<&'d [u8]> {
        let graph = &analysis.graph;
        let mut names: BTreeSet<NameId> = BTreeSet::new();
        for set in analysis.sets.iter().filter(|s| s.member().is_some()) {
            names.extend(set.roots.iter().map(|r| r.name));
        }
        names.extend(analysis.commons.iter().flat_map(|c| c.keys().copied()));
        let mut all = groups::names(analysis, &self.grouped);
        all.extend(names.into_iter().map(|n| graph.name(n)));
        all
    }

    /// The classes of a set's object, in the order in which they are written.
    pub fn written(&self, set: SetId) -> impl Iterator<Item = ClassId> + '_ {
        let copies = &self.copies[set.index()];
        self.classes[set.index()].iter().chain(copies).copied()
    }

    /// Is it part of another?
    #[must_use]
    pub fn is_part(&self, s: usize) -> bool {
        self.owner(s) != s
    }

    /// The root set with which the root set's atoms stand: itself, or what it is part of.
    #[must_use]
    pub fn owner(&self, s: usize) -> usize {
        self.owners.get(s).copied().unwrap_or(s)
    }

    #[must_use]
    pub fn is_home(&self, set: SetId) -> bool {
        set.0 >= self.first_home
    }

    /// Is this the reach set of root set `s` alone?
    #[must_use]
    pub fn is_own(&self, set: SetId, s: usize) -> bool {
        self.plugins(set).eq(std::iter::once(s))
    }

    /// The root sets of a reach set, ascending.
    pub fn plugins(&self, set: SetId) -> impl Iterator<Item = usize> + '_ {
        ones(&self.bits[set.index()])
    }

    /// The library whose object it is; `None`: the workspace library's.
    #[must_use]
    pub fn library(&self, analysis: &Analysis<'_>, set: SetId) -> Option<LibraryId> {
        let mut libraries = self
            .plugins(set)
            .flat_map(|s| analysis.sets[s].libraries.iter().copied());
        let first = libraries.next()?;
        libraries.all(|l| l == first).then_some(first)
    }

    /// The export of this name, as root set `s` knows it.
    #[must_use]
    pub fn export(&self, analysis: &Analysis<'_>, s: usize, name: NameId) -> Option<Export> {
        let library = analysis.sets.get(s)?.library().0;
        let shared = if analysis.is_alone() { library + 1 } else { 0 };
        let found = self
            .by_name
            .get(&(name, shared))
            .or_else(|| self.by_name.get(&(name, library + 1)));
        found.map(|&i| self.exports[i])
    }

    /// Exports that the class defines.
    pub fn exports_of(&self, class: ClassId) -> impl Iterator<Item = &Export> + '_ {
        let own = self.exports_of.get(&class).into_iter().flatten();
        own.map(|&e| &self.exports[e as usize])
    }
}

/// What atoms of one object have in common.
#[derive(PartialEq, Eq, Hash)]
enum Key<'a> {
    /// The root sets that reach them.
    Bits(&'a [u64]),
    /// The units that do.
    Units(u32),
}

/// Classes that a class refers to.
pub(super) fn targets<'a>(
    analysis: &'a Analysis<'_>,
    class: ClassId,
) -> impl Iterator<Item = ClassId> + 'a {
    let (s, node) = analysis.classes.first[class.index()];
    let s = s as usize;
    analysis.reached[s]
        .targets_of(node)
        .iter()
        .filter_map(move |target| match *target {
            Target::Node { node, .. }
            | Target::Vague { node, .. }
            | Target::Fallback { node, .. } => Some(analysis.classes.class_of[s][node as usize]),
            _ => None,
        })
}

/// The order in which classes are written: what programs see in order (constructors, elements of tables) as
/// its members are pulled, all else as it stands in the inputs.
pub(super) fn sort(analysis: &Analysis<'_>, list: &mut [ClassId]) {
    list.sort_by_cached_key(|c| {
        let (set, n) = analysis.classes.first[c.index()];
        let node = analysis.reached[set as usize].nodes[n as usize];
        let atom = &analysis.graph.file(node.object).atoms[node.atom as usize];
        let order = match sequence(analysis.format, atom) {
            Some(_) => analysis
                .resolution(set as usize)
                .place(node.object)
                .unwrap_or(0),
            None => 0,
        };
        (order, node)
    });
}

/// Nodes that live without any relocation to them from another atom of their own object.
pub fn rule_kept(reached: &Reached) -> impl Iterator<Item = u32> + '_ {
    reached
        .causes
        .iter()
        .enumerate()
        .filter(|(_, cause)| {
            matches!(
                cause,
                Cause::Pulled(_)
                    | Cause::Rule(
                        _,
                        KeepRule::InitArray
                            | KeepRule::Retained
                            | KeepRule::Note
                            | KeepRule::Registry
                    )
            )
        })
        .map(|(i, _)| i as u32)
}
