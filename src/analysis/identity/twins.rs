//! Members of different libraries that are the same but for debug information: a runtime that two vendors
//! compiled alike, each in a folder of its own.
//!
//! Members are one only when all their bytes are ([`super::members`]), and atoms when all that they refer to
//! is ([`super::atoms`]). Twins are neither: each library keeps its own. But what they both export under one
//! name is no clash, and the final linker may take either, as it does with the libraries as they came.

use std::collections::BTreeSet;

use foldhash::{HashMap, HashMapExt};

use crate::analysis::graph::{Graph, NameId, ObjectId};
use crate::analysis::resolve::Offer;
use crate::error::Result;
use crate::format::GlobalKind;
use crate::format::model::{Atom, Group, ObjectFile, Symbol, SymbolKind, UnwindEntry};
use crate::input::Inputs;

/// The first twin of each object that has one before it.
pub type Twins = HashMap<ObjectId, ObjectId>;

/// Finds twins among the objects that define what several libraries export. Those are taken apart.
///
/// # Errors
/// Those of reading objects.
pub fn twins<'d>(
    inputs: &Inputs<'d>,
    graph: &mut Graph<'d>,
    offers: &[Offer],
    exports: &[Vec<NameId>],
) -> Result<Twins> {
    let mut count: HashMap<NameId, u32> = HashMap::new();
    for &name in exports.iter().flatten() {
        *count.entry(name).or_default() += 1;
    }
    count.retain(|_, n| *n > 1);
    if count.is_empty() {
        return Ok(Twins::new());
    }
    let mut definers: HashMap<NameId, Vec<ObjectId>> = HashMap::new();
    for object in offers.iter().flat_map(|o| o.objects()) {
        for global in &graph.globals[object.index()] {
            if global.kind == GlobalKind::Defined && count.contains_key(&global.name) {
                definers.entry(global.name).or_default().push(*object);
            }
        }
    }
    let mut pairs: BTreeSet<(ObjectId, ObjectId)> = BTreeSet::new();
    for objects in definers.values() {
        if let Some((&first, others)) = objects.split_first() {
            let others = others.iter().filter(|o| **o != first);
            pairs.extend(others.map(|&other| (other, first)));
        }
    }
    let wanted: BTreeSet<ObjectId> = pairs.iter().flat_map(|&(a, b)| [a, b]).collect();
    graph.take_apart(inputs, &wanted.into_iter().collect::<Vec<_>>())?;
    let mut twins = Twins::new();
    for (other, first) in pairs {
        let verbatim = graph.is_verbatim(other) || graph.is_verbatim(first);
        if !verbatim && are_twins(graph.file(other), graph.file(first)) {
            twins.entry(other).or_insert(first);
        }
    }
    Ok(twins)
}

/// Do the objects say the same of everything but debug information?
fn are_twins(a: &ObjectFile<'_>, b: &ObjectFile<'_>) -> bool {
    all(&a.atoms, &b.atoms, same_atom)
        && all(&a.symbols, &b.symbols, same_symbol)
        && all(&a.groups, &b.groups, same_group)
        && a.edges == b.edges
        && a.edge_starts == b.edge_starts
        && all(&a.unwind_headers, &b.unwind_headers, |x, y| {
            x.bytes == y.bytes && x.edges == y.edges
        })
        && all(&a.unwind, &b.unwind, same_unwind)
        && a.kept == b.kept
        && a.far_commons == b.far_commons
        && a.fallbacks == b.fallbacks
}

fn all<T>(a: &[T], b: &[T], same: impl Fn(&T, &T) -> bool) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(x, y)| same(x, y))
}

/// Its place in the file is none of what it is.
fn same_atom(a: &Atom<'_>, b: &Atom<'_>) -> bool {
    let flags = |x: &Atom<'_>| {
        let of = [x.code, x.writable, x.tls, x.zero_fill, x.far];
        (of, x.bounded_by_sections, x.of_one_function, x.native)
    };
    let room = |x: &Atom<'_>| (x.size, x.align, x.phase);
    (a.section, a.segment) == (b.section, b.segment)
        && room(a) == room(b)
        && (a.keep, a.group, a.registry) == (b.keep, b.group, b.registry)
        && flags(a) == flags(b)
        && a.data == b.data
}

fn same_symbol(a: &Symbol<'_>, b: &Symbol<'_>) -> bool {
    let is = |x: &Symbol<'_>| {
        (
            x.definition,
            x.binding,
            x.kind,
            x.visibility,
            x.size,
            x.native,
        )
    };
    is(a) == is(b) && (a.name == b.name || a.kind == SymbolKind::File)
}

fn same_group(a: &Group<'_>, b: &Group<'_>) -> bool {
    (a.signature, a.comdat, a.largest, a.native) == (b.signature, b.comdat, b.largest, b.native)
        && a.atoms == b.atoms
}

fn same_unwind(a: &UnwindEntry<'_>, b: &UnwindEntry<'_>) -> bool {
    let is = |x: &UnwindEntry<'_>| (x.atom, x.says_from, x.personality_at, x.header);
    is(a) == is(b) && a.bytes == b.bytes && a.edges == b.edges
}
