//! One meaning for what is one thing in a program.
//!
//! Each root set has the copies of inline functions that its own members pull first. Where copies differ, an atom
//! that several sets of a library reach may mean different things in them: written once for each, its constructor
//! would run twice, and its state would be two. Such an atom means in each set what it means where all of the
//! library's exports are linked: one atom, one meaning. That other copies differ is warned of.

use std::collections::BTreeMap;

use foldhash::{HashMap, HashMapExt, HashSet, HashSetExt};
use rayon::prelude::*;

use super::RootSet;
use super::identity::atoms::{AtomClasses, ClassId};
use super::making::Making;
use super::reach::{Node, Reached, reach};
use crate::input::LibraryId;

/// Walks after which all of a library's atoms are taken for torn ones.
const ROUNDS: u32 = 6;

/// Atoms of a library that would mean different things in its root sets.
#[derive(Debug, Default)]
pub struct Torn {
    nodes: HashSet<Node>,
    all: bool,
    rounds: u32,
}

impl Torn {
    #[must_use]
    pub fn is(&self, node: Node) -> bool {
        self.all || self.nodes.contains(&node)
    }
}

impl Making<'_, '_> {
    /// Finds atoms of several meanings, and walks again where there are; false where there are none.
    pub(super) fn mend_torn(
        &mut self,
        sets: &[RootSet],
        reached: &mut [Reached],
        classes: &AtomClasses,
    ) -> bool {
        let found = self.find_torn(sets, reached, classes);
        if found.is_empty() {
            return false;
        }
        for (&library, nodes) in &found {
            let torn = self.torn.entry(library).or_default();
            let known = torn.nodes.len();
            torn.nodes.extend(nodes);
            torn.rounds += 1;
            torn.all = torn.rounds > ROUNDS || torn.nodes.len() == known;
            if torn.rounds == 1 {
                self.warnings.extend(self.other_copies(library.index()));
            }
        }
        let of_them = |set: &RootSet| found.contains_key(&set.library());
        let again: Vec<usize> = (0..sets.len()).filter(|&at| of_them(&sets[at])).collect();
        let walks: Vec<Reached> = again
            .par_iter()
            .map(|&at| reach(self.rules_of(&sets[at]), &sets[at].roots))
            .collect();
        for (at, walk) in again.into_iter().zip(walks) {
            reached[at] = walk;
        }
        true
    }

    /// By library, its atoms that are of several classes: in groups, too, for the others refer to them.
    fn find_torn(
        &self,
        sets: &[RootSet],
        reached: &[Reached],
        classes: &AtomClasses,
    ) -> BTreeMap<LibraryId, HashSet<Node>> {
        let mut by_library: BTreeMap<LibraryId, Vec<usize>> = BTreeMap::new();
        for (at, set) in sets.iter().enumerate() {
            by_library.entry(set.library()).or_default().push(at);
        }
        by_library.retain(|library, own| {
            own.len() > 1 && !self.torn.get(library).is_some_and(|torn| torn.all)
        });
        let torn = by_library.into_par_iter().map(|(library, own)| {
            let mut class_of: HashMap<Node, ClassId> = HashMap::new();
            let mut torn: HashSet<Node> = HashSet::new();
            let mut felt = false;
            for s in own {
                for (&node, &class) in reached[s].nodes.iter().zip(&classes.class_of[s]) {
                    if *class_of.entry(node).or_insert(class) != class {
                        let atom = &self.graph.file(node.object).atoms[node.atom as usize];
                        felt |= atom.group.is_none();
                        torn.insert(node);
                    }
                }
            }
            (library, torn, felt)
        });
        // Of groups alone the final program may have several.
        let felt = torn.filter(|(_, _, felt)| *felt);
        felt.map(|(library, torn, _)| (library, torn)).collect()
    }
}
