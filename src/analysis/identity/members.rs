//! Members that are one member: their bytes are the same.
//!
//! Lengths choose the candidates, bytes decide; names play no part. One tolerance: objects that
//! differ only in the name of their source file (every library's allocator shim) are the same.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher};

use foldhash::fast::FixedState;
use rayon::prelude::*;

use crate::format::{self, MemberKind};
use crate::input::{Inputs, MemberId};

/// Groups of members above this many candidates are hashed before they are compared.
const COMPARE_ALL: usize = 16;

/// The members of all libraries, in classes of equal ones.
#[derive(Debug, Clone, Default)]
pub struct MemberClasses {
    /// By [`MemberId`]. Classes are numbered in the order of their first members.
    pub class_of: Vec<u32>,
    /// The first member of each class.
    pub representatives: Vec<MemberId>,
}

impl MemberClasses {
    /// Compares the members of all libraries.
    #[must_use]
    pub fn new(inputs: &Inputs<'_>) -> Self {
        let all: Vec<MemberId> = (0..inputs.members.len() as u32).map(MemberId).collect();
        let bytes = |id: &MemberId| inputs.member(*id).data;
        let weight = |id: &MemberId| bytes(id).len();
        let mut first = partition(
            all,
            |id| bytes(id).len() as u64,
            |a, b| bytes(a) == bytes(b),
            |id| hash(bytes(id)),
            weight,
        );

        // The tolerance is tried on what nothing equals, and only where the shapes agree.
        let mut alone: Vec<MemberId> = first
            .iter()
            .filter(|class| class.len() == 1)
            .filter_map(|class| class.first().copied())
            .collect();
        let shapes: Vec<Option<u64>> = alone
            .par_iter()
            .map(|id| {
                let member = inputs.member(*id);
                format::shape_but_file_name(member.kind, member.data)
            })
            .collect();
        let shape_of: HashMap<MemberId, u64> = alone
            .iter()
            .zip(shapes)
            .filter_map(|(id, shape)| Some((*id, shape?)))
            .collect();
        alone.retain(|id| shape_of.contains_key(id));
        let same = |a: &MemberId, b: &MemberId| {
            let (a, b) = (inputs.member(*a), inputs.member(*b));
            a.kind == b.kind && format::same_but_file_name(a.kind, a.data, b.data)
        };
        let shape = |id: &MemberId| shape_of.get(id).copied().unwrap_or(0);
        let names = |id: &MemberId| {
            let member = inputs.member(*id);
            format::names_but_file_name(member.kind, member.data).unwrap_or(0)
        };
        let merged: Vec<Vec<MemberId>> = partition(alone, shape, same, names, weight)
            .into_iter()
            .filter(|class| class.len() > 1)
            .collect();
        if !merged.is_empty() {
            let gone: std::collections::HashSet<MemberId> =
                merged.iter().flatten().copied().collect();
            first.retain(|class| class.len() > 1 || !class.iter().any(|id| gone.contains(id)));
            first.extend(merged);
            first.sort_by_key(|class| class.first().copied());
        }

        let mut class_of = vec![0; inputs.members.len()];
        let mut representatives = Vec::with_capacity(first.len());
        for (class, members) in first.iter().enumerate() {
            for id in members {
                if let Some(slot) = class_of.get_mut(id.index()) {
                    *slot = class as u32;
                }
            }
            representatives.extend(members.first().copied());
        }
        Self {
            class_of,
            representatives,
        }
    }

    #[must_use]
    pub fn class(&self, id: MemberId) -> u32 {
        self.class_of.get(id.index()).copied().unwrap_or(u32::MAX)
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.representatives.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.representatives.is_empty()
    }
}

fn hash(data: &[u8]) -> u64 {
    let mut hasher = FixedState::with_seed(0).build_hasher();
    hasher.write(data);
    hasher.finish()
}

/// Classes of equal items, each in the items' order, sorted by their first items.
fn partition(
    items: Vec<MemberId>,
    key: impl Fn(&MemberId) -> u64,
    same: impl Fn(&MemberId, &MemberId) -> bool + Sync,
    digest: impl Fn(&MemberId) -> u64 + Sync,
    weight: impl Fn(&MemberId) -> usize,
) -> Vec<Vec<MemberId>> {
    let mut groups: HashMap<u64, Vec<MemberId>> = HashMap::new();
    for item in items {
        groups.entry(key(&item)).or_default().push(item);
    }
    let mut groups: Vec<Vec<MemberId>> = groups.into_values().collect();
    // Big work first, so that the cores finish together.
    let work = |group: &Vec<MemberId>| group.iter().map(&weight).sum::<usize>();
    groups.sort_by_key(|group| (std::cmp::Reverse(work(group)), group.first().copied()));
    let mut classes: Vec<Vec<MemberId>> = groups
        .into_par_iter()
        .with_max_len(1)
        .flat_map_iter(|group| {
            let mut classes: Vec<Vec<MemberId>> = Vec::new();
            // By digest: classes.
            let mut known: HashMap<u64, Vec<usize>> = HashMap::new();
            let hashed = group.len() > COMPARE_ALL;
            for item in group {
                let alike = known
                    .entry(if hashed { digest(&item) } else { 0 })
                    .or_default();
                let class = alike.iter().copied().find(|&class| {
                    let first = classes.get(class).and_then(|class| class.first());
                    first.is_some_and(|first| same(first, &item))
                });
                match class.and_then(|class| classes.get_mut(class)) {
                    Some(class) => class.push(item),
                    None => {
                        alike.push(classes.len());
                        classes.push(vec![item]);
                    }
                }
            }
            classes.into_iter()
        })
        .collect();
    classes.sort_by_key(|class| class.first().copied());
    classes
}

/// Two members of one name and size whose bytes differ, in different libraries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NearDuplicate {
    pub first: MemberId,
    pub second: MemberId,
}

impl MemberClasses {
    /// Objects that agree in name and size only, by first member. Import stubs are none: a DLL's
    /// stubs are all named after it.
    #[must_use]
    pub fn near_duplicates(&self, inputs: &Inputs<'_>) -> Vec<NearDuplicate> {
        let mut by_looks: HashMap<(&[u8], usize), MemberId> = HashMap::new();
        let mut found = Vec::new();
        for &id in &self.representatives {
            let member = inputs.member(id);
            if !matches!(member.kind, MemberKind::Object(..) | MemberKind::Bitcode) {
                continue;
            }
            match by_looks.entry((member.name, member.data.len())) {
                std::collections::hash_map::Entry::Vacant(slot) => {
                    slot.insert(id);
                }
                std::collections::hash_map::Entry::Occupied(slot) => {
                    let first = *slot.get();
                    if inputs.member(first).library != member.library {
                        found.push(NearDuplicate { first, second: id });
                    }
                }
            }
        }
        found
    }
}
