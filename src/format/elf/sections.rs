//! ELF sections by kind.

use object::elf::{self, FileHeader32, FileHeader64};
use object::read::elf::{FileHeader, SectionHeader, Sym};
use object::{Endianness, SectionIndex};

use super::{bad, tables};
use crate::error::Result;
use crate::format::sections::{
    Mark, Marks, SectionKind, SectionPiece, is_debug_name, symbol_in_section_name,
};

/// Which symbols' addresses matter (LLVM).
pub(super) const SHT_LLVM_ADDRSIG: elf::SectionType = elf::SectionType(0x6fff_4c03);

/// See [`crate::format::sections::for_each_piece`].
pub fn for_each_piece<'d>(data: &'d [u8], f: &mut dyn FnMut(SectionPiece<'d>)) -> Result<()> {
    if data.get(4) == Some(&elf::ELFCLASS32.0) {
        pieces::<FileHeader32<Endianness>>(data, f)
    } else {
        pieces::<FileHeader64<Endianness>>(data, f)
    }
}

fn pieces<'d, H: FileHeader<Endian = Endianness>>(
    data: &'d [u8],
    f: &mut dyn FnMut(SectionPiece<'d>),
) -> Result<()> {
    let (endian, sections, symbols) = tables::<H>(data)?;
    let mut marks = Vec::with_capacity(symbols.len());
    for (index, symbol) in symbols.enumerate() {
        let kind = symbol.st_type();
        if kind == elf::STT_SECTION || kind == elf::STT_FILE {
            continue;
        }
        let Some(section) = symbols
            .symbol_section(endian, symbol, index)
            .map_err(bad("symbol's section"))?
        else {
            continue;
        };
        let name = symbol
            .name(endian, symbols.strings())
            .map_err(bad("symbol name"))?;
        // Mapping symbols (`$x`, `$d`) and labels name nothing of their own.
        if name.is_empty() || name.starts_with(b"$") || name.starts_with(b".L") {
            continue;
        }
        marks.push(Mark {
            section: section.0,
            offset: symbol.st_value(endian).into(),
            name,
        });
    }
    let marks = Marks::new(marks);
    for (index, section) in sections.enumerate() {
        let section_type = section.sh_type(endian);
        if section_type == elf::SHT_NULL {
            continue;
        }
        let name = sections
            .section_name(endian, section)
            .map_err(bad("section name"))?;
        let size: u64 = section.sh_size(endian).into();
        let zero = section_type == elf::SHT_NOBITS;
        let mut piece = SectionPiece {
            section: name,
            kind: kind_of(section_type, section.sh_flags(endian), name),
            bytes: if zero { 0 } else { size },
            zero_fill: if zero { size } else { 0 },
            symbol: symbol_in_section_name(name),
        };
        if piece.kind == SectionKind::Relocations {
            // They go with what they relocate.
            let target = SectionIndex(section.sh_info(endian) as usize);
            if let Ok(relocated) = sections.section(target) {
                let relocated_name = sections
                    .section_name(endian, relocated)
                    .map_err(bad("section name"))?;
                if let kind @ (SectionKind::Debug | SectionKind::Unwind) = kind_of(
                    relocated.sh_type(endian),
                    relocated.sh_flags(endian),
                    relocated_name,
                ) {
                    piece.kind = kind
                }
                piece.symbol = marks.first(target.0).or(piece.symbol);
            }
            f(piece);
            continue;
        }
        marks.cut(index.0, piece, f);
    }
    Ok(())
}

fn kind_of(section_type: elf::SectionType, flags: elf::SectionFlags, name: &[u8]) -> SectionKind {
    match section_type {
        elf::SHT_SYMTAB
        | elf::SHT_STRTAB
        | elf::SHT_DYNSYM
        | elf::SHT_SYMTAB_SHNDX
        | SHT_LLVM_ADDRSIG => return SectionKind::Symbols,
        elf::SHT_REL | elf::SHT_RELA | elf::SHT_RELR | elf::SHT_CREL => {
            return SectionKind::Relocations;
        }
        elf::SHT_NOTE => return SectionKind::Note,
        // Also SHT_ARM_EXIDX: the same number.
        elf::SHT_X86_64_UNWIND => return SectionKind::Unwind,
        _ => {}
    }
    if is_debug_name(name) {
        return SectionKind::Debug;
    }
    if is_unwind(name) {
        return SectionKind::Unwind;
    }
    if name == b".llvmbc" || name == b".llvmcmd" {
        return SectionKind::Bitcode;
    }
    if !flags.contains(elf::SHF_ALLOC) {
        SectionKind::Other
    } else if section_type == elf::SHT_NOBITS {
        SectionKind::Bss
    } else if flags.contains(elf::SHF_EXECINSTR) {
        SectionKind::Code
    } else if flags.contains(elf::SHF_WRITE) && !name.starts_with(b".data.rel.ro") {
        SectionKind::Data
    } else {
        SectionKind::ReadOnly
    }
}

/// Unwind tables and the language's data for them.
pub fn is_unwind(name: &[u8]) -> bool {
    [
        b".eh_frame".as_slice(),
        b".gcc_except_table",
        b".ARM.exidx",
        b".ARM.extab",
        b".sframe",
    ]
    .iter()
    .any(|prefix| name.starts_with(prefix))
}
