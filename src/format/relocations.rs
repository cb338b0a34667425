//! What kind of reference a relocation is, asked of the format that it belongs to.

use super::{Format, Machine, MemberKind, coff, elf, macho};

/// Does the relocation read an address from a table, so that a writer may make the access direct?
#[must_use]
pub fn is_table_access(kind: MemberKind, relocation: u32) -> bool {
    match kind {
        MemberKind::Object(Format::Elf, Machine::X86_64) => elf::is_table_access(relocation),
        _ => false,
    }
}

/// Is the relocation, at this offset of `data`, that of a call or a jump? It says nothing of a function's
/// address; nor does what only describes code.
#[must_use]
pub fn is_branch(kind: MemberKind, relocation: u32, data: &[u8], offset: u64) -> bool {
    match kind {
        MemberKind::Object(Format::Elf, machine) => {
            elf::branches::is_branch(machine, relocation, data, offset)
        }
        MemberKind::Object(Format::Coff, machine) => {
            coff::is_branch(machine, relocation, data, offset)
        }
        MemberKind::Object(Format::MachO, machine) => macho::is_branch(machine, relocation),
        _ => false,
    }
}

/// Does the relocation change nothing? Linkers that collect sections keep what it names.
#[must_use]
pub fn only_keeps(kind: MemberKind, relocation: u32) -> bool {
    matches!(kind, MemberKind::Object(Format::Elf, _)) && relocation == 0
}
