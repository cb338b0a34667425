//! The neutral model of an object file, and the only door to the formats below it.
//!
//! Nothing outside `src/format/` names a constant of ELF, COFF or Mach-O.

pub mod coff;
pub mod debug;
mod eh_frame;
pub mod elf;
mod link_wide;
pub mod macho;
pub mod model;
mod names;
pub mod ordered;
pub mod output;
mod pieces;
mod relocations;
pub mod sections;
mod writable;

pub use relocations::{is_table_access, only_keeps};
use std::fmt;

use model::{SymbolKind, Visibility};

pub use link_wide::{link_wide, milder, of_code, same_of_code};
pub use names::{
    ENTRIES, bound_stem, is_bound_of, is_made_by_compiler, is_mark_of_backtraces, is_of_all,
    is_one_in_a_program, is_reserved_name, is_shared_by_all, is_table_of_a_runtime,
    is_word_to_a_sanitizer, renamed_table, shareable,
};
pub use pieces::{mergeable_piece, name_pieces};
pub use writable::{check_writable, known_machines, written_machines};

/// Files with a part for each architecture.
pub use macho::fat as universal;

/// Object file formats we know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Format {
    Elf,
    Coff,
    MachO,
}

/// Machines we know. What else there is, is `Other` with the format's own number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Machine {
    X86_64,
    X86,
    Aarch64,
    Arm,
    Riscv64,
    Other(u32),
}

/// What a member's bytes are, from their first few.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MemberKind {
    Object(Format, Machine),
    /// A short import object of a DLL.
    ImportStub(Machine),
    /// A compiler's own intermediate code: LLVM bitcode, raw or wrapped, or what MSVC's /GL and GCC's
    /// -flto write. Only that compiler's linker can take it apart.
    Bitcode,
    /// `lib.rmeta`, text, anything that no linker reads.
    Other,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Elf => "ELF",
            Self::Coff => "COFF",
            Self::MachO => "Mach-O",
        })
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::X86_64 => f.write_str("x86_64"),
            Self::X86 => f.write_str("x86"),
            Self::Aarch64 => f.write_str("aarch64"),
            Self::Arm => f.write_str("arm"),
            Self::Riscv64 => f.write_str("riscv64"),
            Self::Other(n) => write!(f, "machine {n:#x}"),
        }
    }
}

/// Classifies a member by its magic (and ELF objects by whether they have contents). Never fails: what is
/// unknown is `Other`.
#[must_use]
pub fn classify(data: &[u8]) -> MemberKind {
    let bitcode = data.starts_with(b"BC\xC0\xDE") || data.starts_with(&[0xDE, 0xC0, 0x17, 0x0B]);
    if bitcode || coff::is_intermediate(data) || coff::is_slim(data) {
        return MemberKind::Bitcode;
    }
    elf::classify(data)
        .or_else(|| macho::classify(data))
        .or_else(|| coff::classify(data))
        .unwrap_or(MemberKind::Other)
}

/// What a [`MemberKind::Bitcode`] member is, and how to build without it.
#[must_use]
pub fn intermediate(data: &[u8]) -> (&'static str, &'static str) {
    match elf::classify(data).is_some() || coff::is_slim(data) {
        true => (
            "GCC's -flto intermediate code",
            "build with -ffat-lto-objects or without -flto",
        ),
        false => (
            "a compiler's intermediate code",
            "build without -Clinker-plugin-lto or /GL",
        ),
    }
}

/// A symbol that other members can see, or that this one needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GlobalSymbol<'d> {
    /// As in the symbol table (with Mach-O's and i686 COFF's leading underscore).
    pub name: &'d [u8],
    pub kind: GlobalKind,
    pub visibility: Visibility,
    /// Of a definition, what it is of, where the format says it.
    pub of: SymbolKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GlobalKind {
    Defined,
    /// Weak: another definition may win, of any content.
    WeakDefined,
    /// In a COMDAT, or what stands for one: every definition says the same, any will do.
    Vague,
    Common,
    Undefined,
    WeakUndefined,
}

impl GlobalKind {
    /// Do linkers of the format pull a member that defines it? For a weak reference those of Mach-O do
    /// (ld64, lld and Zig's), those of ELF do not (gABI, "Symbol Table"), nor those of COFF for what a weak
    /// external's kind of search leaves out.
    #[must_use]
    pub fn pulls(self, format: Format) -> bool {
        match self {
            Self::Undefined => true,
            Self::WeakUndefined => format == Format::MachO,
            _ => false,
        }
    }

    #[must_use]
    pub fn is_definition(self) -> bool {
        matches!(
            self,
            Self::Defined | Self::WeakDefined | Self::Vague | Self::Common
        )
    }
}

/// Calls `f` for every global symbol of a member, in symbol table order. Members that are no
/// objects have none.
///
/// # Errors
/// `object-malformed`.
pub fn for_each_global<'d>(
    kind: MemberKind,
    data: &'d [u8],
    f: &mut dyn FnMut(GlobalSymbol<'d>),
) -> crate::error::Result<()> {
    match kind {
        MemberKind::Object(Format::Elf, _) => elf::for_each_global(data, f),
        MemberKind::Object(Format::Coff, _) | MemberKind::ImportStub(_) => {
            coff::for_each_global(data, f)
        }
        MemberKind::Object(Format::MachO, _) => macho::for_each_global(data, f),
        MemberKind::Bitcode | MemberKind::Other => Ok(()),
    }
}

/// Can symbols of the format be hidden from other components?
#[must_use]
pub fn has_visibility(format: Format) -> bool {
    format != Format::Coff
}

/// May a program have the copy of a variable that a shared library of the format uses, by any of its names
/// (copy relocations)?
#[must_use]
pub fn copies_variables(format: Format) -> bool {
    format == Format::Elf
}

/// Do symbols say how large they are, wherever they stand?
#[must_use]
pub fn has_symbol_sizes(format: Format) -> bool {
    format == Format::Elf
}

/// Must a function's own tables stand in its object?
#[must_use]
pub fn ties_tables(format: Format) -> bool {
    format != Format::Elf
}

/// Can a place have a second name without type and size, which tools that name functions pass over? ARM says
/// by the type that code is Thumb's (AAELF32, "Symbol Types").
#[must_use]
pub fn has_untyped_names(format: Format, machine: Machine) -> bool {
    format == Format::Elf && machine != Machine::Arm
}

/// Does the format say of a definition that it is weak by a second, strong one at the same place?
#[must_use]
pub fn weak_needs_a_twin(format: Format) -> bool {
    format == Format::Coff
}

/// Does every undefined entry pull a member that has the name? Not ELF's weak ones (gABI, "Symbol Table").
#[must_use]
pub fn names_pull_anyway(format: Format) -> bool {
    format != Format::Elf
}

/// Do linkers run constructors in the order in which archives hold their members, and not in the order in
/// which they are pulled?
#[must_use]
pub fn constructors_by_member(format: Format) -> bool {
    format == Format::MachO
}

/// What an object wants of names besides what its symbols say. The names are bytes, or a run's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish<N> {
    /// The name is needed, and what defines it lives, though nothing refers to it.
    Need(N),
    /// The name pulls the member that defines it, and says no more.
    Pull(N),
    /// Where nobody defines `of`, every reference in the program to it is one to `instead`.
    Alternate { of: N, instead: N },
    /// The name stands for a weak one where nobody defines that: all that say so must mean one thing.
    Stands(N),
}

impl<N> Wish<N> {
    /// The same of other names.
    pub fn map<M>(self, mut f: impl FnMut(N) -> M) -> Wish<M> {
        match self {
            Self::Need(name) => Wish::Need(f(name)),
            Self::Pull(name) => Wish::Pull(f(name)),
            Self::Alternate { of, instead } => Wish::Alternate {
                of: f(of),
                instead: f(instead),
            },
            Self::Stands(name) => Wish::Stands(f(name)),
        }
    }
}

/// Calls `f` for every wish of a member.
///
/// # Errors
/// `object-malformed`.
pub fn for_each_wish<'d>(
    kind: MemberKind,
    data: &'d [u8],
    f: &mut dyn FnMut(Wish<&'d [u8]>),
) -> crate::error::Result<()> {
    match kind {
        MemberKind::Object(Format::Elf, _) => elf::lone::for_each_wish(data, f),
        MemberKind::Object(Format::Coff, _) => coff::directives::for_each_wish(data, f),
        MemberKind::Object(Format::MachO, _) => {
            macho::lone::for_each_wish(data, f);
            Ok(())
        }
        _ => Ok(()),
    }
}

/// A table of the object's that is not carried over, and who misses it.
#[must_use]
pub fn left_out(traits: &ObjectTraits<'_>) -> Option<(&'static [u8], &'static str)> {
    let who = "who walks stacks by it and not by .eh_frame";
    traits.elf.sframe.then_some((b".sframe", who))
}

/// A digest that objects share when they differ only in the name of their source file, and import
/// stubs that differ only in their date; `None` for
/// what cannot be such an object. Cheap: it reads no contents.
#[must_use]
pub fn shape_but_file_name(kind: MemberKind, data: &[u8]) -> Option<u64> {
    match kind {
        MemberKind::Object(Format::Elf, _) => elf::same::shape(data),
        MemberKind::Object(Format::Coff, _) | MemberKind::ImportStub(_) => coff::same::shape(data),
        _ => None,
    }
}

/// Equal for members that are the same but for that, and nearly always another for others of their shape.
#[must_use]
pub fn names_but_file_name(kind: MemberKind, data: &[u8]) -> Option<u64> {
    match kind {
        MemberKind::Object(Format::Elf, _) => elf::same::names(data),
        MemberKind::Object(Format::Coff, _) | MemberKind::ImportStub(_) => coff::same::names(data),
        _ => None,
    }
}

/// Whether two members of one kind are the same but for the name of their source file, or for the
/// date of an import stub.
#[must_use]
pub fn same_but_file_name(kind: MemberKind, a: &[u8], b: &[u8]) -> bool {
    match kind {
        MemberKind::Object(Format::Elf, _) => elf::same::same_but_file_name(a, b),
        MemberKind::Object(Format::Coff, _) | MemberKind::ImportStub(_) => {
            coff::same::same_but_file_name(a, b)
        }
        _ => false,
    }
}

/// What the format puts before names of C.
#[must_use]
pub fn decoration(kind: MemberKind) -> &'static [u8] {
    match kind {
        MemberKind::Object(Format::MachO, _)
        | MemberKind::Object(Format::Coff, Machine::X86)
        | MemberKind::ImportStub(Machine::X86) => b"_",
        _ => b"",
    }
}

/// Do libraries of the format hold members that import what is in other components?
#[must_use]
pub fn has_imports(format: Format) -> bool {
    format == Format::Coff
}

/// Does the member belong to a DLL's imports? Linkers sort and complete them by their own rules, so
/// they are kept as they are.
#[must_use]
pub fn is_import(kind: MemberKind, data: &[u8]) -> bool {
    match kind {
        MemberKind::ImportStub(_) => true,
        MemberKind::Object(Format::Coff, _) => coff::is_import(data),
        _ => false,
    }
}

/// The symbol that an import stub needs without naming it.
#[must_use]
pub fn import_needs(kind: MemberKind, data: &[u8]) -> Option<Vec<u8>> {
    match kind {
        MemberKind::ImportStub(_) => coff::import::descriptor(data),
        _ => None,
    }
}

/// What the pointer of this name points to, where the linker makes such pointers.
#[must_use]
pub fn import_target(format: Format, name: &[u8]) -> Option<&[u8]> {
    match format {
        Format::Coff => name.strip_prefix(coff::import::POINTER),
        Format::Elf | Format::MachO => None,
    }
}

/// What an object says about itself as a whole, for the format's writer. Only the fields of its own
/// format are filled.
#[derive(Debug, Clone, Default)]
pub struct ObjectTraits<'d> {
    pub elf: elf::ElfTraits<'d>,
    pub coff: coff::traits::CoffTraits<'d>,
    pub macho: macho::MachOTraits<'d>,
}

/// Takes an object apart into atoms, symbols and edges.
///
/// # Errors
/// `object-malformed`, `object-unsupported`.
pub fn read_object(kind: MemberKind, data: &[u8]) -> crate::error::Result<model::ObjectFile<'_>> {
    match kind {
        MemberKind::Object(Format::Elf, _) => elf::read::read(data),
        MemberKind::Object(Format::MachO, _) => macho::read::read(data),
        MemberKind::Object(Format::Coff, _) => coff::read::read(data),
        _ => Err(crate::error::Diagnostic::new(
            crate::error::Code::ObjectUnsupported,
            "objects of this format cannot be taken apart yet",
        )
        .hint("use the dedup strategy")
        .into()),
    }
}

/// Writes an object file.
///
/// # Errors
/// `object-unsupported`, `mixed-formats`, `output-limit`.
pub fn write_object(
    format: Format,
    object: &output::OutObject<'_, '_>,
) -> crate::error::Result<output::Written> {
    match format {
        Format::Elf => elf::write::write(object),
        Format::Coff => coff::write::write(object),
        Format::MachO => macho::write::write(object),
    }
}

/// How many personality routines a program of the format can hold; `None`: as many as it likes.
#[must_use]
pub fn max_personalities(format: Format) -> Option<usize> {
    // Two bits of a compact encoding name one, and 0 is none (`mach-o/compact_unwind_encoding.h`).
    (format == Format::MachO).then_some(3)
}

/// The personality routines that a member's unwind tables name, and whether each is local to it; none where
/// [`max_personalities`] knows no limit or the member cannot be read.
#[must_use]
pub fn personalities(kind: MemberKind, data: &[u8]) -> Vec<(&[u8], bool)> {
    match kind {
        MemberKind::Object(Format::MachO, _) => macho::personalities(data),
        _ => Vec::new(),
    }
}

/// Does a linker take the member for the sake of a runtime that reads its tables, though nobody refers to it
/// (Apple's -ObjC)?
#[must_use]
pub fn is_taken_for_a_runtime(kind: MemberKind, data: &[u8]) -> bool {
    match kind {
        MemberKind::Object(Format::MachO, _) => macho::has_table_of_a_runtime(data),
        _ => false,
    }
}

/// The systems that an object says it is for, by the format's numbers.
#[must_use]
pub fn systems(kind: MemberKind, data: &[u8]) -> Vec<u32> {
    match kind {
        MemberKind::Object(Format::MachO, _) => macho::systems(data),
        _ => Vec::new(),
    }
}

/// What one of [`systems`] is called.
#[must_use]
pub fn system_name(system: u32) -> String {
    macho::system_name(system)
}

/// What linkers that cannot be asked here would stop at in a written member.
#[must_use]
pub fn faults(kind: MemberKind, data: &[u8]) -> Vec<String> {
    match kind {
        MemberKind::Object(Format::MachO, _) => macho::check::faults(data),
        _ => Vec::new(),
    }
}

/// A field whose contents a relocation adds to, or that a writer may settle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// Bytes.
    pub width: usize,
    /// For a distance: how many bytes after the field's start it is counted from.
    pub behind: Option<u64>,
}

/// What a relocation of such a member writes to; `None` for instructions that hold an address in parts.
#[must_use]
pub fn field(kind: MemberKind, relocation: u32) -> Option<Field> {
    match kind {
        MemberKind::Object(Format::Elf, machine) => elf::field(machine, relocation),
        MemberKind::Object(Format::Coff, machine) => coff::field(machine, relocation),
        MemberKind::Object(Format::MachO, _) => macho::field(relocation),
        _ => None,
    }
}

/// Do addends stand in the contents (COFF, ELF's SHT_REL)?
#[must_use]
pub fn addends_in_contents(kind: MemberKind) -> bool {
    match kind {
        MemberKind::Object(Format::Elf, machine) => {
            matches!(machine, Machine::X86 | Machine::Arm)
        }
        // Mach-O's reader takes them out of the contents.
        MemberKind::Object(Format::MachO, _) => false,
        MemberKind::Object(..) => true,
        _ => false,
    }
}

/// Does the relocation ask for the number of its symbol's section?
#[must_use]
pub fn is_section_number(kind: MemberKind, relocation: u32) -> bool {
    match kind {
        MemberKind::Object(Format::Coff, machine) => coff::is_section_number(machine, relocation),
        _ => false,
    }
}

/// Arguments for a program's link that keep the bounds of internal registries out of its dynamic
/// symbols.
#[must_use]
pub fn registry_link_args(format: Format) -> &'static [&'static str] {
    match format {
        Format::Elf => &["-Wl,-z,start-stop-visibility=hidden"],
        Format::Coff | Format::MachO => &[],
    }
}

/// Libraries that an object asks its linker for in a way that few linkers know, in order.
#[must_use]
pub fn dependent_libraries(kind: MemberKind, data: &[u8]) -> Vec<&[u8]> {
    match kind {
        MemberKind::Object(Format::Elf, _) => elf::deplibs::asked(data).unwrap_or_default(),
        _ => Vec::new(),
    }
}

/// Bytes of bitcode embedded in an object of a platform whose stores refuse programs with it; `None`
/// where there is none.
#[must_use]
pub fn embedded_bitcode(kind: MemberKind, data: &[u8]) -> Option<u64> {
    match kind {
        MemberKind::Object(Format::MachO, _) => macho::bitcode::embedded(data),
        _ => None,
    }
}

/// The object without what [`embedded_bitcode`] counts; `None` where there is none.
///
/// # Errors
/// `object-malformed`.
pub fn drop_bitcode(kind: MemberKind, data: &[u8]) -> crate::error::Result<Option<Vec<u8>>> {
    match kind {
        MemberKind::Object(Format::MachO, _) => macho::bitcode::drop(data),
        _ => Ok(None),
    }
}

/// An object that a linker takes for one like `template` and of which nothing gets into a program,
/// with `note` in it. `None` where `template` is no object we know.
#[must_use]
pub fn marker_object(kind: MemberKind, template: &[u8], note: &[u8]) -> Option<Vec<u8>> {
    match kind {
        MemberKind::Object(Format::Elf, _) => elf::marker::make(template, note),
        MemberKind::Object(Format::Coff, _) | MemberKind::ImportStub(_) => {
            coff::marker::make(template, note)
        }
        MemberKind::Object(Format::MachO, _) => macho::marker::make(template, note),
        // Intermediate code may be wrapped up as an object.
        MemberKind::Bitcode if elf::classify(template).is_some() => {
            elf::marker::make(template, note)
        }
        MemberKind::Bitcode if coff::is_slim(template) => coff::marker::make(template, note),
        MemberKind::Bitcode | MemberKind::Other => None,
    }
}

/// The note that [`marker_object`] put into `data`, or that `data` bare is.
#[must_use]
pub fn marker_note(kind: MemberKind, data: &[u8]) -> Option<&[u8]> {
    match kind {
        MemberKind::Object(Format::Elf, _) => elf::marker::read(data),
        MemberKind::Object(Format::Coff, _) => coff::marker::read(data),
        MemberKind::Object(Format::MachO, _) => macho::marker::read(data),
        MemberKind::Other => Some(data),
        MemberKind::ImportStub(_) | MemberKind::Bitcode => None,
    }
}

/// A symbol that an object is made to ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ask<'d> {
    pub name: &'d [u8],
    /// Of its definitions; `NoType` where they differ.
    pub of: SymbolKind,
    /// No definition of it is visible from outside a shared library.
    pub hidden: bool,
}

/// `data` with `asks` added as undefined symbols: what pulls it from an archive then pulls their
/// definitions too. `None` for what has no symbol table that can be added to.
#[must_use]
pub fn add_undefined(kind: MemberKind, data: &[u8], asks: &[Ask<'_>]) -> Option<Vec<u8>> {
    match kind {
        MemberKind::Object(Format::Elf, _) => elf::amend::add_undefined(data, asks),
        MemberKind::Object(Format::Coff, _) => coff::amend::add_undefined(data, asks),
        MemberKind::Object(Format::MachO, _) => macho::amend::add_undefined(data, asks),
        MemberKind::ImportStub(_) | MemberKind::Bitcode | MemberKind::Other => None,
    }
}
