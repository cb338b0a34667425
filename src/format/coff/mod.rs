//! COFF objects, plain and big, and short import objects (PE/COFF specification).

pub mod amend;
mod arch;
pub mod codeview;
mod comdat;
mod cuts;
pub mod debug;
mod debug_write;
pub mod directives;
mod emit;
pub mod import;
mod lone;
mod lto;
pub mod marker;
mod names;
pub mod ordered;
mod pdata;
pub mod read;
pub mod same;
pub mod sections;
pub mod traits;
pub mod write;

pub use names::{is_made_by_compiler, is_of_all};

use foldhash::{HashMap, HashMapExt};
use object::pe::{self, AnonObjectHeaderBigobj, ImageFileHeader};
use object::read::SymbolIndex;
use object::read::coff::{CoffHeader, Symbol as _};

use super::model::{SymbolKind, Visibility};
use super::output::is_crossing_name;
use super::sections::SectionKind;
use super::{Format, GlobalKind, GlobalSymbol, Machine, MemberKind};
use crate::error::{Code, Diagnostic, Result};

/// Class id of big objects, after a header that looks like an import object's.
const BIGOBJ: [u8; 16] = [
    0xC7, 0xA1, 0xBA, 0xD1, 0xEE, 0xBA, 0xA9, 0x4B, 0xAF, 0x20, 0xFA, 0xF6, 0x6A, 0xA4, 0xDC, 0xB8,
];

/// The linker fills the image's header from these (PE/COFF, "The .tls Section", "The Load
/// Configuration Structure"), and code that compilers write finds thread locals by the index.
pub const RESERVED: [&[u8]; 3] = [b"_tls_used", b"_tls_index", b"_load_config_used"];

/// What the first bytes say.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Layout {
    Plain,
    Big,
    Import,
}

fn half(data: &[u8], at: usize) -> Option<u16> {
    let bytes = data.get(at..)?.first_chunk()?;
    Some(u16::from_le_bytes(*bytes))
}

fn word(data: &[u8], at: usize) -> Option<u32> {
    let bytes = data.get(at..)?.first_chunk()?;
    Some(u32::from_le_bytes(*bytes))
}

fn layout(data: &[u8]) -> Option<(Layout, u16)> {
    if half(data, 0)? == 0 && half(data, 2)? == 0xFFFF {
        let machine = half(data, 6)?;
        return match half(data, 4)? {
            0 => Some((Layout::Import, machine)),
            _ if data.get(12..28)? == BIGOBJ => Some((Layout::Big, machine)),
            _ => None,
        };
    }
    // There is no magic, so what the header says must be possible.
    let machine = half(data, 0)?;
    let sections = usize::from(half(data, 2)?);
    let symbols = word(data, 8)? as usize;
    let optional = half(data, 16)?;
    let fits = 20 + 40 * sections <= data.len() && symbols <= data.len() && optional == 0;
    (known(machine) && fits).then_some((Layout::Plain, machine))
}

/// Anonymous objects that are not big ones hold a compiler's intermediate code (`ANON_OBJECT_HEADER` of
/// winnt.h; MSVC's /GL).
pub fn is_intermediate(data: &[u8]) -> bool {
    half(data, 0) == Some(0)
        && half(data, 2) == Some(0xFFFF)
        && half(data, 4).is_some_and(|version| version > 0)
        && data.get(12..28).is_some_and(|class| class != BIGOBJ)
        && half(data, 6).is_some_and(known)
}

/// Is it GCC's intermediate code?
pub fn is_slim(data: &[u8]) -> bool {
    lto::is_slim(data)
}

fn known(machine: u16) -> bool {
    const MACHINES: [pe::Machine; 6] = [
        pe::IMAGE_FILE_MACHINE_AMD64,
        pe::IMAGE_FILE_MACHINE_I386,
        pe::IMAGE_FILE_MACHINE_ARM64,
        pe::IMAGE_FILE_MACHINE_ARMNT,
        pe::IMAGE_FILE_MACHINE_ARM64EC,
        pe::IMAGE_FILE_MACHINE_ARM64X,
    ];
    MACHINES.iter().any(|m| m.0 == machine)
}

/// The member's machine, where its header is one of COFF's.
pub fn classify(data: &[u8]) -> Option<MemberKind> {
    let (layout, machine) = layout(data)?;
    let machine = match pe::Machine(machine) {
        pe::IMAGE_FILE_MACHINE_AMD64 => Machine::X86_64,
        pe::IMAGE_FILE_MACHINE_I386 => Machine::X86,
        pe::IMAGE_FILE_MACHINE_ARM64 => Machine::Aarch64,
        pe::IMAGE_FILE_MACHINE_ARMNT => Machine::Arm,
        other => Machine::Other(u32::from(other.0)),
    };
    Some(match layout {
        Layout::Import => MemberKind::ImportStub(machine),
        Layout::Plain | Layout::Big => MemberKind::Object(Format::Coff, machine),
    })
}

/// See [`super::is_import`]: an object with a part of the import tables.
pub fn is_import(data: &[u8]) -> bool {
    fn check<H: CoffHeader>(data: &[u8]) -> Option<bool> {
        let mut offset = 0;
        let header = H::parse(data, &mut offset).ok()?;
        let sections = header.sections(data, offset).ok()?;
        Some(sections.iter().any(|s| names::is_import(s.raw_name())))
    }
    match layout(data) {
        Some((Layout::Plain, _)) => check::<ImageFileHeader>(data),
        Some((Layout::Big, _)) => check::<AnonObjectHeaderBigobj>(data),
        _ => None,
    }
    .unwrap_or(false)
}

fn arch(machine: Machine) -> Option<arch::Arch> {
    let machine = match machine {
        Machine::X86_64 => pe::IMAGE_FILE_MACHINE_AMD64,
        Machine::X86 => pe::IMAGE_FILE_MACHINE_I386,
        Machine::Aarch64 => pe::IMAGE_FILE_MACHINE_ARM64,
        _ => return None,
    };
    arch::Arch::new(machine)
}

/// See [`super::is_section_number`].
pub fn is_section_number(machine: Machine, relocation: u32) -> bool {
    arch(machine).is_some_and(|a| a.is_section_number(relocation))
}

/// See [`super::field`].
pub fn field(machine: Machine, relocation: u32) -> Option<super::Field> {
    let field = arch(machine)?.field(relocation)?;
    Some(super::Field {
        width: field.width,
        behind: field.distance_from,
    })
}

/// See [`super::debug_bytes`].
pub fn debug_bytes(data: &[u8]) -> u64 {
    let mut bytes = 0u64;
    let read = sections::for_each_piece(data, &mut |piece| {
        if piece.kind == SectionKind::Debug {
            bytes = bytes.saturating_add(piece.bytes);
        }
    });
    read.map_or(0, |()| bytes)
}

fn bad(what: &str) -> impl Fn(object::Error) -> Diagnostic {
    move |e| Diagnostic::new(Code::ObjectMalformed, format!("bad {what}: {e}"))
}

/// See [`super::for_each_global`].
pub fn for_each_global<'d>(data: &'d [u8], f: &mut dyn FnMut(GlobalSymbol<'d>)) -> Result<()> {
    match layout(data) {
        Some((Layout::Plain, _)) => globals::<ImageFileHeader>(data, f),
        Some((Layout::Big, _)) => globals::<AnonObjectHeaderBigobj>(data, f),
        Some((Layout::Import, _)) => import::globals(data, f),
        None => Err(Diagnostic::new(Code::ObjectMalformed, "no COFF header").into()),
    }
}

/// Compilers say by an absolute zero that a weak reference may lead nowhere.
fn is_nothing(symbol: &impl object::read::coff::Symbol) -> bool {
    symbol.section_number() == pe::IMAGE_SYM_ABSOLUTE && symbol.value() == 0
}

fn globals<'d, H: CoffHeader>(data: &'d [u8], f: &mut dyn FnMut(GlobalSymbol<'d>)) -> Result<()> {
    let mut offset = 0;
    let header = H::parse(data, &mut offset).map_err(bad("COFF header"))?;
    let sections = header
        .sections(data, offset)
        .map_err(bad("section table"))?;
    let symbols = header.symbols(data).map_err(bad("symbol table"))?;
    // How a COMDAT's copies are chosen stands with its section symbol.
    let mut selections = HashMap::new();
    for (index, symbol) in symbols.iter() {
        if symbol.has_aux_section() {
            let aux = symbols.aux_section(index).map_err(bad("section symbol"))?;
            selections.insert(symbol.section_number().0, aux.selection);
        }
    }
    let is_comdat = |number: i32| {
        let section = usize::try_from(number).ok().and_then(|n| n.checked_sub(1));
        let section = section.and_then(|n| sections.iter().nth(n));
        section.is_some_and(|s| {
            let flags = s.characteristics.get(object::LittleEndian);
            flags.0 & pe::IMAGE_SCN_LNK_COMDAT.0 != 0
        }) && selections.get(&number) != Some(&pe::IMAGE_COMDAT_SELECT_NODUPLICATES)
    };
    for (index, symbol) in symbols.iter() {
        let section = symbol.section_number();
        let kind = match symbol.storage_class() {
            pe::IMAGE_SYM_CLASS_EXTERNAL => match (section, symbol.value()) {
                (pe::IMAGE_SYM_UNDEFINED, 0) => GlobalKind::Undefined,
                (pe::IMAGE_SYM_UNDEFINED, _) => GlobalKind::Common,
                (pe::IMAGE_SYM_DEBUG, _) => continue,
                (section, _) if is_comdat(section.0) => GlobalKind::Vague,
                _ => GlobalKind::Defined,
            },
            pe::IMAGE_SYM_CLASS_WEAK_EXTERNAL if section == pe::IMAGE_SYM_UNDEFINED => {
                let mut defines = false;
                if symbol.has_aux_weak_external() {
                    let aux = symbols.aux_weak_external(index);
                    let aux = aux.map_err(bad("weak external"))?;
                    let default = aux.weak_default_sym_index.get(object::LittleEndian);
                    let default = symbols.symbol(SymbolIndex(default as usize)).ok();
                    // An alias defines the name; the others only say what to take where nobody does.
                    defines = aux.weak_search_type.get(object::LittleEndian)
                        == pe::IMAGE_WEAK_EXTERN_SEARCH_ALIAS
                        && default.is_some_and(|d| !is_nothing(d));
                }
                if defines {
                    GlobalKind::WeakDefined
                } else {
                    GlobalKind::WeakUndefined
                }
            }
            pe::IMAGE_SYM_CLASS_WEAK_EXTERNAL => GlobalKind::WeakDefined,
            _ => continue,
        };
        let name = symbol.name(symbols.strings()).map_err(bad("symbol name"))?;
        f(GlobalSymbol {
            name,
            kind,
            // The format has no other way to say it.
            visibility: if is_crossing_name(name) {
                Visibility::Hidden
            } else {
                Visibility::Default
            },
            of: SymbolKind::NoType,
        });
    }
    Ok(())
}
