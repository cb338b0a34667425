//! Exports that belong together: those that bring along the same members with effects.
//!
//! A program that calls one export links the members which that export pulls, dead code included, and
//! runs their constructors. Exports whose closures of pulled members differ in such members are root sets
//! of their own; all others of a library are one. Closures follow first definers, as linkers do. There are two of
//! each export: what it pulls if nobody else defines contested names, and what it pulls whoever does.

use std::collections::HashMap;

use crate::analysis::blocks::Pulls;
use crate::analysis::graph::{Graph, NameId, ObjectId};
use crate::analysis::resolve::{Offer, Resolution};

/// Where bitmaps of members with effects would grow over this many bytes, exports stay one set.
const LIMIT: usize = 256 << 20;

/// Groups of `exports`, in order of their first members, or `None` where there are too many to tell; `effects` says whether pulling an object does more than
/// serve references, `certain` whether a name pulls its member whoever else defines it.
#[must_use]
pub fn split_exports(
    graph: &Graph<'_>,
    offer: &Offer,
    whole: &Resolution,
    exports: &[NameId],
    effects: &dyn Fn(ObjectId) -> bool,
    certain: &dyn Fn(NameId) -> bool,
) -> Option<Vec<Vec<NameId>>> {
    let together = || Some(vec![exports.to_vec()]);
    let mut starts: Vec<Option<ObjectId>> = exports.iter().map(|&n| offer.definer(n)).collect();
    starts.sort_unstable();
    starts.dedup();
    if starts.len() < 2 {
        return together();
    }
    let marked: Vec<u32> = whole
        .pulled
        .iter()
        .enumerate()
        .filter(|(_, p)| effects(p.object))
        .map(|(at, _)| at as u32)
        .collect();
    let words = marked.len().div_ceil(64);
    if marked.is_empty() {
        return together();
    }
    if words * 16 * whole.pulled.len() > LIMIT {
        return None;
    }
    let closures = [
        Closures::new(Pulls::new(graph, offer, whole, |_| true), &marked),
        Closures::new(Pulls::new(graph, offer, whole, certain), &marked),
    ];
    let mut groups: Vec<Vec<NameId>> = Vec::new();
    let mut known: HashMap<[Option<&[u64]>; 2], usize> = HashMap::new();
    for &name in exports {
        let object = offer.definer(name);
        let own = closures.each_ref().map(|c| object.and_then(|o| c.of(o)));
        let group = *known.entry(own).or_insert_with(|| {
            groups.push(Vec::new());
            groups.len() - 1
        });
        groups[group].push(name);
    }
    // Constructors come in the order of members, whatever exports are called.
    let place = |name: &NameId| offer.definer(*name).and_then(|o| whole.place(o));
    groups.sort_by_cached_key(|names| names.iter().filter_map(place).min());
    Some(groups)
}

/// By member: a bit for each marked one that it pulls.
struct Closures {
    pulls: Pulls,
    words: usize,
    bits: Vec<u64>,
}

impl Closures {
    fn new(pulls: Pulls, marked: &[u32]) -> Self {
        let words = marked.len().div_ceil(64);
        let mut bits = vec![0u64; pulls.count * words];
        for (bit, &at) in marked.iter().enumerate() {
            bits[pulls.component[at as usize] as usize * words + bit / 64] |= 1 << (bit % 64);
        }
        pulls.spread(words, &mut bits);
        Self { pulls, words, bits }
    }

    fn of(&self, object: ObjectId) -> Option<&[u64]> {
        let component = self.pulls.component_of(object)?;
        self.bits
            .get(component * self.words..(component + 1) * self.words)
    }
}
