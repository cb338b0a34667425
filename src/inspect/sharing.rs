//! Who shares with whom in a meld, and what sets libraries apart: universes and reach sets, in words.

use std::collections::BTreeMap;

use crate::analysis::Analysis;
use crate::analysis::graph::ObjectId;
use crate::analysis::universe;
use crate::input::crates::{self, Origin};
use crate::input::{Inputs, Library};
use crate::plan::partition::{Partition, SetId};
use crate::protocol::sharing::{Apart, ApartReason, SharingGroups};

/// A crate of every Rust static library, also after link-time optimisation; its hash is the standard library's.
const BUILTINS: &[u8] = b"compiler_builtins-";

/// What stands before a compiler's version in whatever it writes (`.comment`, producers of debug information).
const VERSION: &[u8] = b"rustc version ";

/// What a library's members say of how it was made.
#[derive(Debug, Default)]
struct Make<'d> {
    /// The standard library, by the name of that crate with its hash.
    std: Option<&'d [u8]>,
    lto: Option<ApartReason>,
}

/// Who shares with whom; `None` where all libraries share with all.
#[must_use]
pub fn sharing(
    inputs: &Inputs<'_>,
    analysis: &Analysis<'_>,
    partition: &Partition,
) -> Option<SharingGroups> {
    let count = inputs.libraries.len();
    if count < 2 {
        return None;
    }
    let mut universe_of: Vec<Option<u32>> = vec![None; count];
    for (set, universe) in analysis.sets.iter().zip(&analysis.universes) {
        if let Some(slot) = universe_of.get_mut(set.library().index()) {
            slot.get_or_insert(*universe);
        }
    }
    let mut groups: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for (library, universe) in universe_of.iter().enumerate() {
        groups
            .entry(universe.unwrap_or(0))
            .or_default()
            .push(library);
    }
    let shares = sharers(analysis, partition, count);
    if groups.len() < 2 && shares.iter().all(|s| *s) {
        return None;
    }
    let several = groups.len() > 1;
    let makes: Vec<Make<'_>> = inputs.libraries.iter().map(|l| make(inputs, l)).collect();
    let usual = most_common(makes.iter().filter_map(|m| m.std));
    let deciding = universe::deciding(&analysis.graph, &analysis.resolutions);
    let mut apart = Vec::new();
    for (at, (library, make)) in inputs.libraries.iter().zip(&makes).enumerate() {
        let mut reasons = Vec::new();
        if several {
            let own = deciding.get(at);
            let definer = |name: &[u8]| own?.get(name).map(|site| site.object);
            if make.std.is_some() && make.std != usual {
                reasons.push(ApartReason::OtherCompiler);
            }
            if definer(b"__rust_alloc").is_some_and(|shim| !takes_default(analysis, shim)) {
                reasons.push(ApartReason::OwnAllocator);
            }
            if definer(b"__rust_start_panic")
                .is_some_and(|o| is_of_crate(inputs, analysis, o, "panic_abort"))
            {
                reasons.push(ApartReason::PanicAbort);
            }
        }
        let alone = !shares.get(at).copied().unwrap_or(false);
        if let Some(lto) = make.lto.filter(|_| alone) {
            reasons.push(lto);
        }
        if reasons.is_empty() && alone {
            let group = groups.values().find(|g| g.contains(&at));
            // One that is like nobody's else, or one that holds nothing that others hold.
            reasons.push(match group.map_or(0, Vec::len) {
                0 | 1 if make.std.is_some() => ApartReason::OtherRuntime,
                _ => ApartReason::NothingInCommon,
            });
        }
        for reason in reasons {
            let compiler = (reason == ApartReason::OtherCompiler)
                .then(|| compiler(inputs, library))
                .flatten();
            apart.push(Apart::new(&library.name, reason, compiler));
        }
    }
    let name = |at: usize| inputs.libraries.get(at).map(|l| l.name.clone());
    Some(SharingGroups {
        groups: groups
            .into_values()
            .map(|g| g.into_iter().filter_map(name).collect())
            .collect(),
        apart,
    })
}

/// By library: does it reach anything that another one reaches too?
fn sharers(analysis: &Analysis<'_>, partition: &Partition, count: usize) -> Vec<bool> {
    let mut shares = vec![false; count];
    for set in (0..partition.classes.len() as u32).map(SetId) {
        if partition.library(analysis, set).is_some() {
            continue;
        }
        let sets = partition.plugins(set).filter_map(|s| analysis.sets.get(s));
        for library in sets.flat_map(|s| s.libraries.iter()) {
            if let Some(slot) = shares.get_mut(library.index()) {
                *slot = true;
            }
        }
    }
    shares
}

/// The value that most have; of several the first.
fn most_common<'d>(all: impl Iterator<Item = &'d [u8]>) -> Option<&'d [u8]> {
    let mut counts: BTreeMap<&[u8], (u32, std::cmp::Reverse<usize>)> = BTreeMap::new();
    for (place, value) in all.enumerate() {
        let first = (0, std::cmp::Reverse(place));
        counts.entry(value).or_insert(first).0 += 1;
    }
    let most = counts.into_iter().max_by_key(|(_, rank)| *rank);
    most.map(|(value, _)| value)
}

/// Fat link-time optimisation makes one member of all crates but compiler-builtins; thin names what it made of a
/// crate's member with that member's name inside its own.
fn make<'d>(inputs: &Inputs<'d>, library: &Library<'d>) -> Make<'d> {
    let mut found = Make::default();
    let (mut rust, mut core, mut thin) = (false, false, false);
    for id in library.member_ids() {
        let name = inputs.member(id).name;
        rust |= crates::of_member(name) != Origin::Native;
        core |= name.starts_with(b"core-");
        thin |= name.ends_with(b".rcgu.o.rcgu.o");
        if found.std.is_none() && name.starts_with(BUILTINS) {
            found.std = name.split(|b| *b == b'.').next();
        }
    }
    found.lto = match (rust, core, thin) {
        (true, false, true) => Some(ApartReason::ThinLto),
        (true, false, false) => Some(ApartReason::FatLto),
        _ => None,
    };
    found
}

/// Does the allocator's shim call std's allocator?
fn takes_default(analysis: &Analysis<'_>, shim: ObjectId) -> bool {
    let graph = &analysis.graph;
    let globals = graph.globals.get(shim.index());
    globals
        .into_iter()
        .flatten()
        .any(|global| universe::plain_name(graph.name(global.name)) == Some(b"__rdl_alloc"))
}

fn is_of_crate(
    inputs: &Inputs<'_>,
    analysis: &Analysis<'_>,
    object: ObjectId,
    krate: &str,
) -> bool {
    let member = analysis.graph.member_of.get(object.index());
    member.is_some_and(|m| crates::of_member(inputs.member(*m).name) == Origin::Crate(krate))
}

/// The version of the compiler that made a library's standard library.
fn compiler(inputs: &Inputs<'_>, library: &Library<'_>) -> Option<String> {
    library.member_ids().find_map(|id| {
        let member = inputs.member(id);
        if !member.name.starts_with(BUILTINS) {
            return None;
        }
        let at = member
            .data
            .windows(VERSION.len())
            .position(|w| w == VERSION)?;
        let version = member.data.get(at + VERSION.len()..)?;
        let is_part = |b: &&u8| b.is_ascii_alphanumeric() || matches!(**b, b'.' | b'-');
        let version: Vec<u8> = version.iter().take_while(is_part).copied().collect();
        String::from_utf8(version).ok().filter(|v| !v.is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::most_common;

    #[test]
    fn the_first_of_equals_is_usual() {
        let of = |all: &[&'static str]| {
            let found = most_common(all.iter().map(|a| a.as_bytes()));
            found.map(|f| String::from_utf8_lossy(f).into_owned())
        };
        assert_eq!(of(&["b", "a"]).as_deref(), Some("b"));
        assert_eq!(of(&["b", "a", "a"]).as_deref(), Some("a"));
        assert_eq!(of(&[]), None);
    }
}
