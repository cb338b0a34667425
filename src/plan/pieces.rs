//! Pieces by export: which of a library's exports reach each class.
//!
//! A *unit* is what a program may take alone: the exports that one atom of a root set defines, those of members
//! that come along with each other, or a whole root set where it is not split. In: the classes and their targets. Out: for each class the set of units
//! that reach it. What a root set brings along whatever is called (constructors, retained sections, members
//! with contested names that are part of it) is reached by all of its units.
//!
//! Sets are found on the condensed graph of classes, users first: a component's set is the union of its
//! users' and of its own exports. Each distinct union is made once.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::ops::Range;

use foldhash::fast::FixedState;

use super::bits::Bits;
use super::cuts::{Cut, Part, parts};
use super::joins::{Piece, join};
use super::partition::{rule_kept, targets};
use crate::analysis::Analysis;
use crate::analysis::blocks::Blocks;
use crate::analysis::components::components;
use crate::analysis::graph::ObjectId;
use crate::analysis::identity::atoms::ClassId;
use crate::analysis::reach::{Reached, Target};
use crate::format;
use crate::input::LibraryId;

/// Unions are given up, and units joined by two, where they would hold more units than this.
const LIMIT: usize = 8 << 20;

/// The units of a run, and who reaches what.
#[derive(Debug, Default)]
pub struct Units {
    /// By class: index into `sets`.
    pub set_of: Vec<u32>,
    /// Sets of units, each ascending.
    pub sets: Vec<Vec<u32>>,
    /// By unit: its root set.
    pub root_set: Vec<u32>,
    /// By root set: its units.
    pub of: Vec<Range<u32>>,
    /// By class that is exported from a split root set: its units.
    unit_of: HashMap<ClassId, Vec<u32>, FixedState>,
    /// By class that is exported from a root set of several blocks: those that define it.
    defined: HashMap<ClassId, Vec<(LibraryId, u32)>, FixedState>,
    /// By unit of such a root set: one of its members, which all bring along the same.
    member: Vec<Option<ObjectId>>,
}

/// Nodes of a root set that were met.
#[derive(Clone)]
pub(super) struct Walk<'r> {
    reached: &'r Reached,
    pub met: Vec<bool>,
}

impl<'r> Walk<'r> {
    pub fn new(reached: &'r Reached) -> Self {
        Self {
            reached,
            met: vec![false; reached.nodes.len()],
        }
    }

    /// Meets `from` and all that these refer to.
    pub fn follow(&mut self, from: &mut Vec<u32>) {
        while let Some(node) = from.pop() {
            if std::mem::replace(&mut self.met[node as usize], true) {
                continue;
            }
            from.extend(self.reached.neighbours(node));
        }
    }
}

impl Units {
    /// Finds them. `owners` says with which root set a root set's atoms stand.
    #[must_use]
    pub fn new(
        analysis: &Analysis<'_>,
        owners: &[usize],
        cuts: &[Cut],
        blocks: &[Option<Blocks>],
        ties: &[(ClassId, ClassId)],
    ) -> Self {
        let edges = Edges::new(analysis, ties);
        let component = components(edges.len(), |at| edges.of(at));
        let seeds = Seeds::new(analysis, owners, cuts);
        // Exports that stand beside each other share most: joining two of them costs least.
        let mut joined = 1;
        loop {
            let mut units = Self::number(analysis, cuts, blocks, joined);
            if units.spread(&edges, &component, &seeds) {
                return units;
            }
            joined *= 2;
        }
    }

    /// Numbers the units: by root set, in the order of what defines them.
    fn number(
        analysis: &Analysis<'_>,
        cuts: &[Cut],
        blocks: &[Option<Blocks>],
        joined: usize,
    ) -> Self {
        let mut units = Self::default();
        for (s, &cut) in cuts.iter().enumerate() {
            let from = units.root_set.len() as u32;
            if cut == Cut::Whole {
                units.root_set.push(s as u32);
                units.member.push(None);
            } else {
                let parts = parts(analysis, s, cut, blocks);
                let of_parts: Vec<&[Part]> = parts.chunk_by(|a, b| a.part == b.part).collect();
                for own in of_parts.chunks(joined) {
                    let unit = units.root_set.len() as u32;
                    let mut member = None;
                    for part in own.iter().copied().flatten() {
                        let known = units.unit_of.entry(part.class).or_default();
                        if known.last() != Some(&unit) {
                            known.push(unit);
                        }
                        if let Some(block) = part.block {
                            let defined = units.defined.entry(part.class).or_default();
                            defined.push((analysis.sets[s].library(), block));
                        }
                        member = Some(part.member).filter(|_| part.block.is_some());
                    }
                    units.root_set.push(s as u32);
                    units.member.push(member.filter(|_| own.len() == 1));
                }
            }
            units.of.push(from..units.root_set.len() as u32);
        }
        units
    }

    /// Joins sets whose objects would cost more than they save; `apart` says which classes stand elsewhere.
    pub fn join(
        &mut self,
        analysis: &Analysis<'_>,
        blocks: &[Option<Blocks>],
        apart: impl Fn(ClassId) -> bool,
    ) {
        let classes = || (0..self.set_of.len() as u32).map(ClassId);
        let mut pieces: Vec<Piece> = Vec::new();
        pieces.resize_with(self.sets.len(), Piece::default);
        let mut owners: HashMap<Vec<u32>, u32> = HashMap::new();
        for (piece, units) in pieces.iter_mut().zip(&self.sets) {
            let mut own: Vec<u32> = units.iter().map(|&u| self.root_set[u as usize]).collect();
            own.dedup();
            let next = owners.len() as u32;
            piece.owners = *owners.entry(own).or_insert(next);
            piece.along = self.along(analysis, blocks, units);
        }
        for (s, reached) in analysis.reached.iter().enumerate() {
            for node in rule_kept(reached) {
                let class = analysis.classes.class_of[s][node as usize];
                pieces[self.set_of[class.index()] as usize].fixed = true;
            }
        }
        for class in classes().filter(|c| !apart(*c)) {
            let at = self.set_of[class.index()];
            let (s, n) = analysis.classes.first[class.index()];
            let reached = &analysis.reached[s as usize];
            let node = reached.nodes[n as usize];
            let atom = &analysis.graph.file(node.object).atoms[node.atom as usize];
            let piece = &mut pieces[at as usize];
            piece.fixed |= atom.keep.is_some() || atom.registry.is_some();
            piece.bytes += if atom.zero_fill { 0 } else { atom.size };
            piece
                .defines
                .extend(self.defined.get(&class).into_iter().flatten());
            for target in reached.targets_of(n) {
                match *target {
                    Target::External { name, .. }
                    | Target::Either { name, .. }
                    | Target::Fallback { name, .. }
                    | Target::Vague { name, .. }
                    | Target::Bound(name) => piece.names.push(name),
                    Target::Node { .. } | Target::Absolute(_) | Target::Void => {}
                }
                if let Target::Either { other, .. } = *target {
                    piece.names.push(other);
                }
            }
            for to in targets(analysis, class) {
                let to_set = self.set_of[to.index()];
                if to_set != at && !apart(to) {
                    piece.needs.push(to_set);
                }
            }
        }
        let ends = join(pieces);
        for (set, &end) in ends.iter().enumerate() {
            if end as usize != set {
                let more = std::mem::take(&mut self.sets[set]);
                self.sets[end as usize].extend(more);
            }
        }
        for units in &mut self.sets {
            units.sort_unstable();
            units.dedup();
        }
        for set in &mut self.set_of {
            *set = ends[*set as usize];
        }
    }

    /// The blocks that all of these units bring along, where that is known.
    fn along(
        &self,
        analysis: &Analysis<'_>,
        blocks: &[Option<Blocks>],
        units: &[u32],
    ) -> Option<(LibraryId, Bits)> {
        let of = |unit: u32| {
            let library = analysis.sets[self.root_set[unit as usize] as usize].library();
            let blocks = blocks[library.index()].as_ref()?;
            Some((library, blocks.along(self.member[unit as usize]?)?))
        };
        let (first, rest) = units.split_first()?;
        let (library, along) = of(*first)?;
        let mut along = along.to_vec();
        for &unit in rest {
            let (other, bits) = of(unit)?;
            if other != library {
                return None;
            }
            along.iter_mut().zip(bits).for_each(|(a, b)| *a &= b);
        }
        Some((library, along))
    }

    /// The units of exports that the class defines.
    #[must_use]
    pub fn units_of(&self, class: ClassId) -> &[u32] {
        self.unit_of.get(&class).map_or(&[], Vec::as_slice)
    }

    /// Gives each class its set; `false` where the sets grow over [`LIMIT`].
    fn spread(&mut self, edges: &Edges, component: &[u32], seeds: &Seeds) -> bool {
        let count = component.iter().max().map_or(0, |&c| c as usize + 1);
        let mut members: Vec<Vec<u32>> = vec![Vec::new(); count];
        for (class, &c) in component.iter().enumerate() {
            members[c as usize].push(class as u32);
        }
        let mut incoming: Vec<Vec<u32>> = vec![Vec::new(); count];
        // By the hash of their contents.
        let mut known: HashMap<u64, Vec<u32>, FixedState> = HashMap::default();
        let hasher = FixedState::default();
        // By what was joined: a set was made for it before.
        let mut unions: HashMap<Vec<u32>, u32, FixedState> = HashMap::default();
        let mut stamps = vec![u32::MAX; self.root_set.len()];
        let mut work = 0;
        let mut held = 0;
        self.set_of = vec![u32::MAX; component.len()];
        let mut step = 0;
        // Users have larger numbers than what they need.
        for c in (0..count).rev() {
            let mut from = std::mem::take(&mut incoming[c]);
            from.sort_unstable();
            from.dedup();
            let own = members[c].iter().map(|&class| ClassId(class));
            let mut single: Vec<u32> = Vec::new();
            let mut whole: Vec<u32> = Vec::new();
            for class in own {
                single.extend(self.units_of(class));
                whole.extend(&seeds.whole[class.index()]);
            }
            single.sort_unstable();
            whole.sort_unstable();
            whole.dedup();
            let id = match (&from[..], single.is_empty() && whole.is_empty()) {
                ([only], true) => *only,
                _ => {
                    let mut key = from.clone();
                    key.push(u32::MAX);
                    key.extend(&whole);
                    key.push(u32::MAX);
                    key.extend(&single);
                    if let Some(&known) = unions.get(&key) {
                        known
                    } else {
                        step += 1;
                        let mut all: Vec<u32> = Vec::new();
                        let mut add = |unit: u32| {
                            let stamp = &mut stamps[unit as usize];
                            if *stamp != step {
                                *stamp = step;
                                all.push(unit);
                            }
                        };
                        for &set in &from {
                            work += self.sets[set as usize].len();
                            self.sets[set as usize].iter().copied().for_each(&mut add);
                        }
                        for &s in &whole {
                            work += self.of[s as usize].len();
                            self.of[s as usize].clone().for_each(&mut add);
                        }
                        single.iter().copied().for_each(&mut add);
                        all.sort_unstable();
                        let alike = known.entry(hasher.hash_one(&all)).or_default();
                        let mut id = alike.iter().copied();
                        let id = id.find(|&id| self.sets[id as usize] == all);
                        let id = id.unwrap_or_else(|| {
                            held += all.len();
                            self.sets.push(all);
                            alike.push(self.sets.len() as u32 - 1);
                            self.sets.len() as u32 - 1
                        });
                        if work > 8 * LIMIT || held > LIMIT {
                            return false;
                        }
                        unions.insert(key, id);
                        id
                    }
                }
            };
            for &class in &members[c] {
                self.set_of[class as usize] = id;
                for &to in edges.of(class as usize) {
                    let to = component[to as usize] as usize;
                    if to != c && incoming[to].last() != Some(&id) {
                        incoming[to].push(id);
                    }
                }
            }
        }
        true
    }
}

/// Classes that must stand in one object: what refers to a table that only one function has, and the table.
/// Formats say where it is by its distance (compact unwinding, `.pdata`).
#[must_use]
pub fn ties(analysis: &Analysis<'_>) -> Vec<(ClassId, ClassId)> {
    if !format::ties_tables(analysis.format) {
        return Vec::new();
    }
    let classes = (0..analysis.classes.first.len() as u32).map(ClassId);
    classes
        .flat_map(|class| targets(analysis, class).map(move |to| (class, to)))
        .filter(|(_, to)| {
            let (s, n) = analysis.classes.first[to.index()];
            let node = analysis.reached[s as usize].nodes[n as usize];
            analysis.graph.file(node.object).atoms[node.atom as usize].of_one_function
        })
        .collect()
}

/// What each class refers to, and what is tied to it.
struct Edges {
    starts: Vec<u32>,
    to: Vec<u32>,
}

impl Edges {
    fn new(analysis: &Analysis<'_>, ties: &[(ClassId, ClassId)]) -> Self {
        let mut edges = Self {
            starts: vec![0],
            to: Vec::new(),
        };
        let mut users: HashMap<u32, Vec<u32>, FixedState> = HashMap::default();
        for (user, table) in ties {
            users.entry(table.0).or_default().push(user.0);
        }
        for class in 0..analysis.classes.first.len() as u32 {
            let from = edges.to.len();
            edges
                .to
                .extend(targets(analysis, ClassId(class)).map(|c| c.0));
            edges.to.extend(users.get(&class).into_iter().flatten());
            edges.to[from..].sort_unstable();
            let mut kept = from;
            for at in from..edges.to.len() {
                if at == from || edges.to[at] != edges.to[kept - 1] {
                    edges.to[kept] = edges.to[at];
                    kept += 1;
                }
            }
            edges.to.truncate(kept);
            edges.starts.push(kept as u32);
        }
        edges
    }

    fn len(&self) -> usize {
        self.starts.len() - 1
    }

    fn of(&self, class: usize) -> &[u32] {
        &self.to[self.starts[class] as usize..self.starts[class + 1] as usize]
    }
}

/// What lives for all units of a root set.
struct Seeds {
    /// By class: root sets all of whose units reach it.
    whole: Vec<Vec<u32>>,
}

impl Seeds {
    fn new(analysis: &Analysis<'_>, owners: &[usize], cuts: &[Cut]) -> Self {
        let mut whole: Vec<Vec<u32>> = vec![Vec::new(); analysis.classes.first.len()];
        for (s, reached) in analysis.reached.iter().enumerate() {
            let classes = &analysis.classes.class_of[s];
            let owner = owners[s];
            if owner != s || cuts[s] == Cut::Whole {
                for &class in classes {
                    let list = &mut whole[class.index()];
                    if list.last() != Some(&(owner as u32)) {
                        list.push(owner as u32);
                    }
                }
                continue;
            }
            // Walk from the exports; what that does not meet lives for another reason, and so for all.
            let mut walk = Walk::new(reached);
            walk.follow(&mut reached.roots.iter().map(|r| r.1).collect());
            let mut kept: Vec<u32> = rule_kept(reached).collect();
            for &node in &kept {
                whole[classes[node as usize].index()].push(s as u32);
            }
            walk.follow(&mut kept);
            for node in 0..reached.nodes.len() as u32 {
                if !walk.met[node as usize] {
                    whole[classes[node as usize].index()].push(s as u32);
                }
            }
        }
        Self { whole }
    }
}
