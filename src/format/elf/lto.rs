//! GCC's intermediate code: objects of `-flto` without `-ffat-lto-objects` ("slim" ones).
//!
//! They look like objects, but their sections with code and data are empty, all is in `.gnu.lto_`
//! sections that only GCC reads, and of symbols they have `__gnu_lto_slim` alone (GCC Internals, LTO
//! object file layout). Fat ones are objects like any other: their `.gnu.lto_` sections are not allocated,
//! and left out.

use object::elf::{self, FileHeader32, FileHeader64};
use object::read::elf::{FileHeader, SectionHeader, Sym};
use object::{Endianness, SectionIndex};

/// Is it such an object? Every member is asked, so an answer comes from the first headers of sections
/// for all that have contents; names are looked at for what has none.
pub fn is_slim(data: &[u8]) -> bool {
    let slim = if data.get(4) == Some(&elf::ELFCLASS32.0) {
        check::<FileHeader32<Endianness>>(data)
    } else {
        check::<FileHeader64<Endianness>>(data)
    };
    slim.unwrap_or(false)
}

fn check<H: FileHeader<Endian = Endianness>>(data: &[u8]) -> object::Result<bool> {
    let header = H::parse(data)?;
    let endian = header.endian()?;
    let headers = header.section_headers(endian, data)?;
    let contents = |s: &H::SectionHeader| {
        let kind = s.sh_type(endian);
        let size: u64 = s.sh_size(endian).into();
        (kind == elf::SHT_PROGBITS || kind == elf::SHT_NOBITS)
            && size != 0
            && s.sh_flags(endian).contains(elf::SHF_ALLOC)
    };
    if header.e_type(endian) != elf::ET_REL || headers.iter().any(contents) {
        return Ok(false);
    }
    let sections = header.sections(endian, data)?;
    let mut names = sections
        .iter()
        .filter_map(|s| sections.section_name(endian, s).ok());
    if !names.any(|name| name.starts_with(b".gnu.lto_")) {
        return Ok(false);
    }
    // A fat object may have no more than commons; what says "slim" is a common as well.
    let symbols = sections.symbols(endian, data, elf::SHT_SYMTAB)?;
    Ok(symbols.section() != SectionIndex(0)
        && symbols.iter().any(|s| {
            let name = s.name(endian, symbols.strings());
            name.is_ok_and(|n| matches!(n, b"__gnu_lto_slim" | b"___gnu_lto_slim"))
        }))
}
