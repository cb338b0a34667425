//! Which relocations are of calls and jumps: where they lead is seen, the function's address is not.

use object::elf;

use crate::format::Machine;

/// See [`crate::format::is_branch`].
pub fn is_branch(machine: Machine, relocation: u32, data: &[u8], offset: u64) -> bool {
    let r = elf::RelocationType(relocation);
    let at = usize::try_from(offset).unwrap_or(usize::MAX);
    match machine {
        Machine::X86_64 => match r {
            // Of data: a distance that nobody compares.
            elf::R_X86_64_PLT32 => true,
            elf::R_X86_64_PC32 => is_x86_branch(data, at),
            elf::R_X86_64_GOTPCREL | elf::R_X86_64_GOTPCRELX | elf::R_X86_64_REX_GOTPCRELX => {
                is_indirect_x86_branch(data, at)
            }
            _ => false,
        },
        Machine::X86 => match r {
            elf::R_386_PLT32 => true,
            elf::R_386_PC32 => is_x86_branch(data, at),
            elf::R_386_GOT32 | elf::R_386_GOT32X => is_indirect_x86_branch(data, at),
            _ => false,
        },
        Machine::Aarch64 => matches!(
            r,
            elf::R_AARCH64_CALL26
                | elf::R_AARCH64_JUMP26
                | elf::R_AARCH64_CONDBR19
                | elf::R_AARCH64_TSTBR14
                | elf::R_AARCH64_PLT32
        ),
        Machine::Arm => matches!(
            r,
            elf::R_ARM_PC24
                | elf::R_ARM_PLT32
                | elf::R_ARM_CALL
                | elf::R_ARM_JUMP24
                | elf::R_ARM_THM_PC22
                | elf::R_ARM_THM_JUMP24
                | elf::R_ARM_THM_JUMP19
                | elf::R_ARM_PREL31
        ),
        Machine::Riscv64 => matches!(
            r,
            elf::R_RISCV_CALL
                | elf::R_RISCV_CALL_PLT
                | elf::R_RISCV_JAL
                | elf::R_RISCV_BRANCH
                | elf::R_RISCV_RVC_BRANCH
                | elf::R_RISCV_RVC_JUMP
        ),
        Machine::Other(_) => false,
    }
}

/// `call`, `jmp` or a conditional jump before a distance of four bytes.
fn is_x86_branch(data: &[u8], at: usize) -> bool {
    let byte = |back: usize| at.checked_sub(back).and_then(|at| data.get(at)).copied();
    match byte(1) {
        Some(0xe8 | 0xe9) => true,
        Some(0x80..=0x8f) => byte(2) == Some(0x0f),
        _ => false,
    }
}

/// `call` or `jmp` through a slot of a table.
fn is_indirect_x86_branch(data: &[u8], at: usize) -> bool {
    let byte = |back: usize| at.checked_sub(back).and_then(|at| data.get(at)).copied();
    byte(2) == Some(0xff) && byte(1).is_some_and(|modrm| matches!(modrm >> 3 & 7, 2 | 4))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_told_from_addresses() {
        let is = |r: elf::RelocationType, before: &[u8]| {
            let data = [before, &[0; 4]].concat();
            is_branch(Machine::X86_64, r.0, &data, before.len() as u64)
        };
        assert!(is(elf::R_X86_64_PC32, &[0xe8]));
        assert!(is(elf::R_X86_64_PC32, &[0x0f, 0x84]));
        assert!(!is(elf::R_X86_64_PC32, &[0x48, 0x8d, 0x05]));
        assert!(is(elf::R_X86_64_GOTPCRELX, &[0xff, 0x15]));
        assert!(is(elf::R_X86_64_GOTPCRELX, &[0xff, 0x25]));
        assert!(!is(elf::R_X86_64_GOTPCRELX, &[0xff, 0x35]));
        assert!(!is(elf::R_X86_64_REX_GOTPCRELX, &[0x48, 0x8b, 0x05]));
        assert!(!is(elf::R_X86_64_64, &[]));
    }
}
