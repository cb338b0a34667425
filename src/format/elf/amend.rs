//! Adds undefined symbols to an object, so that pulling it pulls what defines them. Nothing else
//! changes: old symbols keep their indexes, sections their contents.

use object::elf::{self, FileHeader32, FileHeader64};
use object::read::SectionIndex;
use object::read::elf::{FileHeader, SectionHeader};
use object::{Endian, Endianness};

use crate::format::Ask;
use crate::format::model::SymbolKind;

/// See [`crate::format::add_undefined`].
pub fn add_undefined(data: &[u8], asks: &[Ask<'_>]) -> Option<Vec<u8>> {
    if data.get(4) == Some(&elf::ELFCLASS32.0) {
        add::<FileHeader32<Endianness>>(data, asks)
    } else {
        add::<FileHeader64<Endianness>>(data, asks)
    }
}

/// The type of an undefined entry. Linkers compare it with that of the definition, and refuse a
/// thread-local one for another (gABI, "Thread-Local Storage"). To users an indirect function is a
/// function.
fn symbol_type(of: SymbolKind) -> elf::SymbolType {
    match of {
        SymbolKind::Function | SymbolKind::IndirectFunction => elf::STT_FUNC,
        SymbolKind::Object => elf::STT_OBJECT,
        SymbolKind::Tls => elf::STT_TLS,
        SymbolKind::NoType | SymbolKind::Section | SymbolKind::File | SymbolKind::Mapping => {
            elf::STT_NOTYPE
        }
    }
}

fn add<H: FileHeader<Endian = Endianness>>(data: &[u8], asks: &[Ask<'_>]) -> Option<Vec<u8>> {
    let header = H::parse(data).ok()?;
    let endian = header.endian().ok()?;
    let sections = header.sections(endian, data).ok()?;
    let symbols = sections.symbols(endian, data, elf::SHT_SYMTAB).ok()?;
    let is_64 = header.is_type_64();
    let word = |v: u64| -> Option<Vec<u8>> {
        if is_64 {
            Some(endian.write_u64(v).to_vec())
        } else {
            Some(endian.write_u32(u32::try_from(v).ok()?).to_vec())
        }
    };

    let section = |index: SectionIndex| sections.section(index).ok();
    let mut strings = section(symbols.string_section())?
        .data(endian, data)
        .ok()?
        .to_vec();
    let mut table = section(symbols.section())?
        .data(endian, data)
        .ok()?
        .to_vec();
    for ask in asks {
        let at = endian.write_u32(u32::try_from(strings.len()).ok()?);
        strings.extend_from_slice(ask.name);
        strings.push(0);
        let info = elf::STB_GLOBAL.0 << 4 | symbol_type(ask.of).0;
        let visibility = if ask.hidden {
            elf::STV_HIDDEN.0
        } else {
            elf::STV_DEFAULT.0
        };
        if is_64 {
            // Name, info, visibility, section, value, size.
            table.extend_from_slice(&at);
            table.extend_from_slice(&[info, visibility]);
            table.resize(table.len() + 18, 0);
        } else {
            // Name, value, size, info, visibility, section.
            table.extend_from_slice(&at);
            table.resize(table.len() + 8, 0);
            table.extend_from_slice(&[info, visibility]);
            table.resize(table.len() + 2, 0);
        }
    }
    let extended = symbols.shndx_section();
    let header_size = if is_64 { 64 } else { 52 };
    let entry_size = if is_64 { 64 } else { 40 };

    // Contents keep their order, and their alignment.
    let mut out = data.get(..header_size)?.to_vec();
    let mut places = Vec::new();
    for (index, header) in sections.enumerate() {
        let kind = header.sh_type(endian);
        if kind == elf::SHT_NULL || kind == elf::SHT_NOBITS {
            let offset: u64 = header.sh_offset(endian).into();
            let size: u64 = header.sh_size(endian).into();
            places.push((offset, size));
            continue;
        }
        let mut contents = std::borrow::Cow::Borrowed(header.data(endian, data).ok()?);
        if index == symbols.section() {
            contents = std::mem::take(&mut table).into();
        } else if index == symbols.string_section() {
            contents = std::mem::take(&mut strings).into();
        } else if index == extended && extended.0 != 0 {
            let padded = contents.len() + 4 * asks.len();
            contents.to_mut().resize(padded, 0);
        }
        let align: u64 = header.sh_addralign(endian).into();
        let align = usize::try_from(align).ok()?.max(1);
        let at = out.len().checked_next_multiple_of(align)?;
        out.resize(at, 0);
        places.push((at as u64, contents.len() as u64));
        out.extend_from_slice(&contents);
    }
    out.resize(out.len().checked_next_multiple_of(8)?, 0);
    let table_at = out.len() as u64;
    let old_at = usize::try_from(header.e_shoff(endian).into()).ok()?;
    let old = data.get(old_at..old_at.checked_add(entry_size * places.len())?)?;
    for (old, (at, size)) in old.chunks_exact(entry_size).zip(places) {
        let start = out.len();
        out.extend_from_slice(old);
        // Offset and size stand behind name, type, flags and address.
        let field = start + if is_64 { 24 } else { 16 };
        let (at, size) = (word(at)?, word(size)?);
        out.get_mut(field..field + at.len())?.copy_from_slice(&at);
        let field = field + at.len();
        // The size of a first section may be the number of sections.
        out.get_mut(field..field + size.len())?
            .copy_from_slice(&size);
    }
    let field = if is_64 { 40 } else { 32 };
    let at = word(table_at)?;
    out.get_mut(field..field + at.len())?.copy_from_slice(&at);
    Some(out)
}
