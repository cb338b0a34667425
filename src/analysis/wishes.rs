//! What objects want of names besides what their symbols say, on the way into root sets: members that stand
//! for others', needs of no reference, and weak definitions that linkers take by name.

use super::Making;
use super::graph::{NameId, ObjectId};
use super::reach::{Reached, Target};
use super::resolve::Resolution;
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
        self.graph.needs(object).filter(|&name| {
            self.contested.is(resolution.library, name)
                || resolution
                    .definition(name)
                    .is_none_or(|site| self.graph.is_verbatim(site.object))
        })
    }

    /// The same of all that a library pulls for its exports.
    pub(super) fn all_needs_elsewhere(&self, library: usize) -> Vec<NameId> {
        let resolution = &self.resolutions[library];
        let pulled = resolution.pulled.iter();
        let names = pulled.flat_map(|p| self.needs_elsewhere(resolution, p.object));
        names.collect()
    }

    /// Where a format says of a weak definition what it stands for, two of them clash that are both
    /// linked. Are all contested names of an object such, or what such names stand for? References name
    /// both then, and pull what is missing.
    pub(super) fn only_by_name(&self, library: LibraryId, object: ObjectId) -> bool {
        format::weak_needs_a_twin(self.inputs.format())
            && self.graph.globals[object.index()]
                .iter()
                .filter(|g| g.kind.is_definition() && self.contested.is(library, g.name))
                .all(|g| g.kind == GlobalKind::WeakDefined || self.contested.stands(g.name))
    }
}
