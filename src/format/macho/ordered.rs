//! Mach-O sections, and those whose contents programs see in link order.

use std::borrow::Cow;

use object::macho::{self, MachHeader32, MachHeader64};
use object::read::macho::{LoadCommandData, MachHeader};
use object::{Endian, Endianness};

use super::{bad, magic};
use crate::error::Result;
use crate::format::model::{Atom, KeepRule};

/// See [`crate::format::ordered::sequence`].
pub fn sequence<'a>(atom: &Atom<'a>) -> Option<Cow<'a, [u8]>> {
    let ordered = atom.registry.is_some() || atom.keep == Some(KeepRule::InitArray);
    ordered.then(|| [atom.segment, b",", atom.section].concat().into())
}

/// What this needs of a section's header.
pub struct Section<'d> {
    pub name: &'d [u8],
    pub segment: &'d [u8],
    /// Bytes.
    pub size: u64,
    /// Entries.
    pub relocations: u32,
    pub flags: macho::SectionFlags,
}

/// Calls `f` for the sections of a load command that has some, in their order.
pub fn for_each_section<'d>(
    endian: Endianness,
    command: &LoadCommandData<'d, Endianness>,
    f: &mut dyn FnMut(Section<'d>),
) {
    // Where the number of sections is, the first section; a section's size, and where its flags are.
    let (count, first, size, flags) = match command.cmd() {
        macho::LC_SEGMENT => (48, 56, 68, 56),
        macho::LC_SEGMENT_64 => (64, 72, 80, 64),
        _ => return,
    };
    let word = |data: &[u8], at: usize| -> Option<u32> {
        let bytes = data.get(at..)?.first_chunk::<4>()?;
        Some(endian.read_u32(*bytes))
    };
    let data = command.raw_data();
    let count = word(data, count).unwrap_or(0) as usize;
    let headers = data.get(first..).unwrap_or_default().chunks_exact(size);
    for header in headers.take(count) {
        let name = |at: usize| {
            let name = header.get(at..at + 16);
            name.and_then(|n| n.split(|b| *b == 0).next())
                .unwrap_or_default()
        };
        let bytes = match command.cmd() {
            macho::LC_SEGMENT => word(header, 36).map_or(0, u64::from),
            _ => header
                .get(40..)
                .and_then(|b| b.first_chunk::<8>())
                .map_or(0, |b| endian.read_u64(*b)),
        };
        f(Section {
            name: name(0),
            segment: name(16),
            size: bytes,
            relocations: word(header, flags - 4).unwrap_or(0),
            flags: macho::SectionFlags(word(header, flags).unwrap_or(0)),
        });
    }
}

/// See [`crate::format::ordered::for_each_ordered`].
pub fn for_each<'d>(data: &'d [u8], f: &mut dyn FnMut(Cow<'d, [u8]>)) -> Result<()> {
    match magic(data) {
        Some((_, false)) => sections::<MachHeader32<Endianness>>(data, f),
        _ => sections::<MachHeader64<Endianness>>(data, f),
    }
}

fn sections<'d, H: MachHeader<Endian = Endianness>>(
    data: &'d [u8],
    f: &mut dyn FnMut(Cow<'d, [u8]>),
) -> Result<()> {
    let header = H::parse(data, 0).map_err(bad("Mach-O header"))?;
    let endian = header.endian().map_err(bad("Mach-O header"))?;
    let mut commands = header
        .load_commands(endian, data, 0)
        .map_err(bad("load commands"))?;
    while let Some(command) = commands.next().map_err(bad("load command"))? {
        for_each_section(endian, &command, &mut |section| {
            let constructors = matches!(
                section.flags.typ(),
                macho::S_MOD_INIT_FUNC_POINTERS
                    | macho::S_MOD_TERM_FUNC_POINTERS
                    | macho::S_INIT_FUNC_OFFSETS
            );
            // Tables that nobody refers to but by their bounds say so.
            let table = section.flags.typ() == macho::S_REGULAR
                && section.flags.0 & macho::S_ATTR_NO_DEAD_STRIP.0 != 0
                && section.flags.0 & macho::S_ATTR_DEBUG.0 == 0
                && !section.name.starts_with(b"__objc_")
                && !section.name.starts_with(b"__swift");
            if constructors || table {
                f(Cow::Borrowed(section.name));
            }
        });
    }
    Ok(())
}
