//! COFF sections whose contents programs see in link order.

use std::borrow::Cow;

use object::pe::{AnonObjectHeaderBigobj, ImageFileHeader};
use object::read::coff::CoffHeader;

use super::{Layout, bad, layout};
use crate::error::Result;

/// Sections that compilers cut into `$` parts of their own accord (PE/COFF, "Grouped Sections").
const PLAIN: [&[u8]; 17] = [
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
    let strings = header.symbols(data).map_err(bad("symbol table"))?.strings();
    for section in sections.iter() {
        if section.size_of_raw_data.get(object::LittleEndian) == 0 {
            continue;
        }
        let name = section.name(strings).map_err(bad("section name"))?;
        if is_ordered(name) {
            f(Cow::Borrowed(name));
        }
    }
    Ok(())
}

fn is_ordered(name: &[u8]) -> bool {
    let constructors = [&b".ctors"[..], b".dtors", b".init_array", b".fini_array"];
    if constructors.iter().any(|stem| name.starts_with(stem)) {
        return true;
    }
    let Some(dollar) = name.iter().position(|b| *b == b'$') else {
        return false;
    };
    let stem = name.get(..dollar).unwrap_or_default();
    !PLAIN.contains(&stem)
}
