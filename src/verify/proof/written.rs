//! A written object as its reader sees it, and one atom as it was and as it is.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use crate::analysis::graph::ObjectId;
use crate::format::model::{
    AtomIndex, Definition, Edge, EdgeKind, EdgeTarget, FilePlace, ObjectFile, Symbol, UnwindEntry,
};
use crate::format::{self, MemberKind};

/// A place in a written object.
pub(super) type At = (ObjectId, FilePlace);

/// Where a written reference leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Led<'w> {
    At(At),
    /// By a name that is not ours alone; where this object defines it, its place.
    Name(&'w [u8], Option<At>),
    Value(u64),
    Nothing,
}

/// A written object with what is needed to look things up in it.
pub(super) struct Read<'w, 'f> {
    pub(super) id: ObjectId,
    pub(super) kind: MemberKind,
    pub(super) file: &'f ObjectFile<'w>,
    /// Atoms by section and offset.
    pub(super) atoms: Vec<(FilePlace, AtomIndex)>,
    /// Functions with unwind entries, and whether the entry has a header of its own: index into
    /// `file.unwind`.
    pub(super) unwind: HashMap<(FilePlace, bool), usize, FixedState>,
    /// Symbols by place and name, the first of each: index into `file.symbols`.
    pub(super) symbols: HashMap<(FilePlace, &'w [u8]), usize, FixedState>,
}

impl<'w, 'f> Read<'w, 'f> {
    pub(super) fn new(id: ObjectId, kind: MemberKind, file: &'f ObjectFile<'w>) -> Self {
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
            unwind: HashMap::default(),
            symbols: HashMap::default(),
        };
        for (at, symbol) in file.symbols.iter().enumerate() {
            if let Some(place) = read.place_of_definition(symbol.definition) {
                read.symbols.entry((place, symbol.name)).or_insert(at);
            }
        }
        for (at, entry) in file.unwind.iter().enumerate() {
            let Some(first) = entry.edges.first() else {
                continue;
            };
            if let Some(place) = read.place_of(first) {
                let more = in_place(kind, &entry.bytes, first);
                let offset = place.offset.wrapping_add(more);
                let key = (FilePlace { offset, ..place }, has_header(file, entry));
                read.unwind.insert(key, at);
            }
        }
        read
    }

    /// The atom that holds a place, and the offset in it.
    pub(super) fn atom_at(&self, place: FilePlace) -> Option<(AtomIndex, u64)> {
        let after = self.atoms.partition_point(|(p, _)| *p <= place);
        let (start, atom) = *self.atoms.get(after.checked_sub(1)?)?;
        (start.section == place.section).then(|| (atom, place.offset - start.offset))
    }

    pub(super) fn symbol(&self, to: EdgeTarget) -> Option<&'f Symbol<'w>> {
        match to {
            EdgeTarget::Symbol(s) => self.file.symbols.get(s as usize),
            EdgeTarget::Atom(_) => None,
        }
    }

    pub(super) fn place_of_definition(&self, definition: Definition) -> Option<FilePlace> {
        let Definition::Atom { atom, offset } = definition else {
            return None;
        };
        let at = self.file.atoms.get(atom as usize)?.at;
        Some(FilePlace {
            section: at.section,
            offset: at.offset.wrapping_add(offset),
        })
    }

    /// The place that an edge names by what it says, whatever stands in the contents.
    pub(super) fn place_of(&self, edge: &Edge) -> Option<FilePlace> {
        let place = match edge.to {
            EdgeTarget::Atom(a) => self.file.atoms.get(a as usize).map(|a| a.at)?,
            EdgeTarget::Symbol(_) => self.place_of_definition(self.symbol(edge.to)?.definition)?,
        };
        Some(FilePlace {
            offset: place.offset.wrapping_add(edge.addend as u64),
            ..place
        })
    }
}

/// One function may have an entry of either kind (Mach-O).
pub(super) fn has_header(file: &ObjectFile<'_>, entry: &UnwindEntry<'_>) -> bool {
    let header = file.unwind_headers.get(entry.header as usize);
    header.is_some_and(|h| !h.bytes.is_empty())
}

pub(super) fn is_relocation(edge: &Edge) -> bool {
    matches!(edge.kind, EdgeKind::Relocation(_))
}

pub(super) fn word(data: &[u8], at: u64) -> Option<u32> {
    let at = usize::try_from(at).ok()?;
    let bytes = data.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes(bytes.try_into().ok()?))
}

/// The addend that stands in the contents, where the format has it there.
pub(super) fn in_place(kind: MemberKind, bytes: &[u8], edge: &Edge) -> u64 {
    match format::addends_in_contents(kind) {
        true => word(bytes, edge.offset).map_or(0, |w| i64::from(w as i32) as u64),
        false => 0,
    }
}

/// What the contents at an edge's place hold more than before, where that differs.
pub(super) fn window_delta(old: &[u8], new: &[u8], edge: &Edge, written: &Edge) -> Option<i64> {
    if edge.addend != written.addend {
        return None;
    }
    let (old, new) = (word(old, edge.offset)?, word(new, edge.offset)?);
    (old != new).then(|| i64::from(new.wrapping_sub(old) as i32))
}

/// What a written addend has more than the input's.
#[derive(Debug, Clone, Copy)]
pub(super) struct Delta {
    pub(super) value: i64,
    /// It stands in the contents, in 32 bits.
    pub(super) in_contents: bool,
}

impl Delta {
    pub(super) fn of(value: i64) -> Self {
        Self {
            value,
            in_contents: false,
        }
    }

    pub(super) fn equal(self, a: u64, b: u64) -> bool {
        if self.in_contents {
            a as u32 == b as u32
        } else {
            a == b
        }
    }
}

/// One atom as it was and as it is.
pub(super) struct Window<'r, 'w, 'f> {
    pub(super) read: &'r Read<'w, 'f>,
    pub(super) at: FilePlace,
    /// Where it begins in the written atom.
    pub(super) from: u64,
    pub(super) size: u64,
    pub(super) old: &'r [u8],
    pub(super) new: &'r [u8],
    pub(super) written: Vec<&'r Edge>,
}

impl Window<'_, '_, '_> {
    /// A written edge that is not `used`, and `right`, no further than a byte from `offset`. They are sorted.
    pub(super) fn find(
        &self,
        used: &[bool],
        offset: u64,
        right: impl Fn(&Edge) -> bool,
    ) -> Option<usize> {
        let at = self.from.saturating_add(offset);
        let first = self
            .written
            .partition_point(|e| e.offset < at.saturating_sub(1));
        let near = self.written.iter().enumerate().skip(first);
        near.take_while(|(_, e)| e.offset <= at.saturating_add(1))
            .find(|(i, e)| !used[*i] && right(e))
            .map(|(i, _)| i)
    }

    /// What the written edge's addend has more.
    pub(super) fn delta(
        &self,
        edge: &Edge,
        written: &Edge,
        width: Option<usize>,
    ) -> Result<Delta, String> {
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
