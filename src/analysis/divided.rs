//! What is one by its name, and came to be several things of one library.
//!
//! Two copies of an inline function that say the same may refer to what is each object's own: a string of the object's
//! `.rodata`, a local array. Identity keeps these apart, and with them the copies: one function would have two
//! addresses. Such names go by name, as those do of which the copies differ ([`super::unlike`]), and the analysis is
//! made again.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use super::RootSet;
use super::graph::NameId;
use super::identity::atoms::{AtomClasses, ClassId};
use super::making::Making;
use super::reach::Reached;
use crate::input::LibraryId;

impl Making<'_, '_> {
    /// Finds such names; false where there are none that are not joined yet.
    pub(super) fn join_divided(
        &mut self,
        sets: &[RootSet],
        reached: &[Reached],
        classes: &AtomClasses,
    ) -> bool {
        let mut by_library: BTreeMap<LibraryId, Vec<usize>> = BTreeMap::new();
        for (at, set) in sets.iter().enumerate() {
            for &library in &set.libraries {
                by_library.entry(library).or_default().push(at);
            }
        }
        let found: Vec<(LibraryId, Vec<NameId>)> = by_library
            .into_par_iter()
            .map(|(library, own)| (library, self.divided_names(&own, reached, classes)))
            .collect();
        let mut news = false;
        for (library, names) in found {
            let known = &mut self.divided[library.index()];
            for name in names {
                news |= known.insert(name);
            }
        }
        if news {
            self.torn.clear();
            self.unlike.clear();
        }
        news
    }

    /// Of the root sets of one library.
    fn divided_names(
        &self,
        sets: &[usize],
        reached: &[Reached],
        classes: &AtomClasses,
    ) -> Vec<NameId> {
        let graph = &self.graph;
        let mut copies: Vec<(NameId, ClassId)> = Vec::new();
        for &s in sets {
            for (node, &class) in reached[s].nodes.iter().zip(&classes.class_of[s]) {
                if graph.is_rust(node.object) {
                    continue;
                }
                let file = graph.file(node.object);
                let group = file.atoms[node.atom as usize].group;
                let group = group.and_then(|g| file.groups.get(g as usize));
                if !group.is_some_and(|g| g.comdat) {
                    continue;
                }
                let names = file.symbols_of(node.atom);
                let names = names.filter_map(|(s, _)| graph.name_of(node.object, s));
                let apart = |&n: &NameId| {
                    !self.vague.meets(graph, node.object, node.atom, n)
                        && self.vague.may_meet(graph.format, graph.name(n))
                };
                copies.extend(names.filter(apart).map(|n| (n, class)));
            }
        }
        copies.sort_unstable();
        copies.dedup();
        let of_names = copies.chunk_by(|(a, _), (b, _)| a == b);
        let divided = of_names.filter(|own| own.len() > 1);
        divided.filter_map(|own| Some(own.first()?.0)).collect()
    }

    /// Names that go by name because a library has several copies of them that are not one.
    pub(super) fn joined_functions(&self) -> impl Iterator<Item = NameId> + '_ {
        let unlike = self.copies.iter().flatten().map(|u| u.name);
        unlike.chain(self.divided.iter().flatten().copied())
    }

    /// Those of one library.
    pub(super) fn several_in(&self, l: usize) -> BTreeSet<NameId> {
        let unlike = self.copies.get(l).into_iter().flatten().map(|u| u.name);
        let divided = self.divided.get(l).into_iter().flatten().copied();
        unlike.chain(divided).collect()
    }
}
