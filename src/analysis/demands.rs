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
    /// By root set and member that it always brings along: the member's root set.
    pub member: HashMap<(u32, ObjectId), u32, foldhash::fast::FixedState>,
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
                    let brought = &sets[member as usize];
                    if let Some(object) = brought.member() {
                        comes.member.insert((s as u32, object), member);
                    }
                    let roots = &brought.roots;
                    comes.with.extend(roots.iter().map(|r| (s as u32, r.name)));
                }
            }
        }
        comes
    }
}

impl Making<'_, '_> {
    /// Finds the pulled members that only contested names lead to. `names` and `member` are what was asked
    /// for.
    pub fn find_apart(
        &self,
        resolution: &mut Resolution,
        names: &[NameId],
        member: Option<ObjectId>,
    ) {
        let follow = |name| self.leads_to(resolution, name);
        let mut waiting: Vec<ObjectId> = member.into_iter().collect();
        waiting.extend(names.iter().copied().filter_map(follow));
        let mut along: HashSet<ObjectId> = HashSet::new();
        while let Some(object) = waiting.pop() {
            if along.insert(object) {
                waiting.extend(self.needed_by(object).filter_map(follow));
            }
        }
        let pulled = resolution.pulled.iter().map(|p| p.object);
        resolution.apart = pulled.filter(|object| !along.contains(object)).collect();
    }

    fn needed_by(&self, object: ObjectId) -> impl Iterator<Item = NameId> + '_ {
        let globals = self.graph.globals[object.index()].iter();
        let needed = globals.filter(|g| g.kind.pulls(self.graph.format));
        needed.map(|g| g.name).chain(self.graph.needs(object))
    }

    /// The pulled member that a name leads to whoever defines contested names.
    pub(super) fn leads_to(&self, resolution: &Resolution, name: NameId) -> Option<ObjectId> {
        let library = resolution.library;
        if !self.contested.is(library, name) {
            return resolution.definition(name).map(|site| site.object);
        }
        let object = self.offers[library.index()].definer(name)?;
        let pulled = resolution.is_pulled(object) && !self.graph.is_verbatim(object);
        (pulled && self.brings(resolution, object, name)).then_some(object)
    }

    /// Does who refers to the name bring the member along? That is so for commons.
    fn brings(&self, resolution: &Resolution, object: ObjectId, name: NameId) -> bool {
        let globals = &self.graph.globals[object.index()];
        let site = resolution
            .definition(name)
            .filter(|site| site.object == object);
        let global = match site {
            Some(site) => globals.get(site.position as usize),
            None => globals
                .iter()
                .find(|g| g.name == name && g.kind.is_definition()),
        };
        global.is_some_and(|g| g.kind == GlobalKind::Common)
    }

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
                let asked = self.asked(resolution);
                for object in resolution.pulled.iter().map(|p| p.object) {
                    if resolution.apart.contains(&object) {
                        let names = asked.get(&object).into_iter().flatten();
                        demands.extend(names.copied().map(Demand::Name));
                        continue;
                    }
                    let needs = self.needs_elsewhere(resolution, object);
                    demands.extend(needs.map(Demand::Need));
                    let pulls = self.pulls_elsewhere(resolution, object);
                    demands.extend(pulls.map(Demand::Name));
                    if set.member() == Some(object) || self.only_by_name(library, object) {
                        continue;
                    }
                    let member = set_of.get(&(library, object));
                    let names = || self.contested.defined_by(&self.graph, library, object);
                    let forgotten = self.may_be_forgotten(library, object);
                    let by_name = self.contested.comes_by_name(object) && !forgotten;
                    match member.filter(|_| !by_name) {
                        Some(&member) => {
                            demands.push(Demand::Set(member));
                            if forgotten {
                                demands.extend(names().map(Demand::Name));
                            }
                        }
                        None => demands.extend(names().map(Demand::Name)),
                    }
                }
                demands
            })
            .collect()
    }

    /// Contested names that members ask for, in dead code too, by the members that are pulled for them alone.
    fn asked(&self, resolution: &Resolution) -> HashMap<ObjectId, Vec<NameId>> {
        let mut asked: HashMap<ObjectId, Vec<NameId>> = HashMap::new();
        if resolution.apart.is_empty() {
            return asked;
        }
        let library = resolution.library;
        let names = |object| self.contested.defined_by(&self.graph, library, object);
        // What is there anyway pulls nothing, nor what was asked for.
        let mut served: HashSet<NameId> = resolution.along().flat_map(names).collect();
        for name in resolution.along().flat_map(|o| self.needed_by(o)) {
            if self.contested.is(library, name)
                && let Some(site) = resolution.definition(name)
                && resolution.apart.contains(&site.object)
                && served.insert(name)
            {
                asked.entry(site.object).or_default().push(name);
            }
        }
        asked
    }
}
