//! From the partition to the output objects: every edge of every atom gets its final target.
//!
//! Nothing is resolved here: what an edge means is what reach recorded. This file only decides how to say
//! it in the object at hand: a place in it, a hidden global of another object, or a name.

use std::borrow::Cow;
use std::collections::BTreeSet;

use foldhash::{HashMap, HashMapExt, HashSet, HashSetExt};

use super::builder::Builder;
use super::debug::DebugLines;
use super::partition::{Partition, SetId};
use super::place::{Place, Special};
use super::verbatim::Imports;
use crate::analysis::Analysis;
use crate::analysis::graph::ObjectId;
use crate::analysis::identity::atoms::ClassId;
use crate::analysis::reach::{Node, Target};
use crate::format::model::{AtomIndex, Definition, KeepRule, SymbolIndex, SymbolKind};
use crate::format::output::{
    DIGEST_DIGITS, DebugOptions, OutAtom, OutGlobal, OutGroup, OutObject, crossing_name,
};
use crate::format::{self, ObjectTraits};
use crate::input::Inputs;
use crate::protocol::request::Symbols;

/// What the objects of one run have in common.
pub struct Objects<'a, 'd> {
    pub analysis: &'a Analysis<'d>,
    pub partition: &'a Partition,
    pub symbols: Symbols,
    /// See [`OutObject::gnu_linkers`].
    pub gnu_linkers: bool,
    /// See [`OutObject::merges`].
    pub merges: bool,
    pub debug: &'a DebugLines,
    pub debug_options: DebugOptions<'a>,
    /// Part of every name that crosses objects.
    pub digest: String,
    pub workspace_library: &'a str,
    /// Groups that some object needs without referring to them: linkers of Microsoft's kind drop COMDATs to which
    /// nothing refers.
    pub(super) included: HashSet<ClassId>,
    /// Tables of which some part is kept whatever collects sections.
    pub(super) retained: HashSet<&'d [u8]>,
    /// By member: what its weak externals stand for (PE/COFF, "Auxiliary Format 3"), by the default's atom, and the name.
    pub(super) defaults: HashMap<(ObjectId, AtomIndex), Vec<SymbolIndex>>,
    /// See [`format::has_untyped_names`].
    untyped: bool,
    /// Names that cross objects and tell that they are the workspace library's, by number.
    telling: HashSet<u32>,
    /// By class: position in its object.
    pub(super) position: Vec<u32>,
    /// By set: the root sets for whose sake a program pulls it.
    pub(super) carried: Vec<Vec<u32>>,
    /// By set: the root sets whose numbers it defines.
    pub(super) valued: Vec<Vec<u32>>,
    pub(super) imports: Imports,
    /// By root set: what its members say of the whole link.
    said: Vec<Option<ObjectTraits<'d>>>,
    shared_code: SharedCode<'d>,
}

impl<'a, 'd> Objects<'a, 'd> {
    #[must_use]
    pub fn new(
        analysis: &'a Analysis<'d>,
        partition: &'a Partition,
        symbols: Symbols,
        inputs: &Inputs<'_>,
        workspace_library: &'a str,
        (debug, debug_options): (&'a DebugLines, DebugOptions<'a>),
    ) -> Self {
        let mut position = vec![0; analysis.classes.first.len()];
        for list in &partition.classes {
            for (i, class) in list.iter().enumerate() {
                position[class.index()] = i as u32;
            }
        }
        let mut carried = vec![Vec::new(); partition.classes.len()];
        for s in 0..analysis.sets.len() {
            for set in partition.carriers(s) {
                carried[set.index()].push(s as u32);
            }
        }
        let mut valued = vec![Vec::new(); partition.classes.len()];
        for s in partition.with_values() {
            if let Some(set) = partition.place_of_values(s) {
                valued[set.index()].push(s as u32);
            }
        }
        Self {
            analysis,
            partition,
            symbols,
            gnu_linkers: inputs.has_gnu_linkers(),
            merges: analysis.graph.names_pieces,
            untyped: (0..analysis.sets.len()).any(|s| partition.is_split(s))
                && inputs
                    .machine()
                    .is_some_and(|machine| format::has_untyped_names(analysis.format, machine)),
            debug,
            debug_options,
            digest: name_digest(analysis, partition, symbols),
            workspace_library,
            defaults: defaults(analysis),
            retained: retained(analysis),
            included: included(analysis, partition),
            telling: telling(analysis, partition),
            position,
            carried,
            valued,
            imports: Imports::new(inputs, analysis),
            said: said(analysis, partition),
            shared_code: SharedCode::new(analysis, partition),
        }
    }

    /// The object of a reach set or a home, which stands in its archive as `name`.
    #[must_use]
    pub fn object(&self, set: SetId, name: &'a str) -> OutObject<'a, 'd> {
        let own = &self.partition.classes[set.index()];
        let copies = &self.partition.copies[set.index()];
        let classes: Vec<ClassId> = self.partition.written(set).collect();
        let mut builder = Builder::new(self, Some(set));
        for (i, class) in copies.iter().enumerate() {
            builder.copied.insert(*class, (own.len() + i) as u32);
        }
        // Globals first: references by name need their positions.
        let globals: Vec<Vec<OutGlobal<'a>>> = classes
            .iter()
            .enumerate()
            .map(|(at, &class)| builder.globals_of(at as u32, class))
            .collect();
        for &s in &self.carried[set.index()] {
            builder.ask_for_constructors(s as usize);
        }
        let mut atoms: Vec<OutAtom<'a, 'd>> = classes
            .iter()
            .zip(globals)
            .map(|(&class, own)| builder.atom(class, own))
            .collect();
        builder.constrain(&mut atoms);
        for &s in &self.carried[set.index()] {
            builder.pull(s as usize);
        }
        builder.ask_early(set);
        builder.say_defaults(own);
        builder.settle();
        let values = builder.values();
        let carried = self.carried[set.index()].iter();
        let said = carried.filter_map(|&s| self.said[s as usize].clone());
        let mut traits: Vec<ObjectTraits<'d>> = said.collect();
        // Members of all libraries say of the link what the objects say by which a program asks for each.
        let shared = self.partition.plugins(set).nth(1).is_some();
        traits.extend(self.traits_of(&classes, shared));
        for &s in &self.carried[set.index()] {
            traits.extend(self.own_of_code(s as usize));
        }
        for &s in &self.carried[set.index()] {
            // Numbers alone are in no atom.
            let first = self.analysis.resolution(s as usize).pulled.first();
            if let Some(first) = first.filter(|_| classes.is_empty()) {
                traits.push(format::of_code(
                    &self.analysis.graph.file(first.object).traits,
                ));
            }
        }
        OutObject {
            groups: self.groups(&classes),
            atoms,
            undefined: builder.undefined,
            values,
            traits,
            symbols: self.symbols,
            gnu_linkers: self.gnu_linkers,
            merges: self.merges,
            debug: self.debug_options,
            name,
        }
    }

    /// The object of a root set that has no atom of its own: it only pulls what it shares, and defines
    /// what is no atom.
    #[must_use]
    pub fn empty_object(&self, s: usize) -> Option<OutObject<'a, 'd>> {
        let set = &self.analysis.sets[s];
        let pulled = self.analysis.resolution(s).pulled.first()?;
        if self.analysis.graph.is_verbatim(pulled.object) {
            return None;
        }
        let mut builder = Builder::new(self, None);
        builder.pull(s);
        // Exported commons have no place: the object says that they are there.
        for &name in &self.analysis.exports[set.library().index()] {
            builder.common(s, name);
        }
        let values = self
            .partition
            .with_values()
            .filter(|&v| self.partition.owner(v) == s)
            .flat_map(|v| builder.values_of(v))
            .collect();
        Some(OutObject {
            atoms: Vec::new(),
            groups: Vec::new(),
            undefined: builder.undefined,
            values,
            traits: self.said[s]
                .clone()
                .into_iter()
                .chain([format::of_code(
                    &self.analysis.graph.file(pulled.object).traits,
                )])
                .chain(self.own_of_code(s))
                .collect(),
            symbols: self.symbols,
            gnu_linkers: self.gnu_linkers,
            merges: self.merges,
            debug: self.debug_options,
            name: "",
        })
    }

    pub(super) fn node(&self, class: ClassId) -> (usize, u32, Node) {
        let (s, n) = self.analysis.classes.first[class.index()];
        let node = self.analysis.reached[s as usize].nodes[n as usize];
        (s as usize, n, node)
    }

    /// What the members of these atoms say; of what is `shared`, only what speaks of their code.
    fn traits_of(&self, classes: &[ClassId], shared: bool) -> Vec<ObjectTraits<'d>> {
        let mut objects: Vec<ObjectId> = classes.iter().map(|&c| self.node(c).2.object).collect();
        objects.sort_unstable();
        objects.dedup();
        let traits = objects.iter().map(|o| &self.analysis.graph.file(*o).traits);
        match shared {
            true => objects
                .iter()
                .map(|o| match self.shared_code.milder.get(o) {
                    Some(milder) => format::of_code(milder),
                    None => format::of_code(&self.analysis.graph.file(*o).traits),
                })
                .collect(),
            false => traits.cloned().collect(),
        }
    }

    /// What a root set's members say of code that objects of several root sets hold in milder words.
    fn own_of_code(&self, s: usize) -> impl Iterator<Item = ObjectTraits<'d>> + '_ {
        let own = self.shared_code.own.get(s).into_iter().flatten();
        own.map(|o| format::of_code(&self.analysis.graph.file(*o).traits))
    }

    /// The groups that stay such, by the positions of their atoms.
    fn groups(&self, classes: &[ClassId]) -> Vec<OutGroup<'d>> {
        let mut groups: Vec<OutGroup<'d>> = Vec::new();
        let mut known: HashMap<(ObjectId, u32), Option<usize>> = HashMap::new();
        for (at, class) in classes.iter().enumerate() {
            let (_, _, node) = self.node(*class);
            let file = self.analysis.graph.file(node.object);
            let Some(index) = file.atoms[node.atom as usize].group else {
                continue;
            };
            let out = *known.entry((node.object, index)).or_insert_with(|| {
                let group = &file.groups[index as usize];
                let comdat = self.partition.grouped[class.index()];
                // Without a rival a group is what keeps tables alive with what they describe, for
                // linkers that collect sections.
                let has_table = || {
                    let mut own = group.atoms.iter().map(|&a| &file.atoms[a as usize]);
                    own.any(|a| {
                        a.registry
                            .is_some_and(|r| self.analysis.registries.is_open(r))
                    })
                };
                (comdat || !group.comdat || has_table()).then(|| {
                    groups.push(OutGroup {
                        signature: group.signature,
                        comdat,
                        atoms: Vec::new(),
                    });
                    groups.len() - 1
                })
            });
            if let Some(out) = out {
                groups[out].atoms.push(at as u32);
            }
        }
        groups
    }

    /// Name of the hidden global with this number.
    pub(super) fn crossing_name(&self, number: u32) -> Cow<'a, [u8]> {
        let place = self.partition.crossing[number as usize];
        let library = self
            .telling
            .contains(&number)
            .then_some(self.workspace_library);
        let (_, _, node) = self.node(place.class);
        let file = self.analysis.graph.file(node.object);
        let original = file
            .symbols_at(node.atom, place.offset)
            .filter(|(_, s)| {
                !s.name.is_empty()
                    && !matches!(s.kind, SymbolKind::Section | SymbolKind::Mapping)
                    && Special::of(s.kind) == place.special
            })
            .max_by_key(|(i, s)| (s.binding, std::cmp::Reverse(*i)))
            .map_or(file.atoms[node.atom as usize].section, |(_, s)| s.name);
        let nameless = self.symbols == Symbols::Exports && !format::is_mark_of_backtraces(original);
        if nameless || self.is_second(place) {
            return Cow::Owned(crossing_name(None, library, &self.digest, number));
        }
        let stem = format::shareable(self.analysis.format, original);
        Cow::Owned(crossing_name(Some(stem), library, &self.digest, number))
    }

    /// Name of an object of contested definitions: see [`Partition::named_home`].
    pub(super) fn home_name(&self, home: SetId) -> Vec<u8> {
        let number = self.partition.crossing.len() as u32 + home.0;
        crossing_name(None, None, &self.digest, number)
    }

    /// Is the name that crosses objects a second one, without type, besides the original's? Where a library is
    /// taken apart there are many such names; else one does for both.
    pub(super) fn is_second(&self, place: Place) -> bool {
        let set = self.partition.set_of[place.class.index()];
        self.untyped
            && self.symbols == Symbols::Keep
            && place.special == Special::Plain
            && self
                .partition
                .plugins(set)
                .any(|s| self.partition.is_split(s))
    }

    /// Name that a registry's section or bound has in the output: no other meld's mixes with it.
    pub(super) fn registry_name(&self, set: usize, name: &[u8]) -> Vec<u8> {
        let universe = self.analysis.universes[set];
        let suffix = format!("_{}_{universe}", self.digest);
        format::renamed_table(self.analysis.format, name, &suffix)
    }
}

/// By root set: what its members say of the whole link, as they are linked. Where exports have objects of their
/// own these say what their members do; here is what nobody else says then.
fn said<'d>(analysis: &Analysis<'d>, partition: &Partition) -> Vec<Option<ObjectTraits<'d>>> {
    let graph = &analysis.graph;
    let count = analysis.sets.len();
    let mut elsewhere: Vec<HashSet<ObjectId>> = vec![HashSet::new(); count];
    for (class, &(s, n)) in analysis.classes.first.iter().enumerate() {
        let mut sets = partition.plugins(partition.set_of[class]);
        if let (Some(own), None) = (sets.next(), sets.next())
            && partition.is_split(own)
        {
            let node = analysis.reached[s as usize].nodes[n as usize];
            // What it wishes of names all of the root set's exports bring along.
            if graph.wishes[node.object.index()].is_empty() {
                elsewhere[own].insert(node.object);
            }
        }
    }
    let mut members: Vec<Vec<ObjectId>> = vec![Vec::new(); count];
    for s in 0..count {
        let owner = partition.owner(s);
        let along = analysis.resolution(s).along();
        let along = along.filter(|o| !graph.is_verbatim(*o) && !elsewhere[owner].contains(o));
        members[owner].extend(along);
    }
    members
        .iter()
        .map(|own| format::link_wide(own.iter().map(|&o| &graph.file(o).traits)))
        .collect()
}

/// Equal code of members that say different things of it: an executable stack, what it lets programs have. Objects
/// that several root sets share say what all of these do, and each root set says the rest itself.
struct SharedCode<'d> {
    /// By the member that the code is taken from.
    milder: HashMap<ObjectId, ObjectTraits<'d>>,
    /// By root set: its members with such code.
    own: Vec<BTreeSet<ObjectId>>,
}

impl<'d> SharedCode<'d> {
    fn new(analysis: &Analysis<'d>, partition: &Partition) -> Self {
        let graph = &analysis.graph;
        let shared: Vec<bool> = (0..partition.classes.len() as u32)
            .map(|set| partition.plugins(SetId(set)).nth(1).is_some())
            .collect();
        // Root set, member, and the member that the code is taken from.
        let copies = || {
            (0..analysis.sets.len()).flat_map(|s| {
                let reached = &analysis.reached[s];
                let classes = reached.nodes.iter().zip(&analysis.classes.class_of[s]);
                let shared = classes.filter(|(_, c)| shared[partition.set_of[c.index()].index()]);
                shared.map(move |(node, class)| {
                    let (first, n) = analysis.classes.first[class.index()];
                    let from = analysis.reached[first as usize].nodes[n as usize].object;
                    (s, node.object, from)
                })
            })
        };
        let mut milder: HashMap<ObjectId, ObjectTraits<'d>> = HashMap::new();
        for (_, own, from) in copies().filter(|(_, own, from)| own != from) {
            let (a, b) = (&graph.file(from).traits, &graph.file(own).traits);
            if !format::same_of_code(a, b) {
                let known = milder.entry(from).or_insert_with(|| a.clone());
                *known = format::milder(known, b);
            }
        }
        let mut own = vec![BTreeSet::new(); analysis.sets.len()];
        if !milder.is_empty() {
            for (s, member, from) in copies() {
                if milder.contains_key(&from) {
                    own[partition.owner(s)].insert(member);
                }
            }
        }
        Self { milder, own }
    }
}

/// Groups that linked members need without referring to them.
fn included(analysis: &Analysis<'_>, partition: &Partition) -> HashSet<ClassId> {
    let graph = &analysis.graph;
    let mut included = HashSet::new();
    for (s, reached) in analysis.reached.iter().enumerate() {
        let resolution = analysis.resolution(s);
        for name in resolution.along().flat_map(|object| graph.needs(object)) {
            let found = resolution.symbol(graph, name);
            let found = found.filter(|&(object, _)| !graph.is_verbatim(object));
            let node = found.and_then(|(object, symbol)| {
                match graph.file(object).symbols.get(symbol as usize)?.definition {
                    Definition::Atom { atom, .. } => reached.find(Node { object, atom }),
                    _ => None,
                }
            });
            let class = node.map(|n| analysis.classes.class_of[s][n as usize]);
            included.extend(class.filter(|class| partition.grouped[class.index()]));
        }
    }
    included
}

/// Weak externals of members that define what they stand for.
fn defaults(analysis: &Analysis<'_>) -> HashMap<(ObjectId, AtomIndex), Vec<SymbolIndex>> {
    let mut found: HashMap<(ObjectId, AtomIndex), Vec<SymbolIndex>> = HashMap::new();
    let members: HashSet<ObjectId> = analysis
        .resolutions
        .iter()
        .flat_map(|r| r.pulled.iter().map(|p| p.object))
        .collect();
    for object in members {
        let file = analysis.graph.file(object);
        for &(weak, default) in &file.fallbacks {
            let there = file.symbols.get(default as usize).map(|s| s.definition);
            if let Some(Definition::Atom { atom, .. }) = there {
                found.entry((object, atom)).or_default().push(weak);
            }
        }
    }
    found
}

/// Tables of which some live part is kept whatever collects sections.
fn retained<'d>(analysis: &Analysis<'d>) -> HashSet<&'d [u8]> {
    let atoms = analysis.classes.first.iter().filter_map(|&(s, n)| {
        let node = analysis.reached[s as usize].nodes.get(n as usize)?;
        let file = analysis.graph.file(node.object);
        file.atoms.get(node.atom as usize)
    });
    atoms
        .filter(|a| a.keep == Some(KeepRule::Retained))
        .filter_map(|a| a.registry)
        .collect()
}

/// The first few names of the workspace library's that each plugin object refers to: who forgets to link it
/// reads its name in the linker's first errors.
fn telling(analysis: &Analysis<'_>, partition: &Partition) -> HashSet<u32> {
    const FEW: usize = 3;
    let mut telling = HashSet::new();
    let sets = (0..partition.classes.len() as u32).map(SetId);
    for set in sets.filter(|&set| partition.library(analysis, set).is_some()) {
        let mut first: Vec<u32> = Vec::new();
        'object: for class in partition.written(set) {
            let (s, n) = analysis.classes.first[class.index()];
            for target in analysis.reached[s as usize].targets_of(n) {
                let Target::Node { node, offset, kind } = *target else {
                    continue;
                };
                let class = analysis.classes.class_of[s as usize][node as usize];
                let to = partition.set_of[class.index()];
                let special = Special::of(kind);
                let place = Place {
                    class,
                    offset,
                    special,
                };
                if to != set
                    && partition.library(analysis, to).is_none()
                    && let Some(number) = partition.crossing(place)
                    && !first.contains(&number)
                {
                    first.push(number);
                    if first.len() == FEW {
                        break 'object;
                    }
                }
            }
        }
        telling.extend(first);
    }
    telling
}

/// Hexadecimal digits over all that went in: live contents, exports, options.
fn name_digest(analysis: &Analysis<'_>, partition: &Partition, symbols: Symbols) -> String {
    let mut h = blake3::Hasher::new();
    for atom in &analysis.classes.digests {
        h.update(atom);
    }
    for set in &partition.set_of {
        h.update(&set.0.to_le_bytes());
    }
    for &(_, name, value) in &partition.values {
        h.update(analysis.graph.name(name));
        h.update(&value.to_le_bytes());
    }
    for export in &partition.exports {
        h.update(analysis.graph.name(export.name));
        h.update(&[0]);
    }
    h.update(&[symbols as u8]);
    h.finalize().to_hex()[..DIGEST_DIGITS].to_owned()
}
