//! What the writer must know of each psABI's relocations. What is not named here is carried as it
//! is, against a symbol at exactly the place that it referred to.

use object::elf;

/// How a relocation may name its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Naming {
    /// Section symbol and addend will do: the linker computes with S + A only.
    Section,
    /// The linker makes something for the symbol (a GOT slot, a stub) or pairs it with another
    /// relocation: it needs a symbol at the target.
    Symbol,
}

/// A machine's relocation rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arch {
    pub machine: elf::Machine,
    /// Relocations carry an addend (SHT_RELA).
    pub rela: bool,
    /// Linkers delete bytes of code: distances are not known before, code is never joined.
    pub relaxes: bool,
}

impl Arch {
    /// The rules of `machine`; `None` for one we cannot write.
    pub fn new(machine: u16) -> Option<Self> {
        let machine = elf::Machine(machine);
        let (rela, relaxes) = match machine {
            elf::EM_X86_64 | elf::EM_AARCH64 => (true, false),
            elf::EM_386 | elf::EM_ARM => (false, false),
            elf::EM_RISCV => (true, true),
            _ => return None,
        };
        Some(Self {
            machine,
            rela,
            relaxes,
        })
    }

    /// How much code is joined: linkers put what extends a branch's reach between sections alone, and a
    /// Thumb branch reaches 16 MiB, one of AArch64 128 MiB.
    pub fn joined_code(self) -> u64 {
        match self.machine {
            elf::EM_ARM => 1 << 20,
            elf::EM_AARCH64 => 1 << 24,
            _ => u64::MAX,
        }
    }

    pub fn naming(self, relocation: u32) -> Naming {
        let r = elf::RelocationType(relocation);
        let section = match self.machine {
            elf::EM_X86_64 => matches!(
                r,
                elf::R_X86_64_64
                    | elf::R_X86_64_PC32
                    | elf::R_X86_64_PLT32
                    | elf::R_X86_64_32
                    | elf::R_X86_64_32S
                    | elf::R_X86_64_PC64
            ),
            // No page pairs and no branches: stubs and relaxation look at the symbol.
            elf::EM_AARCH64 => matches!(
                r,
                elf::R_AARCH64_ABS64
                    | elf::R_AARCH64_ABS32
                    | elf::R_AARCH64_PREL32
                    | elf::R_AARCH64_PREL64
            ),
            // REL: the addend stands in the contents, which stay as they are.
            _ => false,
        };
        if section {
            Naming::Section
        } else {
            Naming::Symbol
        }
    }

    /// Bytes of a plain `S + A - P` field that may be computed now when P and S are in one section.
    pub fn resolvable(self, relocation: u32) -> Option<usize> {
        let r = elf::RelocationType(relocation);
        match self.machine {
            elf::EM_X86_64 => matches!(r, elf::R_X86_64_PC32 | elf::R_X86_64_PLT32).then_some(4),
            _ => None,
        }
    }

    /// The relocation of an address of so many bytes in data.
    pub fn address(self, width: u8) -> u32 {
        let wide = width == 8;
        let r = match self.machine {
            elf::EM_X86_64 if wide => elf::R_X86_64_64,
            elf::EM_X86_64 => elf::R_X86_64_32,
            elf::EM_AARCH64 if wide => elf::R_AARCH64_ABS64,
            elf::EM_AARCH64 => elf::R_AARCH64_ABS32,
            elf::EM_386 => elf::R_386_32,
            elf::EM_ARM => elf::R_ARM_ABS32,
            _ if wide => elf::R_RISCV_64,
            _ => elf::R_RISCV_32,
        };
        r.0
    }

    /// The pair of relocations that makes a distance of so many bytes, where linkers delete code.
    pub fn distance(self, width: u8) -> (u32, u32) {
        if width == 8 {
            (elf::R_RISCV_ADD64.0, elf::R_RISCV_SUB64.0)
        } else {
            (elf::R_RISCV_ADD32.0, elf::R_RISCV_SUB32.0)
        }
    }

    /// Padding between atoms of code: `nop`s, one byte each where there are such.
    pub fn code_fill(self) -> u8 {
        match self.machine {
            elf::EM_X86_64 | elf::EM_386 => 0x90,
            _ => 0,
        }
    }

    /// The relocation of a pointer to code in `.ARM.exidx`.
    pub const ARM_PREL31: u32 = elf::R_ARM_PREL31.0;
}

/// An access through the GOT that became direct.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Relaxed {
    /// Bytes to put at `at` (from the atom's start).
    pub at: u64,
    pub bytes: [u8; 6],
    pub len: usize,
    /// The relocation that takes the GOT relocation's place.
    pub offset: u64,
    pub relocation: u32,
    pub addend: i64,
}

/// x86-64 psABI, "Optimize GOTPCRELX Relocations": a call, jump or load through the GOT of a symbol
/// that nobody can preempt becomes a direct one of the same length. Final linkers may do so only
/// for GOTPCRELX; we know the target to be internal, so plain GOTPCREL will do too.
pub fn relax_got(
    arch: Arch,
    data: &[u8],
    offset: u64,
    relocation: u32,
    addend: i64,
) -> Option<Relaxed> {
    let r = elf::RelocationType(relocation);
    if arch.machine != elf::EM_X86_64
        || addend != -4
        || !matches!(
            r,
            elf::R_X86_64_GOTPCREL | elf::R_X86_64_GOTPCRELX | elf::R_X86_64_REX_GOTPCRELX
        )
    {
        return None;
    }
    let at = usize::try_from(offset).ok()?;
    data.get(at..at.checked_add(4)?)?;
    let opcode = *data.get(at.checked_sub(2)?)?;
    let modrm = *data.get(at - 1)?;
    let pc32 = elf::R_X86_64_PC32.0;
    let plt32 = elf::R_X86_64_PLT32.0;
    match (opcode, modrm) {
        // call *f@GOTPCREL(%rip) -> addr32 call f
        (0xff, 0x15) => Some(Relaxed {
            at: offset - 2,
            bytes: [0x67, 0xe8, 0, 0, 0, 0],
            len: 6,
            offset,
            relocation: plt32,
            addend: -4,
        }),
        // jmp *f@GOTPCREL(%rip) -> jmp f; nop
        (0xff, 0x25) => Some(Relaxed {
            at: offset - 2,
            bytes: [0xe9, 0, 0, 0, 0, 0x90],
            len: 6,
            offset: offset - 1,
            relocation: plt32,
            addend: -4,
        }),
        // mov f@GOTPCREL(%rip), %reg -> lea f(%rip), %reg, with a REX.W prefix only
        (0x8b, m) if m & 0xc7 == 0x05 => {
            let rex = *data.get(at.checked_sub(3)?)?;
            (rex & 0xfb == 0x48).then_some(Relaxed {
                at: offset - 2,
                bytes: [0x8d, 0, 0, 0, 0, 0],
                len: 1,
                offset,
                relocation: pc32,
                addend: -4,
            })
        }
        _ => None,
    }
}
