//! What an atom says, and whose it is: the digest that atoms have in common when they look alike and nobody can
//! tell one from the other.

use crate::analysis::graph::{Graph, ObjectId};
use crate::format::model::{
    AtomIndex, Binding, Definition, Edge, EdgeKind, EdgeTarget, ObjectFile, SymbolKind, ToldBy,
};

/// Whose an atom is, besides what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Entity<'d> {
    /// Anybody's: whatever says the same is the same.
    Alike,
    /// A COMDAT group's, and where it has no name, so many atoms behind the group's first.
    Group(&'d [u8], Option<u32>),
    /// Its place's.
    Place(ObjectId, AtomIndex),
}

/// Everything about an atom but where its edges lead.
#[must_use]
pub fn digest(graph: &Graph<'_>, object: ObjectId, index: AtomIndex) -> [u8; 32] {
    let file = graph.file(object);
    digest_as(
        file,
        entity(file, graph.is_rust(object), object, index),
        index,
    )
}

/// As [`digest`], wherever the atom comes from.
#[must_use]
pub fn digest_anywhere(file: &ObjectFile<'_>, index: AtomIndex) -> [u8; 32] {
    digest_as(file, Entity::Alike, index)
}

/// What looks alike is two where it is written, where somebody may compare addresses, and where it counts by
/// being there; unless a name says that it is one. `rust`: addresses of what has no mangled name mean nothing.
fn entity<'d>(file: &ObjectFile<'d>, rust: bool, object: ObjectId, index: AtomIndex) -> Entity<'d> {
    let Some(atom) = file.atoms.get(index as usize) else {
        return Entity::Alike;
    };
    let place = Entity::Place(object, index);
    let mut anonymous = true;
    let mut weak = false;
    for (_, symbol) in file.symbols_of(index) {
        if !is_static(symbol.kind) || symbol.name.is_empty() {
            continue;
        }
        // Statics of different sources.
        if symbol.binding == Binding::Local && !rust {
            return place;
        }
        anonymous = false;
        weak |= matches!(symbol.binding, Binding::Weak | Binding::Unique);
    }
    let counts = atom.counts_by_itself();
    let alike = match atom.told_by {
        _ if atom.writable || atom.tls => false,
        _ if rust => !(counts && anonymous),
        ToldBy::Contents => !counts,
        // Linkers keep all of several weak definitions.
        ToldBy::Names => !(counts && weak),
        ToldBy::Place => false,
    };
    let group = atom.group.and_then(|g| file.groups.get(g as usize));
    match group.filter(|g| g.comdat) {
        _ if alike => Entity::Alike,
        Some(group) => {
            let first = group.atoms.first().copied().unwrap_or(index);
            let behind = anonymous.then(|| index.wrapping_sub(first));
            Entity::Group(group.signature, behind)
        }
        None => place,
    }
}

/// Does a symbol of this kind name something whose address can be taken?
fn is_static(kind: SymbolKind) -> bool {
    !matches!(
        kind,
        SymbolKind::Section | SymbolKind::File | SymbolKind::Mapping
    )
}

fn digest_as(file: &ObjectFile<'_>, entity: Entity<'_>, index: AtomIndex) -> [u8; 32] {
    let Some(atom) = file.atoms.get(index as usize) else {
        return [0; 32];
    };
    let mut h = Digest::default();
    match entity {
        Entity::Alike => h.numbers(&[0]),
        Entity::Group(signature, behind) => {
            h.numbers(&[1, behind.map_or(u64::MAX, u64::from)]);
            h.bytes(signature);
        }
        Entity::Place(object, index) => {
            h.numbers(&[2, u64::from(object.0), u64::from(index)]);
        }
    }
    h.bytes(atom.section);
    h.bytes(atom.segment);
    h.bytes(&atom.data);
    h.numbers(&[
        atom.size,
        atom.align,
        atom.phase,
        u64::from(atom.native.kind),
        atom.native.flags,
        atom.native.entry_size,
        u64::from(atom.zero_fill),
    ]);
    for (_, symbol) in file.symbols_of(index) {
        if symbol.kind == SymbolKind::Section {
            continue;
        }
        h.bytes(symbol.name);
        let offset = match symbol.definition {
            Definition::Atom { offset, .. } => offset,
            _ => 0,
        };
        h.numbers(&[
            offset,
            symbol.size,
            symbol.kind as u64,
            // Unique or weak, by the compiler's fashion, is one thing.
            match symbol.binding {
                Binding::Unique => Binding::Weak as u64,
                binding => binding as u64,
            },
            symbol.visibility as u64,
            u64::from(symbol.native),
        ]);
    }
    h.edges(file, file.edges_of(index));
    for entry in file.unwind_of(index) {
        h.bytes(entry.bytes.get(entry.says_from..).unwrap_or_default());
        h.edges(file, &entry.edges);
        if let Some(header) = file.unwind_headers.get(entry.header as usize) {
            h.bytes(&header.bytes);
            h.edges(file, &header.edges);
        }
    }
    h.finish()
}

/// Takes what is digested in many small pieces, and hashes it in few large ones.
struct Digest {
    taken: blake3::Hasher,
    waiting: Vec<u8>,
}

/// How many bytes may wait.
const WAITING: usize = 8 << 10;

impl Default for Digest {
    fn default() -> Self {
        Self {
            taken: blake3::Hasher::new(),
            waiting: Vec::with_capacity(1 << 10),
        }
    }
}

impl Digest {
    fn take(&mut self, bytes: &[u8]) {
        if self.waiting.len() + bytes.len() > WAITING {
            self.taken.update(&self.waiting);
            self.waiting.clear();
        }
        match bytes.len() > WAITING {
            true => drop(self.taken.update(bytes)),
            false => self.waiting.extend_from_slice(bytes),
        }
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.take(&(bytes.len() as u64).to_le_bytes());
        self.take(bytes);
    }

    fn numbers<const N: usize>(&mut self, numbers: &[u64; N]) {
        let bytes = numbers.map(u64::to_le_bytes);
        self.take(bytes.as_flattened());
    }

    fn finish(mut self) -> [u8; 32] {
        *self.taken.update(&self.waiting).finalize().as_bytes()
    }

    fn edges(&mut self, file: &ObjectFile<'_>, edges: &[Edge]) {
        self.numbers(&[edges.len() as u64]);
        for edge in edges {
            let kind = match edge.kind {
                EdgeKind::Relocation(r) => u64::from(r),
                EdgeKind::Rule(rule) => 1 << 32 | rule as u64,
            };
            self.numbers(&[edge.offset, edge.addend as u64, kind]);
            if let EdgeTarget::Symbol(s) = edge.to
                && let Some(symbol) = file.symbols.get(s as usize)
            {
                self.bytes(symbol.name);
                if let Definition::Atom { offset, .. } = symbol.definition {
                    self.numbers(&[offset]);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::{Entity, entity};
    use crate::analysis::graph::ObjectId;
    use crate::format::model::{
        Atom, Binding, Definition, FilePlace, Group, Native, ObjectFile, Symbol, SymbolKind,
        ToldBy, Visibility,
    };

    fn atom(told_by: ToldBy) -> Atom<'static> {
        Atom {
            section: b".rodata",
            segment: b"",
            data: Cow::Borrowed(&[0; 8]),
            size: 8,
            align: 8,
            phase: 0,
            code: false,
            writable: false,
            tls: false,
            zero_fill: false,
            keep: None,
            group: None,
            registry: None,
            bounded_by_sections: false,
            of_one_function: false,
            told_by,
            far: false,
            at: FilePlace::default(),
            native: Native::default(),
        }
    }

    fn file(atom: Atom<'static>, name: Option<(&'static [u8], Binding)>) -> ObjectFile<'static> {
        let symbols = name.map(|(name, binding)| Symbol {
            name,
            definition: Definition::Atom { atom: 0, offset: 0 },
            binding,
            kind: SymbolKind::Object,
            visibility: Visibility::Default,
            size: 8,
            native: 0,
        });
        let mut file = ObjectFile::default();
        file.atoms.push(atom);
        file.atom_symbols.extend(symbols.iter().map(|_| (0, 0)));
        file.symbols.extend(symbols);
        file
    }

    const PLACE: Entity<'_> = Entity::Place(ObjectId(3), 0);

    fn of(file: &ObjectFile<'static>, rust: bool) -> Entity<'static> {
        entity(file, rust, ObjectId(3), 0)
    }

    #[test]
    fn read_only_data() {
        let stripped = file(atom(ToldBy::Place), None);
        assert_eq!(of(&stripped, false), PLACE);
        assert_eq!(of(&stripped, true), Entity::Alike);
        let literal = file(atom(ToldBy::Contents), None);
        assert_eq!(of(&literal, false), Entity::Alike);
        let seen = file(atom(ToldBy::Names), Some((b"key", Binding::Global)));
        assert_eq!(of(&seen, false), Entity::Alike);
        let own = file(atom(ToldBy::Place), Some((b"key", Binding::Local)));
        assert_eq!(of(&own, false), PLACE);
        assert_eq!(of(&own, true), Entity::Alike);
    }

    #[test]
    fn what_is_written() {
        let mut variable = atom(ToldBy::Names);
        variable.writable = true;
        let named = file(variable, Some((b"count", Binding::Global)));
        assert_eq!(of(&named, false), PLACE);
        assert_eq!(of(&named, true), PLACE);
    }

    #[test]
    fn entries_of_tables() {
        let mut entry = atom(ToldBy::Place);
        entry.registry = Some(b"mytab");
        assert_eq!(of(&file(entry.clone(), None), true), PLACE);
        let named = file(entry.clone(), Some((b"_ZN1a5ENTRYE", Binding::Local)));
        assert_eq!(of(&named, true), Entity::Alike);
        entry.told_by = ToldBy::Names;
        let strong = file(entry.clone(), Some((b"entry", Binding::Global)));
        assert_eq!(of(&strong, false), Entity::Alike);
        let weak = file(entry, Some((b"entry", Binding::Weak)));
        assert_eq!(of(&weak, false), PLACE);
    }

    #[test]
    fn groups() {
        let mut variable = atom(ToldBy::Place);
        variable.writable = true;
        variable.group = Some(0);
        let mut own = file(variable, None);
        own.groups.push(Group {
            signature: b"_ZN1aE",
            comdat: true,
            largest: false,
            native: 0,
            atoms: vec![0],
        });
        assert_eq!(of(&own, false), Entity::Group(b"_ZN1aE", Some(0)));
        own.groups[0].comdat = false;
        assert_eq!(of(&own, false), PLACE);
    }
}
