//! Relocations as one number (the type, `r_pcrel` and `r_length`), and what each does to its field
//! (`mach-o/x86_64/reloc.h`, `mach-o/arm64/reloc.h`).

use object::macho::{self, RelocationType};

use super::read::Cpu;

/// The relocation's type, `r_pcrel` and `r_length` as one number, for the writer.
pub(super) fn native(kind: RelocationType, pc_relative: bool, length: u8) -> u32 {
    u32::from(kind.0) | u32::from(pc_relative) << 8 | u32::from(length) << 9
}

/// What [`native`] packs, for the writer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Native {
    /// `r_type`.
    pub kind: u8,
    pub pc_relative: bool,
    /// The field's width is two to the power of it.
    pub length: u8,
}

impl Native {
    pub fn of(packed: u32) -> Self {
        Self {
            kind: packed as u8,
            pc_relative: packed >> 8 & 1 != 0,
            length: (packed >> 9 & 3) as u8,
        }
    }

    /// A pointer: UNSIGNED is 0 on every processor.
    pub fn pointer() -> Self {
        Self {
            kind: 0,
            pc_relative: false,
            length: 3,
        }
    }

    /// The distance to a slot of the final linker's table of pointers, which asks for a symbol and binds nothing here.
    /// Zig's linker takes one addend for all pointers to a symbol that dyld binds: a pointer that only asks would take
    /// that of others away.
    pub fn slot_distance(cpu: Cpu) -> Self {
        let kind = match cpu {
            Cpu::Arm64 => macho::ARM64_RELOC_POINTER_TO_GOT,
            _ => macho::X86_64_RELOC_GOT,
        };
        Self {
            kind: kind.0,
            pc_relative: true,
            length: 2,
        }
    }

    /// `r_symbolnum`, `r_pcrel`, `r_length`, `r_extern`, `r_type`, as little-endian machines have them.
    pub fn info(self, number: u32, external: bool) -> u32 {
        number & 0x00ff_ffff
            | u32::from(self.pc_relative) << 24
            | u32::from(self.length) << 25
            | u32::from(external) << 27
            | u32::from(self.kind) << 28
    }

    pub fn width(self) -> usize {
        1 << self.length
    }

    /// An address or the distance to one, in data.
    pub fn is_unsigned(self) -> bool {
        self.kind == 0
    }

    fn is_subtractor(self, cpu: Cpu) -> bool {
        let kind = RelocationType(self.kind);
        match cpu {
            Cpu::Arm64 => kind == macho::ARM64_RELOC_SUBTRACTOR,
            _ => kind == macho::X86_64_RELOC_SUBTRACTOR,
        }
    }

    /// Does it name its target without any distance? Calls do, slots of tables, and what is subtracted.
    pub fn is_exact(self, cpu: Cpu) -> bool {
        let kind = RelocationType(self.kind);
        match cpu {
            Cpu::Arm64 => !matches!(
                kind,
                macho::ARM64_RELOC_UNSIGNED
                    | macho::ARM64_RELOC_PAGE21
                    | macho::ARM64_RELOC_PAGEOFF12
            ),
            _ => matches!(
                kind,
                macho::X86_64_RELOC_BRANCH
                    | macho::X86_64_RELOC_GOT_LOAD
                    | macho::X86_64_RELOC_GOT
                    | macho::X86_64_RELOC_SUBTRACTOR
                    | macho::X86_64_RELOC_TLV
            ),
        }
    }

    /// Does it say that a thread-local variable is meant?
    pub fn is_tls(self, cpu: Cpu) -> bool {
        let kind = RelocationType(self.kind);
        match cpu {
            Cpu::Arm64 => matches!(
                kind,
                macho::ARM64_RELOC_TLVP_LOAD_PAGE21 | macho::ARM64_RELOC_TLVP_LOAD_PAGEOFF12
            ),
            Cpu::X86_64 => kind == macho::X86_64_RELOC_TLV,
            Cpu::X86 => kind == macho::GENERIC_RELOC_TLV,
        }
    }

    /// May an ARM64_RELOC_ADDEND stand before it?
    pub fn takes_addend(self) -> bool {
        matches!(
            RelocationType(self.kind),
            macho::ARM64_RELOC_BRANCH26 | macho::ARM64_RELOC_PAGE21 | macho::ARM64_RELOC_PAGEOFF12
        )
    }

    /// Does the addend stand beside the field (ARM64's instructions), not in it?
    pub fn addend_is_beside(self, cpu: Cpu) -> bool {
        cpu == Cpu::Arm64 && !self.is_unsigned() && !self.is_subtractor(cpu)
    }

    /// What stands in the field; `None`: its contents are the other half's of a pair.
    pub fn in_contents(self, cpu: Cpu, addend: i64) -> Option<i64> {
        if self.is_subtractor(cpu) {
            return None;
        }
        // The immediate that follows the field: the addend counts from the instruction's end.
        let bias = match RelocationType(self.kind) {
            _ if cpu == Cpu::Arm64 => 0,
            macho::X86_64_RELOC_SIGNED_1 => 1,
            macho::X86_64_RELOC_SIGNED_2 => 2,
            macho::X86_64_RELOC_SIGNED_4 => 4,
            _ => 0,
        };
        Some(addend.wrapping_sub(bias))
    }
}
