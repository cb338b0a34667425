//! What the final linker joins by name or by section, over the borders of libraries: variables with vague
//! linkage, and tables that are found by their bounds.

use std::collections::{BTreeMap, BTreeSet};

use foldhash::{HashMap, HashMapExt, HashSet, HashSetExt};

use crate::analysis::graph::{Graph, NameId, ObjectId};
use crate::analysis::identity::atoms::{Owner, classify};
use crate::analysis::identity::entity::digest;
use crate::analysis::reach::{Reached, Target};
use crate::analysis::resolve::Resolution;
use crate::error::{Code, Diagnostic};
use crate::exports::NameRules;
use crate::format::model::{
    Atom, AtomIndex, Binding, Definition, EdgeKind, EdgeTarget, SymbolIndex,
};
use crate::format::{
    Format, GlobalKind, bound_stem, is_of_all, is_one_in_a_program, is_table_of_a_runtime,
};
use crate::input::{Inputs, LibraryId};

/// Names that compilers give to constants whose address nobody asks for, and to what belongs to one
/// library's own runtime.
const NEVER_VAGUE: [&[u8]; 10] = [
    // Each library's own personality routine.
    b"DW.ref.",
    // Floating point and vector constants, string literals (MSVC's mangling).
    b"__real@",
    b"__xmm@",
    b"__ymm@",
    b"__zmm@",
    b"??_C@",
    // Pointers that MinGW's compilers load addresses from.
    b".refptr.",
    b".rdata$.refptr.",
    // What is thrown, for MSVC's runtime.
    b"_TI",
    b"_CT",
];

/// Does a compiler give the name to a constant, or to what is each library's own?
pub(super) fn is_never_vague(name: &[u8]) -> bool {
    NEVER_VAGUE.iter().any(|stem| name.starts_with(stem))
}

/// Variables with vague linkage (inline variables, statics of inline functions, type information): the
/// final linker makes one of all libraries' and the program's.
#[derive(Debug, Default)]
pub struct Vague<'d> {
    /// Names of which libraries hold different things: each keeps its own.
    apart: HashSet<&'d [u8]>,
    names: NameRules,
}

impl<'d> Vague<'d> {
    /// Compares what the libraries say of each name; the warnings name those that disagree. `unlike` are
    /// known to: see [`unlike_tables`].
    pub fn new(
        inputs: &Inputs<'_>,
        graph: &Graph<'d>,
        whole: &[Resolution],
        names: &NameRules,
        unlike: &BTreeSet<NameId>,
        warnings: &mut Vec<Diagnostic>,
    ) -> Self {
        let mut vague = Self {
            apart: unlike.iter().map(|&n| graph.name(n)).collect(),
            names: names.clone(),
        };
        let mut known: HashMap<NameId, (ObjectId, SymbolIndex, LibraryId)> = HashMap::new();
        for resolution in whole {
            for pulled in &resolution.pulled {
                if graph.is_verbatim(pulled.object) || graph.is_rust(pulled.object) {
                    continue;
                }
                for (position, global) in graph.globals[pulled.object.index()].iter().enumerate() {
                    if global.kind != GlobalKind::Vague {
                        continue;
                    }
                    let site = resolution.definition(global.name);
                    let own = site.is_some_and(|s| {
                        s.object == pulled.object && s.position as usize == position
                    });
                    let Some((object, symbol, atom)) = resolution
                        .symbol(graph, global.name)
                        .filter(|_| own)
                        .and_then(|(o, s)| {
                            match graph.file(o).symbols.get(s as usize)?.definition {
                                Definition::Atom { atom, .. } => Some((o, s, atom)),
                                _ => None,
                            }
                        })
                    else {
                        continue;
                    };
                    if !vague.meets(graph, object, atom, global.name) {
                        continue;
                    }
                    let name = graph.name(global.name);
                    if names.isolates(name) {
                        vague.apart.insert(name);
                        continue;
                    }
                    match known.get(&global.name) {
                        None => {
                            let own = (object, symbol, resolution.library);
                            known.insert(global.name, own);
                        }
                        Some(&(other, like, library)) => {
                            let made = is_made_at_run_time(graph, name);
                            if !agree(graph, (object, symbol), (other, like), made)
                                && vague.apart.insert(name)
                            {
                                warnings.push(disagree(inputs, name, library, resolution.library));
                            }
                        }
                    }
                }
            }
        }
        vague.spread(graph, whole);
        vague
    }

    /// A group goes as one, and a variable with its guard, which some compilers put into a group of its
    /// own: where one of the names is each library's own, all are.
    fn spread(&mut self, graph: &Graph<'d>, whole: &[Resolution]) {
        loop {
            let guards = self.apart.iter().filter_map(|name| guard(graph, name));
            let guards: Vec<NameId> = guards.collect();
            self.apart.extend(guards.iter().map(|&id| graph.name(id)));
            let known = self.apart.len();
            if known == 0 {
                return;
            }
            for pulled in whole.iter().flat_map(|r| &r.pulled) {
                if graph.is_verbatim(pulled.object) {
                    continue;
                }
                let file = graph.file(pulled.object);
                for group in file.groups.iter().filter(|g| g.comdat) {
                    let names = || {
                        let symbols = group.atoms.iter().flat_map(|&a| file.symbols_of(a));
                        symbols
                            .filter(|(_, s)| s.binding != Binding::Local)
                            .map(|(_, s)| s.name)
                    };
                    if names().any(|n| self.apart.contains(n)) {
                        self.apart.extend(names());
                    }
                }
            }
            if self.apart.len() == known {
                return;
            }
        }
    }

    /// Do the libraries hold different things of this name, each its own?
    #[must_use]
    pub fn is_apart(&self, name: &[u8]) -> bool {
        !self.apart.is_empty() && self.apart.contains(name)
    }

    /// Is the atom, by this name, a variable that the final linker joins?
    #[must_use]
    pub fn meets(
        &self,
        graph: &Graph<'_>,
        object: ObjectId,
        atom: AtomIndex,
        name: NameId,
    ) -> bool {
        let file = graph.file(object);
        let Some(a) = file.atoms.get(atom as usize) else {
            return false;
        };
        let rust = graph.is_rust(object) && !is_one_in_a_program(graph.name(name));
        if rust || (a.code && !self.names.keeps_vague(graph.name(name))) {
            return false;
        }
        let vague = a
            .group
            .and_then(|g| file.groups.get(g as usize))
            .is_some_and(|g| g.comdat);
        if !vague {
            return false;
        }
        let name = graph.name(name);
        !is_never_vague(name) && !self.apart.contains(name)
    }
}

/// Tables of functions (virtual ones) that agree in the names of their functions, of which two libraries
/// hold different ones. Functions stay each library's own, so their tables must too. `reached` is by library.
#[must_use]
pub fn unlike_tables(
    graph: &Graph<'_>,
    reached: &[Reached],
    vague: &Vague<'_>,
) -> BTreeMap<NameId, (LibraryId, LibraryId)> {
    let mut tables: BTreeMap<NameId, Vec<(usize, u32)>> = BTreeMap::new();
    for (l, r) in reached.iter().enumerate() {
        for target in &r.targets {
            let Target::Vague { node, name } = *target else {
                continue;
            };
            let is_code = |t: &Target| match *t {
                Target::Node { node, .. } => {
                    let to = r.nodes[node as usize];
                    graph.file(to.object).atoms[to.atom as usize].code
                }
                _ => false,
            };
            let at = r.nodes[node as usize];
            let writable = graph.file(at.object).atoms[at.atom as usize].writable;
            if !writable && r.targets_of(node).iter().any(is_code) {
                let known = tables.entry(name).or_default();
                if known.last().is_none_or(|&(last, _)| last != l) {
                    known.push((l, node));
                }
            }
        }
    }
    tables.retain(|_, known| known.len() > 1);
    if tables.is_empty() {
        return BTreeMap::new();
    }
    let owner = |l| Owner {
        library: l as u32,
        universe: 0,
        home: None,
    };
    let owners: Vec<Owner> = (0..reached.len()).map(owner).collect();
    let classes = classify(graph, reached, &owners, vague);
    let class = |&(l, node): &(usize, u32)| classes.class_of[l][node as usize];
    tables
        .into_iter()
        .filter_map(|(name, known)| {
            let first = known.first()?;
            let other = known.iter().find(|k| class(k) != class(first))?;
            Some((name, (LibraryId(first.0 as u32), LibraryId(other.0 as u32))))
        })
        .collect()
}

/// The variable that says whether this one was constructed (Itanium C++ ABI, 5.1.5.3).
fn guard(graph: &Graph<'_>, name: &[u8]) -> Option<NameId> {
    let decoration = decoration_of(graph, name);
    let plain = &name[decoration.len()..];
    let own = match plain.strip_prefix(b"_Z") {
        Some(rest) => [decoration, b"_ZGV", rest].concat(),
        // A variable outside of all namespaces has its name alone.
        None => {
            let length = plain.len().to_string();
            [decoration, b"_ZGV", length.as_bytes(), plain].concat()
        }
    };
    graph.find_name(&own)
}

/// Does a constructor make the variable? What it holds before says nothing: one compiler computes more of
/// it than another.
fn is_made_at_run_time(graph: &Graph<'_>, name: &[u8]) -> bool {
    let decoration = decoration_of(graph, name);
    name[decoration.len()..].starts_with(b"_ZGV") || guard(graph, name).is_some()
}

/// What stands before C's names in this format, where the name has it.
fn decoration_of<'n>(graph: &Graph<'_>, name: &'n [u8]) -> &'n [u8] {
    match graph.format {
        Format::MachO if name.starts_with(b"_") => &name[..1],
        _ => b"",
    }
}

/// Are two definitions one variable to a program? How compilers group and align it, and where they put it,
/// does not matter, only its size and what it holds first (`made`: nothing that counts).
fn agree(
    graph: &Graph<'_>,
    (object, symbol): (ObjectId, SymbolIndex),
    (other, like): (ObjectId, SymbolIndex),
    made: bool,
) -> bool {
    let (Some(one), Some(two)) = (place(graph, object, symbol), place(graph, other, like)) else {
        return false;
    };
    let (a, b) = (one.atom, two.atom);
    if a.code || b.code {
        // Compilers never write one function alike.
        return one.is_whole()
            && two.is_whole()
            && digest(graph, object, one.index) == digest(graph, other, two.index);
    }
    // Without sizes of their own, variables count up to the next: what pads them is zero.
    let sized = graph.format != Format::MachO;
    if a.tls != b.tls || (sized && one.size != two.size) {
        return false;
    }
    let longer = one.size.max(two.size);
    made || (one.bytes(longer).eq(two.bytes(longer)) && one.pointers(graph).eq(two.pointers(graph)))
}

/// Where a variable stands.
struct Variable<'g, 'd> {
    object: ObjectId,
    index: AtomIndex,
    atom: &'g Atom<'d>,
    offset: u64,
    size: u64,
}

fn place<'g, 'd>(
    graph: &'g Graph<'d>,
    object: ObjectId,
    symbol: SymbolIndex,
) -> Option<Variable<'g, 'd>> {
    let file = graph.file(object);
    let symbol = file.symbols.get(symbol as usize)?;
    let Definition::Atom {
        atom: index,
        offset,
    } = symbol.definition
    else {
        return None;
    };
    let atom = file.atoms.get(index as usize)?;
    // Not every format knows sizes.
    let rest = atom.size.checked_sub(offset)?;
    let size = match symbol.size {
        0 => rest,
        size => size.min(rest),
    };
    Some(Variable {
        object,
        index,
        atom,
        offset,
        size,
    })
}

impl Variable<'_, '_> {
    fn is_whole(&self) -> bool {
        self.offset == 0
    }

    /// What it holds first, in so many bytes; relocations' places as they are in the file.
    fn bytes(&self, padded: u64) -> impl Iterator<Item = u8> + '_ {
        let data = &self.atom.data;
        let from = usize::try_from(self.offset).unwrap_or(usize::MAX);
        let own = data.get(from..).unwrap_or_default().iter().copied();
        let whole = |size: u64| usize::try_from(size).unwrap_or(usize::MAX);
        own.take(whole(self.size))
            .chain(std::iter::repeat(0))
            .take(whole(padded))
    }

    /// Where in it pointers stand.
    fn pointers<'a>(&'a self, graph: &'a Graph<'_>) -> impl Iterator<Item = u64> + 'a {
        let edges = graph.file(self.object).edges_of(self.index).iter();
        edges
            .filter(|e| matches!(e.kind, EdgeKind::Relocation(_)))
            .filter_map(|e| e.offset.checked_sub(self.offset))
            .filter(|&at| at < self.size)
    }
}

fn disagree(inputs: &Inputs<'_>, name: &[u8], first: LibraryId, second: LibraryId) -> Diagnostic {
    Diagnostic::new(
        Code::VagueDisagrees,
        format!(
            "{} and {} hold different variables of this name: each keeps its own, where a linker \
             would take the first for both",
            inputs.library(first).name,
            inputs.library(second).name
        ),
    )
    .file(inputs.library(second).path)
    .symbol(name)
    .hint("build both against one version of the code that defines it")
}

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
