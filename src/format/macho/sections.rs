//! Mach-O sections by kind. Functions share `__text`: it is cut at their symbols.

use object::macho::{self, MachHeader32, MachHeader64};
use object::read::macho::{MachHeader, MachOFile, Nlist, Section};
use object::{Endianness, Object, ObjectSection};

use super::super::sections::{Mark, Marks, SectionKind, SectionPiece};
use crate::error::{Code, Diagnostic, Result};

fn bad(what: &str) -> impl Fn(object::Error) -> Diagnostic {
    move |e| Diagnostic::new(Code::ObjectMalformed, format!("bad {what}: {e}"))
}

/// Bytes of a relocation entry.
const RELOCATION: u64 = 8;

/// See [`crate::format::sections::for_each_piece`].
pub fn for_each_piece<'d>(data: &'d [u8], f: &mut dyn FnMut(SectionPiece<'d>)) -> Result<()> {
    match data.first_chunk::<4>() {
        // 32 bit, in either byte order.
        Some([0xce, 0xfa, 0xed, 0xfe] | [0xfe, 0xed, 0xfa, 0xce]) => {
            pieces::<MachHeader32<Endianness>>(data, f)
        }
        _ => pieces::<MachHeader64<Endianness>>(data, f),
    }
}

fn pieces<'d, H: MachHeader<Endian = Endianness>>(
    data: &'d [u8],
    f: &mut dyn FnMut(SectionPiece<'d>),
) -> Result<()> {
    let file = MachOFile::<'d, H, &'d [u8]>::parse(data).map_err(bad("Mach-O header"))?;
    let endian = file.endian();
    // A symbol's value is an address; a section's number in it counts from 1.
    let addresses: Vec<u64> = file.sections().map(|s| s.address()).collect();
    let symbols = file.macho_symbol_table();
    let mut marks = Vec::new();
    for symbol in symbols.iter() {
        let section = usize::from(symbol.n_sect());
        if !symbol.is_definition() {
            continue;
        }
        let Some(address) = section.checked_sub(1).and_then(|i| addresses.get(i)) else {
            continue;
        };
        let name = symbol
            .name(endian, symbols.strings())
            .map_err(bad("symbol name"))?;
        // Labels of the assembler and the linker start no atom of their own kind.
        if name.is_empty() || name.starts_with(b"L") || name.starts_with(b"ltmp") {
            continue;
        }
        let value: u64 = symbol.n_value(endian).into();
        marks.push(Mark {
            section,
            offset: value.saturating_sub(*address),
            name: name.strip_prefix(b"_").unwrap_or(name),
        });
    }
    let marks = Marks::new(marks);
    for section in file.sections() {
        let header = section.macho_section();
        // Names come from the file's own bytes, not from the section's copy of them.
        let name = header.name();
        let size = section.size();
        let zero = section.file_range().is_none();
        let piece = SectionPiece {
            section: name,
            kind: kind_of(header, endian, zero),
            bytes: if zero { 0 } else { size },
            zero_fill: if zero { size } else { 0 },
            symbol: None,
        };
        let index = section.index().0;
        marks.cut(index, piece, f);
        let relocations = u64::from(header.nreloc(endian));
        if relocations != 0 {
            f(SectionPiece {
                kind: match piece.kind {
                    kind @ (SectionKind::Debug | SectionKind::Unwind) => kind,
                    _ => SectionKind::Relocations,
                },
                bytes: relocations.saturating_mul(RELOCATION),
                zero_fill: 0,
                symbol: None,
                ..piece
            });
        }
    }
    let mut tables = 0_u64;
    let mut commands = file.macho_load_commands().map_err(bad("load commands"))?;
    while let Some(command) = commands.next().map_err(bad("load commands"))? {
        if let Some(symtab) = command.symtab().map_err(bad("symbol table"))? {
            tables = tables
                .saturating_add(
                    u64::from(symtab.nsyms.get(endian))
                        .saturating_mul(size_of::<H::Nlist>() as u64),
                )
                .saturating_add(u64::from(symtab.strsize.get(endian)));
        } else if let Some(dysymtab) = command.dysymtab().map_err(bad("symbol table"))? {
            tables = tables
                .saturating_add(u64::from(dysymtab.nindirectsyms.get(endian)).saturating_mul(4));
        }
    }
    f(SectionPiece {
        section: b"",
        kind: SectionKind::Symbols,
        bytes: tables,
        zero_fill: 0,
        symbol: None,
    });
    Ok(())
}

fn kind_of<S: Section<Endian = Endianness>>(
    section: &S,
    endian: Endianness,
    zero: bool,
) -> SectionKind {
    let flags = section.flags(endian);
    if section.segment_name() == b"__DWARF" || flags.intersects(macho::S_ATTR_DEBUG) {
        return match section.name() {
            // The unwinder's, though the linker does not copy it either.
            b"__compact_unwind" => SectionKind::Unwind,
            _ => SectionKind::Debug,
        };
    }
    if section.segment_name() == b"__LLVM" {
        return SectionKind::Bitcode;
    }
    match section.name() {
        name if is_unwind(name) => SectionKind::Unwind,
        _ if zero => SectionKind::Bss,
        _ if flags
            .intersects(macho::S_ATTR_PURE_INSTRUCTIONS | macho::S_ATTR_SOME_INSTRUCTIONS) =>
        {
            SectionKind::Code
        }
        // Constant once the loader has relocated it.
        b"__const" | b"__cfstring" => SectionKind::ReadOnly,
        _ => match section.segment_name() {
            b"__TEXT" => SectionKind::ReadOnly,
            b"__DATA" | b"__DATA_CONST" | b"__DATA_DIRTY" => SectionKind::Data,
            _ => SectionKind::Other,
        },
    }
}

/// Unwind tables and the language's data for them.
pub fn is_unwind(name: &[u8]) -> bool {
    matches!(
        name,
        b"__eh_frame" | b"__gcc_except_tab" | b"__compact_unwind" | b"__unwind_info"
    )
}
