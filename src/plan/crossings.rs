//! The places that cross objects: they get hidden globals, numbered in the order of places.

use foldhash::HashSet;

use super::partition::Partition;
use super::place::{Place, Special, start_of};
use crate::analysis::identity::atoms::ClassId;
use crate::analysis::reach::Target;
use crate::analysis::{Analysis, Demand};
use crate::format;
use crate::format::model::Binding;

impl Partition {
    /// Finds the places that objects refer to in others, and numbers them in order.
    pub(super) fn find_crossing(&mut self, analysis: &Analysis<'_>) {
        let mut places: Vec<Place> = Vec::new();
        for set in 0..self.classes.len() {
            for &class in self.classes[set].iter().chain(&self.copies[set]) {
                let (s, node) = analysis.classes.first[class.index()];
                self.find_uses_of_aliases(analysis, class, &mut places);
                for target in analysis.reached[s as usize].targets_of(node) {
                    let (node, offset, kind) = match *target {
                        Target::Node { node, offset, kind } => (node, offset, kind),
                        Target::Fallback { node, offset, .. } => {
                            // Some linkers take a global alone for what stands for a name.
                            let class = analysis.classes.class_of[s as usize][node as usize];
                            if !self.grouped[class.index()] {
                                places.push(Place {
                                    class,
                                    offset,
                                    special: Special::Plain,
                                });
                            }
                            continue;
                        }
                        Target::Bound(_) => {
                            self.has_bounds = true;
                            continue;
                        }
                        _ => continue,
                    };
                    let to = analysis.classes.class_of[s as usize][node as usize];
                    if self.set_of[to.index()].index() != set && !self.grouped[to.index()] {
                        places.push(Place {
                            class: to,
                            offset,
                            special: Special::of(kind),
                        });
                    }
                }
            }
        }
        // What lives by a rule must be pulled by name, from each object with an export of its root set.
        for (s, forced) in self.forced.iter().enumerate() {
            let mut carriers = self.carriers(s);
            if let Some(hub) = self.hub(s) {
                if self.brings(analysis, s) {
                    places.push(start_of(analysis, hub));
                }
                carriers.retain(|&set| !self.names_hub(set, s));
            }
            for &class in forced {
                let own = self.set_of[class.index()];
                if carriers.iter().any(|&c| c != own) && !self.grouped[class.index()] {
                    places.push(start_of(analysis, class));
                }
            }
        }
        self.find_twins(analysis, &mut places);
        for demand in analysis.demands.iter().flatten() {
            if let Demand::Set(member) = demand
                && let Some(first) = self.anchor(*member as usize)
            {
                places.push(start_of(analysis, first));
            }
        }
        places.sort_unstable();
        places.dedup();
        for (i, place) in places.iter().enumerate() {
            self.crossing_at.insert(*place, i as u32);
        }
        self.crossing = places;
    }

    /// What the class refers to by another name of an exported variable.
    fn find_uses_of_aliases(
        &self,
        analysis: &Analysis<'_>,
        class: ClassId,
        places: &mut Vec<Place>,
    ) {
        if self.aliases.is_empty() {
            return;
        }
        let (s, n) = analysis.classes.first[class.index()];
        let reached = &analysis.reached[s as usize];
        let node = reached.nodes[n as usize];
        let edges = analysis.graph.file(node.object).edges_of(node.atom);
        for (edge, target) in edges.iter().zip(reached.targets_of(n)) {
            if let Target::Node {
                node: to, offset, ..
            } = *target
            {
                let to = analysis.classes.class_of[s as usize][to as usize];
                places.extend(self.alias(analysis, node.object, edge.to, to, offset));
            }
        }
    }

    /// Where weak is said by another name at the same place, there must be one.
    fn find_twins(&self, analysis: &Analysis<'_>, places: &mut Vec<Place>) {
        if !format::weak_needs_a_twin(analysis.format) {
            return;
        }
        let graph = &analysis.graph;
        for (&class, own) in &self.exports_of {
            if self.grouped[class.index()] {
                continue;
            }
            let (s, n) = analysis.classes.first[class.index()];
            let node = analysis.reached[s as usize].nodes[n as usize];
            let symbols = graph.file(node.object).symbols_of(node.atom);
            let weak: HashSet<&[u8]> = symbols
                .filter(|(_, s)| s.binding == Binding::Weak)
                .map(|(_, s)| s.name)
                .collect();
            let own = own.iter().map(|&e| self.exports[e as usize]);
            places.extend(
                own.filter(|e| weak.contains(graph.name(e.name)))
                    .map(|e| Place {
                        class,
                        offset: e.offset,
                        special: Special::Plain,
                    }),
            );
        }
    }

    /// The number of the hidden global at this place, where other objects refer to it.
    #[must_use]
    pub fn crossing(&self, place: Place) -> Option<u32> {
        self.crossing_at.get(&place).copied()
    }

    /// The hidden globals of a class, with their numbers.
    pub fn crossings_of(&self, class: ClassId) -> impl Iterator<Item = (u32, Place)> + '_ {
        let from = self.crossing.partition_point(|p| p.class < class);
        let own = self.crossing.iter().enumerate().skip(from);
        own.take_while(move |(_, p)| p.class == class)
            .map(|(i, p)| (i as u32, *p))
    }
}
