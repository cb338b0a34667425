//! Vague definitions whose copies differ within a library: of those a linker takes the first that the program's calls
//! pull. They go by name, functions as variables do; also those that say the same and are laid out otherwise, or one
//! function would have two addresses. Exports that pull another copy without the first are root sets of their own;
//! where that cannot be (see [`super::torn`]) it is warned of.

use std::collections::BTreeMap;
use std::slice;

use foldhash::{HashSet, HashSetExt};

use super::graph::ObjectId;
use super::identity::copies::{Unlike, unlike_copies};
use super::making::Making;
use super::meeting::{each_group, names_of};
use super::reach::Node;
use super::resolve::Resolution;
use super::roots::{Closures, is_too_many};
use crate::analysis::blocks::Pulls;
use crate::error::{Code, Diagnostic};
use crate::input::LibraryId;

impl Making<'_, '_> {
    /// A library's unlike copies, with those felt that some export pulls without the one that is taken for all.
    pub(super) fn unlike_copies_of(&self, l: usize) -> Vec<Unlike> {
        let Some(whole) = self.resolutions.get(l) else {
            return Vec::new();
        };
        let mut unlike = unlike_copies(&self.graph, whole);
        self.find_felt(l, whole, &mut unlike);
        unlike
    }

    /// The groups of which a library's exports pull different copies. The final linker takes the first that it meets:
    /// what refers to them stands in the library, for the workspace library comes last.
    pub(super) fn unlike_atoms(&self) -> HashSet<(LibraryId, Node)> {
        let mut atoms = HashSet::new();
        for (l, whole) in self.resolutions.iter().enumerate().take(self.offers.len()) {
            let names = self.several_in(l);
            if names.is_empty() {
                continue;
            }
            each_group(&self.graph, slice::from_ref(whole), |object, group| {
                if names_of(&self.graph, object, group).any(|name| names.contains(&name)) {
                    let nodes = group.atoms.iter().map(|&atom| Node { object, atom });
                    atoms.extend(nodes.map(|node| (whole.library, node)));
                }
            });
        }
        atoms
    }

    /// The warning for a library whose exports all have the same copies, which names the first.
    pub(super) fn other_copies(&self, l: usize) -> Option<Diagnostic> {
        let whole = self.resolutions.get(l)?;
        let unlike = self
            .copies
            .get(l)?
            .iter()
            .filter(|u| u.felt && !u.says_same);
        let unlike: Vec<&Unlike> = unlike.collect();
        let first = unlike.first()?;
        let member = |object: ObjectId| {
            let member = self.inputs.member(self.graph.member_of[object.index()]);
            String::from_utf8_lossy(member.name).into_owned()
        };
        let mut names: Vec<_> = unlike.iter().map(|u| u.name).collect();
        names.sort_unstable();
        names.dedup();
        let others = match names.len() {
            1 => String::new(),
            n => format!(", and of {} more", n - 1),
        };
        let warning = Diagnostic::new(
            Code::VagueDisagrees,
            format!(
                "{} and {} hold different copies of this name{others}: what several exports share takes that of {}, \
                 where a linker would take that of the first member that a program pulls",
                member(first.taken),
                member(first.other),
                member(first.taken),
            ),
        );
        Some(
            warning
                .file(self.inputs.library(whole.library).path)
                .member(member(first.other).as_bytes())
                .symbol(self.graph.name(first.name))
                .hint(
                    "give what is compiled with other options other names (a namespace, `static`)",
                ),
        )
    }

    /// Finds those that an export pulls without the member whose copy is taken.
    fn find_felt(&self, l: usize, whole: &Resolution, unlike: &mut Vec<Unlike>) {
        let mut bit_of: BTreeMap<ObjectId, u32> = BTreeMap::new();
        for object in unlike.iter().flat_map(|u| [u.taken, u.other]) {
            let next = bit_of.len() as u32;
            bit_of.entry(object).or_insert(next);
        }
        // Where there are too many to tell, each is named.
        if bit_of.is_empty() || is_too_many(bit_of.len(), whole) {
            return;
        }
        let pulled = whole.pulled.iter().enumerate();
        let marks: Vec<(u32, u32)> = pulled
            .filter_map(|(at, p)| Some((at as u32, *bit_of.get(&p.object)?)))
            .collect();
        let offer = &self.offers[l];
        let closures = Closures::new(Pulls::new(&self.graph, offer, whole, |_| true), &marks);
        let mut starts: Vec<ObjectId> = self.exports[l]
            .iter()
            .filter_map(|&n| offer.definer(n))
            .collect();
        starts.sort_unstable();
        starts.dedup();
        let mut rows: Vec<&[u64]> = starts.iter().filter_map(|&o| closures.of(o)).collect();
        rows.sort_unstable();
        rows.dedup();
        let mut felt: BTreeMap<(u32, u32), bool> = BTreeMap::new();
        for u in unlike {
            let pair = (bit_of[&u.taken], bit_of[&u.other]);
            let has = |row: &[u64], bit: u32| row[bit as usize / 64] >> (bit % 64) & 1 == 1;
            u.felt = *felt
                .entry(pair)
                .or_insert_with(|| rows.iter().any(|row| has(row, pair.1) && !has(row, pair.0)));
        }
    }
}
