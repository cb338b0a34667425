//! Debug information by format: what an object has of it, and how it is read for the atoms that live.

use super::model::ObjectFile;
use super::{Format, MemberKind, coff, elf, macho};
use crate::debuginfo::ObjectDebug;
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
/// read says no.
#[must_use]
pub fn has_own(kind: MemberKind, data: &[u8]) -> bool {
    let sections = match kind {
        MemberKind::Object(Format::Elf, _) => elf::debug::sections(data, None),
        MemberKind::Object(Format::MachO, _) => macho::debug::sections(data),
        MemberKind::Object(Format::Coff, _) => {
            if coff::codeview::read::is_own(data).unwrap_or(false) {
                return true;
            }
            coff::debug::sections(data, None)
        }
        _ => return false,
    };
    sections.is_ok_and(|s| read::is_own(&s).unwrap_or(false))
}

/// What the member's debug information says of the atoms that `live` (by atom) tells; `None` where it has
/// none.
///
/// # Errors
/// Why it cannot be read.
pub fn read_lines(
    kind: MemberKind,
    data: &[u8],
    file: &ObjectFile<'_>,
    live: Vec<bool>,
) -> Result<Option<ObjectDebug>, String> {
    let MemberKind::Object(format, _) = kind else {
        return Ok(None);
    };
    let read = |read: Result<ObjectDebug, Fault>| read.map(Some).map_err(|e| e.to_string());
    match format {
        Format::Elf => {
            let places = elf::debug::places(file, live);
            let sections = elf::debug::sections(data, Some((file, &places)));
            let sections = sections.map_err(|e| e.to_string())?;
            if sections.is_empty() {
                return Ok(None);
            }
            read(read::read(&sections, &places))
        }
        Format::MachO => {
            let sections = macho::debug::sections(data).map_err(|e| e.to_string())?;
            if sections.is_empty() {
                return Ok(None);
            }
            read(read::read(
                &sections,
                &macho::debug::places(data, file, live),
            ))
        }
        Format::Coff => {
            let places = coff::debug::places(file, live);
            let sections = coff::debug::sections(data, Some((file, &places)));
            let sections = sections.map_err(|e| e.to_string())?;
            if sections.is_empty() {
                let read = coff::codeview::read::read(data, file, places.live());
                return read.map_err(|e| e.to_string());
            }
            read(read::read(&sections, &places))
        }
    }
}
