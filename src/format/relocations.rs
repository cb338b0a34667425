//! What kind of reference a relocation is, asked of the format that it belongs to.

use super::{Format, Machine, MemberKind, elf};

/// Does the relocation read an address from a table, so that a writer may make the access direct?
#[must_use]
pub fn is_table_access(kind: MemberKind, relocation: u32) -> bool {
    match kind {
        MemberKind::Object(Format::Elf, Machine::X86_64) => elf::is_table_access(relocation),
        _ => false,
    }
}

/// Does the relocation change nothing? Linkers that collect sections keep what it names.
#[must_use]
pub fn only_keeps(kind: MemberKind, relocation: u32) -> bool {
    matches!(kind, MemberKind::Object(Format::Elf, _)) && relocation == 0
}
