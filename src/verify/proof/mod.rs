//! Proves, relocation by relocation, that what was written leads where reach said that it leads.
//!
//! The written members are read again by the format's own reader. For every atom the plan says where it
//! stands; its bytes must be there, and each of its references must be there too, in one of three forms:
//! as the relocation it was, as one that needs no table any more, or settled in the contents. What a
//! reference leads to is followed through the written symbol tables, and must be the class of atoms, the
//! name or the number that reach recorded. The plan's own idea of how to say it plays no part. Besides, what
//! identity made one must be something that no program can tell apart.

mod apart;
mod brings;
mod debug;
mod once;
mod pulls;
mod references;
mod written;

use std::collections::BTreeMap;

use foldhash::{HashMap, HashMapExt, HashSet};
use rayon::prelude::*;

use super::Promises;
use crate::analysis::Analysis;
use crate::analysis::graph::Graph;
use crate::analysis::identity::atoms::ClassId;
use crate::analysis::reach::{Node, Target};
use crate::error::{Code, Diagnostic};
use crate::format;
use crate::format::model::{
    AtomIndex, Binding, Definition, Edge, EdgeKind, FilePlace, ObjectFile, Symbol, SymbolKind,
    Visibility,
};
use crate::format::ordered::sequence;
use crate::format::output::is_crossing_name;
use crate::input::{Inputs, LibraryId};
use crate::plan::MadeObject;
use crate::plan::debug::DebugLines;
use crate::plan::partition::Partition;
use written::{At, Read, Window, is_relocation};

/// How many faults are told.
const SHOWN: usize = 50;

/// What is compared with what.
pub struct Proof<'a, 'd> {
    pub inputs: &'a Inputs<'d>,
    pub analysis: &'a Analysis<'d>,
    pub partition: &'a Partition,
    pub made: &'a [MadeObject],
    pub debug: &'a DebugLines,
}

/// Everything about the written libraries.
struct Checked<'p, 'a, 'd, 'w, 'f> {
    proof: &'p Proof<'a, 'd>,
    objects: Vec<Read<'w, 'f>>,
    /// By made object: index into `objects`.
    read_of: Vec<Option<usize>>,
    /// Where classes stand.
    places: HashMap<ClassId, Vec<At>>,
    /// Exports that may be hidden.
    hidden: HashSet<&'d [u8]>,
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
            places: HashMap::default(),
            definers: HashMap::default(),
            hidden: self.analysis.hidden_exports(),
        };
        let mut faults = Vec::new();
        let workspace = written.libraries.len().saturating_sub(1);
        let mut found = Vec::new();
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
            checked.read_of.push(Some(found.len()));
            found.push((id, written.member(member).kind));
            for &(class, place) in &made.atoms {
                if let Some(place) = place {
                    checked.places.entry(class).or_default().push((id, place));
                }
            }
        }
        let read = found.into_par_iter();
        let read = read.map(|(id, kind)| Read::new(id, kind, graph.file(id)));
        checked.objects = read.collect();
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
        let checked = &checked;
        let of_objects = || -> Vec<Diagnostic> {
            let made = self.made.par_iter().zip(&checked.read_of);
            let read = made.filter_map(|(made, &read)| Some((made, checked.objects.get(read?)?)));
            let faults: Vec<_> = read
                .map(|(made, read)| checked.object(made, read))
                .collect();
            faults.into_iter().flatten().collect()
        };
        let of_places = || [checked.aliases(), checked.constructors()].concat();
        let of_libraries = || [checked.apart(), checked.once()].concat();
        let of_debug = || checked.debug(|id| written.member(graph.member_of[id.index()]).data);
        let ((objects, (places, own)), (pulls, (brings, debug))) = rayon::join(
            || rayon::join(of_objects, || rayon::join(of_places, of_libraries)),
            || {
                rayon::join(
                    || checked.pulls(written, graph, promises),
                    || {
                        let libraries = promises.libraries.len();
                        rayon::join(|| checked.brings(written, graph, libraries), of_debug)
                    },
                )
            },
        );
        faults.extend(
            [objects, places, own, pulls, brings, debug]
                .into_iter()
                .flatten(),
        );
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
        // One object may hold most of all atoms.
        let atoms = made.atoms.par_iter();
        let faults = atoms.filter_map(|&(class, place)| {
            let place = place?;
            let (s, n, node) = self.node(class);
            let file = self.proof.analysis.graph.file(node.object);
            let what = self.atom(read, class, place, s, n, node).err()?;
            let atom = &file.atoms[node.atom as usize];
            let name = file
                .symbols_of(node.atom)
                .map(|(_, s)| s)
                .find(|s| !s.name.is_empty() && s.kind != SymbolKind::Section)
                .map_or(atom.section, |s| s.name);
            let member = self.proof.analysis.graph.member_of[node.object.index()];
            Some(fault(format!("{what} (of member {})", member.0)).symbol(name))
        });
        faults.collect()
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
        let aligned = match atom.phase {
            0 => {
                there.align >= atom.align && (there.phase + from).is_multiple_of(atom.align.max(1))
            }
            // What its section is aligned to, the section's first atom says.
            phase => {
                let first = read.atom_at(FilePlace { offset: 0, ..place });
                let first = first.and_then(|(first, _)| read.file.atoms.get(first as usize));
                first.is_some_and(|f| f.align >= atom.align)
                    && place.offset % atom.align.max(1) == phase
            }
        };
        if !aligned {
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
        let grouped = self.proof.partition.grouped[class.index()];
        let is_spare = || grouped && self.is_spare(read, place, node);
        if let Err(fault) = self.symbols(read, class, place, node)
            && !is_spare()
        {
            return Err(fault);
        }
        if grouped && atom.group.is_some() {
            let group = |f: &ObjectFile<'_>, a: AtomIndex| {
                let group = f.atoms.get(a as usize)?.group?;
                f.groups
                    .get(group as usize)
                    .filter(|g| g.comdat)
                    .map(|g| g.signature.to_vec())
            };
            let none = group(read.file, index).is_none() || group(file, node.atom).is_none();
            if none && !is_spare() {
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
            size: atom.size,
            old: &atom.data,
            new: bytes,
            written,
        };
        self.references(&window, s, node, &expected)?;
        self.unwind(read, place, s, n, node)
    }

    /// Of two copies of a group in one object one defines its names, by which references go: the other is nobody's.
    fn is_spare(&self, read: &Read<'w, '_>, place: FilePlace, node: Node) -> bool {
        let graph = &self.proof.analysis.graph;
        let file = graph.file(node.object);
        let group = file
            .atoms
            .get(node.atom as usize)
            .and_then(|atom| file.groups.get(atom.group? as usize));
        let atoms = group.map_or(&[][..], |g| &g.atoms);
        let symbols = atoms.iter().flat_map(|&a| file.symbols_of(a));
        let mut names = symbols
            .filter(|(_, s)| s.binding != Binding::Local)
            .map(|(_, s)| s.name)
            .peekable();
        let elsewhere = |name: &[u8]| {
            let there = self.definers.get(name).into_iter().flatten();
            there
                .filter(|((id, _), _)| *id == read.id)
                .any(|((_, at), _)| *at != place)
        };
        names.peek().is_some() && names.all(elsewhere)
    }

    /// Symbols that stay by name are there, as they were.
    fn symbols(
        &self,
        read: &Read<'w, '_>,
        class: ClassId,
        place: FilePlace,
        node: Node,
    ) -> Result<(), String> {
        let analysis = self.proof.analysis;
        let graph = &analysis.graph;
        let mut exports = self.proof.partition.exports_of(class).peekable();
        if exports.peek().is_none() {
            return Ok(());
        }
        let own = graph.file(node.object).symbols_of(node.atom);
        let mut named: HashMap<&[u8], &Symbol<'_>> = HashMap::new();
        for (_, symbol) in own.filter(|(_, s)| s.binding != Binding::Local) {
            named.entry(symbol.name).or_insert(symbol);
        }
        let at = read.atom_at(place);
        for export in exports {
            let name = graph.name(export.name);
            let Some(&old) = named.get(name) else {
                continue;
            };
            if at.is_none() {
                return Err("an atom is not where it should be".to_owned());
            }
            let offset = place.offset.wrapping_add(export.offset);
            let wanted = (FilePlace { offset, ..place }, name);
            let new = read.symbols.get(&wanted);
            let Some(new) = new.and_then(|&s| read.file.symbols.get(s)) else {
                // Where one object holds two copies of a group, the first defines its names.
                if self.proof.partition.grouped[class.index()] {
                    continue;
                }
                return Err("an exported or contested symbol is not there".to_owned());
            };
            let shared = format::is_shared_by_all(analysis.format, name);
            let visibility =
                if shared || new.visibility == Visibility::Hidden && self.hidden.contains(name) {
                    Visibility::Hidden
                } else {
                    old.visibility
                };
            let sized = format::has_symbol_sizes(analysis.format);
            if ((old.kind, visibility) != (new.kind, new.visibility)
                || (sized && old.size != new.size))
                && new.kind != SymbolKind::NoType
            {
                return Err(
                    "an exported or contested symbol has another type, visibility or size"
                        .to_owned(),
                );
            }
            let weak = |b: Binding| matches!(b, Binding::Weak | Binding::Unique);
            if (shared || weak(old.binding)) != weak(new.binding) {
                // Of equals in one object one is enough: references go by the name.
                let there = self.definers.get(name).into_iter().flatten();
                let mut there = there.filter(|((id, _), _)| *id == read.id);
                if new.binding == Binding::Local
                    && weak(old.binding)
                    && there.any(|(at, _)| self.are_alike(*at, (read.id, wanted.0), true))
                {
                    continue;
                }
                return Err("a weak symbol became strong, or the reverse".to_owned());
            }
        }
        Ok(())
    }

    /// A name of ours is seen from outside only where an export names the same variable.
    fn aliases(&self) -> Vec<Diagnostic> {
        let format = self.proof.analysis.format;
        if !format::copies_variables(format) {
            return Vec::new();
        }
        let mut faults = Vec::new();
        for read in &self.objects {
            for symbol in &read.file.symbols {
                let Definition::Atom { atom, offset } = symbol.definition else {
                    continue;
                };
                let seen = symbol.binding != Binding::Local && symbol.visibility.is_outside();
                if !seen || !is_crossing_name(symbol.name) {
                    continue;
                }
                let mut there = read.file.symbols_at(atom, offset);
                let exported = there.any(|(_, s)| {
                    s.binding != Binding::Local
                        && s.visibility.is_outside()
                        && !is_crossing_name(s.name)
                });
                if !exported || symbol.kind != SymbolKind::Object {
                    faults.push(fault("this internal symbol is visible").symbol(symbol.name));
                }
            }
        }
        faults
    }

    /// Constructors and elements of tables stand in the order in which their members are pulled.
    fn constructors(&self) -> Vec<Diagnostic> {
        let made = self.proof.made.par_iter();
        let faults: Vec<Vec<Diagnostic>> = made.map(|made| self.order_in(made)).collect();
        faults.into_iter().flatten().collect()
    }

    fn order_in(&self, made: &MadeObject) -> Vec<Diagnostic> {
        let analysis = self.proof.analysis;
        let mut faults = Vec::new();
        let mut sequences: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for &(class, place) in &made.atoms {
            let (s, _, node) = self.node(class);
            let atom = &analysis.graph.file(node.object).atoms[node.atom as usize];
            let sequence = sequence(analysis.format, atom);
            let (Some(sequence), Some(place)) = (sequence, place) else {
                continue;
            };
            if self.proof.partition.grouped[class.index()] {
                continue;
            }
            let order = analysis.resolution(s).place(node.object).unwrap_or(0);
            let own = sequences.entry(sequence).or_default();
            own.push((place.section, place.offset, order, node));
        }
        for (sequence, mut atoms) in sequences {
            atoms.sort_unstable();
            if !atoms.is_sorted_by_key(|&(_, _, order, node)| (order, node)) {
                let what = "constructors, or elements of a table, stand in another order";
                faults.push(fault(what).symbol(&sequence));
            }
        }
        faults
    }
}
