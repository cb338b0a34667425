//! What objects want of names besides what their symbols say, on the way into root sets: members that stand
//! for others', needs of no reference, and weak definitions that linkers take by name.

use std::collections::BTreeSet;

use rayon::prelude::*;

use super::Making;
use super::graph::{NameId, ObjectId};
use super::making::pulled;
use super::reach::{Reached, Root, Target, reach};
use super::resolve::Resolution;
use crate::error::Result;
use crate::format::{self, GlobalKind};
use crate::input::LibraryId;

impl Making<'_, '_> {
    /// Members that define what an object wants to be taken for names that nobody defines.
    pub(super) fn alternates(
        &self,
        library: LibraryId,
        object: ObjectId,
    ) -> impl Iterator<Item = (LibraryId, ObjectId)> + '_ {
        let names = self.graph.alternates(object);
        names.filter_map(move |name| {
            let own = std::iter::once(library);
            let others = self.offers.iter().map(|o| o.library);
            own.chain(others)
                .find_map(|l| Some((l, self.offers[l.index()].definer(name)?)))
        })
    }

    /// Members that some linkers take for weak references that something else stands for.
    pub(super) fn searched<'b>(
        &'b self,
        library: LibraryId,
        reached: &'b Reached,
    ) -> impl Iterator<Item = (LibraryId, ObjectId)> + 'b {
        let offer = &self.offers[library.index()];
        reached.targets.iter().filter_map(move |t| match t {
            Target::Either { name, .. } | Target::Fallback { name, .. } => {
                Some((library, offer.definer(*name)?))
            }
            _ => None,
        })
    }

    /// What an object needs without referring to it, and the final linker finds.
    pub(super) fn needs_elsewhere<'b>(
        &'b self,
        resolution: &'b Resolution,
        object: ObjectId,
    ) -> impl Iterator<Item = NameId> + 'b {
        let needs = self.graph.needs(object);
        needs.filter(move |&name| self.is_elsewhere(resolution, name))
    }

    /// What an object pulls without a use for it, and the final linker finds.
    pub(super) fn pulls_elsewhere<'b>(
        &'b self,
        resolution: &'b Resolution,
        object: ObjectId,
    ) -> impl Iterator<Item = NameId> + 'b {
        let pulls = self.graph.pulls(object);
        pulls.filter(move |&name| self.is_elsewhere(resolution, name))
    }

    fn is_elsewhere(&self, resolution: &Resolution, name: NameId) -> bool {
        self.contested.is(resolution.library, name)
            || resolution
                .definition(name)
                .is_none_or(|site| self.graph.is_verbatim(site.object))
    }

    /// Both of all that a library pulls for its exports.
    pub(super) fn all_needs_elsewhere(&self, library: usize) -> Vec<NameId> {
        let resolution = &self.resolutions[library];
        let pulled = resolution.pulled.iter();
        let names = pulled.flat_map(|p| {
            let needs = self.needs_elsewhere(resolution, p.object);
            needs.chain(self.pulls_elsewhere(resolution, p.object))
        });
        names.collect()
    }

    /// What members need from outside of their library that no export pulls, but another library's need does:
    /// by library, for those that are not among `followed` yet.
    pub(super) fn needs_of_wanted(
        &mut self,
        followed: &mut BTreeSet<(usize, ObjectId)>,
    ) -> Result<Vec<(usize, Vec<NameId>)>> {
        let wanted = self.wanted.iter().enumerate();
        let wanted = wanted.flat_map(|(l, objects)| objects.iter().map(move |&o| (l, o)));
        // What the exports pull is looked at with them.
        let fresh: Vec<(usize, ObjectId)> = wanted
            .filter(|&(l, o)| !self.graph.is_verbatim(o) && !self.resolutions[l].is_pulled(o))
            .filter(|w| !followed.contains(w))
            .collect();
        followed.extend(fresh.iter().copied());
        let mut resolutions: Vec<Resolution> = fresh
            .par_iter()
            .map(|&(l, object)| {
                let mut own = Resolution::new(&self.graph, LibraryId(l as u32), false);
                own.pull_member(self.inputs, &self.graph, &self.offers[l], object);
                own
            })
            .collect();
        self.graph.take_apart(self.inputs, &pulled(&resolutions))?;
        let graph = &self.graph;
        resolutions
            .par_iter_mut()
            .for_each(|r| r.settle_groups(graph));
        let needs = fresh.par_iter().zip(&resolutions).map(|(&(l, _), own)| {
            let members = own.pulled.iter().filter(|p| !graph.is_verbatim(p.object));
            let roots: Vec<Root> = members
                .flat_map(|p| self.member_roots(own.library, p.object))
                .collect();
            (l, reach(self.rules_with(own), &roots).externals())
        });
        Ok(needs.collect())
    }

    /// Where a format says of a weak definition what it stands for, two of them clash that are both
    /// linked. Are all contested names of an object such, or what such names stand for? References name
    /// both then, and pull what is missing.
    pub(super) fn only_by_name(&self, library: LibraryId, object: ObjectId) -> bool {
        format::weak_needs_a_twin(self.inputs.format())
            && !self.contested.local_aliases
            && self.graph.globals[object.index()]
                .iter()
                .filter(|g| g.kind.is_definition() && self.contested.is(library, g.name))
                .all(|g| g.kind == GlobalKind::WeakDefined || self.contested.stands(g.name))
    }

    /// Where a weak external comes first, linkers of Microsoft's kind (lld-link) forget which library has the
    /// name, and nobody pulls what defines it by that any more.
    pub(super) fn may_be_forgotten(&self, library: LibraryId, object: ObjectId) -> bool {
        let own = || self.contested.defined_by(&self.graph, library, object);
        format::weak_needs_a_twin(self.inputs.format())
            && !self.contested.local_aliases
            && own().any(|name| self.contested.is_weakly_needed(name))
            && own().all(|name| self.contested.is_of_one_library(name))
    }
}
