//! Which machines we know and write objects for, format by format.

use super::{Format, Machine, MemberKind, macho};
use crate::error::{Code, Diagnostic, Result};

/// The machines of the format that we have a name for.
#[must_use]
pub fn known_machines(format: Format) -> &'static [Machine] {
    use Machine::{Aarch64, Arm, Riscv64, X86, X86_64};
    match format {
        Format::Elf => &[X86_64, X86, Aarch64, Arm, Riscv64],
        Format::Coff | Format::MachO => &[X86_64, X86, Aarch64, Arm],
    }
}

/// Those that [`write_object`](super::write_object) writes objects for.
#[must_use]
pub fn written_machines(format: Format) -> &'static [Machine] {
    match format {
        Format::Elf => known_machines(format),
        Format::Coff | Format::MachO => &[Machine::X86_64, Machine::Aarch64],
    }
}

/// Refuses a member of whose kind [`write_object`](super::write_object) writes none, before work is spent on it.
///
/// # Errors
/// `object-unsupported`.
pub fn check_writable(kind: MemberKind, data: &[u8]) -> Result<()> {
    let (format, machine) = match kind {
        MemberKind::Object(Format::MachO, _) => return macho::check_writable(data),
        MemberKind::Object(format, machine) => (format, machine),
        MemberKind::ImportStub(machine) => (Format::Coff, machine),
        MemberKind::Bitcode | MemberKind::Other => return Ok(()),
    };
    if written_machines(format).contains(&machine) {
        return Ok(());
    }
    Err(Diagnostic::new(
        Code::ObjectUnsupported,
        format!("{format} objects for {machine} cannot be written yet"),
    )
    .hint("use the dedup strategy")
    .into())
}
