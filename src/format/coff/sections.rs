//! COFF sections by kind.

use object::pe;
use object::read::coff::{CoffFile, CoffHeader, Symbol};
use object::{LittleEndian as LE, Object, ObjectSection};

use super::super::sections::{
    Mark, Marks, SectionKind, SectionPiece, is_debug_name, symbol_in_section_name,
};
use crate::error::{Code, Diagnostic, Result};

fn bad(what: &str) -> impl Fn(object::Error) -> Diagnostic {
    move |e| Diagnostic::new(Code::ObjectMalformed, format!("bad {what}: {e}"))
}

/// Bytes of a relocation entry.
const RELOCATION: u64 = 10;

/// See [`crate::format::sections::for_each_piece`].
pub fn for_each_piece<'d>(data: &'d [u8], f: &mut dyn FnMut(SectionPiece<'d>)) -> Result<()> {
    if is_bigobj(data) {
        pieces::<pe::AnonObjectHeaderBigobj>(data, f)
    } else {
        pieces::<pe::ImageFileHeader>(data, f)
    }
}

/// `IMAGE_FILE_MACHINE_UNKNOWN` and `0xffff`: an anonymous object header.
fn is_bigobj(data: &[u8]) -> bool {
    data.starts_with(&[0, 0, 0xff, 0xff])
}

fn pieces<'d, H: CoffHeader>(data: &'d [u8], f: &mut dyn FnMut(SectionPiece<'d>)) -> Result<()> {
    let file = CoffFile::<&'d [u8], H>::parse(data).map_err(bad("COFF header"))?;
    let symbols = file.coff_symbol_table();
    let mut marks = Vec::new();
    for (_, symbol) in symbols.iter() {
        let Some(section) = symbol.section() else {
            continue;
        };
        // Section symbols, labels and files name nothing of their own.
        if symbol.has_aux_section()
            || !matches!(
                symbol.storage_class(),
                pe::IMAGE_SYM_CLASS_EXTERNAL | pe::IMAGE_SYM_CLASS_STATIC
            )
        {
            continue;
        }
        let name = symbol.name(symbols.strings()).map_err(bad("symbol name"))?;
        if name.starts_with(b"$") || name.starts_with(b".L") || name.starts_with(b"@") {
            continue;
        }
        marks.push(Mark {
            section: section.0,
            offset: u64::from(symbol.value()),
            name,
        });
    }
    let marks = Marks::new(marks);
    for section in file.sections() {
        let name = section.name_bytes().map_err(bad("section name"))?;
        let header = section.coff_section();
        let zero = header.pointer_to_raw_data.get(LE) == 0;
        let size = u64::from(header.size_of_raw_data.get(LE));
        let piece = SectionPiece {
            section: name,
            kind: kind_of(header.characteristics.get(LE), name, zero),
            bytes: if zero { 0 } else { size },
            zero_fill: if zero { size } else { 0 },
            symbol: symbol_in_section_name(name),
        };
        let relocations = section
            .coff_relocations()
            .map_err(bad("relocations"))?
            .len() as u64;
        let index = section.index().0;
        marks.cut(index, piece, f);
        if relocations != 0 {
            f(SectionPiece {
                kind: match piece.kind {
                    kind @ (SectionKind::Debug | SectionKind::Unwind) => kind,
                    _ => SectionKind::Relocations,
                },
                bytes: relocations.saturating_mul(RELOCATION),
                zero_fill: 0,
                symbol: marks.first(index).or(piece.symbol),
                ..piece
            });
        }
    }
    let table = (symbols.len() as u64)
        .saturating_mul(size_of::<H::SymbolBytes>() as u64)
        .saturating_add(string_table_bytes(&file, data));
    f(SectionPiece {
        section: b"",
        kind: SectionKind::Symbols,
        bytes: table,
        zero_fill: 0,
        symbol: None,
    });
    Ok(())
}

/// The string table follows the symbol table and starts with its own size.
fn string_table_bytes<'d, H: CoffHeader>(file: &CoffFile<'d, &'d [u8], H>, data: &'d [u8]) -> u64 {
    let header = file.coff_header();
    let start = u64::from(header.pointer_to_symbol_table());
    if start == 0 {
        return 0;
    }
    let symbols =
        u64::from(header.number_of_symbols()).saturating_mul(size_of::<H::SymbolBytes>() as u64);
    let at = usize::try_from(start.saturating_add(symbols)).unwrap_or(usize::MAX);
    data.get(at..)
        .and_then(|rest| rest.first_chunk::<4>())
        .map_or(0, |size| u64::from(u32::from_le_bytes(*size)))
}

fn kind_of(flags: pe::SectionFlags, name: &[u8], zero: bool) -> SectionKind {
    if is_debug_name(name) {
        return SectionKind::Debug;
    }
    if is_unwind(name) {
        return SectionKind::Unwind;
    }
    if name == b".llvmbc" || name == b".llvmcmd" {
        return SectionKind::Bitcode;
    }
    if name == b".llvm_addrsig" {
        SectionKind::Symbols
    } else if flags.intersects(pe::IMAGE_SCN_LNK_INFO | pe::IMAGE_SCN_LNK_REMOVE) {
        SectionKind::Other
    } else if flags.intersects(pe::IMAGE_SCN_CNT_CODE | pe::IMAGE_SCN_MEM_EXECUTE) {
        SectionKind::Code
    } else if zero && flags.contains(pe::IMAGE_SCN_CNT_UNINITIALIZED_DATA) {
        SectionKind::Bss
    } else if flags.contains(pe::IMAGE_SCN_MEM_WRITE) {
        SectionKind::Data
    } else if flags.contains(pe::IMAGE_SCN_MEM_DISCARDABLE) {
        SectionKind::Other
    } else {
        SectionKind::ReadOnly
    }
}

/// Unwind tables, the language's data for them, and the list of safe handlers.
pub fn is_unwind(name: &[u8]) -> bool {
    [
        b".pdata".as_slice(),
        b".xdata",
        b".eh_frame",
        b".gcc_except_table",
        b".sxdata",
    ]
    .iter()
    .any(|prefix| name.starts_with(prefix))
}
