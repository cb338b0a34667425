//! Functions with vague linkage whose address counts: something other than a call refers to them.
//!
//! Such an address may be compared with another library's or the program's (`std::any` knows what it holds by it),
//! so the final linker must make one function of all. Tables of virtual functions do not count, nor what describes
//! code: nobody compares what stands there.

use std::collections::HashSet;

use foldhash::fast::FixedState;

use crate::analysis::graph::{Graph, NameId, ObjectId};
use crate::analysis::resolve::Resolution;
use crate::format::model::{
    Atom, AtomIndex, EdgeKind, EdgeTarget, KeepRule, ObjectFile, SymbolIndex,
};
use crate::format::{self, GlobalKind};
use crate::input::Inputs;

/// Of tables of virtual functions (Itanium C++ ABI, 5.1.4.1; MSVC's), after the format's decoration.
const VIRTUAL: [&[u8]; 3] = [b"_ZTV", b"_ZTC", b"??_7"];

/// Names of vague definitions that pulled members of C++ refer to by address.
#[must_use]
pub(super) fn taken(
    inputs: &Inputs<'_>,
    graph: &Graph<'_>,
    whole: &[Resolution],
) -> HashSet<NameId, FixedState> {
    let mut taken = HashSet::default();
    let mut vague = vec![false; graph.names.len()];
    let mut objects: Vec<ObjectId> = whole
        .iter()
        .flat_map(|r| r.pulled.iter().map(|p| p.object))
        .filter(|&o| !graph.is_verbatim(o) && !graph.is_rust(o))
        .collect();
    objects.sort_unstable();
    objects.dedup();
    for global in objects.iter().flat_map(|o| &graph.globals[o.index()]) {
        vague[global.name.index()] |= global.kind == GlobalKind::Vague;
    }
    objects.retain(|o| {
        let mut globals = graph.globals[o.index()].iter();
        globals.any(|g| vague[g.name.index()])
    });
    for object in objects {
        let file = graph.file(object);
        let kind = inputs.member(graph.member_of[object.index()]).kind;
        for (at, atom) in file.atoms.iter().enumerate() {
            let index = at as AtomIndex;
            if describes(atom) {
                continue;
            }
            // Looked at where something refers to what counts.
            let mut is_virtual = None;
            for edge in file.edges_of(index) {
                let (EdgeKind::Relocation(relocation), EdgeTarget::Symbol(symbol)) =
                    (edge.kind, edge.to)
                else {
                    continue;
                };
                let name = graph.name_of(object, symbol);
                let Some(name) = name.filter(|n| vague[n.index()] && !taken.contains(n)) else {
                    continue;
                };
                if is_code(file, symbol)
                    && !format::is_branch(kind, relocation, &atom.data, edge.offset)
                    && !*is_virtual.get_or_insert_with(|| is_virtual_table(file, index))
                {
                    taken.insert(name);
                }
            }
        }
    }
    taken
}

/// Does the atom say something of code that nobody asks for by address?
fn describes(atom: &Atom<'_>) -> bool {
    atom.of_one_function
        || atom.registry.is_some()
        || matches!(atom.keep, Some(KeepRule::LinkOrder | KeepRule::Group))
}

/// Is that not known to be data?
fn is_code(file: &ObjectFile<'_>, symbol: SymbolIndex) -> bool {
    use crate::format::model::Definition;
    match file.symbols.get(symbol as usize).map(|s| s.definition) {
        Some(Definition::Atom { atom, .. }) => {
            file.atoms.get(atom as usize).is_some_and(|a| a.code)
        }
        _ => true,
    }
}

fn is_virtual_table(file: &ObjectFile<'_>, atom: AtomIndex) -> bool {
    file.symbols_of(atom).any(|(_, symbol)| {
        let plain = symbol.name.strip_prefix(b"_").unwrap_or(symbol.name);
        VIRTUAL
            .iter()
            .any(|stem| symbol.name.starts_with(stem) || plain.starts_with(stem))
    })
}
