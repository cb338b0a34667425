//! ELF objects (gABI), 32 and 64 bit.

pub mod same;
pub mod sections;

use object::elf;
use object::read::elf::{FileHeader, Sym};
use object::{Endianness, elf::FileHeader32, elf::FileHeader64};

use super::{Format, GlobalKind, GlobalSymbol, Machine, MemberKind};
use crate::error::{Code, Diagnostic, Result};

/// A relocatable ELF file's machine, from its header.
pub fn classify(data: &[u8]) -> Option<MemberKind> {
    if data.len() < 20 || !data.starts_with(&elf::ELFMAG) {
        return None;
    }
    let half = |at: usize| {
        let bytes = [data[at], data[at + 1]];
        if data[5] == elf::ELFDATA2MSB.0 {
            u16::from_be_bytes(bytes)
        } else {
            u16::from_le_bytes(bytes)
        }
    };
    let machine = match elf::Machine(half(18)) {
        elf::EM_X86_64 => Machine::X86_64,
        elf::EM_386 => Machine::X86,
        elf::EM_AARCH64 => Machine::Aarch64,
        elf::EM_ARM => Machine::Arm,
        elf::EM_RISCV if data[4] == elf::ELFCLASS64.0 => Machine::Riscv64,
        other => Machine::Other(u32::from(other.0)),
    };
    Some(MemberKind::Object(Format::Elf, machine))
}

fn bad(what: &str) -> impl Fn(object::Error) -> Diagnostic {
    move |e| Diagnostic::new(Code::ObjectMalformed, format!("bad {what}: {e}"))
}

/// See [`super::for_each_global`].
pub fn for_each_global<'d>(data: &'d [u8], f: &mut dyn FnMut(GlobalSymbol<'d>)) -> Result<()> {
    if data.get(4) == Some(&elf::ELFCLASS32.0) {
        globals::<FileHeader32<Endianness>>(data, f)
    } else {
        globals::<FileHeader64<Endianness>>(data, f)
    }
}

fn globals<'d, H: FileHeader<Endian = Endianness>>(
    data: &'d [u8],
    f: &mut dyn FnMut(GlobalSymbol<'d>),
) -> Result<()> {
    let header = H::parse(data).map_err(bad("ELF header"))?;
    let endian = header.endian().map_err(bad("ELF header"))?;
    let sections = header
        .sections(endian, data)
        .map_err(bad("section table"))?;
    let symbols = sections
        .symbols(endian, data, elf::SHT_SYMTAB)
        .map_err(bad("symbol table"))?;
    for symbol in symbols.iter() {
        if symbol.st_bind() == elf::STB_LOCAL {
            continue;
        }
        let name = symbol
            .name(endian, symbols.strings())
            .map_err(bad("symbol name"))?;
        let weak = symbol.st_bind() == elf::STB_WEAK;
        let kind = match (symbol.st_shndx(endian), weak) {
            (elf::SHN_UNDEF, false) => GlobalKind::Undefined,
            (elf::SHN_UNDEF, true) => GlobalKind::WeakUndefined,
            (elf::SHN_COMMON, _) => GlobalKind::Common,
            (_, false) => GlobalKind::Defined,
            (_, true) => GlobalKind::WeakDefined,
        };
        f(GlobalSymbol {
            name,
            kind,
            default_visibility: matches!(
                symbol.st_visibility(),
                elf::STV_DEFAULT | elf::STV_PROTECTED
            ),
        });
    }
    Ok(())
}
