//! Sections whose contents programs see in the order in which members are linked: constructors, and
//! tables with bounds.

use std::borrow::Cow;

use super::{Format, MemberKind, coff, elf, macho};
use crate::error::Result;

/// Calls `f` with a key for each such section of a member; sections of one key are one sequence.
/// Members that are no objects have none.
///
/// # Errors
/// `object-malformed`.
pub fn for_each_ordered<'d>(
    kind: MemberKind,
    data: &'d [u8],
    f: &mut dyn FnMut(Cow<'d, [u8]>),
) -> Result<()> {
    match kind {
        MemberKind::Object(Format::Elf, _) => elf::ordered::for_each(data, f),
        MemberKind::Object(Format::Coff, _) => coff::ordered::for_each(data, f),
        MemberKind::Object(Format::MachO, _) => macho::ordered::for_each(data, f),
        MemberKind::ImportStub(_) | MemberKind::Bitcode | MemberKind::Other => Ok(()),
    }
}
