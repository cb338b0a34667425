//! Mach-O objects, 32 and 64 bit.

pub mod amend;
mod atoms;
pub mod bitcode;
pub mod check;
pub mod debug;
mod debug_write;
mod eh_frame;
mod emit;
pub mod fat;
mod join;
mod layout;
pub mod lone;
pub mod marker;
mod native;
pub mod ordered;
pub mod read;
mod relocations;
pub mod sections;
mod symbols;
mod unwind;
mod unwind_write;
pub mod write;

use object::macho::{self, MachHeader32, MachHeader64};
use object::read::macho::{MachHeader, Nlist};
use object::{Endian, Endianness};

use super::model::{self, SymbolKind, Visibility};
use super::{Format, GlobalKind, GlobalSymbol, Machine, MemberKind};
use crate::error::{Code, Diagnostic, Result};

/// What an object file says about itself as a whole.
#[derive(Debug, Clone, Default)]
pub struct MachOTraits<'d> {
    pub cpu_type: u32,
    pub cpu_subtype: u32,
    pub is_64: bool,
    /// Linkers may cut sections at symbols (MH_SUBSECTIONS_VIA_SYMBOLS).
    pub subsections_via_symbols: bool,
    /// The load commands that name platform, system version and SDK, as they stand in the file.
    pub platforms: Vec<&'d [u8]>,
    /// Arguments for the linker, one list for each LC_LINKER_OPTION.
    pub linker_options: Vec<Vec<&'d [u8]>>,
    /// Contents of `__objc_imageinfo`.
    pub objc_image_info: Option<&'d [u8]>,
    /// Bitcode of a linker's liking embedded by the compiler, which Apple's shops refuse.
    pub embedded_bitcode: bool,
}

/// The processor, where objects for it are written.
///
/// # Errors
/// `object-unsupported`.
fn writable(cpu_type: u32, cpu_subtype: u32) -> Result<read::Cpu> {
    /// arm64e: pointers are signed, in ways that relocations say.
    const SIGNED: u32 = 2;
    let unsupported = |what: String| {
        let diagnostic = Diagnostic::new(
            Code::ObjectUnsupported,
            format!("Mach-O objects for {what} cannot be written"),
        );
        Err(diagnostic
            .hint("use the dedup strategy for this target")
            .into())
    };
    match macho::CpuType(cpu_type) {
        macho::CPU_TYPE_X86_64 => Ok(read::Cpu::X86_64),
        macho::CPU_TYPE_ARM64 if cpu_subtype & 0x00ff_ffff == SIGNED => {
            unsupported("arm64e".into())
        }
        macho::CPU_TYPE_ARM64 => Ok(read::Cpu::Arm64),
        macho::CPU_TYPE_ARM64_32 => unsupported("arm64_32".into()),
        other => unsupported(format!("processor {:#x}", other.0)),
    }
}

/// See [`super::personalities`].
pub fn personalities(data: &[u8]) -> Vec<(&[u8], bool)> {
    let Ok(file) = read::read(data) else {
        return Vec::new();
    };
    let headers = file.unwind_headers.iter().flat_map(|h| &h.edges);
    let compact = file.unwind.iter().flat_map(|entry| {
        let at = entry.personality_at;
        entry.edges.iter().filter(move |e| Some(e.offset) == at)
    });
    let mut found: Vec<(&[u8], bool)> = headers
        .chain(compact)
        .filter_map(|edge| {
            let symbol = match edge.to {
                model::EdgeTarget::Symbol(s) => file.symbols.get(s as usize)?,
                model::EdgeTarget::Atom(a) => file.symbols_of(a).next()?.1,
            };
            Some((symbol.name, symbol.binding == model::Binding::Local))
        })
        .collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// See [`super::systems`].
pub fn systems(data: &[u8]) -> Vec<u32> {
    let found = match magic(data) {
        Some((endian, true)) => platforms::<MachHeader64<Endianness>>(endian, data),
        Some((endian, false)) => platforms::<MachHeader32<Endianness>>(endian, data),
        None => None,
    };
    let traits = found.unwrap_or_default();
    let mut systems: Vec<u32> = join::systems(&traits).iter().map(|s| s.platform).collect();
    systems.sort_unstable();
    systems.dedup();
    systems
}

pub use join::name_of as system_name;

/// The traits, as far as they speak of systems.
fn platforms<H: MachHeader<Endian = Endianness>>(
    endian: Endianness,
    data: &[u8],
) -> Option<MachOTraits<'_>> {
    let header = H::parse(data, 0).ok()?;
    let mut traits = MachOTraits {
        cpu_type: header.cputype(endian).0,
        ..MachOTraits::default()
    };
    let mut commands = header.load_commands(endian, data, 0).ok()?;
    while let Ok(Some(command)) = commands.next() {
        if is_platform(command.cmd()) {
            traits.platforms.push(command.raw_data());
        }
    }
    Some(traits)
}

/// Does the load command name a system?
fn is_platform(command: macho::LoadCommandType) -> bool {
    matches!(
        command,
        macho::LC_BUILD_VERSION
            | macho::LC_VERSION_MIN_MACOSX
            | macho::LC_VERSION_MIN_IPHONEOS
            | macho::LC_VERSION_MIN_TVOS
            | macho::LC_VERSION_MIN_WATCHOS
    )
}

/// See [`super::field`].
pub fn field(relocation: u32) -> Option<super::Field> {
    let native = native::Native::of(relocation);
    let width = native.width();
    native.is_unsigned().then_some(super::Field {
        width,
        behind: None,
    })
}

/// See [`super::debug_bytes`].
pub fn debug_bytes(data: &[u8]) -> u64 {
    let mut bytes = 0u64;
    let mut count = |section: ordered::Section<'_>| {
        if section.segment == b"__DWARF" {
            let relocations = u64::from(section.relocations).saturating_mul(8);
            bytes = bytes
                .saturating_add(section.size)
                .saturating_add(relocations);
        }
    };
    match magic(data) {
        Some((endian, true)) => for_each_section::<MachHeader64<_>>(endian, data, &mut count),
        Some((endian, false)) => for_each_section::<MachHeader32<_>>(endian, data, &mut count),
        None => {}
    }
    bytes
}

/// One flag says weak and vague; only names of C++ and Swift are vague.
fn is_vague(name: &[u8]) -> bool {
    name.starts_with(b"__Z") || name.starts_with(b"_$s")
}

fn for_each_section<'d, H: MachHeader<Endian = Endianness>>(
    endian: Endianness,
    data: &'d [u8],
    f: &mut dyn FnMut(ordered::Section<'d>),
) {
    let commands = H::parse(data, 0).and_then(|h| h.load_commands(endian, data, 0));
    let Ok(mut commands) = commands else { return };
    while let Ok(Some(command)) = commands.next() {
        ordered::for_each_section(endian, &command, f);
    }
}

/// See [`super::check_writable`].
pub fn check_writable(data: &[u8]) -> Result<()> {
    let word = |endian: Endianness, at: usize| {
        let bytes = data.get(at..).and_then(|d| d.first_chunk::<4>());
        bytes.map_or(0, |b| endian.read_u32(*b))
    };
    // What is no object is the reader's to refuse.
    magic(data).map_or(Ok(()), |(endian, _)| {
        writable(word(endian, 4), word(endian, 8)).map(drop)
    })
}

/// Do sections of this type hold initial values of thread-local variables?
fn is_tls_data(section_type: u32) -> bool {
    section_type == u32::from(macho::S_THREAD_LOCAL_REGULAR.0)
        || section_type == u32::from(macho::S_THREAD_LOCAL_ZEROFILL.0)
}

/// Rust's personality routine keeps its name: a program's compact unwind table holds three personality
/// routines and no more, and linkers know one by its name. It is written weak and private to the program, so
/// that those of all libraries are one, whoever made them.
pub fn shared_by_all(name: &[u8]) -> bool {
    name == b"_rust_eh_personality"
}

/// Names that the Objective-C runtime finds, and that `-ObjC` pulls members for.
pub fn is_objc_name(name: &[u8]) -> bool {
    [
        &b"_OBJC_CLASS_$_"[..],
        b"_OBJC_METACLASS_$_",
        b"_OBJC_EHTYPE_$_",
    ]
    .iter()
    .any(|stem| name.starts_with(stem))
}

/// Sections that the Objective-C and Swift runtimes read of every object that is linked: what stands in such
/// an object belongs together.
fn is_for_a_runtime(segment: &[u8], section: &[u8]) -> bool {
    let objc = section.starts_with(b"__objc_") && section != b"__objc_imageinfo";
    objc || section.starts_with(b"__swift5_") || (segment == b"__DATA" && section == b"__category")
}

/// Of those, the tables that say what there is.
fn is_table_of_a_runtime(section: &[u8]) -> bool {
    const TABLES: [&[u8]; 7] = [
        b"__objc_classlist",
        b"__objc_catlist",
        b"__objc_catlist2",
        b"__objc_nlclslist",
        b"__objc_nlcatlist",
        b"__objc_stublist",
        b"__objc_protolist",
    ];
    TABLES.contains(&section) || section.starts_with(b"__swift5_")
}

/// See [`super::is_taken_for_a_runtime`].
pub fn has_table_of_a_runtime(data: &[u8]) -> bool {
    let mut found = false;
    let mut look = |s: ordered::Section<'_>| {
        found |= s.size != 0 && s.segment != b"__DWARF" && is_table_of_a_runtime(s.name);
    };
    match magic(data) {
        Some((endian, true)) => for_each_section::<MachHeader64<_>>(endian, data, &mut look),
        Some((endian, false)) => for_each_section::<MachHeader32<_>>(endian, data, &mut look),
        None => {}
    }
    found
}

/// Byte order and width, from the magic.
fn magic(data: &[u8]) -> Option<(Endianness, bool)> {
    match data.first_chunk::<4>()? {
        [0xCE, 0xFA, 0xED, 0xFE] => Some((Endianness::Little, false)),
        [0xCF, 0xFA, 0xED, 0xFE] => Some((Endianness::Little, true)),
        [0xFE, 0xED, 0xFA, 0xCE] => Some((Endianness::Big, false)),
        [0xFE, 0xED, 0xFA, 0xCF] => Some((Endianness::Big, true)),
        _ => None,
    }
}

/// A relocatable Mach-O file's machine, from its header.
pub fn classify(data: &[u8]) -> Option<MemberKind> {
    let (endian, _) = magic(data)?;
    let word = |at: usize| -> Option<u32> {
        let bytes = data.get(at..)?.first_chunk::<4>()?;
        Some(endian.read_u32(*bytes))
    };
    if word(12)? != macho::MH_OBJECT.0 {
        return None;
    }
    let machine = match macho::CpuType(word(4)?) {
        macho::CPU_TYPE_X86_64 => Machine::X86_64,
        macho::CPU_TYPE_X86 => Machine::X86,
        macho::CPU_TYPE_ARM64 => Machine::Aarch64,
        macho::CPU_TYPE_ARM => Machine::Arm,
        other => Machine::Other(other.0),
    };
    Some(MemberKind::Object(Format::MachO, machine))
}

fn bad(what: &str) -> impl Fn(object::Error) -> Diagnostic {
    move |e| Diagnostic::new(Code::ObjectMalformed, format!("bad {what}: {e}"))
}

/// See [`super::bound_stem`].
pub fn bound_stem(name: &[u8]) -> Option<&[u8]> {
    let rest = name
        .strip_prefix(b"section$start$")
        .or_else(|| name.strip_prefix(b"section$end$"))?;
    rest.rsplit(|b| *b == b'$').next()
}

/// Does the bound differ from another in the table's name alone, which we gave?
pub fn is_renamed_table(name: &[u8], new: &[u8]) -> bool {
    let cut = |n: &'_ [u8]| n.iter().rposition(|b| *b == b'$').map_or(0, |at| at + 1);
    let (before, after) = new.split_at(cut(new));
    let digits = after.strip_prefix(b"df").unwrap_or_default();
    before == &name[..cut(name)] && digits.len() == 14 && digits.iter().all(u8::is_ascii_hexdigit)
}

/// See [`super::renamed_table`]: names of sections have 16 bytes.
pub fn renamed_table(name: &[u8], suffix: &str) -> Vec<u8> {
    let at = name.iter().rposition(|b| *b == b'$').map_or(0, |at| at + 1);
    let (before, stem) = name.split_at(at);
    let mut hasher = blake3::Hasher::new();
    hasher.update(stem).update(suffix.as_bytes());
    let digest = hasher.finalize().to_hex();
    [before, b"df", &digest.as_bytes()[..14]].concat()
}

/// See [`super::shareable`]: Apple's classic linker reads no name that begins with `L` or `l` in sections of
/// strings and numbers, so that nobody would define it.
pub fn shareable(name: &[u8]) -> &[u8] {
    let at = name.iter().take_while(|b| matches!(b, b'L' | b'l')).count();
    &name[at..]
}

/// See [`super::for_each_global`].
pub fn for_each_global<'d>(data: &'d [u8], f: &mut dyn FnMut(GlobalSymbol<'d>)) -> Result<()> {
    match magic(data) {
        Some((_, false)) => globals::<MachHeader32<Endianness>>(data, f),
        _ => globals::<MachHeader64<Endianness>>(data, f),
    }
}

fn globals<'d, H: MachHeader<Endian = Endianness>>(
    data: &'d [u8],
    f: &mut dyn FnMut(GlobalSymbol<'d>),
) -> Result<()> {
    let header = H::parse(data, 0).map_err(bad("Mach-O header"))?;
    let endian = header.endian().map_err(bad("Mach-O header"))?;
    let mut commands = header
        .load_commands(endian, data, 0)
        .map_err(bad("load commands"))?;
    let mut thread_locals = Vec::new();
    while let Some(command) = commands.next().map_err(bad("load command"))? {
        ordered::for_each_section(endian, &command, &mut |section| {
            thread_locals.push(section.flags.typ() == macho::S_THREAD_LOCAL_VARIABLES);
        });
        let Some(symtab) = command.symtab().map_err(bad("load command"))? else {
            continue;
        };
        let symbols = symtab
            .symbols::<H, _>(endian, data)
            .map_err(bad("symbol table"))?;
        for symbol in symbols.iter() {
            let Some((kind, visibility)) = global::<H>(symbol, endian) else {
                continue;
            };
            let name = symbol
                .name(endian, symbols.strings())
                .map_err(bad("symbol name"))?;
            let section = usize::from(symbol.n_sect()).checked_sub(1);
            let in_section = kind == GlobalKind::Defined || kind == GlobalKind::WeakDefined;
            let thread_local = in_section
                && section.is_some_and(|s| thread_locals.get(s).copied().unwrap_or(false));
            f(GlobalSymbol {
                name,
                kind: match kind {
                    GlobalKind::WeakDefined if is_vague(name) => GlobalKind::Vague,
                    kind => kind,
                },
                visibility,
                of: if thread_local {
                    SymbolKind::Tls
                } else {
                    SymbolKind::NoType
                },
            });
        }
    }
    Ok(())
}

/// Kind and visibility of a global symbol.
fn global<H: MachHeader>(symbol: &H::Nlist, endian: H::Endian) -> Option<(GlobalKind, Visibility)>
where
    H::Nlist: Nlist<Endian = H::Endian>,
{
    let flags = symbol.n_type();
    if symbol.is_stab() || flags.0 & macho::N_EXT.0 == 0 {
        return None;
    }
    let has = |flag: macho::SymbolDesc| symbol.n_desc(endian).0 & flag.0 != 0;
    let kind = if symbol.is_undefined() {
        if has(macho::N_WEAK_REF) {
            GlobalKind::WeakUndefined
        } else {
            GlobalKind::Undefined
        }
    } else if symbol.is_common() {
        GlobalKind::Common
    } else if has(macho::N_WEAK_DEF) {
        GlobalKind::WeakDefined
    } else {
        GlobalKind::Defined
    };
    let visibility = if flags.0 & macho::N_PEXT.0 == 0 {
        Visibility::Default
    } else {
        Visibility::Hidden
    };
    Some((kind, visibility))
}
