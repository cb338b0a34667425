//! An object that holds a note of ours and nothing a linker would keep: an empty segment, without which
//! Apple's ld64 refuses an object ("missing LC_SEGMENT"), no symbols, a note load command (LC_NOTE), and
//! the platform of the objects around it.

use object::macho::{self, MachHeader32, MachHeader64};
use object::read::macho::MachHeader;
use object::{Endian, Endianness};

use super::magic;

const OWNER: &[u8; 16] = b"dragonfire\0\0\0\0\0\0";
/// LC_NOTE: command, its size, owner, offset and size of the data.
const NOTE: usize = 4 + 4 + 16 + 8 + 8;

/// A marker object like `template` that holds `note`.
pub fn make(template: &[u8], note: &[u8]) -> Option<Vec<u8>> {
    let (endian, is_64) = magic(template)?;
    let platform = if is_64 {
        platform::<MachHeader64<Endianness>>(template)
    } else {
        platform::<MachHeader32<Endianness>>(template)
    };
    let platform = platform.unwrap_or_default();
    let header = if is_64 { 32 } else { 28 };
    // Magic, CPU and its subtype.
    let mut out = template.get(..12)?.to_vec();
    let word = |out: &mut Vec<u8>, v: u32| out.extend_from_slice(&endian.write_u32(v));
    let (segment, segment_size) = if is_64 {
        (macho::LC_SEGMENT_64, 72)
    } else {
        (macho::LC_SEGMENT, 56)
    };
    let commands = 2 + u32::from(!platform.is_empty());
    let size = segment_size + platform.len() + NOTE;
    for v in [macho::MH_OBJECT.0, commands, size as u32] {
        word(&mut out, v);
    }
    word(&mut out, macho::MH_SUBSECTIONS_VIA_SYMBOLS.0);
    out.resize(header, 0);
    word(&mut out, segment.0);
    word(&mut out, segment_size as u32);
    // No name, no addresses, no contents, all protections that may be, no sections, no flags.
    out.resize(header + segment_size - 16, 0);
    for v in [7, 7, 0, 0] {
        word(&mut out, v);
    }
    out.extend_from_slice(platform);
    word(&mut out, macho::LC_NOTE.0);
    word(&mut out, NOTE as u32);
    out.extend_from_slice(OWNER);
    out.extend_from_slice(&endian.write_u64((header + size) as u64));
    out.extend_from_slice(&endian.write_u64(note.len() as u64));
    out.extend_from_slice(note);
    Some(out)
}

/// The command that says what system and version an object is for.
fn platform<H: MachHeader<Endian = Endianness>>(data: &[u8]) -> Option<&[u8]> {
    let header = H::parse(data, 0).ok()?;
    let endian = header.endian().ok()?;
    let mut commands = header.load_commands(endian, data, 0).ok()?;
    while let Some(command) = commands.next().ok()? {
        if super::is_platform(command.cmd()) {
            return Some(command.raw_data());
        }
    }
    None
}

/// The note of a marker object.
pub fn read(data: &[u8]) -> Option<&[u8]> {
    match magic(data)? {
        (_, false) => find::<MachHeader32<Endianness>>(data),
        (_, true) => find::<MachHeader64<Endianness>>(data),
    }
}

fn find<H: MachHeader<Endian = Endianness>>(data: &[u8]) -> Option<&[u8]> {
    let header = H::parse(data, 0).ok()?;
    let endian = header.endian().ok()?;
    let mut commands = header.load_commands(endian, data, 0).ok()?;
    while let Some(command) = commands.next().ok()? {
        if command.cmd() != macho::LC_NOTE || command.raw_data().get(8..24) != Some(OWNER) {
            continue;
        }
        let number = |at: usize| {
            let bytes = command.raw_data().get(at..)?.first_chunk::<8>()?;
            usize::try_from(endian.read_u64(*bytes)).ok()
        };
        let (at, size) = (number(24)?, number(32)?);
        return data.get(at..at.checked_add(size)?);
    }
    None
}
