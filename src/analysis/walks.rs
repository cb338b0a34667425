//! From a run's exports to classes of atoms: whole libraries are resolved, root sets made, walked, and what they reach
//! told apart.

use std::collections::HashSet;

use rayon::prelude::*;

use super::graph::{NameId, ObjectId};
use super::identity::atoms::{ANYBODY, Apart, AtomClasses, Owner, classify};
use super::making::Making;
use super::reach::{Node, Reached, Target, reach};
use super::universe::universes;
use super::{Demand, RootSet, Sharing};
use crate::error::Result;
use crate::format::GlobalKind;
use crate::input::LibraryId;

/// Walks after which what is still divided is the proof's to refuse. Who refers to a divided name is found with it, so
/// that one more is enough for nearly all.
const ROUNDS: u32 = 6;

/// What all root sets reach.
pub(super) struct Walks {
    pub sets: Vec<RootSet>,
    pub reached: Vec<Reached>,
    /// By root set.
    pub universes: Vec<u32>,
    pub demands: Vec<Vec<Demand>>,
    pub classes: AtomClasses,
}

impl Making<'_, '_> {
    /// Walks until nothing that is one by its name is several things for a library.
    pub(super) fn walk(&mut self, sharing: Sharing) -> Result<Walks> {
        let mut walks = self.walk_once(sharing)?;
        let mut rounds = 1;
        while rounds < ROUNDS && self.join_divided(&walks.sets, &walks.reached, &walks.classes) {
            walks = self.walk_once(sharing)?;
            rounds += 1;
        }
        if rounds > 1 {
            let mut said = HashSet::new();
            self.warnings.retain(|w| said.insert(format!("{w:?}")));
        }
        Ok(walks)
    }

    fn walk_once(&mut self, sharing: Sharing) -> Result<Walks> {
        let whole = self.resolve_wholes()?;
        let universe_of = match sharing {
            Sharing::None => (0..self.offers.len() as u32).collect(),
            Sharing::Universe => universes(&self.graph, &self.resolutions),
        };
        let (mut sets, mut reached) = self.export_sets(whole)?;
        let first_member = sets.len();
        self.member_sets(&mut sets, &reached, &universe_of)?;
        let fresh: Vec<Reached> = sets[first_member..]
            .par_iter()
            .map(|set| reach(self.rules_of(set), &set.roots))
            .collect();
        reached.extend(fresh);
        let demands = self.demands(&sets);
        self.warn_of_runtimes(&sets);
        let universes: Vec<u32> = sets
            .iter()
            .map(|s| universe_of[s.library().index()])
            .collect();
        let owners: Vec<Owner> = sets
            .iter()
            .map(|set| Owner {
                library: set.library().0,
                universe: universe_of[set.library().index()],
                home: set.member().map(|member| {
                    let alike = self.contested.is_alike(member);
                    if alike { ANYBODY } else { set.library().0 }
                }),
            })
            .collect();
        let mut lone = self.unlike_atoms();
        lone.extend(self.told_by_their_members(&sets, &reached));
        let told = |this: &Self, reached: &[Reached]| {
            let (graph, vague) = (&this.graph, &this.vague);
            classify(graph, reached, &owners, &lone, vague, Apart::Places)
        };
        let mut classes = told(self, &reached);
        while self.mend_torn(&sets, &mut reached, &classes) {
            classes = told(self, &reached);
        }
        Ok(Walks {
            sets,
            reached,
            universes,
            demands,
            classes,
        })
    }

    /// Code that refers to what its own member defines, and another library otherwise: where every undefined entry
    /// pulls what has the name first, that must come from the member's own library, and so must the code.
    fn told_by_their_members(
        &self,
        sets: &[RootSet],
        reached: &[Reached],
    ) -> Vec<(LibraryId, Node)> {
        if !GlobalKind::WeakUndefined.pulls(self.graph.format) {
            return Vec::new();
        }
        let mut own: HashSet<(ObjectId, NameId)> = HashSet::new();
        for set in sets {
            if let Some(member) = set.member().filter(|&m| !self.contested.is_alike(m)) {
                own.extend(set.roots.iter().map(|root| (member, root.name)));
            }
        }
        let mut told = Vec::new();
        if own.is_empty() {
            return told;
        }
        for (set, reached) in sets.iter().zip(reached) {
            for (n, &node) in (0..).zip(&reached.nodes) {
                let by_name = |t: &Target| matches!(*t, Target::External { name, weak: false } if own.contains(&(node.object, name)));
                if reached.targets_of(n).iter().any(by_name) {
                    told.extend(set.libraries.iter().map(|&library| (library, node)));
                }
            }
        }
        told
    }
}
