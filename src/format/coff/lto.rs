//! GCC's intermediate code in COFF: objects of `-flto` without `-ffat-lto-objects` ("slim" ones, MinGW).
//!
//! Their sections of code are empty, all is in `.gnu.lto_` sections that linkers remove and only GCC
//! reads, and what says so is a common symbol `__gnu_lto_slim` (GCC Internals, LTO object file layout).

use object::LittleEndian as LE;
use object::pe::{self, ImageFileHeader};
use object::read::coff::{CoffHeader, Symbol as _};

use super::{Layout, layout};

/// Is it such an object? Every member is asked: flags of sections answer for nearly all.
pub fn is_slim(data: &[u8]) -> bool {
    matches!(layout(data), Some((Layout::Plain, _))) && check(data).unwrap_or(false)
}

fn check(data: &[u8]) -> object::Result<bool> {
    let mut offset = 0;
    let header = ImageFileHeader::parse(data, &mut offset)?;
    let sections = header.sections(data, offset)?;
    let flags = |s: &pe::ImageSectionHeader| s.characteristics.get(LE);
    let code = |s: &pe::ImageSectionHeader| {
        flags(s).contains(pe::IMAGE_SCN_CNT_CODE) && s.size_of_raw_data.get(LE) != 0
    };
    let removed = |s: &&pe::ImageSectionHeader| flags(s).contains(pe::IMAGE_SCN_LNK_REMOVE);
    if sections.iter().any(code) || !sections.iter().any(|s| removed(&s)) {
        return Ok(false);
    }
    let symbols = header.symbols(data)?;
    let strings = symbols.strings();
    let mut names = sections
        .iter()
        .filter(removed)
        .filter_map(|s| s.name(strings).ok());
    if !names.any(|name| name.starts_with(b".gnu.lto_")) {
        return Ok(false);
    }
    // A fat object may have no more than variables; what says "slim" is a common.
    Ok(symbols.iter().any(|(_, s)| {
        s.section_number() == pe::IMAGE_SYM_UNDEFINED
            && s.name(strings)
                .is_ok_and(|n| matches!(n, b"__gnu_lto_slim" | b"___gnu_lto_slim"))
    }))
}
