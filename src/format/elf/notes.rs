//! Notes, record by record (gABI, "Note Section").
//!
//! A section of notes about static probes has a record for each probe of its object. Taken apart, a
//! record lives when the code that its first address lies in does, and keeps alive what it refers to.

use std::borrow::Cow;

use crate::format::model::{Atom, AtomIndex, Definition, Edge, EdgeTarget, FilePlace, ObjectFile};

/// Bytes before a record's name: the sizes of name and descriptor, and the type.
const HEAD: usize = 12;

/// Where records begin. `None` where the contents are no notes from first to last.
fn starts(notes: &[u8], align: u64) -> Option<Vec<u64>> {
    // Words of four bytes in fact, also in 64-bit files, but where the section is aligned to eight.
    let step = if align == 8 { 8 } else { 4 };
    let mut all = Vec::new();
    let mut at = 0usize;
    while at < notes.len() {
        let head = notes.get(at..at.checked_add(HEAD)?)?;
        let size = |from: usize| -> Option<usize> {
            let word = head.get(from..from + 4)?.try_into().ok()?;
            usize::try_from(u32::from_le_bytes(word)).ok()
        };
        let (name, descriptor) = (size(0)?, size(4)?);
        let from = (at + HEAD)
            .checked_add(name)?
            .checked_next_multiple_of(step)?;
        let end = from.checked_add(descriptor)?;
        if end > notes.len() {
            return None;
        }
        all.push(at as u64);
        // The last one's padding may be left out.
        at = end.checked_next_multiple_of(step)?;
    }
    (!all.is_empty()).then_some(all)
}

/// A section that was taken apart: its atoms, one after the other, and where each begins.
#[derive(Debug)]
pub(super) struct Records {
    first: AtomIndex,
    starts: Vec<u64>,
}

impl Records {
    /// Appends an atom for each record of `whole`, a section of notes. Gives it back where it must stay
    /// in one piece.
    pub(super) fn split<'d>(
        out: &mut ObjectFile<'d>,
        mut whole: Atom<'d>,
    ) -> Result<Self, Atom<'d>> {
        let Some(starts) = starts(&whole.data, whole.align) else {
            return Err(whole);
        };
        let data = std::mem::take(&mut whole.data);
        let first = out.atoms.len() as AtomIndex;
        for (i, &start) in starts.iter().enumerate() {
            let end = starts.get(i + 1).copied().unwrap_or(whole.size);
            let range = start as usize..end as usize;
            out.atoms.push(Atom {
                data: match &data {
                    Cow::Borrowed(data) => Cow::Borrowed(data.get(range).unwrap_or_default()),
                    Cow::Owned(data) => Cow::Owned(data.get(range).unwrap_or_default().to_vec()),
                },
                size: end - start,
                at: FilePlace {
                    offset: whole.at.offset + start,
                    ..whole.at
                },
                ..whole.clone()
            });
        }
        Ok(Self { first, starts })
    }

    /// The record at an offset of the section, and the offset within it.
    pub(super) fn at(&self, offset: u64) -> (AtomIndex, u64) {
        let record = self.starts.partition_point(|&s| s <= offset).max(1) - 1;
        let start = self.starts.get(record).copied().unwrap_or(0);
        (self.first + record as AtomIndex, offset.wrapping_sub(start))
    }

    pub(super) fn atoms(&self) -> std::ops::Range<AtomIndex> {
        self.first..self.first + self.starts.len() as AtomIndex
    }
}

/// The atom that a record's first relocation lies in.
pub(super) fn described(out: &ObjectFile<'_>, edges: &[Edge]) -> Option<AtomIndex> {
    let first = edges.iter().min_by_key(|e| e.offset)?;
    let EdgeTarget::Symbol(symbol) = first.to else {
        return None;
    };
    match out.symbols.get(symbol as usize)?.definition {
        Definition::Atom { atom, .. } => Some(atom),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::starts;

    fn note(name: &[u8], descriptor: &[u8]) -> Vec<u8> {
        let mut note = Vec::new();
        for word in [name.len() as u32, descriptor.len() as u32, 3] {
            note.extend_from_slice(&word.to_le_bytes());
        }
        for part in [name, descriptor] {
            note.extend_from_slice(part);
            note.resize(note.len().next_multiple_of(4), 0);
        }
        note
    }

    #[test]
    fn records_begin_where_the_last_ends() {
        let notes = [
            note(b"stapsdt\0", b"12345"),
            note(b"", b""),
            note(b"abc", b"1"),
        ]
        .concat();
        assert_eq!(starts(&notes, 4), Some(vec![0, 28, 40]));
        // The padding of the last one may be missing.
        assert_eq!(starts(&notes[..notes.len() - 3], 1), Some(vec![0, 28, 40]));
    }

    #[test]
    fn what_is_no_note_stays_whole() {
        let one = note(b"stapsdt\0", b"12345678");
        assert_eq!(starts(&one[..one.len() - 1], 4), None);
        assert_eq!(starts(&[&one[..], &[0; 4]].concat(), 4), None);
        assert_eq!(starts(&[0xff; 64], 4), None);
        assert_eq!(starts(b"", 4), None);
    }

    #[test]
    fn many_records_are_read_once() {
        let one = note(b"stapsdt\0", &[1; 40]);
        let notes = one.repeat(100_000);
        assert_eq!(starts(&notes, 4).map(|s| s.len()), Some(100_000));
    }
}
