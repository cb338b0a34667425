//! What the writer must know of a machine's relocations (PE/COFF, "Type Indicators").

use object::pe;

/// A field that a relocation adds to: the symbol's address goes on top of what is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Field {
    /// Bytes.
    pub width: usize,
    /// For a distance: how many bytes after the field's start it is counted from.
    pub distance_from: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arch {
    X86_64,
    X86,
    Aarch64,
}

impl Arch {
    pub(super) fn new(machine: pe::Machine) -> Option<Self> {
        match machine {
            pe::IMAGE_FILE_MACHINE_AMD64 => Some(Self::X86_64),
            pe::IMAGE_FILE_MACHINE_I386 => Some(Self::X86),
            pe::IMAGE_FILE_MACHINE_ARM64 => Some(Self::Aarch64),
            _ => None,
        }
    }

    /// The plain field behind a relocation; `None` for instructions that hold an address in parts,
    /// and for numbers of sections.
    pub(super) fn field(self, relocation: u32) -> Option<Field> {
        let relocation = pe::RelocationType(u16::try_from(relocation).ok()?);
        let plain = |width| Field {
            width,
            distance_from: None,
        };
        match self {
            Self::X86_64 => match relocation {
                pe::IMAGE_REL_AMD64_ADDR64 => Some(plain(8)),
                pe::IMAGE_REL_AMD64_ADDR32
                | pe::IMAGE_REL_AMD64_ADDR32NB
                | pe::IMAGE_REL_AMD64_SECREL => Some(plain(4)),
                // REL32 to REL32_5: so many bytes follow the field.
                pe::RelocationType(kind @ 4..=9) => Some(Field {
                    width: 4,
                    distance_from: Some(u64::from(kind)),
                }),
                _ => None,
            },
            Self::X86 => match relocation {
                pe::IMAGE_REL_I386_DIR32
                | pe::IMAGE_REL_I386_DIR32NB
                | pe::IMAGE_REL_I386_SECREL => Some(plain(4)),
                pe::IMAGE_REL_I386_REL32 => Some(Field {
                    width: 4,
                    distance_from: Some(4),
                }),
                _ => None,
            },
            Self::Aarch64 => match relocation {
                pe::IMAGE_REL_ARM64_ADDR64 => Some(plain(8)),
                pe::IMAGE_REL_ARM64_ADDR32
                | pe::IMAGE_REL_ARM64_ADDR32NB
                | pe::IMAGE_REL_ARM64_SECREL => Some(plain(4)),
                pe::IMAGE_REL_ARM64_REL32 => Some(Field {
                    width: 4,
                    distance_from: Some(4),
                }),
                _ => None,
            },
        }
    }

    /// Bytes that a relocation writes to: numbers of sections are half a word, `SECREL7` is a part of a
    /// byte, and instructions are a word.
    pub(super) fn width(self, relocation: u32) -> usize {
        let low_bits = match self {
            Self::X86_64 => Some(pe::IMAGE_REL_AMD64_SECREL7),
            Self::X86 => Some(pe::IMAGE_REL_I386_SECREL7),
            Self::Aarch64 => None,
        };
        if self.is_section_number(relocation) {
            2
        } else if low_bits.is_some_and(|r| u32::from(r.0) == relocation) {
            1
        } else {
            self.field(relocation).map_or(4, |f| f.width)
        }
    }

    /// A relocation that asks for the number of its symbol's section: any symbol there will do.
    pub(super) fn is_section_number(self, relocation: u32) -> bool {
        u32::from(self.section_number()) == relocation
    }

    /// Bytes of an address.
    pub(super) fn address_size(self) -> u8 {
        match self {
            Self::X86_64 | Self::Aarch64 => 8,
            Self::X86 => 4,
        }
    }

    /// The machine in CodeView's records (`CV_CPU_TYPE_e`).
    pub(super) fn codeview_machine(self) -> u16 {
        match self {
            Self::X86_64 => 0xD0,
            Self::X86 => 0x07,
            Self::Aarch64 => 0xF6,
        }
    }

    /// The address of the symbol in so many bytes.
    pub(super) fn address(self, width: u8) -> u16 {
        match (self, width) {
            (Self::X86_64, 8) => pe::IMAGE_REL_AMD64_ADDR64.0,
            (Self::X86_64, _) => pe::IMAGE_REL_AMD64_ADDR32.0,
            (Self::X86, _) => pe::IMAGE_REL_I386_DIR32.0,
            (Self::Aarch64, 8) => pe::IMAGE_REL_ARM64_ADDR64.0,
            (Self::Aarch64, _) => pe::IMAGE_REL_ARM64_ADDR32.0,
        }
    }

    /// The symbol's distance from its section's start, in 4 bytes.
    pub(super) fn in_section(self) -> u16 {
        match self {
            Self::X86_64 => pe::IMAGE_REL_AMD64_SECREL.0,
            Self::X86 => pe::IMAGE_REL_I386_SECREL.0,
            Self::Aarch64 => pe::IMAGE_REL_ARM64_SECREL.0,
        }
    }

    /// The number of the symbol's section, in 2 bytes.
    pub(super) fn section_number(self) -> u16 {
        match self {
            Self::X86_64 => pe::IMAGE_REL_AMD64_SECTION.0,
            Self::X86 => pe::IMAGE_REL_I386_SECTION.0,
            Self::Aarch64 => pe::IMAGE_REL_ARM64_SECTION.0,
        }
    }

    /// What stands between functions: breakpoints.
    pub(super) fn code_fill(self) -> u8 {
        match self {
            Self::X86_64 | Self::X86 => 0xCC,
            Self::Aarch64 => 0,
        }
    }

    /// Bytes of a record of `.pdata` (PE/COFF, "The .pdata Section"; "x64 exception handling").
    pub(super) fn unwind_record(self) -> Option<usize> {
        match self {
            Self::X86_64 => Some(12),
            Self::Aarch64 => Some(8),
            Self::X86 => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Arch, Field};

    #[test]
    fn distances_count_from_the_end_of_the_instruction() {
        let field = |relocation| Arch::X86_64.field(relocation);
        let distance = |from| {
            Some(Field {
                width: 4,
                distance_from: Some(from),
            })
        };
        assert_eq!(field(4), distance(4));
        assert_eq!(field(9), distance(9));
        assert_eq!(field(1).map(|f| f.width), Some(8));
        assert_eq!(field(0xA), None);
        assert!(Arch::X86_64.is_section_number(0xA));
        assert_eq!(
            [0xA, 4, 1, 0xC].map(|r| Arch::X86_64.width(r)),
            [2, 4, 8, 1]
        );
        // PAGEBASE_REL21 and SECTION.
        assert_eq!([4, 0xD].map(|r| Arch::Aarch64.width(r)), [4, 2]);
    }
}
