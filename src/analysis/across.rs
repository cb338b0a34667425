//! What members need of other libraries of the run, live or dead: their members are pulled for it, and programs
//! may see that.
//!
//! It is seen where what is pulled has an effect of its own (constructors, names that meet), or where somebody
//! refers weakly to the name. Such a need is a wish of the member: it comes along with every export that brings the
//! member along. What else only dead code needs is left out, with the code.

use std::collections::{BTreeMap, BTreeSet};

use foldhash::{HashMap, HashMapExt, HashSet};
use rayon::prelude::*;

use super::blocks::Pulls;
use super::graph::{NameId, ObjectId};
use super::making::{Making, pulled};
use super::resolve::Resolution;
use crate::error::Result;
use crate::format::{GlobalKind, Wish};
use crate::input::LibraryId;

/// What was looked at so far.
#[derive(Default)]
pub(super) struct Seen {
    members: HashSet<(usize, ObjectId)>,
    /// By library that defines it: is it felt when the name pulls?
    felt: BTreeMap<(usize, NameId), bool>,
    wished: HashSet<(ObjectId, NameId)>,
}

impl Making<'_, '_> {
    /// Gives the pulled members of these libraries their wishes.
    pub(super) fn wish_across(&mut self, libraries: &[usize], seen: &mut Seen) -> Result<()> {
        if self.offers.len() < 2 {
            return Ok(());
        }
        let mut needed: Vec<(ObjectId, NameId)> = Vec::new();
        for &l in libraries {
            let members = self.resolutions[l].pulled.iter().map(|p| p.object);
            let fresh: Vec<ObjectId> = members
                .filter(|&o| !self.graph.is_verbatim(o) && seen.members.insert((l, o)))
                .collect();
            let found = fresh
                .par_iter()
                .flat_map_iter(|&o| self.needs_from_others(l, o));
            needed.par_extend(found);
        }
        let mut owners: HashMap<NameId, Option<usize>> = HashMap::new();
        let needs: Vec<(ObjectId, usize, NameId)> = needed
            .into_iter()
            .filter_map(|(object, name)| {
                let owner = owners.entry(name).or_insert_with(|| self.owner_of(name));
                owner.map(|owner| (object, owner, name))
            })
            .collect();
        let asked: BTreeSet<(usize, NameId)> = needs.iter().map(|n| (n.1, n.2)).collect();
        let fresh: Vec<(usize, NameId)> = asked
            .into_iter()
            .filter(|at| !seen.felt.contains_key(at))
            .collect();
        if !fresh.is_empty() {
            let felt = self.are_felt(&fresh)?;
            seen.felt.extend(fresh.into_iter().zip(felt));
        }
        for (object, owner, name) in needs {
            if seen.felt.get(&(owner, name)) == Some(&true) && seen.wished.insert((object, name)) {
                self.graph.wishes[object.index()].push(Wish::Pull(name));
            }
        }
        Ok(())
    }

    /// What a member needs and its library has not.
    fn needs_from_others(&self, l: usize, object: ObjectId) -> Vec<(ObjectId, NameId)> {
        let globals = self.graph.globals[object.index()].iter();
        let needed = globals.filter(|g| g.kind.pulls(self.graph.format));
        let mut found: Vec<(ObjectId, NameId)> = needed
            .map(|g| g.name)
            .filter(|&name| {
                self.offers[l].definer(name).is_none()
                    && self.resolutions[l].definition(name).is_none()
                    && !self.contested.is_runtime(name)
            })
            .map(|name| (object, name))
            .collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    /// The first library that has the name, for those that have it not.
    fn owner_of(&self, name: NameId) -> Option<usize> {
        self.offers.iter().position(|offer| {
            let member = offer.definer(name);
            member.is_some_and(|o| !self.graph.is_verbatim(o))
        })
    }

    /// Which of the names, each with the library that defines it, programs feel when they pull.
    fn are_felt(&mut self, names: &[(usize, NameId)]) -> Result<Vec<bool>> {
        let mut asked: BTreeMap<usize, Vec<NameId>> = BTreeMap::new();
        for &(l, name) in names {
            asked.entry(l).or_default().push(name);
        }
        let wholes: Vec<Resolution> = asked
            .into_par_iter()
            .map(|(l, names)| {
                let mut own = Resolution::new(&self.graph, LibraryId(l as u32), false);
                own.pull(self.inputs, &self.graph, &self.offers[l], names);
                own
            })
            .collect();
        self.graph.take_apart(self.inputs, &pulled(&wholes))?;
        let felt: Vec<HashSet<ObjectId>> = wholes.par_iter().map(|own| self.felt_of(own)).collect();
        let by_library: BTreeMap<LibraryId, HashSet<ObjectId>> =
            wholes.iter().map(|own| own.library).zip(felt).collect();
        let of_all = self.resolutions.iter().flat_map(|r| r.pulled.iter());
        let weak: HashSet<NameId> = of_all
            .flat_map(|p| self.graph.globals[p.object.index()].iter())
            .filter(|g| g.kind == GlobalKind::WeakUndefined)
            .map(|g| g.name)
            .collect();
        let is_felt = |&(l, name): &(usize, NameId)| {
            let members = by_library.get(&LibraryId(l as u32));
            let member = self.offers[l].definer(name);
            weak.contains(&name) || members.zip(member).is_some_and(|(m, o)| m.contains(&o))
        };
        Ok(names.iter().map(is_felt).collect())
    }

    /// The pulled members that have an effect, or bring one along that has.
    fn felt_of(&self, own: &Resolution) -> HashSet<ObjectId> {
        let offer = &self.offers[own.library.index()];
        let pulls = Pulls::new(&self.graph, offer, own, |_| true);
        let mut bits = vec![0u64; pulls.count];
        for member in &own.pulled {
            if let Some(c) = pulls.component_of(member.object)
                && self.has_effects(own.library, member.object)
            {
                bits[c] = 1;
            }
        }
        pulls.spread(1, &mut bits);
        let members = own.pulled.iter().map(|p| p.object);
        let felt = |&o: &ObjectId| pulls.component_of(o).is_some_and(|c| bits[c] != 0);
        members.filter(felt).collect()
    }
}
