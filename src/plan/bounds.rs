//! Which exports need the bounds of tables that the final linker makes.
//!
//! `__start_x` is there only where the output has a section `x`. A linker that collects sections drops the table
//! before it looks (lld's default, `-z start-stop-gc`), and then refuses live code that asks for the bounds. As built
//! that code is a section of its own and dead as long as nobody calls it. So it must not stand in one object with
//! exports that do without.

use crate::analysis::components::components;
use crate::analysis::graph::{Graph, NameId};
use crate::analysis::reach::{Reached, Target};
use crate::format::bound_stem;

/// Tables that are told apart; all further ones are taken for the last.
const TABLES: usize = 64;

/// By node of a root set: a bit for each table of the final linker's whose bounds it reaches. `None` where there are
/// no such tables.
pub(super) fn asked(graph: &Graph<'_>, reached: &Reached) -> Option<Vec<u64>> {
    let name_of = |target: &Target| match *target {
        Target::External { name, weak: false } => Some(name),
        _ => None,
    };
    let stem = |name: NameId| bound_stem(graph.name(name));
    let names = reached.targets.iter().filter_map(name_of);
    let mut stems: Vec<&[u8]> = names.filter_map(stem).collect();
    if stems.is_empty() {
        return None;
    }
    stems.sort_unstable();
    stems.dedup();
    let bit = |target: &Target| {
        let at = stems.binary_search(&stem(name_of(target)?)?).ok()?;
        Some(1u64 << at.min(TABLES - 1))
    };
    let count = reached.nodes.len();
    let edges: Vec<Vec<u32>> = (0..count as u32)
        .map(|node| reached.neighbours(node).collect())
        .collect();
    let component = components(count, |at| &edges[at]);
    let mut of_component = vec![0u64; count];
    let mut order: Vec<u32> = (0..count as u32).collect();
    order.sort_by_key(|&at| component[at as usize]);
    // What is needed has a smaller number.
    for node in order {
        let own = reached.targets_of(node).iter().filter_map(bit);
        let needed = edges[node as usize].iter();
        let needed = needed.map(|&to| of_component[component[to as usize] as usize]);
        let bits = own.chain(needed).fold(0, |all, bits| all | bits);
        of_component[component[node as usize] as usize] |= bits;
    }
    Some(
        component
            .iter()
            .map(|&c| of_component[c as usize])
            .collect(),
    )
}
