//! Tables that the final linker joins by section, over the borders of libraries, and those that are a library's own.

use std::collections::{BTreeMap, BTreeSet};

use foldhash::{HashMap, HashSet, HashSetExt};

use crate::analysis::graph::{Graph, NameId};
use crate::analysis::resolve::Resolution;
use crate::exports::NameRules;
use crate::format::model::{AtomIndex, Definition, EdgeKind, EdgeTarget};
use crate::format::{bound_stem, is_of_all, is_table_of_a_runtime};

/// Tables whose elements are sections of one name, found by their bounds.
#[derive(Debug, Default)]
pub struct Registries<'d> {
    /// Names whose bounds or elements are somebody else's too: they keep their names, and their
    /// elements live with their members.
    open: HashSet<&'d [u8]>,
    /// The others: all of a table is in the library.
    own: HashSet<&'d [u8]>,
    /// Those of them that nobody said to be so.
    guessed: BTreeSet<&'d [u8]>,
}

impl<'d> Registries<'d> {
    /// A table is a library's own when rustc made it or the user says so, and the library has both elements and
    /// the code that asks for the bounds.
    #[must_use]
    pub fn new(graph: &Graph<'d>, whole: &[Resolution], names: &NameRules) -> Self {
        let mut open = HashSet::new();
        let mut elements: BTreeMap<&'d [u8], BTreeSet<u32>> = BTreeMap::new();
        let mut by_sections: BTreeSet<(&'d [u8], u32)> = BTreeSet::new();
        for resolution in whole {
            for pulled in &resolution.pulled {
                if graph.is_verbatim(pulled.object) {
                    continue;
                }
                for atom in &graph.file(pulled.object).atoms {
                    if let Some(stem) = atom.registry {
                        let isolated = names.isolates(stem);
                        let alone = graph.is_rust(pulled.object) || isolated;
                        let shared = is_table_of_a_runtime(stem)
                            || names.publishes(stem)
                            || is_of_all(stem) && !isolated;
                        if shared || !alone {
                            // The program's or a runtime's sections of this name would join them.
                            open.insert(stem);
                        } else if atom.bounded_by_sections {
                            by_sections.insert((stem, resolution.library.0));
                        } else {
                            elements
                                .entry(stem)
                                .or_default()
                                .insert(resolution.library.0);
                        }
                    }
                }
            }
        }
        if !elements.is_empty() {
            let bounds = bounds(graph, whole, &elements);
            for (stem, libraries) in &elements {
                if bounds.get(stem) != Some(libraries) {
                    open.insert(*stem);
                }
            }
        }
        for &(stem, library) in &by_sections {
            let resolution = whole.iter().find(|r| r.library.0 == library);
            if resolution.is_some_and(|r| !has_bounding_sections(graph, r, stem)) {
                open.insert(stem);
            }
        }
        let stems = elements.keys().copied();
        let stems = stems.chain(by_sections.into_iter().map(|(stem, _)| stem));
        let own: HashSet<&[u8]> = stems.filter(|s| !open.contains(s)).collect();
        let guessed = own.iter().copied().filter(|s| !names.isolates(s));
        let guessed = guessed.collect();
        Self { open, own, guessed }
    }

    /// Tables that are taken for their libraries' own though nobody said so.
    pub fn guessed(&self) -> impl Iterator<Item = &'d [u8]> + '_ {
        self.guessed.iter().copied()
    }

    /// May somebody outside of the library hold elements of this table or read it?
    #[must_use]
    pub fn is_open(&self, stem: &[u8]) -> bool {
        !self.open.is_empty() && self.open.contains(stem)
    }

    /// Does each library that asks for the table's bounds hold all of its elements?
    #[must_use]
    pub fn is_own(&self, stem: &[u8]) -> bool {
        self.own.contains(stem)
    }
}

/// By table: the libraries whose pulled members ask for its bounds.
fn bounds<'d>(
    graph: &Graph<'d>,
    whole: &[Resolution],
    elements: &BTreeMap<&'d [u8], BTreeSet<u32>>,
) -> BTreeMap<&'d [u8], BTreeSet<u32>> {
    let stems: HashMap<NameId, &'d [u8]> = graph
        .names
        .iter()
        .enumerate()
        .filter_map(|(i, name)| {
            let stem = bound_stem(name)?;
            elements
                .contains_key(stem)
                .then_some((NameId(i as u32), stem))
        })
        .collect();
    let mut found: BTreeMap<&'d [u8], BTreeSet<u32>> = BTreeMap::new();
    if stems.is_empty() {
        return found;
    }
    for resolution in whole {
        for pulled in &resolution.pulled {
            for global in &graph.globals[pulled.object.index()] {
                if !global.kind.is_definition()
                    && let Some(stem) = stems.get(&global.name)
                {
                    found.entry(stem).or_default().insert(resolution.library.0);
                }
            }
        }
    }
    found
}

/// Does code of the library's pulled members refer to the table's first and last section, as sorted?
fn has_bounding_sections(graph: &Graph<'_>, resolution: &Resolution, stem: &[u8]) -> bool {
    let mut needed: HashSet<NameId> = HashSet::new();
    for pulled in &resolution.pulled {
        for global in &graph.globals[pulled.object.index()] {
            if !global.kind.is_definition() {
                needed.insert(global.name);
            }
        }
    }
    // By section name: does anything outside of the table refer to it?
    let mut sections: BTreeMap<&[u8], bool> = BTreeMap::new();
    for pulled in &resolution.pulled {
        if graph.is_verbatim(pulled.object) {
            continue;
        }
        let file = graph.file(pulled.object);
        let mut referred = vec![false; file.atoms.len()];
        for (from, atom) in file.atoms.iter().enumerate() {
            if atom.registry == Some(stem) {
                continue;
            }
            for edge in file.edges_of(from as AtomIndex) {
                if !matches!(edge.kind, EdgeKind::Relocation(_)) {
                    continue;
                }
                let to = match edge.to {
                    EdgeTarget::Atom(a) => Some(a),
                    EdgeTarget::Symbol(s) => match file.symbols.get(s as usize) {
                        Some(s) => match s.definition {
                            Definition::Atom { atom, .. } => Some(atom),
                            _ => None,
                        },
                        None => None,
                    },
                };
                if let Some(slot) = to.and_then(|a| referred.get_mut(a as usize)) {
                    *slot = true;
                }
            }
        }
        for &(atom, symbol) in &file.atom_symbols {
            if graph
                .name_of(pulled.object, symbol)
                .is_some_and(|n| needed.contains(&n))
                && let Some(slot) = referred.get_mut(atom as usize)
            {
                *slot = true;
            }
        }
        for (atom, referred) in file.atoms.iter().zip(referred) {
            if atom.registry == Some(stem) {
                *sections.entry(atom.section).or_default() |= referred;
            }
        }
    }
    let first = sections.first_key_value().is_some_and(|(_, r)| *r);
    let last = sections.last_key_value().is_some_and(|(_, r)| *r);
    sections.len() > 1 && first && last
}
