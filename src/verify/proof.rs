//! Proves, relocation by relocation, that what was written leads where reach said that it leads.
//!
//! The written members are read again by the format's own reader. For every atom the plan says where it
//! stands; its bytes must be there, and each of its references must be there too, in one of three forms:
//! as the relocation it was, as one that needs no table any more, or settled in the contents. What a
//! reference leads to is followed through the written symbol tables, and must be the class of atoms, the
//! name or the number that reach recorded. The plan's own idea of how to say it plays no part.

use std::collections::{BTreeSet, HashMap};

use rayon::prelude::*;

use super::Promises;
use crate::analysis::Analysis;
use crate::analysis::graph::{Graph, NameId, ObjectId};
use crate::analysis::identity::atoms::ClassId;
use crate::analysis::reach::{Node, Target};
use crate::error::{Code, Diagnostic};
use crate::format::model::{
    AtomIndex, Binding, Definition, Edge, EdgeKind, EdgeTarget, FilePlace, KeepRule, ObjectFile,
    Symbol, SymbolKind,
};
use crate::format::output::is_crossing_name;
use crate::format::{self, GlobalKind, MemberKind};
use crate::input::{Inputs, LibraryId};
use crate::plan::MadeObject;
use crate::plan::partition::Partition;

/// How many faults are told.
const SHOWN: usize = 50;

/// What is compared with what.
pub struct Proof<'a, 'd> {
    pub analysis: &'a Analysis<'d>,
    pub partition: &'a Partition,
    pub made: &'a [MadeObject],
}

/// A place in a written object.
type At = (ObjectId, FilePlace);

/// Where a written reference leads.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Led<'w> {
    At(At),
    /// By a name that is not ours alone; where this object defines it, its place.
    Name(&'w [u8], Option<At>),
    Value(u64),
    Nothing,
}

/// A written object with what is needed to look things up in it.
struct Read<'w, 'f> {
    id: ObjectId,
    kind: MemberKind,
    file: &'f ObjectFile<'w>,
    /// Atoms by section and offset.
    atoms: Vec<(FilePlace, AtomIndex)>,
    /// Functions with unwind entries: place, index into `file.unwind`.
    unwind: HashMap<FilePlace, usize>,
}

impl<'w, 'f> Read<'w, 'f> {
    fn new(id: ObjectId, kind: MemberKind, file: &'f ObjectFile<'w>) -> Self {
        let mut atoms: Vec<(FilePlace, AtomIndex)> = file
            .atoms
            .iter()
            .enumerate()
            .map(|(i, a)| (a.at, i as AtomIndex))
            .collect();
        atoms.sort_unstable();
        let mut read = Self {
            id,
            kind,
            file,
            atoms,
            unwind: HashMap::new(),
        };
        for (at, entry) in file.unwind.iter().enumerate() {
            let Some(first) = entry.edges.first() else {
                continue;
            };
            if let Some(place) = read.place_of(first) {
                let more = in_place(kind, &entry.bytes, first);
                let offset = place.offset.wrapping_add(more);
                read.unwind.insert(FilePlace { offset, ..place }, at);
            }
        }
        read
    }

    /// The atom that holds a place, and the offset in it.
    fn atom_at(&self, place: FilePlace) -> Option<(AtomIndex, u64)> {
        let after = self.atoms.partition_point(|(p, _)| *p <= place);
        let (start, atom) = *self.atoms.get(after.checked_sub(1)?)?;
        (start.section == place.section).then(|| (atom, place.offset - start.offset))
    }

    fn symbol(&self, to: EdgeTarget) -> Option<&'f Symbol<'w>> {
        match to {
            EdgeTarget::Symbol(s) => self.file.symbols.get(s as usize),
            EdgeTarget::Atom(_) => None,
        }
    }

    fn place_of_definition(&self, definition: Definition) -> Option<FilePlace> {
        let Definition::Atom { atom, offset } = definition else {
            return None;
        };
        let at = self.file.atoms.get(atom as usize)?.at;
        Some(FilePlace {
            section: at.section,
            offset: at.offset.wrapping_add(offset),
        })
    }

    /// The place that an edge names, less its addend.
    fn place_of(&self, edge: &Edge) -> Option<FilePlace> {
        match edge.to {
            EdgeTarget::Atom(a) => self.file.atoms.get(a as usize).map(|a| a.at),
            EdgeTarget::Symbol(_) => {
                let place = self.place_of_definition(self.symbol(edge.to)?.definition)?;
                Some(FilePlace {
                    offset: place.offset.wrapping_add(edge.addend as u64),
                    ..place
                })
            }
        }
    }
}

/// Everything about the written libraries.
struct Checked<'p, 'a, 'd, 'w, 'f> {
    proof: &'p Proof<'a, 'd>,
    objects: Vec<Read<'w, 'f>>,
    /// By made object: index into `objects`.
    read_of: Vec<Option<usize>>,
    /// Where classes stand.
    places: HashMap<ClassId, Vec<At>>,
    /// Definitions by name: (object, place, symbol's kind).
    definers: HashMap<&'w [u8], Vec<(At, SymbolKind)>>,
}

impl Proof<'_, '_> {
    /// What does not hold. `graph` is that of the written libraries, taken apart.
    #[must_use]
    pub fn faults<'w>(
        &self,
        written: &Inputs<'w>,
        graph: &Graph<'w>,
        promises: &Promises<'_>,
    ) -> Vec<Diagnostic> {
        let mut checked = Checked {
            proof: self,
            objects: Vec::new(),
            read_of: Vec::new(),
            places: HashMap::new(),
            definers: HashMap::new(),
        };
        let mut faults = Vec::new();
        let workspace = written.libraries.len().saturating_sub(1);
        for made in self.made {
            let library = made.library.map_or(workspace, LibraryId::index);
            let member = written
                .library(LibraryId(library as u32))
                .member_ids()
                .nth(made.member);
            let id = member.and_then(|m| graph.object_of[m.index()]);
            let Some((member, id)) = member.zip(id) else {
                faults.push(fault("an object that was made is not in its library"));
                checked.read_of.push(None);
                continue;
            };
            let kind = written.member(member).kind;
            checked.objects.push(Read::new(id, kind, graph.file(id)));
            checked.read_of.push(Some(checked.objects.len() - 1));
            for &(class, place) in &made.atoms {
                if let Some(place) = place {
                    checked.places.entry(class).or_default().push((id, place));
                }
            }
        }
        for read in &checked.objects {
            for symbol in read
                .file
                .symbols
                .iter()
                .filter(|s| s.binding != Binding::Local)
            {
                if let Some(place) = read.place_of_definition(symbol.definition) {
                    let list = checked.definers.entry(symbol.name).or_default();
                    list.push(((read.id, place), symbol.kind));
                }
            }
        }
        let of_atoms: Vec<Vec<Diagnostic>> = self
            .made
            .par_iter()
            .zip(&checked.read_of)
            .map(
                |(made, read)| match read.and_then(|r| checked.objects.get(r)) {
                    Some(read) => checked.object(made, read),
                    None => Vec::new(),
                },
            )
            .collect();
        faults.extend(of_atoms.into_iter().flatten());
        faults.extend(checked.constructors());
        faults.extend(checked.pulls(written, graph, promises));
        faults.truncate(SHOWN);
        faults
    }
}

fn fault(message: impl Into<String>) -> Diagnostic {
    Diagnostic::new(Code::VerifyFailed, message)
        .hint("this is a fault of dragonfire: please report it with the library")
}

impl<'d, 'w> Checked<'_, '_, 'd, 'w, '_> {
    fn node(&self, class: ClassId) -> (usize, u32, Node) {
        let analysis = self.proof.analysis;
        let (s, n) = analysis.classes.first[class.index()];
        let node = analysis.reached[s as usize].nodes[n as usize];
        (s as usize, n, node)
    }

    fn object(&self, made: &MadeObject, read: &Read<'w, '_>) -> Vec<Diagnostic> {
        let mut faults = Vec::new();
        for &(class, place) in &made.atoms {
            let Some(place) = place else { continue };
            let (s, n, node) = self.node(class);
            let file = self.proof.analysis.graph.file(node.object);
            if let Err(what) = self.atom(read, class, place, s, n, node) {
                let atom = &file.atoms[node.atom as usize];
                let name = file
                    .symbols_of(node.atom)
                    .map(|(_, s)| s)
                    .find(|s| !s.name.is_empty() && s.kind != SymbolKind::Section)
                    .map_or(atom.section, |s| s.name);
                let member = self.proof.analysis.graph.member_of[node.object.index()];
                faults.push(fault(format!("{what} (of member {})", member.0)).symbol(name));
            }
        }
        faults
    }

    /// One atom: bytes, symbols, group, references, unwind entries.
    fn atom(
        &self,
        read: &Read<'w, '_>,
        class: ClassId,
        place: FilePlace,
        s: usize,
        n: u32,
        node: Node,
    ) -> Result<(), String> {
        let analysis = self.proof.analysis;
        let file = analysis.graph.file(node.object);
        let atom = &file.atoms[node.atom as usize];
        let (index, from) = read
            .atom_at(place)
            .ok_or("an atom is not where it should be")?;
        let there = &read.file.atoms[index as usize];
        if there.size < from.saturating_add(atom.size) {
            return Err("an atom is cut off".to_owned());
        }
        if (there.writable, there.code, there.tls) != (atom.writable, atom.code, atom.tls) {
            return Err("an atom stands in a section of another kind".to_owned());
        }
        if there.align < atom.align || from % atom.align.max(1) != 0 {
            return Err("an atom is not aligned as it was".to_owned());
        }
        let bytes: &[u8] = if atom.zero_fill || there.zero_fill {
            &[]
        } else {
            let (a, b) = (from as usize, (from + atom.size) as usize);
            there.data.get(a..b).ok_or("an atom without its bytes")?
        };
        if atom.zero_fill != there.zero_fill && atom.size > 0 {
            return Err("zeroes became contents, or contents zeroes".to_owned());
        }
        self.symbols(read, class, place, node)?;
        if self.proof.partition.grouped[class.index()] {
            let group = |f: &ObjectFile<'_>, a: AtomIndex| {
                let group = f.atoms.get(a as usize)?.group?;
                f.groups
                    .get(group as usize)
                    .filter(|g| g.comdat)
                    .map(|g| g.signature.to_vec())
            };
            if group(read.file, index).is_none() || group(file, node.atom).is_none() {
                return Err("a group that must stay one is none".to_owned());
            }
        }
        let edges = file.edges_of(node.atom);
        let targets = analysis.reached[s].targets_of(n);
        let expected: Vec<(&Edge, Target)> = edges
            .iter()
            .zip(targets.iter().copied())
            .filter(|(e, _)| matches!(e.kind, EdgeKind::Relocation(_)))
            .collect();
        let all = read.file.edges_of(index);
        let first = all.partition_point(|e| is_relocation(e) && e.offset < from);
        let written: Vec<&Edge> = all[first..]
            .iter()
            .take_while(|e| is_relocation(e) && e.offset < from + atom.size.max(1))
            .collect();
        let window = Window {
            read,
            at: place,
            from,
            old: &atom.data,
            new: bytes,
            written,
        };
        self.references(&window, s, node, &expected)?;
        self.unwind(read, place, s, n, node)
    }

    /// References of one atom, and the bytes between them.
    fn references(
        &self,
        window: &Window<'_, 'w, '_>,
        s: usize,
        node: Node,
        expected: &[(&Edge, Target)],
    ) -> Result<(), String> {
        let mut used = vec![false; window.written.len()];
        let mut may_differ: Vec<(u64, u64)> = Vec::new();
        for (edge, target) in expected {
            let EdgeKind::Relocation(kind) = edge.kind else {
                continue;
            };
            let same = window.find(&used, |e| {
                e.offset - window.from == edge.offset && e.kind == edge.kind
            });
            let field = format::field(window.read.kind, kind);
            let width = field.map_or(4, |f| f.width as u64);
            if let Some(at) = same {
                used[at] = true;
                let delta = window.delta(edge, window.written[at], field.map(|f| f.width))?;
                if delta.in_contents {
                    may_differ.push((edge.offset, edge.offset + width));
                }
                self.leads(
                    window.read,
                    s,
                    node,
                    edge,
                    window.written[at],
                    *target,
                    delta,
                )
                .map_err(|e| format!("{e} at {:#x}", edge.offset))?;
                continue;
            }
            may_differ.push((
                edge.offset.saturating_sub(3),
                edge.offset + width.max(4) + 1,
            ));
            // A relocation that needed a table and needs it no more, near the old place.
            let direct = |e: &Edge| match e.kind {
                EdgeKind::Relocation(new) => format::field(window.read.kind, new).is_some(),
                EdgeKind::Rule(_) => false,
            };
            let table = format::is_table_access(window.read.kind, kind);
            let near = window.find(&used, |e| {
                let at = e.offset - window.from;
                table && at.abs_diff(edge.offset) <= 1 && direct(e)
            });
            if let Some(at) = near {
                used[at] = true;
                let delta = Delta::of(window.written[at].addend.wrapping_sub(edge.addend));
                self.leads(
                    window.read,
                    s,
                    node,
                    edge,
                    window.written[at],
                    *target,
                    delta,
                )
                .map_err(|e| format!("{e} at {:#x}, made direct", edge.offset))?;
                continue;
            }
            self.settled(window, s, edge, *target, field)
                .map_err(|e| format!("{e} at {:#x}", edge.offset))?;
        }
        if used.contains(&false) {
            return Err("a reference that was not there before".to_owned());
        }
        let differ = |at: u64| !may_differ.iter().any(|&(a, b)| (a..b).contains(&at));
        let mismatch = window.old.iter().zip(window.new).enumerate();
        let mismatch = mismatch
            .filter(|(_, (a, b))| a != b)
            .map(|(at, _)| at as u64);
        match mismatch.into_iter().find(|&at| differ(at)) {
            Some(at) => Err(format!("other bytes at {at:#x}")),
            None => Ok(()),
        }
    }

    /// Where a written edge leads.
    fn follow(&self, read: &Read<'w, '_>, edge: &Edge) -> Led<'w> {
        let symbol = match edge.to {
            EdgeTarget::Atom(a) => {
                return match read.file.atoms.get(a as usize) {
                    Some(a) => Led::At((read.id, a.at)),
                    None => Led::Nothing,
                };
            }
            EdgeTarget::Symbol(_) => match read.symbol(edge.to) {
                Some(s) => s,
                None => return Led::Nothing,
            },
        };
        match symbol.definition {
            Definition::Atom { .. } => {
                let Some(place) = read.place_of_definition(symbol.definition) else {
                    return Led::Nothing;
                };
                let at = (read.id, place);
                if symbol.binding == Binding::Local || is_crossing_name(symbol.name) {
                    Led::At(at)
                } else {
                    Led::Name(symbol.name, Some(at))
                }
            }
            Definition::Absolute(value) if symbol.binding == Binding::Local => Led::Value(value),
            Definition::Absolute(_) | Definition::Common { .. } => Led::Name(symbol.name, None),
            Definition::Undefined if symbol.name.is_empty() => Led::Nothing,
            Definition::Undefined if is_crossing_name(symbol.name) => {
                match self.definers.get(symbol.name).map(Vec::as_slice) {
                    Some([(at, _)]) => Led::At(*at),
                    _ => Led::Nothing,
                }
            }
            Definition::Undefined => Led::Name(symbol.name, None),
            Definition::Dropped => Led::Nothing,
        }
    }

    /// Does the written edge lead where reach said? `delta` is what the written addend has more.
    #[allow(clippy::too_many_arguments)]
    fn leads(
        &self,
        read: &Read<'w, '_>,
        s: usize,
        node: Node,
        edge: &Edge,
        written: &Edge,
        target: Target,
        delta: Delta,
    ) -> Result<(), String> {
        let led = self.follow(read, written);
        let graph = &self.proof.analysis.graph;
        let symbol = read.symbol(written.to);
        let kind = symbol.map_or(SymbolKind::NoType, |s| s.kind);
        let unchanged = || match delta.value {
            0 => Ok(()),
            _ => Err("a reference with another addend".to_owned()),
        };
        match target {
            Target::Node {
                node: to,
                offset,
                kind: wanted,
            } => {
                let class = self.proof.analysis.classes.class_of[s][to as usize];
                // A number of a section: any symbol there will do.
                let of_section = match edge.kind {
                    EdgeKind::Relocation(kind) => format::is_section_number(read.kind, kind),
                    EdgeKind::Rule(_) => false,
                };
                let found = match &led {
                    Led::At(at) => vec![*at],
                    // By the name of an export or of a group that stays one.
                    Led::Name(name, own) => {
                        unchanged()?;
                        let all = self.definers.get(name).into_iter().flatten();
                        own.iter().copied().chain(all.map(|(at, _)| *at)).collect()
                    }
                    Led::Value(_) | Led::Nothing => Vec::new(),
                };
                let right = found.iter().any(|&(object, place)| {
                    self.places
                        .get(&class)
                        .into_iter()
                        .flatten()
                        .any(|&(o, p)| {
                            if of_section && (o, p.section) == (object, place.section) {
                                return true;
                            }
                            let wanted = p.offset.wrapping_add(offset);
                            let found = place.offset.wrapping_add(delta.value as u64);
                            (o, p.section) == (object, place.section) && delta.equal(found, wanted)
                        })
                });
                if !right {
                    return Err("a reference leads elsewhere".to_owned());
                }
                self.kind_is_right(wanted, kind, symbol)
            }
            Target::Vague { name, .. }
            | Target::External { name, .. }
            | Target::Either { name, .. }
            | Target::Fallback { name, .. } => {
                let name_of = graph.name(name);
                if !matches!(led, Led::Name(n, _) if n == name_of) {
                    return Err("a reference by name has another name".to_owned());
                }
                unchanged()?;
                let weak = matches!(target, Target::External { weak: true, .. });
                let said = symbol.is_some_and(|s| s.binding == Binding::Weak);
                let undefined = symbol.is_some_and(|s| s.definition == Definition::Undefined);
                let stands = matches!(target, Target::Fallback { .. } | Target::Either { .. });
                if undefined && said && !weak && !stands {
                    return Err("a strong reference became weak".to_owned());
                }
                if let Some(EdgeTarget::Symbol(own)) = Some(edge.to)
                    && let Some(own) = graph.file(node.object).symbols.get(own as usize)
                    && (own.kind == SymbolKind::Tls) != (kind == SymbolKind::Tls)
                    && kind != SymbolKind::NoType
                    && own.kind != SymbolKind::NoType
                {
                    return Err(
                        "a reference to something thread-local that is not, or the reverse"
                            .to_owned(),
                    );
                }
                self.common_is_right(s, name, symbol)
            }
            Target::Bound(name) => match led {
                Led::Name(n, _) if n.starts_with(graph.name(name)) => unchanged(),
                _ => Err("the bound of a table has another name".to_owned()),
            },
            Target::Absolute(value) => match led {
                Led::Value(v) if v == value => unchanged(),
                Led::Name(..) => unchanged(),
                _ => Err("a number became another".to_owned()),
            },
            Target::Void => match led {
                Led::Nothing | Led::Value(0) => Ok(()),
                _ => Err("a reference to nothing leads somewhere".to_owned()),
            },
        }
    }

    /// What is chosen at load time, or thread-local, is named by a symbol of that kind.
    fn kind_is_right(
        &self,
        wanted: SymbolKind,
        kind: SymbolKind,
        symbol: Option<&Symbol<'_>>,
    ) -> Result<(), String> {
        let crossing = symbol.is_some_and(|s| s.definition == Definition::Undefined);
        let kind = match symbol {
            Some(s) if crossing => {
                let definers = self.definers.get(s.name).map_or(&[][..], Vec::as_slice);
                definers.first().map_or(kind, |(_, k)| *k)
            }
            _ => kind,
        };
        for special in [SymbolKind::IndirectFunction, SymbolKind::Tls] {
            let plain = matches!(kind, SymbolKind::NoType | SymbolKind::Section);
            let is_tls_section = special == SymbolKind::Tls && plain;
            if (wanted == special) != (kind == special) && !is_tls_section {
                return Err("a reference names a symbol of another kind".to_owned());
            }
        }
        Ok(())
    }

    /// A common of the library is one in the output, and as large and aligned.
    fn common_is_right(
        &self,
        s: usize,
        name: NameId,
        symbol: Option<&Symbol<'_>>,
    ) -> Result<(), String> {
        let analysis = self.proof.analysis;
        let libraries = &analysis.sets[s].libraries;
        let common = libraries
            .iter()
            .find_map(|l| analysis.commons[l.index()].get(&name));
        let (Some(common), Some(symbol)) = (common, symbol) else {
            return Ok(());
        };
        match symbol.definition {
            Definition::Common { align } if symbol.size >= common.size && align >= common.align => {
                Ok(())
            }
            Definition::Atom { .. } => Ok(()),
            _ => Err("a common symbol is smaller, less aligned, or none".to_owned()),
        }
    }

    /// A reference whose relocation is gone: its value must stand in the contents.
    fn settled(
        &self,
        window: &Window<'_, 'w, '_>,
        s: usize,
        edge: &Edge,
        target: Target,
        field: Option<format::Field>,
    ) -> Result<(), String> {
        let Target::Node { node, offset, kind } = target else {
            return match target {
                Target::Void => Ok(()),
                _ => Err("a relocation is missing".to_owned()),
            };
        };
        if matches!(kind, SymbolKind::IndirectFunction | SymbolKind::Tls) {
            return Err("a relocation is missing".to_owned());
        }
        let class = self.proof.analysis.classes.class_of[s][node as usize];
        let behind = field.and_then(|f| f.behind).unwrap_or(0);
        let places = self.places.get(&class).into_iter().flatten();
        for &(_, to) in
            places.filter(|(o, p)| *o == window.read.id && p.section == window.at.section)
        {
            // A call through a table that became direct may stand one byte before.
            for at in [edge.offset, edge.offset.wrapping_sub(1)] {
                let here = window.at.offset.wrapping_add(at);
                let distance = to.offset.wrapping_add(offset).wrapping_sub(here);
                let value = distance.wrapping_add(edge.addend as u64);
                let (old, new) = (word(window.old, at), word(window.new, at));
                let Some(new) = new else { continue };
                let in_place = old
                    .unwrap_or(0)
                    .wrapping_add(value as u32)
                    .wrapping_sub(behind as u32);
                if new == value as u32 || new == in_place {
                    return Ok(());
                }
            }
        }
        Err("a relocation is missing, and its place does not hold the value".to_owned())
    }

    /// Symbols that stay by name are there, as they were.
    fn symbols(
        &self,
        read: &Read<'w, '_>,
        class: ClassId,
        place: FilePlace,
        node: Node,
    ) -> Result<(), String> {
        let graph = &self.proof.analysis.graph;
        for export in self.proof.partition.exports_of(class) {
            let name = graph.name(export.name);
            let own = graph
                .file(node.object)
                .symbols_of(node.atom)
                .map(|(_, s)| s);
            let Some(old) = own
                .filter(|s| s.binding != Binding::Local)
                .find(|s| s.name == name)
            else {
                continue;
            };
            let (index, _) = read
                .atom_at(place)
                .ok_or("an atom is not where it should be")?;
            let wanted = place.offset.wrapping_add(export.offset);
            let mut symbols = read.file.symbols_of(index).map(|(_, s)| s);
            let Some(new) = symbols.find(|s| {
                let at = read.place_of_definition(s.definition);
                s.name == name && at.is_some_and(|p| p.offset == wanted)
            }) else {
                // Where one object holds two copies of a group, the first defines its names.
                if self.proof.partition.grouped[class.index()] {
                    continue;
                }
                return Err("an exported or contested symbol is not there".to_owned());
            };
            if (old.kind, old.visibility, old.size) != (new.kind, new.visibility, new.size)
                && new.kind != SymbolKind::NoType
            {
                return Err(
                    "an exported or contested symbol has another type, visibility or size"
                        .to_owned(),
                );
            }
            let weak = |b: Binding| matches!(b, Binding::Weak | Binding::Unique);
            if weak(old.binding) != weak(new.binding) {
                return Err("a weak symbol became strong, or the reverse".to_owned());
            }
        }
        Ok(())
    }

    /// Each function's unwind entries are there, with what they name.
    fn unwind(
        &self,
        read: &Read<'w, '_>,
        place: FilePlace,
        s: usize,
        n: u32,
        node: Node,
    ) -> Result<(), String> {
        let analysis = self.proof.analysis;
        let file = analysis.graph.file(node.object);
        let edges = file.edges_of(node.atom).len();
        let mut targets = analysis.reached[s]
            .targets_of(n)
            .iter()
            .copied()
            .skip(edges);
        for entry in file.unwind_of(node.atom) {
            let header = &file.unwind_headers[entry.header as usize];
            let own: Vec<Target> = targets.by_ref().take(entry.edges.len()).collect();
            let shared: Vec<Target> = targets.by_ref().take(header.edges.len()).collect();
            let (Some(first), Some(Target::Node { offset, .. })) =
                (entry.edges.first(), own.first())
            else {
                continue;
            };
            let begin = FilePlace {
                offset: place
                    .offset
                    .wrapping_add(*offset)
                    .wrapping_add(first.addend as u64)
                    .wrapping_add(in_place(read.kind, &entry.bytes, first)),
                ..place
            };
            let there = read
                .unwind
                .get(&begin)
                .and_then(|&i| read.file.unwind.get(i));
            let Some(there) = there else {
                return Err("a function has lost its unwind entry".to_owned());
            };
            let there_header = &read.file.unwind_headers[there.header as usize];
            let pairs = [
                (&entry.edges, own, &there.edges),
                (&header.edges, shared, &there_header.edges),
            ];
            for (old, targets, new) in pairs {
                if old.len() != new.len() {
                    return Err("an unwind entry with other references".to_owned());
                }
                let mut old: Vec<(&Edge, Target)> = old.iter().zip(targets).collect();
                old.sort_by_key(|(e, _)| e.offset);
                for ((edge, target), written) in old.into_iter().zip(new) {
                    let addend = written.addend.wrapping_sub(edge.addend);
                    // Where addends stand in the contents, the record's own bytes hold them.
                    let delta = match window_delta(&entry.bytes, &there.bytes, edge, written) {
                        Some(more) => Delta {
                            value: more,
                            in_contents: true,
                        },
                        None => Delta::of(addend),
                    };
                    self.leads(read, s, node, edge, written, target, delta)
                        .map_err(|e| format!("unwind entry: {e}"))?;
                }
            }
        }
        Ok(())
    }

    /// Constructors stand in the order in which their members are pulled.
    fn constructors(&self) -> Vec<Diagnostic> {
        let analysis = self.proof.analysis;
        let mut faults = Vec::new();
        for made in self.proof.made {
            let mut last: HashMap<(&[u8], u32), (u64, u32)> = HashMap::new();
            for &(class, place) in &made.atoms {
                let (s, _, node) = self.node(class);
                let atom = &analysis.graph.file(node.object).atoms[node.atom as usize];
                let (Some(KeepRule::InitArray), Some(place)) = (atom.keep, place) else {
                    continue;
                };
                if self.proof.partition.grouped[class.index()] {
                    continue;
                }
                let order = analysis.resolution(s).place(node.object).unwrap_or(0);
                let before = last.insert((atom.section, place.section), (place.offset, order));
                if before.is_some_and(|(offset, o)| (offset < place.offset) != (o <= order)) {
                    faults.push(fault("constructors stand in another order").symbol(atom.section));
                }
            }
        }
        faults
    }

    /// What a linker pulls for each export holds all that lives for it.
    fn pulls(
        &self,
        written: &Inputs<'w>,
        graph: &Graph<'w>,
        promises: &Promises<'_>,
    ) -> Vec<Diagnostic> {
        let analysis = self.proof.analysis;
        let workspace = written.libraries.len().saturating_sub(1);
        let mut faults = Vec::new();
        for library in 0..promises.libraries.len() {
            // Own library first, then the workspace library: the first definer is pulled.
            let mut definer: HashMap<NameId, ObjectId> = HashMap::new();
            for l in [library, workspace] {
                for member in written.library(LibraryId(l as u32)).member_ids() {
                    let Some(object) = graph.object_of[member.index()] else {
                        continue;
                    };
                    for global in &graph.globals[object.index()] {
                        if global.kind.is_definition() {
                            definer.entry(global.name).or_insert(object);
                        }
                    }
                }
            }
            for s in analysis.export_sets(LibraryId(library as u32)) {
                let roots = analysis.reached[s].roots.iter().map(|r| r.0);
                let mut pulled: BTreeSet<ObjectId> = BTreeSet::new();
                let mut needed: Vec<NameId> = roots
                    .filter_map(|n| graph.find_name(analysis.graph.name(n)))
                    .collect();
                while let Some(name) = needed.pop() {
                    let Some(&object) = definer.get(&name) else {
                        continue;
                    };
                    if pulled.insert(object) {
                        let globals = graph.globals[object.index()].iter();
                        let needs = globals.filter(|g| g.kind == GlobalKind::Undefined);
                        needed.extend(needs.map(|g| g.name));
                    }
                }
                if pulled.is_empty() {
                    continue;
                }
                for (n, node) in analysis.reached[s].nodes.iter().enumerate() {
                    let class = analysis.classes.class_of[s][n];
                    let mut places = self.places.get(&class).into_iter().flatten().peekable();
                    if places.peek().is_some() && !places.any(|(o, _)| pulled.contains(o)) {
                        let file = analysis.graph.file(node.object);
                        let section = file.atoms[node.atom as usize].section;
                        faults.push(
                            fault("what an export needs is in an object that it does not pull")
                                .symbol(section),
                        );
                    }
                }
            }
        }
        faults
    }
}

fn is_relocation(edge: &Edge) -> bool {
    matches!(edge.kind, EdgeKind::Relocation(_))
}

fn word(data: &[u8], at: u64) -> Option<u32> {
    let at = usize::try_from(at).ok()?;
    let bytes = data.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes(bytes.try_into().ok()?))
}

/// The addend that stands in the contents, where the format has it there.
fn in_place(kind: MemberKind, bytes: &[u8], edge: &Edge) -> u64 {
    match format::addends_in_contents(kind) {
        true => word(bytes, edge.offset).map_or(0, |w| i64::from(w as i32) as u64),
        false => 0,
    }
}

/// What the contents at an edge's place hold more than before, where that differs.
fn window_delta(old: &[u8], new: &[u8], edge: &Edge, written: &Edge) -> Option<i64> {
    if edge.addend != written.addend {
        return None;
    }
    let (old, new) = (word(old, edge.offset)?, word(new, edge.offset)?);
    (old != new).then(|| i64::from(new.wrapping_sub(old) as i32))
}

/// What a written addend has more than the input's.
#[derive(Debug, Clone, Copy)]
struct Delta {
    value: i64,
    /// It stands in the contents, in 32 bits.
    in_contents: bool,
}

impl Delta {
    fn of(value: i64) -> Self {
        Self {
            value,
            in_contents: false,
        }
    }

    fn equal(self, a: u64, b: u64) -> bool {
        if self.in_contents {
            a as u32 == b as u32
        } else {
            a == b
        }
    }
}

/// One atom as it was and as it is.
struct Window<'r, 'w, 'f> {
    read: &'r Read<'w, 'f>,
    at: FilePlace,
    /// Where it begins in the written atom.
    from: u64,
    old: &'r [u8],
    new: &'r [u8],
    written: Vec<&'r Edge>,
}

impl Window<'_, '_, '_> {
    fn find(&self, used: &[bool], right: impl Fn(&Edge) -> bool) -> Option<usize> {
        (0..self.written.len()).find(|&i| !used[i] && right(self.written[i]))
    }

    /// What the written edge's addend has more.
    fn delta(&self, edge: &Edge, written: &Edge, width: Option<usize>) -> Result<Delta, String> {
        let explicit = written.addend.wrapping_sub(edge.addend);
        let Some(width) = width.filter(|_| explicit == 0) else {
            return Ok(Delta::of(explicit));
        };
        let at = usize::try_from(edge.offset).map_err(|e| e.to_string())?;
        let end = at.saturating_add(width);
        let (Some(old), Some(new)) = (self.old.get(at..end), self.new.get(at..end)) else {
            return Ok(Delta::of(explicit));
        };
        if old == new {
            return Ok(Delta::of(0));
        }
        let value = |b: &[u8]| {
            let mut wide = [0u8; 8];
            wide[..b.len().min(8)].copy_from_slice(&b[..b.len().min(8)]);
            u64::from_le_bytes(wide)
        };
        Ok(Delta {
            value: value(new).wrapping_sub(value(old)) as i64,
            in_contents: true,
        })
    }
}
