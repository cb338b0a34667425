//! Sections whose contents programs see in the order in which members are linked: constructors, and
//! tables with bounds.

use std::borrow::Cow;

use super::model::Atom;
use super::{Format, MemberKind, coff, elf, macho};
use crate::error::Result;

/// The sequence that an atom is part of, where programs see what stands before and behind it: linkers put one
/// behind the other what members have of it.
#[must_use]
pub fn sequence<'a>(format: Format, atom: &Atom<'a>) -> Option<Cow<'a, [u8]>> {
    match format {
        // Linkers put what is tied to other sections in the order of those.
        Format::Elf if elf::ordered::is_tied(atom) => None,
        Format::Elf => elf::ordered::key(atom.section),
        Format::Coff => {
            let ordered = atom.registry.is_some() || coff::ordered::is_ordered(atom.section);
            ordered.then_some(atom.section.into())
        }
        Format::MachO => macho::ordered::sequence(atom),
    }
}

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
