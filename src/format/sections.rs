//! What a member's bytes are for: its sections by kind, cut at the symbols that name their pieces.

use super::model::Atom;
use super::{Format, MemberKind, coff, elf, macho};
use crate::error::Result;

/// What a section is for, whatever the format calls it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SectionKind {
    Code,
    /// Constants, and data that is constant after relocation.
    ReadOnly,
    Data,
    /// Zero-filled: no bytes in the file.
    Bss,
    Unwind,
    Debug,
    /// Symbol and string tables.
    Symbols,
    /// LLVM bitcode beside native code (`.llvmbc`), which no linker reads.
    Bitcode,
    /// Relocations of other than debug and unwind sections (those count with what they relocate).
    Relocations,
    Note,
    Other,
}

impl SectionKind {
    /// Pieces of these belong to whoever wrote the symbol they start with.
    #[must_use]
    pub fn has_named_pieces(self) -> bool {
        matches!(
            self,
            Self::Code | Self::ReadOnly | Self::Data | Self::Bss | Self::Unwind
        )
    }
}

/// A piece of a section: all of it, or what one symbol names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SectionPiece<'d> {
    /// Name of the section.
    pub section: &'d [u8],
    pub kind: SectionKind,
    /// Bytes in the file.
    pub bytes: u64,
    /// Bytes in memory that are not in the file.
    pub zero_fill: u64,
    /// The symbol that the piece starts with, where one does.
    pub symbol: Option<&'d [u8]>,
}

/// Calls `f` for every piece of every section of a member, in section order. File and section
/// headers, load commands and padding are no piece: they are what the sum lacks of the member's
/// size. Members that are no objects have none.
///
/// # Errors
/// `object-malformed`.
pub fn for_each_piece<'d>(
    kind: MemberKind,
    data: &'d [u8],
    f: &mut dyn FnMut(SectionPiece<'d>),
) -> Result<()> {
    match kind {
        MemberKind::Object(Format::Elf, _) => elf::sections::for_each_piece(data, f),
        MemberKind::Object(Format::Coff, _) => coff::sections::for_each_piece(data, f),
        MemberKind::Object(Format::MachO, _) => macho::sections::for_each_piece(data, f),
        MemberKind::ImportStub(_) | MemberKind::Bitcode | MemberKind::Other => Ok(()),
    }
}

/// The kind of an atom's contents.
#[must_use]
pub fn kind_of_atom(format: Format, atom: &Atom<'_>) -> SectionKind {
    let unwind = match format {
        Format::Elf => elf::sections::is_unwind(atom.section),
        Format::Coff => coff::sections::is_unwind(atom.section),
        Format::MachO => macho::sections::is_unwind(atom.section),
    };
    if unwind {
        SectionKind::Unwind
    } else if atom.zero_fill {
        SectionKind::Bss
    } else if atom.code {
        SectionKind::Code
    } else if atom.writable {
        SectionKind::Data
    } else {
        SectionKind::ReadOnly
    }
}

/// A symbol's place, for cutting.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark<'d> {
    /// The section's index in the object.
    pub section: usize,
    /// Offset in the section.
    pub offset: u64,
    pub name: &'d [u8],
}

/// Symbols by section and offset; of several at one place the first in the symbol table counts.
#[derive(Debug, Default)]
pub(super) struct Marks<'d>(Vec<Mark<'d>>);

impl<'d> Marks<'d> {
    pub fn new(mut marks: Vec<Mark<'d>>) -> Self {
        marks.sort_by_key(|m| (m.section, m.offset));
        marks.dedup_by_key(|m| (m.section, m.offset));
        Self(marks)
    }

    fn of(&self, section: usize) -> &[Mark<'d>] {
        let start = self.0.partition_point(|m| m.section < section);
        let rest = self.0.get(start..).unwrap_or_default();
        let end = rest.partition_point(|m| m.section == section);
        rest.get(..end).unwrap_or_default()
    }

    /// The symbol that names a section wholly: its first.
    pub fn first(&self, section: usize) -> Option<&'d [u8]> {
        self.of(section).first().map(|m| m.name)
    }

    /// Cuts `whole` (section number `section`) at its symbols. Sections without a symbol keep the
    /// name that `whole` has.
    pub fn cut(
        &self,
        section: usize,
        whole: SectionPiece<'d>,
        f: &mut dyn FnMut(SectionPiece<'d>),
    ) {
        let marks = self.of(section);
        let size = whole.bytes.max(whole.zero_fill);
        if !whole.kind.has_named_pieces() || marks.len() < 2 {
            let symbol = marks.first().map(|m| m.name).or(whole.symbol);
            f(SectionPiece { symbol, ..whole });
            return;
        }
        let zero_fill = whole.bytes == 0;
        let mut emit = |start: u64, end: u64, symbol: Option<&'d [u8]>| {
            let length = end.min(size).saturating_sub(start.min(size));
            if length == 0 {
                return;
            }
            f(SectionPiece {
                bytes: if zero_fill { 0 } else { length },
                zero_fill: if zero_fill { length } else { 0 },
                symbol,
                ..whole
            });
        };
        let first = marks.first().map_or(size, |m| m.offset);
        emit(0, first, whole.symbol);
        for (i, mark) in marks.iter().enumerate() {
            let end = marks.get(i + 1).map_or(size, |next| next.offset);
            emit(mark.offset, end, Some(mark.name));
        }
    }
}

/// The mangled Rust name that ends a section's own name (`.text.unlikely._ZN4core…`), where the
/// symbol itself is gone or local.
#[must_use]
pub fn symbol_in_section_name(section: &[u8]) -> Option<&[u8]> {
    let at = section
        .windows(3)
        .position(|w| w.starts_with(b"._R") || w.starts_with(b"._Z"))?;
    section.get(at + 1..)
}

/// Whether a section of this name holds debug information. The names are DWARF's (also GNU's
/// compressed ones), stabs', CodeView's and what debuggers add.
pub(super) fn is_debug_name(name: &[u8]) -> bool {
    [
        b".debug".as_slice(),
        b".zdebug",
        b".gdb_index",
        b".stab",
        b".gnu_debug",
        b".pseudo_probe",
    ]
    .iter()
    .any(|prefix| name.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(bytes: u64) -> SectionPiece<'static> {
        SectionPiece {
            section: b".text",
            kind: SectionKind::Code,
            bytes,
            zero_fill: 0,
            symbol: None,
        }
    }

    fn cut(marks: Vec<Mark<'static>>, whole: SectionPiece<'static>) -> Vec<(u64, Option<String>)> {
        let mut got = Vec::new();
        Marks::new(marks).cut(1, whole, &mut |p| {
            got.push((p.bytes, p.symbol.map(|s| String::from_utf8_lossy(s).into())));
        });
        got
    }

    #[test]
    fn cuts_at_symbols_and_keeps_the_sum() {
        let mark = |offset, name: &'static str| Mark {
            section: 1,
            offset,
            name: name.as_bytes(),
        };
        let got = cut(
            vec![
                mark(4, "a"),
                mark(10, "b"),
                mark(10, "alias"),
                mark(99, "out"),
            ],
            piece(20),
        );
        assert_eq!(
            got,
            [(4, None), (6, Some("a".into())), (10, Some("b".into()))]
        );
    }

    #[test]
    fn one_symbol_names_the_whole_section() {
        let mark = Mark {
            section: 1,
            offset: 8,
            name: b"f",
        };
        assert_eq!(cut(vec![mark], piece(20)), [(20, Some("f".into()))]);
    }

    #[test]
    fn section_names_hold_symbols() {
        assert_eq!(
            symbol_in_section_name(b".text.unlikely._ZN4core3foo17h0123456789abcdefE"),
            Some(b"_ZN4core3foo17h0123456789abcdefE".as_slice())
        );
        assert_eq!(symbol_in_section_name(b".text.hot"), None);
    }
}
