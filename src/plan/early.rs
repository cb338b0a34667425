//! Names that an object asks for before anybody needs them: linkers of the GNU kind read each archive once, and what
//! is needed later than that is not found any more.
//!
//! - *For a later library of the run*: what it needs from outside, and a member of an earlier library defines, was
//!   there as soon as anything had pulled that member. So the objects that take the place of a member, or of one that
//!   brings it along, ask for what later libraries need of it. What is asked for in one block is a chain: whoever
//!   brings the block along names the first, its object the next, and the last what further blocks have.
//! - *For the workspace library*: what its atoms need of a library stands before it, so the objects that need these
//!   atoms ask for it, as their members did.

use std::collections::{BTreeMap, BTreeSet};

use foldhash::{HashMap, HashMapExt, HashSet};

use super::partition::{Partition, SetId, targets};
use crate::analysis::blocks::Blocks;
use crate::analysis::graph::{NameId, ObjectId};
use crate::analysis::reach::Target;
use crate::analysis::{Analysis, Demand, RootKind};
use crate::input::LibraryId;

/// The object that takes the place of a member, for the sake of an export or of none.
struct StandIn {
    object: SetId,
    member: ObjectId,
    export: Option<NameId>,
}

/// By library: what later ones need from outside and it exports.
#[must_use]
pub fn wanted(analysis: &Analysis<'_>) -> Vec<BTreeSet<NameId>> {
    let count = analysis.exports.len();
    let mut wanted = vec![BTreeSet::new(); count];
    if count < 2 {
        return wanted;
    }
    let mut owners: HashMap<NameId, Vec<u32>> = HashMap::new();
    for (l, names) in analysis.exports.iter().enumerate().take(count - 1) {
        let library = LibraryId(l as u32);
        for &name in names
            .iter()
            .filter(|&&n| !analysis.contested.is(library, n))
        {
            owners.entry(name).or_default().push(l as u32);
        }
    }
    for (s, (set, reached)) in analysis.sets.iter().zip(&analysis.reached).enumerate() {
        let last = set.libraries.iter().map(|l| l.0).max().unwrap_or(0);
        let demanded = analysis.demands[s].iter().filter_map(|d| match d {
            Demand::Name(name) | Demand::Need(name) => Some(*name),
            Demand::Set(_) => None,
        });
        for name in reached.externals().into_iter().chain(demanded) {
            for &l in owners.get(&name).into_iter().flatten() {
                if l < last && !set.libraries.contains(&LibraryId(l)) {
                    wanted[l as usize].insert(name);
                }
            }
        }
    }
    wanted
}

impl Partition {
    /// What each object asks for early.
    pub(super) fn find_early(
        &mut self,
        analysis: &Analysis<'_>,
        wanted: &[BTreeSet<NameId>],
        blocks: &[Option<Blocks>],
    ) {
        let mut early: Vec<(SetId, NameId)> = Vec::new();
        for (l, (wanted, blocks)) in wanted.iter().zip(blocks).enumerate() {
            if let (false, Some(blocks)) = (wanted.is_empty(), blocks) {
                self.for_later(analysis, LibraryId(l as u32), wanted, blocks, &mut early);
            }
        }
        self.for_workspace(analysis, &mut early);
        early.sort_unstable();
        early.dedup();
        self.early = early;
    }

    /// What the object of a set asks for early.
    pub fn early(&self, set: SetId) -> impl Iterator<Item = NameId> + '_ {
        let from = self.early.partition_point(|e| e.0 < set);
        let own = self.early[from..].iter().take_while(move |e| e.0 == set);
        own.map(|e| e.1)
    }

    /// The members of a library that objects take the place of.
    fn stand_ins(&self, analysis: &Analysis<'_>, library: LibraryId) -> Vec<StandIn> {
        let mut all = Vec::new();
        for (s, set) in analysis.sets.iter().enumerate() {
            if !set.libraries.contains(&library) {
                continue;
            }
            match set.kind {
                RootKind::Exports => {
                    let reached = &analysis.reached[s];
                    for &(name, node, _) in &reached.roots {
                        let class = analysis.classes.class_of[s][node as usize];
                        let own = self.own_of(s).filter(|_| self.is_copied(class, s));
                        let object = own.unwrap_or(self.set_of[class.index()]);
                        all.push(StandIn {
                            object,
                            member: reached.nodes[node as usize].object,
                            export: Some(name),
                        });
                    }
                }
                RootKind::Member(member) => {
                    let object = self.place_of_values(s);
                    all.extend(object.map(|object| StandIn {
                        object,
                        member,
                        export: None,
                    }));
                }
            }
        }
        all.retain(|of| self.library(analysis, of.object) == Some(library));
        all
    }

    fn for_later(
        &self,
        analysis: &Analysis<'_>,
        library: LibraryId,
        wanted: &BTreeSet<NameId>,
        blocks: &Blocks,
        early: &mut Vec<(SetId, NameId)>,
    ) {
        let all = self.stand_ins(analysis, library);
        // By block: objects, and what each of them defines.
        let mut chains: BTreeMap<u32, Vec<(&StandIn, NameId)>> = BTreeMap::new();
        for of in &all {
            if let Some(name) = of.export.filter(|n| wanted.contains(n))
                && let Some(block) = blocks.of(of.member)
            {
                chains.entry(block).or_default().push((of, name));
            }
        }
        let mut is_wanted = vec![false; blocks.count()];
        for &block in chains.keys() {
            is_wanted[block as usize] = true;
        }
        let next = blocks.next(&is_wanted);
        let first = |block: &u32| chains.get(block)?.first().map(|c| c.1);
        let mut ask = |of: &StandIn, name: NameId| early.push((of.object, name));
        for of in &all {
            match blocks.of(of.member).as_ref().and_then(first) {
                Some(name) => ask(of, name),
                None => {
                    let names = next.of(of.member).iter().filter_map(first);
                    names.for_each(|name| ask(of, name));
                }
            }
        }
        for chain in chains.values() {
            chain.windows(2).for_each(|w| ask(w[0].0, w[1].1));
            if let Some((last, _)) = chain.last() {
                let names = next.of(last.member).iter().filter_map(first);
                names.for_each(|name| ask(last, name));
            }
        }
    }

    fn for_workspace(&self, analysis: &Analysis<'_>, early: &mut Vec<(SetId, NameId)>) {
        let sets = || (0..self.classes.len() as u32).map(SetId);
        let libraries: Vec<Option<LibraryId>> =
            sets().map(|set| self.library(analysis, set)).collect();
        if libraries.iter().all(Option::is_some) {
            return;
        }
        // What stands before the workspace library.
        let mut provided: HashSet<NameId> = analysis.exports.iter().flatten().copied().collect();
        for (&s, home) in &self.homes {
            if libraries[home.index()].is_some() {
                provided.extend(analysis.sets[s].roots.iter().map(|r| r.name));
            }
        }
        let mut needed: BTreeMap<NameId, BTreeSet<SetId>> = BTreeMap::new();
        for set in sets().filter(|set| libraries[set.index()].is_none()) {
            for class in self.written(set) {
                let (s, n) = analysis.classes.first[class.index()];
                for target in analysis.reached[s as usize].targets_of(n) {
                    if let Target::External { name, weak: false }
                    | Target::Either { other: name, .. } = *target
                        && provided.contains(&name)
                    {
                        needed.entry(name).or_default().insert(set);
                    }
                }
            }
        }
        if needed.is_empty() {
            return;
        }
        // By set of the workspace library: the sets whose objects pull it.
        let mut users: HashMap<SetId, BTreeSet<SetId>> = HashMap::new();
        let mut uses = |from: SetId, to: SetId| {
            if from != to && libraries[to.index()].is_none() {
                users.entry(to).or_default().insert(from);
            }
        };
        for set in sets() {
            for class in self.written(set) {
                targets(analysis, class).for_each(|to| uses(set, self.set_of[to.index()]));
            }
        }
        for s in 0..analysis.sets.len() {
            let members = analysis.demands[s].iter().filter_map(|d| match d {
                Demand::Set(member) => self.anchor(*member as usize),
                Demand::Name(_) | Demand::Need(_) => None,
            });
            let brought: Vec<_> = self.forced[s].iter().copied().chain(members).collect();
            for from in self.carriers(s) {
                let to = brought.iter().map(|class| self.set_of[class.index()]);
                to.for_each(|to| uses(from, to));
            }
        }
        for (name, sets) in needed {
            let mut seen: BTreeSet<SetId> = sets.clone();
            let mut waiting: Vec<SetId> = sets.into_iter().collect();
            while let Some(set) = waiting.pop() {
                for &user in users.get(&set).into_iter().flatten() {
                    match libraries[user.index()] {
                        None if seen.insert(user) => waiting.push(user),
                        None => {}
                        // Its own definition comes along by other rules.
                        Some(library) => {
                            let own = analysis.offers[library.index()].definer(name);
                            early.extend(own.is_none().then_some((user, name)));
                        }
                    }
                }
            }
        }
    }
}
