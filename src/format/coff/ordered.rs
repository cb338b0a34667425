//! COFF sections whose contents programs see in link order.

use std::borrow::Cow;

use object::pe::{self, AnonObjectHeaderBigobj, ImageFileHeader};
use object::read::coff::CoffHeader;

use super::names::is_or_begins;
use super::{Layout, bad, cuts, layout};
use crate::error::Result;

/// Sections that linkers put together by what they are, and that compilers cut into `$` parts of their own
/// accord (PE/COFF, "Grouped Sections"); or that no program has.
const PLAIN: [&[u8]; 25] = [
    b".text",
    b".data",
    b".rdata",
    b".bss",
    b".xdata",
    b".pdata",
    b".debug",
    b".tls",
    b".idata",
    b".didat",
    b".rsrc",
    b".gfids",
    b".giats",
    b".gljmp",
    b".gehcont",
    b".rtc",
    b".eh_frame",
    b".sxdata",
    b".drectve",
    b".comment",
    b".llvm_addrsig",
    b".llvmbc",
    b".llvmcmd",
    b".voltbl",
    b".chks64",
];

/// See [`crate::format::ordered::for_each_ordered`].
pub fn for_each<'d>(data: &'d [u8], f: &mut dyn FnMut(Cow<'d, [u8]>)) -> Result<()> {
    match layout(data) {
        Some((Layout::Plain, _)) => sections::<ImageFileHeader>(data, f),
        Some((Layout::Big, _)) => sections::<AnonObjectHeaderBigobj>(data, f),
        _ => Ok(()),
    }
}

fn sections<'d, H: CoffHeader>(data: &'d [u8], f: &mut dyn FnMut(Cow<'d, [u8]>)) -> Result<()> {
    let mut offset = 0;
    let header = H::parse(data, &mut offset).map_err(bad("COFF header"))?;
    let sections = header
        .sections(data, offset)
        .map_err(bad("section table"))?;
    let table = header.symbols(data).map_err(bad("symbol table"))?;
    let own = cuts::own(&sections, &table)?;
    for (section, own) in sections.iter().zip(own) {
        let flags = section.characteristics.get(object::LittleEndian);
        let left_out = pe::IMAGE_SCN_LNK_INFO | pe::IMAGE_SCN_LNK_REMOVE;
        if section.size_of_raw_data.get(object::LittleEndian) == 0 || flags.intersects(left_out) {
            continue;
        }
        let name = section.name(table.strings()).map_err(bad("section name"))?;
        if own || is_ordered(name) {
            f(Cow::Borrowed(name));
        }
    }
    Ok(())
}

/// Does somebody see the order of what sections of this name hold?
pub fn is_ordered(name: &[u8]) -> bool {
    // DWARF's and its like, which MinGW's compilers write: who reads them goes by what they say.
    const OF_TOOLS: [&[u8]; 5] = [
        b".debug_",
        b".zdebug_",
        b".gcc_except_table",
        b".stab",
        b".gnu.",
    ];
    !is_or_begins(name, &PLAIN) && !OF_TOOLS.iter().any(|stem| name.starts_with(stem))
}
