//! What the final linker joins by name, over the borders of libraries: variables with vague linkage, and functions of
//! which exports of one library pull different copies.

use std::collections::{BTreeMap, BTreeSet};

use foldhash::{HashMap, HashMapExt, HashSet};

use crate::analysis::graph::{Graph, NameId, ObjectId};
use crate::analysis::identity::atoms::{Apart, Owner, classify};
use crate::analysis::identity::entity::digest;
use crate::analysis::reach::{Reached, Target};
use crate::analysis::resolve::Resolution;
use crate::error::{Code, Diagnostic};
use crate::exports::NameRules;
use crate::format::model::{Atom, AtomIndex, Binding, Definition, EdgeKind, Group, SymbolIndex};
use crate::format::{Format, GlobalKind, is_made_by_compiler, is_one_in_a_program};
use crate::input::{Inputs, LibraryId};

/// Variables with vague linkage (inline variables, statics of inline functions, type information): the
/// final linker makes one of all libraries' and the program's.
#[derive(Debug, Default)]
pub struct Vague<'d> {
    /// Names of which libraries hold different things: each keeps its own.
    apart: HashSet<&'d [u8]>,
    /// Functions of which members of one library hold different copies.
    functions: HashSet<NameId>,
    names: NameRules,
}

impl<'d> Vague<'d> {
    /// Compares what the libraries say of each name; the warnings name those that disagree. `unlike` are
    /// known to: see [`unlike_tables`]; `functions` are joined as variables are.
    pub fn new(
        inputs: &Inputs<'_>,
        graph: &Graph<'d>,
        whole: &[Resolution],
        names: &NameRules,
        unlike: &BTreeSet<NameId>,
        functions: HashSet<NameId>,
        warnings: &mut Vec<Diagnostic>,
    ) -> Self {
        let mut vague = Self {
            apart: unlike.iter().map(|&n| graph.name(n)).collect(),
            functions,
            names: names.clone(),
        };
        join_groups(graph, whole, &mut vague.functions);
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
            each_group(graph, whole, |object, group| {
                let names = || names_of(graph, object, group).map(|n| graph.name(n));
                if names().any(|n| self.apart.contains(n)) {
                    self.apart.extend(names());
                }
            });
            if self.apart.len() == known {
                return;
            }
        }
    }

    /// Is every library to keep its own of this name, by the manifest?
    #[must_use]
    pub fn isolates(&self, name: &[u8]) -> bool {
        self.names.isolates(name)
    }

    /// Do the libraries hold different things of this name, each its own?
    #[must_use]
    pub fn is_apart(&self, name: &[u8]) -> bool {
        !self.apart.is_empty() && self.apart.contains(name)
    }

    /// Is what has this name one thing in a program, if it is of a group: neither each library's own, nor a compiler's
    /// constant?
    #[must_use]
    pub fn may_meet(&self, format: Format, name: &[u8]) -> bool {
        !is_made_by_compiler(format, name) && !self.isolates(name) && !self.is_apart(name)
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
        let joined = || self.functions.contains(&name) || self.names.keeps_vague(graph.name(name));
        if rust || (a.code && !joined()) {
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
        !is_made_by_compiler(graph.format, name) && !self.apart.contains(name)
    }
}

/// Of a group that is joined by one of its names, all are: another's may be linked in its place.
pub(super) fn join_groups(graph: &Graph<'_>, whole: &[Resolution], names: &mut HashSet<NameId>) {
    loop {
        let known = names.len();
        if known == 0 {
            return;
        }
        each_group(graph, whole, |object, group| {
            let own = || names_of(graph, object, group);
            if own().any(|n| names.contains(&n)) {
                names.extend(own());
            }
        });
        if names.len() == known {
            return;
        }
    }
}

/// All COMDAT groups of pulled members.
pub(super) fn each_group<'d>(
    graph: &Graph<'d>,
    whole: &[Resolution],
    mut see: impl FnMut(ObjectId, &Group<'d>),
) {
    let pulled = whole.iter().flat_map(|r| &r.pulled);
    for object in pulled.map(|p| p.object) {
        if graph.is_verbatim(object) {
            continue;
        }
        for group in graph.file(object).groups.iter().filter(|g| g.comdat) {
            see(object, group);
        }
    }
}

/// The names that a group defines.
pub(super) fn names_of<'g>(
    graph: &'g Graph<'_>,
    object: ObjectId,
    group: &'g Group<'_>,
) -> impl Iterator<Item = NameId> + 'g {
    let file = graph.file(object);
    let symbols = group.atoms.iter().flat_map(move |&a| file.symbols_of(a));
    symbols
        .filter(|(_, s)| s.binding != Binding::Local)
        .filter_map(move |(s, _)| graph.name_of(object, s))
}

/// Tables of functions (virtual ones) that agree in the names of their functions, of which two libraries
/// hold different ones; and functions that call, or read, different things. Functions stay each library's own, so their
/// tables must too. `reached` is by library.
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
            let atom = &graph.file(at.object).atoms[at.atom as usize];
            let functions = || atom.code || r.targets_of(node).iter().any(is_code);
            if !atom.writable && functions() {
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
    // Equal constants of different objects serve as well.
    let lone = HashSet::default();
    let classes = classify(graph, reached, &owners, &lone, vague, Apart::Written);
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
            "{} and {} hold different things of this name: each keeps its own, where a linker \
             would take the first for both",
            inputs.library(first).name,
            inputs.library(second).name
        ),
    )
    .file(inputs.library(second).path)
    .symbol(name)
    .hint("build both against one version of the code that defines it")
}
