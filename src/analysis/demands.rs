//! What root sets bring along besides what they refer to: the members that a linker pulls for them.

use std::collections::{HashMap, HashSet};

use rayon::prelude::*;

use super::graph::{NameId, ObjectId};
use super::making::Making;
use super::resolve::Resolution;
use super::{Demand, RootSet};
use crate::format::GlobalKind;

/// Contested definitions that are linked whoever asks for their names.
#[derive(Debug, Default)]
pub(super) struct Comes {
    /// Those of members of their own: (member, name).
    pub own: HashSet<(ObjectId, NameId), foldhash::fast::FixedState>,
    /// (root set, name): its own, or of a member that it always brings along.
    pub with: HashSet<(u32, NameId), foldhash::fast::FixedState>,
}

impl Comes {
    pub fn new(sets: &[RootSet], demands: &[Vec<Demand>]) -> Self {
        let mut comes = Self::default();
        for (s, (set, demands)) in sets.iter().zip(demands).enumerate() {
            if let Some(object) = set.member() {
                comes.own.extend(set.roots.iter().map(|r| (object, r.name)));
                comes
                    .with
                    .extend(set.roots.iter().map(|r| (s as u32, r.name)));
            }
            for demand in demands {
                if let Demand::Set(member) = *demand {
                    let roots = &sets[member as usize].roots;
                    comes.with.extend(roots.iter().map(|r| (s as u32, r.name)));
                }
            }
        }
        comes
    }
}

impl Making<'_, '_> {
    /// What each root set brings along.
    pub fn demands(&self, sets: &[RootSet]) -> Vec<Vec<Demand>> {
        let mut set_of = HashMap::new();
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
                let resolution = &self.resolutions[set.resolution];
                let mut certain = None;
                for pulled in &resolution.pulled {
                    demands.extend(
                        self.needs_elsewhere(resolution, pulled.object)
                            .map(Demand::Need),
                    );
                    if set.member() == Some(pulled.object)
                        || self.only_by_name(library, pulled.object)
                    {
                        continue;
                    }
                    let names = self
                        .contested
                        .defined_by(&self.graph, library, pulled.object);
                    let member = set_of.get(&(library, pulled.object));
                    if self.contested.is_alike(pulled.object) {
                        demands.extend(names.map(Demand::Name));
                        continue;
                    }
                    let by_name = self.contested.is(library, pulled.reason);
                    let forced = !by_name
                        || (member.is_some()
                            && certain
                                .get_or_insert_with(|| self.certain(set, resolution))
                                .contains(&pulled.object));
                    match member {
                        Some(&member) if forced => demands.push(Demand::Set(member)),
                        None if forced => demands.extend(names.map(Demand::Name)),
                        _ => demands.push(Demand::Name(pulled.reason)),
                    }
                }
                demands
            })
            .collect()
    }

    /// Members that are linked whoever defines the contested names: what the root set names leads to them
    /// by other names.
    fn certain(&self, set: &RootSet, resolution: &Resolution) -> HashSet<ObjectId> {
        let site = |name| resolution.definition(name).map(|site| site.object);
        let mut waiting: Vec<ObjectId> = match set.member() {
            Some(object) => vec![object],
            None => set.roots.iter().filter_map(|r| site(r.name)).collect(),
        };
        let mut certain: HashSet<ObjectId> = HashSet::new();
        while let Some(object) = waiting.pop() {
            if !certain.insert(object) {
                continue;
            }
            let globals = self.graph.globals[object.index()].iter();
            let needed = globals.filter(|g| g.kind == GlobalKind::Undefined);
            let names = needed.map(|g| g.name).chain(self.graph.needs(object));
            let names = names.filter(|&n| !self.contested.is(resolution.library, n));
            waiting.extend(names.filter_map(site));
        }
        certain
    }
}
