//! The debug sections of a Mach-O object, for the DWARF reader.

use std::borrow::Cow;

use gimli::SectionId;
use object::{Endianness, macho};

use super::layout::{File, Header};
use super::read::malformed;
use crate::debuginfo::dwarf::sections::{Section, Sections, wanted};
use crate::debuginfo::places::Places;
use crate::error::Result;
use crate::format::model::ObjectFile;

/// The segment they say they are of.
pub(super) const SEGMENT: &[u8] = b"__DWARF";

/// The name of a debug section, in the 16 bytes that there are.
pub(super) fn section_name(id: SectionId) -> Vec<u8> {
    let stem = id.name().strip_prefix('.').unwrap_or_default();
    let mut name = format!("__{stem}").into_bytes();
    name.truncate(16);
    name
}

/// The addresses that debug information is read with: those of the file. Those of data are
/// asked for where variables are.
pub fn places(data: &[u8], file: &ObjectFile<'_>, live: Vec<bool>, full: bool) -> Places {
    let sections = File::new(data).and_then(|f| f.sections());
    let sections = sections.unwrap_or_default();
    let at = file.atoms.iter().map(|atom| {
        // Sections count from 1.
        let section = (atom.at.section as usize).checked_sub(1)?;
        let address = sections.get(section)?.address;
        let start = address.checked_add(atom.at.offset)?;
        (atom.code || full).then_some((start, atom.size))
    });
    Places::new(at.collect(), live)
}

/// The debug sections, with those of variables where they are wanted. Addresses in them stand there as they are, but for those of symbols.
///
/// # Errors
/// `object-malformed`.
pub fn sections(data: &[u8], full: bool) -> Result<Sections<'_>> {
    let mut out = Sections::default();
    let Some(file) = File::new(data).filter(|f| f.endian == Endianness::Little) else {
        return Ok(out);
    };
    let headers = file
        .sections()
        .ok_or_else(|| malformed("bad section table"))?;
    for header in headers.iter().filter(|h| h.segment == SEGMENT) {
        let Some(id) = wanted(full).find(|id| section_name(*id) == header.name) else {
            continue;
        };
        if out.0.iter().any(|s| s.id == id) {
            continue;
        }
        let contents = range(header.offset, header.size).and_then(|r| data.get(r));
        let mut contents = Cow::Borrowed(
            contents.ok_or_else(|| malformed("section past the file's end").symbol(header.name))?,
        );
        relocate(&file, header, &mut contents);
        out.0.push(Section {
            id,
            data: contents,
            relocated: None,
        });
    }
    Ok(out)
}

fn range(start: u64, size: u64) -> Option<std::ops::Range<usize>> {
    let end = start.checked_add(size)?;
    Some(usize::try_from(start).ok()?..usize::try_from(end).ok()?)
}

/// What a relocation that names a symbol adds to its field, or takes from it (`mach-o/reloc.h`). Those that
/// name a section have it in the field already.
fn relocate(file: &File<'_>, header: &Header<'_>, contents: &mut Cow<'_, [u8]>) {
    let arm = file.word(4) == Some(macho::CPU_TYPE_ARM64.0);
    let subtracts = if arm {
        macho::ARM64_RELOC_SUBTRACTOR.0
    } else {
        macho::X86_64_RELOC_SUBTRACTOR.0
    };
    let (start, count) = header.relocations;
    for number in 0..u64::from(count) {
        let at = usize::try_from(start.saturating_add(8 * number)).unwrap_or(usize::MAX);
        let (Some(field), Some(info)) = (file.word(at), file.word(at.saturating_add(4))) else {
            return;
        };
        let external = info >> 27 & 1 != 0;
        let kind = (info >> 28) as u8;
        if !external || (kind != 0 && kind != subtracts) {
            continue;
        }
        let Some(value) = value(file, info & 0x00ff_ffff).filter(|v| *v != 0) else {
            continue;
        };
        let width = 1usize << (info >> 25 & 3);
        let field = field as usize;
        if field.saturating_add(width) > contents.len() {
            continue;
        }
        let field = &mut contents.to_mut()[field..field + width];
        let mut bytes = [0; 8];
        bytes[..width].copy_from_slice(field);
        let old = u64::from_le_bytes(bytes);
        let new = if kind == 0 {
            old.wrapping_add(value)
        } else {
            old.wrapping_sub(value)
        };
        field.copy_from_slice(&new.to_le_bytes()[..width]);
    }
}

/// `n_value` of a symbol.
fn value(file: &File<'_>, symbol: u32) -> Option<u64> {
    let command = file.command(macho::LC_SYMTAB)?;
    if symbol >= file.word(command + 12)? {
        return None;
    }
    let size = if file.is_64 { 16 } else { 12 };
    let table = file.word(command + 8)? as usize;
    file.wide(table.checked_add(symbol as usize * size)?.checked_add(8)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cut() {
        let name = |id| String::from_utf8(section_name(id)).unwrap();
        assert_eq!(name(SectionId::DebugInfo), "__debug_info");
        assert_eq!(name(SectionId::DebugStrOffsets), "__debug_str_offs");
    }

    /// An object of a section with three fields of 8 bytes, each 1, and relocations of the last two.
    fn object(relocations: &[(u32, u32)]) -> Vec<u8> {
        let mut out = Vec::new();
        let words = |out: &mut Vec<u8>, all: &[u32]| {
            out.extend(all.iter().flat_map(|w| w.to_le_bytes()));
        };
        let contents = 32 + 72 + 80 + 24;
        let table = contents + 24;
        let symbols = table + 8 * relocations.len() as u32;
        words(&mut out, &[macho::MH_MAGIC_64, macho::CPU_TYPE_ARM64.0, 0]);
        words(&mut out, &[macho::MH_OBJECT.0, 2, 72 + 80 + 24, 0, 0]);
        words(&mut out, &[macho::LC_SEGMENT_64.0, 72 + 80, 0, 0, 0, 0]);
        words(&mut out, &[0, 0, 24, 0, contents, 0, 24, 0, 7, 7, 1, 0]);
        out.extend(b"__debug_info\0\0\0\0__DWARF\0\0\0\0\0\0\0\0\0");
        words(&mut out, &[0, 0, 24, 0, contents, 0, table]);
        words(
            &mut out,
            &[relocations.len() as u32, macho::S_ATTR_DEBUG.0, 0, 0, 0],
        );
        words(&mut out, &[macho::LC_SYMTAB.0, 24, symbols, 2, 0, 0]);
        words(&mut out, &[1, 0, 1, 0, 1, 0]);
        for &(at, info) in relocations {
            words(&mut out, &[at, info]);
        }
        words(&mut out, &[0, 0, 0x100, 0, 0, 0, 0x10, 0]);
        out
    }

    fn numbers(data: &[u8]) -> Vec<u64> {
        let read = sections(data, false).unwrap();
        let section = read.0.first().unwrap();
        let fields = section.data.chunks_exact(8);
        fields
            .map(|f| u64::from_le_bytes(f.try_into().unwrap()))
            .collect()
    }

    #[test]
    fn symbols_count_and_sections_do_not() {
        let entry =
            |kind: u32, external: u32, symbol: u32| symbol | 3 << 25 | external << 27 | kind << 28;
        let subtract = u32::from(macho::ARM64_RELOC_SUBTRACTOR.0);
        let all = [
            (16, entry(subtract, 1, 1)),
            (16, entry(0, 1, 0)),
            (8, entry(0, 1, 0)),
            (0, entry(0, 0, 1)),
            // No such field, no such symbol.
            (20, entry(0, 1, 0)),
            (0, entry(0, 1, 9)),
        ];
        let data = object(&all);
        assert_eq!(numbers(&data), [1, 0x101, 0xf1]);
        for end in 0..data.len() {
            drop(sections(&data[..end], false));
        }
    }

    #[test]
    fn nothing_else_is_read() {
        for data in [
            &b""[..],
            b"\xcf\xfa\xed\xfe",
            b"\xfe\xed\xfa\xcf",
            b"\x7fELF",
        ] {
            assert!(
                sections(data, false).map_or(true, |s| s.is_empty()),
                "{data:?}"
            );
        }
    }
}
