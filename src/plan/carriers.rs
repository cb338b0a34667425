//! Which objects a program pulls for a root set's sake, and what these name so that the rest comes along.
//!
//! What a root set brings along without referring to it (constructors, members with contested names) is named
//! by its own object. Where it is taken apart by export, that object is the *hub*: what all of its exports
//! reach. The objects of its exports name the hub alone.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use foldhash::{HashMap, HashMapExt};

use super::cuts::Cut;
use super::groups;
use super::partition::{Partition, SetId};
use crate::analysis::Analysis;
use crate::analysis::graph::{NameId, ObjectId};
use crate::analysis::identity::atoms::ClassId;
use crate::format::GlobalKind;
use crate::format::model::KeepRule;
use crate::input::LibraryId;

/// See [`Partition::rank`].
pub type Rank = (bool, Reverse<usize>, (u32, u8), SetId);

impl Partition {
    /// The objects that a program pulls for the sake of this root set: those that define its roots, and
    /// its own.
    #[must_use]
    pub fn carriers(&self, s: usize) -> Vec<SetId> {
        if let Some(&home) = self.homes.get(&s) {
            return vec![home];
        }
        if self.is_part(s) {
            return Vec::new();
        }
        let exports = self.exports_of_set[s].iter();
        let own = self.own[s];
        let mut all: Vec<SetId> = exports
            .map(|&e| self.exports[e as usize].class)
            .map(|c| match own {
                Some(own) if self.is_copied(c, s) => own,
                _ => self.set_of[c.index()],
            })
            .collect();
        all.extend(own);
        all.sort_unstable();
        all.dedup();
        all
    }

    /// The set of what this root set alone reaches.
    #[must_use]
    pub fn own_of(&self, s: usize) -> Option<SetId> {
        self.own.get(s).copied().flatten()
    }

    /// Is an exported class a group that stands elsewhere, of which the root set's own object gets a copy? An
    /// export of a split root set is defined where it stands, unless other root sets have it too.
    pub(super) fn is_copied(&self, class: ClassId, s: usize) -> bool {
        self.grouped[class.index()]
            && !(self.is_split(s) && self.plugins(self.set_of[class.index()]).eq([s]))
    }

    /// Is it taken apart?
    #[must_use]
    pub fn is_split(&self, s: usize) -> bool {
        self.cuts.get(s).is_some_and(|&cut| cut != Cut::Whole)
    }

    /// Of a split root set: an atom by which the object can be pulled that all of its exports reach.
    #[must_use]
    pub fn hub(&self, s: usize) -> Option<ClassId> {
        self.hubs.get(s).copied().flatten()
    }

    /// Does an object with exports of a split root set name its hub, and not what that brings along? What
    /// other root sets reach too must not pull this one's own.
    #[must_use]
    pub fn names_hub(&self, set: SetId, s: usize) -> bool {
        self.hub(s).is_some() && self.own_of(s) != Some(set) && self.plugins(set).eq([s])
    }

    /// Does the root set bring anything along that its exports do not refer to?
    #[must_use]
    pub fn brings(&self, analysis: &Analysis<'_>, s: usize) -> bool {
        !self.forced[s].is_empty() || !analysis.demands[s].is_empty()
    }

    /// Split root sets that have no object of their own which names what they bring along, and for which others
    /// would pull it, or names of groups would pull others'.
    pub(super) fn carried_off(&self, analysis: &Analysis<'_>) -> Vec<usize> {
        let mut loose: Vec<usize> = (0..analysis.sets.len())
            .filter(|&s| self.is_split(s) && self.hub(s).is_none() && self.brings(analysis, s))
            .collect();
        if loose.is_empty() {
            return loose;
        }
        let met = groups::met_by_name(analysis, &self.grouped);
        let foreign = |set: &SetId, s: usize| !self.plugins(*set).eq([s]);
        loose.retain(|&s| {
            self.carriers(s).iter().any(|set| foreign(set, s))
                || self.forced[s].iter().any(|class| met.contains(class))
        });
        loose
    }

    /// Where an object stands among those of its library.
    #[must_use]
    pub fn rank(&self, set: SetId) -> (u32, Rank) {
        let turn = self.turn.get(set.index()).copied().unwrap_or_default();
        (turn, self.by_itself(set))
    }

    /// Names of groups are pulled from where these stand, not from an object that has a copy for its own use. Root sets
    /// are numbered in the order of their members, and so are the sets: linkers walk through an archive from its start,
    /// and constructors come in that order.
    fn by_itself(&self, set: SetId) -> Rank {
        let mut copies = self.copies[set.index()].iter();
        let copies = copies.any(|c| self.grouped[c.index()]) && !self.units(set).is_empty();
        let units = if copies { self.units(set).len() } else { 0 };
        let order = self.order.get(set.index()).copied().unwrap_or_default();
        (copies, Reverse(units), order, set)
    }

    /// Who asks for an exported name shall find the object that brings along what the export does: it stands before
    /// others that define the name, in a group.
    pub(super) fn find_turns(&mut self, analysis: &Analysis<'_>) {
        let mut carriers: HashMap<(NameId, Option<LibraryId>), BTreeSet<SetId>> = HashMap::new();
        let grouped = self
            .exports
            .iter()
            .filter(|e| self.grouped[e.class.index()]);
        for export in grouped {
            let own = self.own_of(export.set);
            let own = own.filter(|_| self.is_copied(export.class, export.set));
            let set = own.unwrap_or(self.set_of[export.class.index()]);
            let name = (export.name, self.library(analysis, set));
            carriers.entry(name).or_default().insert(set);
        }
        if carriers.is_empty() {
            return;
        }
        let sets = || (0..self.classes.len() as u32).map(SetId);
        let mut behind: Vec<Vec<SetId>> = vec![Vec::new(); self.classes.len()];
        let mut before = vec![0u32; self.classes.len()];
        for set in sets() {
            let library = self.library(analysis, set);
            let grouped = self.written(set).filter(|c| self.grouped[c.index()]);
            for name in grouped.flat_map(|class| groups::names_of(analysis, class)) {
                let carriers = carriers.get(&(name, library));
                let carriers = carriers.filter(|carriers| !carriers.contains(&set));
                // The first of them is found.
                if let Some(carrier) = carriers.and_then(|c| c.first()) {
                    behind[carrier.index()].push(set);
                    before[set.index()] += 1;
                }
            }
        }
        let mut line: Vec<SetId> = sets().collect();
        line.sort_by_cached_key(|&set| self.by_itself(set));
        let mut place = vec![0u32; line.len()];
        for (at, set) in (0..).zip(&line) {
            place[set.index()] = at;
        }
        let late = |set: SetId| {
            let mut behind = behind[set.index()].iter();
            behind.any(|other| place[other.index()] < place[set.index()])
        };
        if !sets().any(late) {
            return;
        }
        // The first that nobody has to precede; where that is nobody, the first.
        let mut ready: BinaryHeap<Reverse<u32>> = (0..line.len() as u32)
            .filter(|&at| before[line[at as usize].index()] == 0)
            .map(Reverse)
            .collect();
        let mut waiting = 0;
        let mut done = vec![false; line.len()];
        self.turn = vec![0; line.len()];
        for turn in 0..line.len() as u32 {
            let next = std::iter::from_fn(|| ready.pop()).find(|at| !done[at.0 as usize]);
            let at = next.map_or_else(
                || {
                    while done.get(waiting).is_some_and(|&done| done) {
                        waiting += 1;
                    }
                    waiting
                },
                |at| at.0 as usize,
            );
            done[at] = true;
            let set = line[at];
            self.turn[set.index()] = turn;
            for other in &behind[set.index()] {
                let before = &mut before[other.index()];
                *before = before.saturating_sub(1);
                if *before == 0 {
                    ready.push(Reverse(place[other.index()]));
                }
            }
        }
    }

    /// Of several definitions of one contested name linkers take that of the member that stands first: objects
    /// stand as the members stood that defined their exports, and contested definitions behind the exports of
    /// their member, or before them where objects have copies of such definitions. Constructors stand behind both,
    /// and behind the first who brings them along, so that a linker that comes by but once finds each in its turn. What is
    /// none of these stays where it was.
    pub(super) fn find_order(&mut self, analysis: &Analysis<'_>) {
        let runs = |&class: &ClassId| is_constructor(analysis, class);
        if analysis.sets.iter().all(|s| s.member().is_none())
            && !self.forced.iter().flatten().any(runs)
        {
            return;
        }
        let place = |class: ClassId| {
            let (s, n) = analysis.classes.first[class.index()];
            let s = s as usize;
            let object = analysis.reached[s].nodes[n as usize].object;
            let library = analysis.sets[s].library();
            analysis.offers[library.index()].rank(object)
        };
        let before = GlobalKind::WeakUndefined.pulls(analysis.format);
        let rank = |set: SetId, member: ObjectId| {
            let s = self.plugins(set).next().unwrap_or(0);
            analysis.offers[analysis.sets[s].library().index()].rank(member)
        };
        let mut first: Vec<Option<u32>> = vec![None; self.classes.len()];
        for export in &self.exports {
            let slot = &mut first[self.set_of[export.class.index()].index()];
            let place = place(export.class);
            *slot = Some(slot.map_or(place, |known| known.min(place)));
        }
        let mut run_at: Vec<Option<u32>> = vec![None; self.classes.len()];
        for (s, forced) in self.forced.iter().enumerate() {
            let exports = self.exports_of_set[s].iter();
            let asks = exports.map(|&e| place(self.exports[e as usize].class));
            let asks = asks.min().unwrap_or(0);
            for &class in forced.iter().filter(|class| runs(class)) {
                let slot = &mut run_at[self.set_of[class.index()].index()];
                let place = place(class).max(asks);
                *slot = Some(slot.map_or(place, |known| known.min(place)));
            }
        }
        let mut last: BTreeMap<Option<LibraryId>, u32> = BTreeMap::new();
        let sets = (0..self.classes.len() as u32).map(SetId);
        self.order = sets
            .map(|set| {
                let home = u8::from(self.is_home(set) != before);
                if let Some(&Some(member)) = self.members_of.get(set.index()) {
                    return (rank(set, member), home);
                }
                if let (None, Some(place), false) =
                    (first[set.index()], run_at[set.index()], self.is_home(set))
                {
                    return (place, 2);
                }
                let last = last.entry(self.library(analysis, set)).or_default();
                *last = first[set.index()].unwrap_or(*last);
                (*last, home)
            })
            .collect();
    }

    /// An atom by which the definitions of a member can be pulled.
    #[must_use]
    pub fn anchor(&self, member: usize) -> Option<ClassId> {
        let roots = self.exports_of_set.get(member)?.iter();
        roots
            .map(|&e| self.exports[e as usize].class)
            .find(|c| !self.grouped[c.index()])
    }

    /// The object of a member's definitions where all of them are in groups: another's may take the place of each,
    /// so the object itself has a name.
    #[must_use]
    pub fn named_home(&self, member: usize) -> Option<SetId> {
        let exports = self.exports_of_set.get(member)?;
        let home = self.homes.get(&member).copied();
        home.filter(|_| !exports.is_empty() && self.anchor(member).is_none())
    }
}

/// Does something run because the class is linked?
pub(super) fn is_constructor(analysis: &Analysis<'_>, class: ClassId) -> bool {
    let (s, n) = analysis.classes.first[class.index()];
    let node = analysis.reached[s as usize].nodes[n as usize];
    let atom = &analysis.graph.file(node.object).atoms[node.atom as usize];
    atom.keep == Some(KeepRule::InitArray)
}
