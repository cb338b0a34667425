//! ELF objects (gABI), 32 and 64 bit. [`alive`] says which sections live, and by what.

pub mod alive;
pub mod amend;
mod arch;
mod attributes;
pub mod debug;
mod debug_write;
pub mod deplibs;
mod edges;
mod eh_frame;
mod emit;
mod exidx;
mod fde_range;
pub mod lone;
mod lto;
pub mod marker;
pub mod mergeable;
mod notes;
pub mod ordered;
mod properties;
pub mod read;
pub mod same;
pub mod sections;
mod symbols;
mod traits;
mod unwind;
pub mod write;

use object::elf;
use object::read::elf::{FileHeader, SectionHeader, SectionTable, Sym, SymbolTable};
use object::{Endianness, elf::FileHeader32, elf::FileHeader64};

use super::model::{SymbolKind, Visibility};
use super::{Format, GlobalKind, GlobalSymbol, Machine, MemberKind};
use crate::error::{Code, Diagnostic, Result};

/// A relocatable ELF file's machine, from its header; or that it holds a compiler's intermediate code.
pub fn classify(data: &[u8]) -> Option<MemberKind> {
    if data.len() < 20 || !data.starts_with(&elf::ELFMAG) {
        return None;
    }
    if lto::is_slim(data) {
        return Some(MemberKind::Bitcode);
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

/// See [`super::bound_stem`].
pub fn bound_stem(name: &[u8]) -> Option<&[u8]> {
    name.strip_prefix(b"__start_")
        .or_else(|| name.strip_prefix(b"__stop_"))
}

/// See [`super::for_each_global`].
pub fn for_each_global<'d>(data: &'d [u8], f: &mut dyn FnMut(GlobalSymbol<'d>)) -> Result<()> {
    if data.get(4) == Some(&elf::ELFCLASS32.0) {
        globals::<FileHeader32<Endianness>>(data, f)
    } else {
        globals::<FileHeader64<Endianness>>(data, f)
    }
}

type Tables<'d, H> = (Endianness, SectionTable<'d, H>, SymbolTable<'d, H>);

/// The byte order, the sections and the symbols of an object.
fn tables<'d, H: FileHeader<Endian = Endianness>>(data: &'d [u8]) -> Result<Tables<'d, H>> {
    let header = H::parse(data).map_err(bad("ELF header"))?;
    let endian = header.endian().map_err(bad("ELF header"))?;
    let sections = header
        .sections(endian, data)
        .map_err(bad("section table"))?;
    let symbols = sections
        .symbols(endian, data, elf::SHT_SYMTAB)
        .map_err(bad("symbol table"))?;
    Ok((endian, sections, symbols))
}

fn globals<'d, H: FileHeader<Endian = Endianness>>(
    data: &'d [u8],
    f: &mut dyn FnMut(GlobalSymbol<'d>),
) -> Result<()> {
    let (endian, sections, symbols) = tables::<H>(data)?;
    // Symbols of a COMDAT group are interchangeable whatever their binding says.
    let mut comdat = vec![false; sections.len()];
    for section in sections.iter() {
        let Some((flag, members)) = section.group(endian, data).map_err(bad("section group"))?
        else {
            continue;
        };
        for member in members.iter().filter(|_| flag == elf::GRP_COMDAT) {
            if let Some(slot) = comdat.get_mut(member.get(endian) as usize) {
                *slot = true;
            }
        }
    }
    for (index, symbol) in symbols.enumerate() {
        if symbol.st_bind() == elf::STB_LOCAL || index.0 == 0 {
            continue;
        }
        let name = symbol
            .name(endian, symbols.strings())
            .map_err(bad("symbol name"))?;
        let section = symbols
            .symbol_section(endian, symbol, index)
            .map_err(bad("symbol's section"))?;
        let vague = section.is_some_and(|s| comdat.get(s.0).copied().unwrap_or(false));
        let weak = symbol.st_bind() == elf::STB_WEAK;
        let kind = match symbol.st_shndx(endian) {
            elf::SHN_UNDEF if weak => GlobalKind::WeakUndefined,
            elf::SHN_UNDEF => GlobalKind::Undefined,
            elf::SHN_COMMON | SHN_X86_64_LCOMMON => GlobalKind::Common,
            // STB_GNU_UNIQUE: one in a process, whoever defines it.
            _ if vague || symbol.st_bind() == elf::STB_GNU_UNIQUE => GlobalKind::Vague,
            _ if weak => GlobalKind::WeakDefined,
            _ => GlobalKind::Defined,
        };
        f(GlobalSymbol {
            name,
            kind,
            visibility: visibility(symbol.st_visibility()),
            of: match symbol.st_type() {
                elf::STT_FUNC => SymbolKind::Function,
                elf::STT_GNU_IFUNC => SymbolKind::IndirectFunction,
                elf::STT_OBJECT | elf::STT_COMMON => SymbolKind::Object,
                elf::STT_TLS => SymbolKind::Tls,
                _ => SymbolKind::NoType,
            },
        });
    }
    Ok(())
}

/// Commons of the large code model (x86-64 psABI, "Special Section Indexes").
const SHN_X86_64_LCOMMON: elf::SymbolSection = elf::SymbolSection(0xff02);

fn visibility(visibility: elf::SymbolVisibility) -> Visibility {
    match visibility {
        elf::STV_DEFAULT => Visibility::Default,
        elf::STV_PROTECTED => Visibility::Protected,
        _ => Visibility::Hidden,
    }
}

/// See [`super::is_table_access`].
pub fn is_table_access(relocation: u32) -> bool {
    matches!(
        elf::RelocationType(relocation),
        elf::R_X86_64_GOTPCREL | elf::R_X86_64_GOTPCRELX | elf::R_X86_64_REX_GOTPCRELX
    )
}

/// See [`super::field`].
pub fn field(machine: Machine, relocation: u32) -> Option<super::Field> {
    let machine = match machine {
        Machine::X86_64 => elf::EM_X86_64,
        Machine::X86 => elf::EM_386,
        Machine::Aarch64 => elf::EM_AARCH64,
        Machine::Arm => elf::EM_ARM,
        Machine::Riscv64 => elf::EM_RISCV,
        Machine::Other(_) => return None,
    };
    let width = arch::Arch::new(machine.0)?.resolvable(relocation)?;
    Some(super::Field {
        width,
        behind: None,
    })
}

/// Section type of build attributes: SHT_ARM_ATTRIBUTES and SHT_RISCV_ATTRIBUTES are one number.
const SHT_ATTRIBUTES: u32 = elf::SHT_ARM_ATTRIBUTES.0;

fn attributes_section(name: &[u8]) -> bool {
    matches!(name, b".ARM.attributes" | b".riscv.attributes")
}

/// What an object file says about itself as a whole.
#[derive(Debug, Clone)]
pub struct ElfTraits<'d> {
    pub machine: u16,
    /// `e_flags`.
    pub machine_flags: u32,
    pub is_64: bool,
    pub executable_stack: bool,
    /// Contents of `.note.gnu.property`.
    pub properties: Option<&'d [u8]>,
    /// Name and contents of the build attributes section.
    pub attributes: Option<(&'d [u8], &'d [u8])>,
    /// Contents of the sections that name dependent libraries.
    pub libraries: Vec<&'d [u8]>,
    /// Nothing but the libraries is said: no code is spoken of.
    pub words_only: bool,
    /// It has a table by which stacks are walked without unwinding (SFrame), which is not carried over.
    pub sframe: bool,
}

/// `$a`, `$t`, `$d`, `$x` and their `.suffix` forms (AAELF32, AAELF64, RISC-V psABI).
fn is_mapping_symbol(machine: elf::Machine, name: &[u8]) -> bool {
    if !matches!(machine, elf::EM_ARM | elf::EM_AARCH64 | elf::EM_RISCV) {
        return false;
    }
    matches!(
        name,
        [b'$', b'a' | b't' | b'd'] | [b'$', b'x', ..] | [b'$', b'a' | b't' | b'd', b'.', ..]
    )
}

/// Does this non-allocated section hold debug information, or relocations of it?
fn is_debug_section(name: &[u8]) -> bool {
    const STEMS: [&[u8]; 4] = [b".debug_", b".zdebug_", b".rela.debug_", b".rel.debug_"];
    STEMS.iter().any(|stem| name.starts_with(stem))
}

/// See [`super::debug_bytes`].
pub fn debug_bytes(data: &[u8]) -> u64 {
    fn sum<H: FileHeader<Endian = Endianness>>(data: &[u8]) -> object::Result<u64> {
        let header = H::parse(data)?;
        let endian = header.endian()?;
        let sections = header.sections(endian, data)?;
        let mut total = 0u64;
        for section in sections.iter() {
            // Names are many; what programs load (`.debug_gdb_scripts`) is not debug information.
            let loaded = section.sh_flags(endian).0 & elf::SHF_ALLOC.0 != 0;
            if !loaded && is_debug_section(sections.section_name(endian, section)?) {
                total = total.saturating_add(section.sh_size(endian).into());
            }
        }
        Ok(total)
    }
    let read = if data.get(4) == Some(&elf::ELFCLASS32.0) {
        sum::<FileHeader32<Endianness>>(data)
    } else {
        sum::<FileHeader64<Endianness>>(data)
    };
    read.unwrap_or(0)
}
