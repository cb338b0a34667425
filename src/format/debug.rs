//! Debug information by format: what an object has of it, and how it is read for the atoms that live.

use super::model::ObjectFile;
use super::{Format, MemberKind, coff, elf, macho};
use crate::debuginfo::ObjectDebug;
use crate::debuginfo::dwarf::full::Entries;
use crate::debuginfo::dwarf::read::{self, Fault};

/// Bytes of debug information in a member, with its relocations; 0 where it cannot be read.
#[must_use]
pub fn debug_bytes(kind: MemberKind, data: &[u8]) -> u64 {
    match kind {
        MemberKind::Object(Format::Elf, _) => elf::debug_bytes(data),
        MemberKind::Object(Format::Coff, _) => coff::debug_bytes(data),
        MemberKind::Object(Format::MachO, _) => macho::debug_bytes(data),
        _ => 0,
    }
}

/// Can debug information of such members be carried over?
#[must_use]
pub fn carries(kind: MemberKind) -> bool {
    matches!(kind, MemberKind::Object(..))
}

/// Has the member debug information that is not the standard library's, as that is shipped? What cannot be
/// read may be, and is spoken of where it is read for good.
#[must_use]
pub fn has_own(kind: MemberKind, data: &[u8]) -> bool {
    let sections = match kind {
        MemberKind::Object(Format::Elf, _) => elf::debug::sections(data, None, false),
        MemberKind::Object(Format::MachO, _) => macho::debug::sections(data, false),
        MemberKind::Object(Format::Coff, _) => {
            if coff::codeview::read::is_own(data).unwrap_or(true) {
                return true;
            }
            coff::debug::sections(data, None, false)
        }
        _ => return false,
    };
    sections.map_or(true, |s| read::is_own(&s).unwrap_or(true))
}

/// What the member's debug information says of the atoms that `live` (by atom) tells; `None` where it has
/// none. Variables and types are read where `full` is wanted.
///
/// # Errors
/// Why it cannot be read.
pub fn read_debug(
    kind: MemberKind,
    data: &[u8],
    file: &ObjectFile<'_>,
    live: Vec<bool>,
    full: bool,
) -> Result<Option<ObjectDebug>, String> {
    let MemberKind::Object(format, _) = kind else {
        return Ok(None);
    };
    let read = |read: Result<ObjectDebug, Fault>| {
        let mut debug = read.map_err(|e| e.to_string())?;
        // Addresses in expressions are as long as those that are written.
        let other = |e: &mut Box<Entries>| e.address_size != address_size(format, data);
        if debug.full.take_if(other).is_some() {
            debug.reduced = Some("addresses of another length".to_owned());
        }
        Ok(Some(debug))
    };
    match format {
        Format::Elf => {
            let places = elf::debug::places(file, live, full);
            let sections = elf::debug::sections(data, Some((file, &places)), full);
            let sections = sections.map_err(|e| e.to_string())?;
            if sections.is_empty() {
                return Ok(None);
            }
            read(read::read(&sections, &places, full))
        }
        Format::MachO => {
            let sections = macho::debug::sections(data, full).map_err(|e| e.to_string())?;
            if sections.is_empty() {
                return Ok(None);
            }
            let places = macho::debug::places(data, file, live, full);
            read(read::read(&sections, &places, full))
        }
        Format::Coff => {
            let places = coff::debug::places(file, live, full);
            let sections = coff::debug::sections(data, Some((file, &places)), full);
            let sections = sections.map_err(|e| e.to_string())?;
            if sections.is_empty() {
                let read = coff::codeview::read::read(data, file, places.live());
                let mut read = read.map_err(|e| e.to_string())?;
                if let Some(debug) = read.as_mut().filter(|_| full) {
                    debug.reduced = Some("CodeView".to_owned());
                }
                return Ok(read);
            }
            read(read::read(&sections, &places, full))
        }
    }
}

/// Bytes of an address in objects that we write.
fn address_size(format: Format, data: &[u8]) -> u8 {
    match format {
        Format::Elf => elf::debug::address_size(data),
        Format::MachO | Format::Coff => 8,
    }
}
