//! Where contested definitions stand: with the root set that alone forces their member, or in an object of
//! their own, as their member was.

use std::collections::BTreeSet;

use foldhash::{HashMap, HashMapExt};

use super::partition::{Partition, SetId};
use crate::analysis::graph::NameId;
use crate::analysis::identity::atoms::ClassId;
use crate::analysis::reach::Target;
use crate::analysis::{Analysis, Demand};
use crate::format::GlobalKind;
use crate::input::LibraryId;

/// Members whose contested definitions stand together.
pub(super) struct Home {
    pub sets: Vec<usize>,
}

/// By root set: itself, but for a member that just one root set forces, and that nobody takes by name:
/// that root set. Its definitions then stand where that root set's own atoms do, as they stood in one
/// member. What another member refers to stays apart: mold prefers a strong definition that it could pull
/// to a weak one that it could pull. So does what several members define, where objects have copies: the first of
/// these shall be found by the name.
pub(super) fn owners(analysis: &Analysis<'_>) -> Vec<usize> {
    let mut users: HashMap<usize, Vec<usize>> = HashMap::new();
    let mut by_name: BTreeSet<NameId> = BTreeSet::new();
    for (s, demands) in analysis.demands.iter().enumerate() {
        for demand in demands {
            match *demand {
                Demand::Set(member) => users.entry(member as usize).or_default().push(s),
                Demand::Name(name) | Demand::Need(name) => {
                    by_name.insert(name);
                }
            }
        }
    }
    if users.is_empty() {
        return (0..analysis.sets.len()).collect();
    }
    // Names that live code of another library takes, or of another member.
    let mut taken_by: BTreeSet<(NameId, LibraryId)> = BTreeSet::new();
    for (set, reached) in analysis.sets.iter().zip(&analysis.reached) {
        taken_by.extend(reached.externals().into_iter().map(|n| (n, set.library())));
        for (n, node) in reached.nodes.iter().enumerate() {
            for target in reached.targets_of(n as u32) {
                if let Target::External { name, .. } | Target::Either { other: name, .. } = *target
                    && !analysis.is_own(node.object, name)
                {
                    by_name.insert(name);
                }
            }
        }
    }
    let mut definers: HashMap<(LibraryId, NameId), u32> = HashMap::new();
    if GlobalKind::WeakUndefined.pulls(analysis.format) {
        for set in analysis.sets.iter().filter(|s| s.member().is_some()) {
            for root in &set.roots {
                *definers.entry((set.library(), root.name)).or_default() += 1;
            }
        }
    }
    let several = |own, name| definers.get(&(own, name)).is_some_and(|&n| n > 1);
    let mut owners: Vec<usize> = (0..analysis.sets.len()).collect();
    for (member, mut forcing) in users {
        forcing.dedup();
        let roots = &analysis.sets[member].roots;
        let own = analysis.sets[member].library();
        let taken = roots.iter().any(|r| {
            let of_name = (r.name, LibraryId(0))..=(r.name, LibraryId(u32::MAX));
            analysis.contested.is_runtime(r.name)
                || by_name.contains(&r.name)
                || several(own, r.name)
                || taken_by.range(of_name).any(|&(_, library)| library != own)
        });
        if let ([only], false) = (&forcing[..], taken) {
            owners[member] = *only;
        }
    }
    let together = ends(&owners);
    // An object defines a name once: what several members define stands in a home of each.
    let mut count: HashMap<(usize, NameId), u32> = HashMap::new();
    let names = |s: usize| analysis.sets[s].roots.iter().map(|r| r.name);
    for (s, &owner) in together.iter().enumerate() {
        for name in names(s) {
            *count.entry((owner, name)).or_default() += 1;
        }
    }
    for (s, &owner) in together.iter().enumerate() {
        if owner != s && names(s).any(|name| count[&(owner, name)] > 1) {
            owners[s] = s;
        }
    }
    ends(&owners)
}

/// What is part of a part; two that force each other stay apart.
fn ends(owners: &[usize]) -> Vec<usize> {
    (0..owners.len())
        .map(|s| {
            let (mut at, mut steps) = (s, 0);
            while owners[at] != at && steps <= owners.len() {
                at = owners[at];
                steps += 1;
            }
            if owners[at] == at { at } else { s }
        })
        .collect()
}

/// One home for each member; members that several libraries hold as one share it.
pub(super) fn homes(
    analysis: &Analysis<'_>,
    owners: &[usize],
) -> (Vec<Home>, HashMap<ClassId, usize>) {
    let mut homes: Vec<Home> = Vec::new();
    let mut of_class: HashMap<ClassId, usize> = HashMap::new();
    for (s, set) in analysis.sets.iter().enumerate() {
        if set.member().is_none() || owners[s] != s {
            continue;
        }
        let classes: BTreeSet<ClassId> = analysis.reached[s]
            .roots
            .iter()
            .map(|&(_, node, _)| analysis.classes.class_of[s][node as usize])
            .collect();
        let known = classes.iter().find_map(|c| of_class.get(c).copied());
        let home = known.unwrap_or_else(|| {
            homes.push(Home { sets: Vec::new() });
            homes.len() - 1
        });
        for &class in &classes {
            of_class.entry(class).or_insert(home);
        }
        homes[home].sets.push(s);
    }
    (homes, of_class)
}

impl Partition {
    /// The root sets that define symbols that are numbers.
    pub fn with_values(&self) -> impl Iterator<Item = usize> + '_ {
        let sets = self.values.chunk_by(|a, b| a.0 == b.0);
        sets.filter_map(|values| Some(values.first()?.0))
    }

    /// The object that defines them; `None`: the one that the root set gets for want of any.
    #[must_use]
    pub fn place_of_values(&self, s: usize) -> Option<SetId> {
        let s = self.owner(s);
        self.own_of(s).or(self.homes.get(&s).copied())
    }
}
