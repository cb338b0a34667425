//! Exports that belong together: those that bring along the same members with effects.
//!
//! A program that calls one export links the members which that export pulls, dead code included, and
//! runs their constructors. Exports whose closures of pulled members differ in such members are root sets
//! of their own; all others of a library are one. Closures follow first definers, as linkers do. There are two of
//! each export: what it pulls if nobody else defines contested names, and what it pulls whoever does. The program may
//! have some of these names and not others: exports whose members ask for different ones, at the end of which
//! constructors stand, are of different sets, too.

use foldhash::{HashMap, HashMapExt};

use crate::analysis::blocks::Pulls;
use crate::analysis::graph::{Graph, NameId, ObjectId};
use crate::analysis::resolve::{Offer, Resolution};

/// Where bitmaps of members with effects would grow over this many bytes, exports stay one set.
const LIMIT: usize = 256 << 20;

/// Groups of `exports`, in order of their first members, or `None` where there are too many to tell; `effects` says
/// whether pulling an object does more than serve references, `certain` whether a name pulls its member whoever else defines it, `loud` whether something runs
/// or is found in an object because it is pulled.
#[must_use]
pub fn split_exports(
    graph: &Graph<'_>,
    offer: &Offer,
    whole: &Resolution,
    exports: &[NameId],
    effects: &dyn Fn(ObjectId) -> bool,
    certain: &dyn Fn(NameId) -> bool,
    loud: &dyn Fn(ObjectId) -> bool,
) -> Option<Vec<Vec<NameId>>> {
    let together = || Some(vec![exports.to_vec()]);
    let mut starts: Vec<Option<ObjectId>> = exports.iter().map(|&n| offer.definer(n)).collect();
    starts.sort_unstable();
    starts.dedup();
    if starts.len() < 2 {
        return together();
    }
    let pulled = whole.pulled.iter().enumerate();
    let with_effects = pulled.filter(|(_, p)| effects(p.object));
    let with_effects: Vec<u32> = with_effects.map(|(at, _)| at as u32).collect();
    if with_effects.is_empty() {
        return together();
    }
    let too_many = |bits: usize| is_too_many(bits, whole);
    if too_many(with_effects.len()) {
        return None;
    }
    let mut marks: Vec<(u32, u32)> = with_effects.iter().copied().zip(0..).collect();
    let all = Closures::new(Pulls::new(graph, offer, whole, |_| true), &marks);
    // What is loud has effects.
    let mut is_loud = vec![0u64; all.words];
    for &(at, bit) in &marks {
        if loud(whole.pulled[at as usize].object) {
            is_loud[bit as usize / 64] |= 1 << (bit % 64);
        }
    }
    let asked = asked_names(graph, offer, whole, certain, &|object| {
        let bits = all.of(object).unwrap_or_default().iter();
        bits.zip(&is_loud).any(|(bits, loud)| bits & loud != 0)
    });
    // Behind those of members.
    let first = with_effects.len() as u32;
    marks.extend(asked.into_iter().map(|(at, bit)| (at, first + bit)));
    let bits = marks.iter().map(|&(_, bit)| bit as usize + 1).max();
    if too_many(bits.unwrap_or(0)) {
        return None;
    }
    let certain = Closures::new(Pulls::new(graph, offer, whole, certain), &marks);
    let closures = [all, certain];
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

/// Are so many bits for each member more than there is memory for?
pub(super) fn is_too_many(bits: usize, whole: &Resolution) -> bool {
    bits.div_ceil(64) * 16 * whole.pulled.len() > LIMIT
}

/// By pulled member, the names that it asks for without being certain of a member, and that lead to one that
/// `is_loud`: each name has a bit.
fn asked_names(
    graph: &Graph<'_>,
    offer: &Offer,
    whole: &Resolution,
    certain: &dyn Fn(NameId) -> bool,
    is_loud: &dyn Fn(ObjectId) -> bool,
) -> Vec<(u32, u32)> {
    let mut bit_of: HashMap<NameId, Option<u32>> = HashMap::new();
    let mut count = 0;
    let mut asked = Vec::new();
    for (at, pulled) in whole.pulled.iter().enumerate() {
        let globals = graph.globals[pulled.object.index()].iter();
        let needed = globals
            .filter(|g| g.kind.pulls(graph.format))
            .map(|g| g.name);
        for name in needed.chain(graph.needs(pulled.object)) {
            let bit = *bit_of.entry(name).or_insert_with(|| {
                let definer = offer.definer(name)?;
                (is_loud(definer) && !certain(name)).then(|| {
                    count += 1;
                    count - 1
                })
            });
            asked.extend(bit.map(|bit| (at as u32, bit)));
        }
    }
    asked
}

/// By member: a bit for each mark of what it pulls.
pub(super) struct Closures {
    pulls: Pulls,
    words: usize,
    bits: Vec<u64>,
}

impl Closures {
    /// `marks` are members and their bits.
    pub fn new(pulls: Pulls, marks: &[(u32, u32)]) -> Self {
        let words = marks.iter().map(|&(_, bit)| bit as usize / 64 + 1).max();
        let words = words.unwrap_or(0);
        let mut bits = vec![0u64; pulls.count * words];
        for &(at, bit) in marks {
            let component = pulls.component[at as usize] as usize;
            bits[component * words + bit as usize / 64] |= 1 << (bit % 64);
        }
        pulls.spread(words, &mut bits);
        Self { pulls, words, bits }
    }

    pub fn of(&self, object: ObjectId) -> Option<&[u64]> {
        let component = self.pulls.component_of(object)?;
        self.bits
            .get(component * self.words..(component + 1) * self.words)
    }
}
