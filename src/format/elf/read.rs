//! Reads an ELF object into the neutral model (gABI chapters 4 and 5).

use std::borrow::Cow;

use object::LittleEndian as LE;
use object::elf;
use object::read::elf::{CompressionHeader, FileHeader, SectionHeader, Sym};

use super::arch::Arch;
use super::notes::Records;
use super::{ElfTraits, alive, ordered};
use crate::error::{Code, Diagnostic, Result};
use crate::format::model::{
    Atom, AtomIndex, Binding, Definition, FilePlace, Group, KeepRule, Native, ObjectFile, Symbol,
    SymbolIndex, SymbolKind, ToldBy,
};

pub(super) fn bad(what: &'static str) -> impl Fn(object::Error) -> Diagnostic {
    move |e| Diagnostic::new(Code::ObjectMalformed, format!("bad {what}: {e}"))
}

pub(super) fn malformed(what: impl Into<String>) -> Diagnostic {
    Diagnostic::new(Code::ObjectMalformed, what)
}

/// Sections of the large code model (x86-64 psABI, "Sections").
const SHF_X86_64_LARGE: u64 = 0x1000_0000;

/// What a section is to us.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Atom(AtomIndex),
    /// Taken apart: an index into [`Reader::records`].
    Records(u32),
    EhFrame,
    Debug,
    Other,
}

/// Reads the object.
///
/// # Errors
/// `object-malformed`, `object-unsupported`.
pub fn read(data: &[u8]) -> Result<ObjectFile<'_>> {
    if data.get(5) != Some(&elf::ELFDATA2LSB.0) {
        return Err(
            Diagnostic::new(Code::ObjectUnsupported, "big-endian objects")
                .hint("use the dedup strategy for this target")
                .into(),
        );
    }
    if data.get(4) == Some(&elf::ELFCLASS32.0) {
        Reader::<elf::FileHeader32<LE>>::new(data)?.read()
    } else {
        Reader::<elf::FileHeader64<LE>>::new(data)?.read()
    }
}

pub(super) struct Reader<'d, H: FileHeader<Endian = LE>> {
    pub(super) data: &'d [u8],
    pub(super) header: &'d H,
    pub(super) sections: object::read::elf::SectionTable<'d, H>,
    pub(super) table: object::read::elf::SymbolTable<'d, H>,
    pub(super) roles: Vec<Role>,
    pub(super) names: Vec<&'d [u8]>,
    pub(super) records: Vec<Records>,
    pub(super) out: ObjectFile<'d>,
}

impl<'d, H: FileHeader<Endian = LE>> Reader<'d, H> {
    fn new(data: &'d [u8]) -> Result<Self> {
        let header = H::parse(data).map_err(bad("ELF header"))?;
        if header.e_type(LE) != elf::ET_REL {
            return Err(malformed("not a relocatable object").into());
        }
        let sections = header.sections(LE, data).map_err(bad("section table"))?;
        let table = sections
            .symbols(LE, data, elf::SHT_SYMTAB)
            .map_err(bad("symbol table"))?;
        Ok(Self {
            data,
            header,
            sections,
            table,
            roles: Vec::new(),
            names: Vec::new(),
            records: Vec::new(),
            out: ObjectFile::default(),
        })
    }

    fn read(mut self) -> Result<ObjectFile<'d>> {
        // What a section's type means is the machine's.
        self.out.traits.elf.machine = self.header.e_machine(LE).0;
        self.read_sections()?;
        self.read_symbols()?;
        self.read_groups()?;
        self.keep_words_to_runtimes();
        self.read_edges()?;
        let header = self.header;
        self.out.traits.elf.machine_flags = header.e_flags(LE).0;
        self.out.traits.elf.is_64 = header.is_type_64();
        Ok(self.out)
    }

    fn read_sections(&mut self) -> Result<()> {
        for (_, section) in self.sections.enumerate() {
            let name = self
                .sections
                .section_name(LE, section)
                .map_err(bad("section name"))?;
            self.names.push(name);
            let role = self.read_section(name, section)?;
            self.roles.push(role);
        }
        Ok(())
    }

    fn read_section(&mut self, name: &'d [u8], section: &'d H::SectionHeader) -> Result<Role> {
        let kind = section.sh_type(LE);
        let flags = section.sh_flags(LE).0;
        let size: u64 = section.sh_size(LE).into();
        let link = section.sh_link(LE);
        let alloc = flags & elf::SHF_ALLOC.0 != 0;
        if name == b".note.GNU-stack" {
            if flags & elf::SHF_EXECINSTR.0 != 0 {
                self.out.traits.elf.executable_stack = true;
            }
            return Ok(Role::Other);
        }
        if kind.0 == super::SHT_ATTRIBUTES && super::attributes_section(name) {
            let contents = section
                .data(LE, self.data)
                .map_err(bad("section contents"))?;
            super::attributes::check(name, contents).map_err(|e| e.symbol(name))?;
            self.out.traits.elf.attributes = Some((name, contents));
            return Ok(Role::Other);
        }
        if kind.0 == super::deplibs::SECTION_TYPE {
            let contents = section
                .data(LE, self.data)
                .map_err(bad("section contents"))?;
            super::deplibs::check(contents)?;
            self.out.traits.elf.libraries.push(contents);
            return Ok(Role::Other);
        }
        if !alloc {
            let debug = matches!(kind, elf::SHT_PROGBITS | elf::SHT_RELA | elf::SHT_REL)
                && (name.starts_with(b".debug_")
                    || name.starts_with(b".zdebug_")
                    || name.starts_with(b".rela.debug_")
                    || name.starts_with(b".rel.debug_"));
            if debug {
                self.out.debug_bytes = self.out.debug_bytes.saturating_add(size);
                let told = name.ends_with(b"debug_info") || name.ends_with(b"debug_line");
                self.out.debug_told |= told && size != 0;
            }
            if debug {
                return Ok(Role::Debug);
            }
            if !alive::outside_of_memory(name, kind, flags, link) {
                return Ok(Role::Other);
            }
        }
        if name == b".note.gnu.property" {
            let contents = section
                .data(LE, self.data)
                .map_err(bad("section contents"))?;
            self.out.traits.elf.properties = Some(contents);
            return Ok(Role::Other);
        }
        // Embedded bitcode does not make an object bitcode, and no program wants it.
        if matches!(name, b".llvmbc" | b".llvmcmd") {
            return Ok(Role::Other);
        }
        if name == b".eh_frame" {
            return Ok(Role::EhFrame);
        }
        if matches!(
            kind,
            elf::SHT_RELA | elf::SHT_REL | elf::SHT_SYMTAB | elf::SHT_STRTAB | elf::SHT_GROUP
        ) {
            return Ok(Role::Other);
        }
        // A table of all functions: as an atom it would keep them.
        self.out.traits.elf.sframe |= name == b".sframe";
        let index = self.out.atoms.len() as AtomIndex;
        let zero_fill = kind == elf::SHT_NOBITS;
        let (contents, size, align) = self.contents(section, size, zero_fill)?;
        if !align.is_power_of_two() {
            return Err(malformed(format!("alignment {align} is no power of two"))
                .symbol(name)
                .into());
        }
        let relro = name.starts_with(b".data.rel.ro");
        let tie = alive::tie(name, flags, link);
        let stays = tie.is_none() && alive::stays(name, flags);
        let keep = alive::keep_rule(name, kind, flags);
        let keep = keep.or(stays.then_some(KeepRule::Retained));
        let tls = flags & elf::SHF_TLS.0 != 0;
        let mut atom = Atom {
            section: name,
            segment: b"",
            data: contents,
            size,
            align,
            phase: 0,
            code: flags & elf::SHF_EXECINSTR.0 != 0,
            writable: flags & elf::SHF_WRITE.0 != 0 && !relro,
            tls,
            zero_fill,
            keep: keep.or(tie),
            group: None,
            registry: ordered::is_c_identifier(name).then_some(name),
            bounded_by_sections: false,
            of_one_function: false,
            told_by: told_by(self.out.traits.elf.machine, name, kind, flags),
            at: FilePlace {
                section: self.roles.len() as u32,
                offset: 0,
            },
            far: self.header.e_machine(LE) == elf::EM_X86_64 && flags & SHF_X86_64_LARGE != 0,
            native: Native {
                kind: kind.0,
                flags: flags & !(elf::SHF_GROUP | elf::SHF_COMPRESSED).0,
                entry_size: section.sh_entsize(LE).into(),
            },
        };
        if name == alive::PROBES && kind == elf::SHT_NOTE {
            // Each lives with its own code, which is closer than the section's.
            let whole = Atom {
                keep: None,
                native: Native {
                    flags: atom.native.flags & !elf::SHF_LINK_ORDER.0,
                    ..atom.native
                },
                ..atom
            };
            match Records::split(&mut self.out, whole) {
                Ok(records) => {
                    self.records.push(records);
                    return Ok(Role::Records(self.records.len() as u32 - 1));
                }
                Err(whole) => atom = Atom { keep, ..whole },
            }
        }
        if keep.is_some() {
            self.out.kept.push(index);
        }
        self.out.atoms.push(atom);
        Ok(Role::Atom(index))
    }

    /// What compilers tell a runtime by a name, which nothing here refers to.
    fn keep_words_to_runtimes(&mut self) {
        for symbol in &self.out.symbols {
            if let Definition::Atom { atom, .. } = symbol.definition
                && symbol.binding != Binding::Local
                && alive::is_word_to_a_runtime(symbol.name)
                && let Some(a) = self.out.atoms.get_mut(atom as usize)
                && a.keep.is_none()
            {
                a.keep = Some(KeepRule::Retained);
                self.out.kept.push(atom);
            }
        }
    }

    /// Contents (decompressed), size and alignment.
    fn contents(
        &self,
        section: &'d H::SectionHeader,
        size: u64,
        zero_fill: bool,
    ) -> Result<(Cow<'d, [u8]>, u64, u64)> {
        let align = Into::<u64>::into(section.sh_addralign(LE)).max(1);
        if zero_fill {
            return Ok((Cow::Borrowed(&[]), size, align));
        }
        let align = match section
            .compression(LE, self.data)
            .map_err(bad("compressed section"))?
        {
            Some((header, ..)) => Into::<u64>::into(header.ch_addralign(LE)).max(1),
            None => return Ok((decompressed(section, self.data)?, size, align)),
        };
        let contents = decompressed(section, self.data)?;
        let size = contents.len() as u64;
        Ok((contents, size, align))
    }

    pub(super) fn role(&self, section: usize) -> Result<Role> {
        self.roles
            .get(section)
            .copied()
            .ok_or_else(|| malformed(format!("section {section} does not exist")).into())
    }

    fn read_symbols(&mut self) -> Result<()> {
        for (index, symbol) in self.table.enumerate() {
            let mut name = self
                .table
                .symbol_name(LE, symbol)
                .map_err(bad("symbol name"))?;
            let st_type = symbol.st_type();
            let value: u64 = symbol.st_value(LE).into();
            let size: u64 = symbol.st_size(LE).into();
            let definition = match symbol.st_shndx(LE) {
                _ if index.0 == 0 => Definition::Undefined,
                elf::SHN_UNDEF => Definition::Undefined,
                elf::SHN_ABS => Definition::Absolute(value),
                elf::SHN_COMMON => common(name, value)?,
                super::SHN_X86_64_LCOMMON if self.header.e_machine(LE) == elf::EM_X86_64 => {
                    let at = self.out.symbols.len() as SymbolIndex;
                    self.out.far_commons.push(at);
                    common(name, value)?
                }
                _ => {
                    let section = self
                        .table
                        .symbol_section(LE, symbol, index)
                        .map_err(bad("symbol's section"))?
                        .ok_or_else(|| malformed("symbol in a reserved section").symbol(name))?;
                    match self.role(section.0)? {
                        Role::Atom(atom) => {
                            if st_type == elf::STT_SECTION {
                                name = self.names.get(section.0).copied().unwrap_or(name);
                            }
                            // Thumb functions have bit 0 set (AAELF); the offset keeps it. It may lie
                            // before the section or behind it (`.set x, array-4`).
                            Definition::Atom {
                                atom,
                                offset: self.wide(value),
                            }
                        }
                        Role::Records(at) => match self.records.get(at as usize) {
                            Some(records) => {
                                let (atom, offset) = records.at(value);
                                Definition::Atom { atom, offset }
                            }
                            None => Definition::Dropped,
                        },
                        _ if st_type == elf::STT_SECTION => {
                            name = self.names.get(section.0).copied().unwrap_or(name);
                            Definition::Dropped
                        }
                        _ => Definition::Dropped,
                    }
                }
            };
            let binding = match symbol.st_bind() {
                // The null symbol, whatever its bytes.
                _ if index.0 == 0 => Binding::Local,
                elf::STB_LOCAL => Binding::Local,
                elf::STB_WEAK => Binding::Weak,
                elf::STB_GNU_UNIQUE => Binding::Unique,
                _ => Binding::Global,
            };
            let kind = match st_type {
                elf::STT_FUNC => SymbolKind::Function,
                elf::STT_GNU_IFUNC => SymbolKind::IndirectFunction,
                elf::STT_OBJECT | elf::STT_COMMON => SymbolKind::Object,
                elf::STT_TLS => SymbolKind::Tls,
                elf::STT_SECTION => SymbolKind::Section,
                elf::STT_FILE => SymbolKind::File,
                _ if super::is_mapping_symbol(self.header.e_machine(LE), name)
                    && binding == Binding::Local =>
                {
                    SymbolKind::Mapping
                }
                _ => SymbolKind::NoType,
            };
            if let Definition::Atom { atom, .. } = definition {
                self.out
                    .atom_symbols
                    .push((atom, self.out.symbols.len() as u32));
            }
            self.out.symbols.push(Symbol {
                name,
                definition,
                binding,
                kind,
                visibility: super::visibility(symbol.st_visibility()),
                size,
                native: symbol.st_other().0 & !3,
            });
        }
        self.out.atom_symbols.sort_unstable();
        for index in 0..self.out.atoms.len() as AtomIndex {
            let by_place = |a: &Atom<'_>| a.told_by == ToldBy::Place;
            let named = self.out.atoms.get(index as usize).is_some_and(by_place)
                && is_all_named(&self.out, index);
            if let Some(atom) = self.out.atoms.get_mut(index as usize).filter(|_| named) {
                atom.told_by = ToldBy::Names;
            }
        }
        Ok(())
    }

    /// A value that may be negative, in 64 bits.
    fn wide(&self, value: u64) -> u64 {
        if self.header.is_type_64() {
            value
        } else {
            i64::from(value as u32 as i32) as u64
        }
    }

    fn read_groups(&mut self) -> Result<()> {
        for (_, section) in self.sections.enumerate() {
            let Some((flag, members)) =
                section.group(LE, self.data).map_err(bad("section group"))?
            else {
                continue;
            };
            let signature = self
                .table
                .symbol(object::read::SymbolIndex(section.sh_info(LE) as usize))
                .map_err(bad("group signature"))?;
            let mut name = self
                .table
                .symbol_name(LE, signature)
                .map_err(bad("group signature"))?;
            if signature.st_type() == elf::STT_SECTION
                && let Some(s) = self.names.get(usize::from(signature.st_shndx(LE).0))
            {
                name = s;
            }
            let group = self.out.groups.len() as u32;
            let mut atoms = Vec::new();
            for member in members {
                let index = member.get(LE) as usize;
                let role = self.role(index).map_err(|_| {
                    malformed("group names a section that does not exist").symbol(name)
                })?;
                let own = match role {
                    Role::Atom(atom) => atom..atom + 1,
                    Role::Records(at) => self.records.get(at as usize).map_or(0..0, Records::atoms),
                    Role::EhFrame | Role::Debug | Role::Other => 0..0,
                };
                for atom in own {
                    if let Some(a) = self.out.atoms.get_mut(atom as usize) {
                        a.group = Some(group);
                        atoms.push(atom);
                    }
                }
            }
            self.out.groups.push(Group {
                signature: name,
                comdat: flag.0 & elf::GRP_COMDAT.0 != 0,
                largest: false,
                native: 0,
                atoms,
            });
        }
        Ok(())
    }
}

/// A section's contents as they were before compression (gABI, "Section Compression").
///
/// # Errors
/// `object-malformed`.
pub(super) fn decompressed<'d, S: SectionHeader<Endian = LE>>(
    section: &S,
    data: &'d [u8],
) -> Result<Cow<'d, [u8]>> {
    let compression = section
        .compression(LE, data)
        .map_err(bad("compressed section"))?;
    let Some((header, offset, compressed)) = compression else {
        let contents = section.data(LE, data).map_err(bad("section contents"))?;
        return Ok(Cow::Borrowed(contents));
    };
    let format = match header.ch_type(LE) {
        elf::ELFCOMPRESS_ZLIB => object::CompressionFormat::Zlib,
        elf::ELFCOMPRESS_ZSTD => object::CompressionFormat::Zstandard,
        _ => object::CompressionFormat::Unknown,
    };
    let data = object::read::ReadRef::read_bytes_at(data, offset, compressed)
        .map_err(|()| malformed("compressed section past the end"))?;
    inflated(format, data, header.ch_size(LE).into())
}

/// The same for `.zdebug_*`, GNU's way before SHF_COMPRESSED: "ZLIB" and the size, eight bytes, big-endian.
pub(super) fn decompressed_gnu<'d, S: SectionHeader<Endian = LE>>(
    section: &S,
    data: &'d [u8],
) -> Result<Cow<'d, [u8]>> {
    let contents = section.data(LE, data).map_err(bad("section contents"))?;
    let (size, data) = contents
        .strip_prefix(b"ZLIB")
        .and_then(|rest| rest.split_first_chunk())
        .ok_or_else(|| malformed("header of a compressed section"))?;
    inflated(
        object::CompressionFormat::Zlib,
        data,
        u64::from_be_bytes(*size),
    )
}

fn inflated(
    format: object::CompressionFormat,
    data: &[u8],
    uncompressed_size: u64,
) -> Result<Cow<'_, [u8]>> {
    // Deflate makes 1032 bytes of one at most, and what Zstandard makes more of is no debug information.
    let compressed = data.len() as u64;
    if uncompressed_size > (compressed.saturating_add(64)).saturating_mul(1040) {
        return Err(malformed("compressed section says a size that it cannot have").into());
    }
    let contents = object::read::CompressedData {
        format,
        data,
        uncompressed_size,
    };
    Ok(contents.decompress().map_err(bad("compressed section"))?)
}

/// A common symbol: `st_value` holds the alignment.
fn common(name: &[u8], align: u64) -> Result<Definition> {
    let align = align.max(1);
    if !align.is_power_of_two() {
        return Err(malformed("alignment of a common symbol")
            .symbol(name)
            .into());
    }
    Ok(Definition::Common { align })
}

/// Linkers may merge the pieces of one section, only the unwinder looks for another, and what compilers name
/// for themselves (`.L`) has no address for C to compare.
fn told_by(machine: u16, name: &[u8], kind: elf::SectionType, flags: u64) -> ToldBy {
    const UNWIND: [&[u8]; 2] = [b".gcc_except_table", b".ARM.extab"];
    const OWN: [&[u8]; 2] = [b".rodata..L", b".data.rel.ro..L"];
    let merged = flags & elf::SHF_MERGE.0 != 0;
    let is_index = |arch| super::exidx::is_table(arch, kind.0);
    let unwind =
        Arch::new(machine).is_some_and(is_index) || UNWIND.iter().any(|s| name.starts_with(s));
    match merged || unwind || OWN.iter().any(|s| name.starts_with(s)) {
        true => ToldBy::Contents,
        false => ToldBy::Place,
    }
}

/// Do symbols that other objects see cover all of the atom?
fn is_all_named(file: &ObjectFile<'_>, index: AtomIndex) -> bool {
    let Some(atom) = file.atoms.get(index as usize) else {
        return false;
    };
    let part = |(_, symbol): (_, &Symbol<'_>)| match symbol.definition {
        Definition::Atom { offset, .. } if symbol.binding != Binding::Local => {
            // Bit 0 says that code is Thumb's (AAELF).
            let odd = u64::from(atom.code && symbol.kind == SymbolKind::Function);
            Some((offset & !odd, symbol.size))
        }
        _ => None,
    };
    let mut named = file.symbols_of(index).filter_map(part);
    let (first, second) = (named.next(), named.next());
    let Some(first) = first else { return false };
    let Some(second) = second else {
        return first.0 == 0 && first.1 >= atom.size;
    };
    let mut parts = vec![first, second];
    parts.extend(named);
    parts.sort_unstable();
    let mut end = 0u64;
    for &(offset, size) in &parts {
        if offset > end {
            return false;
        }
        end = end.max(offset.saturating_add(size));
    }
    end >= atom.size
}

/// Traits start out empty.
impl Default for ElfTraits<'_> {
    fn default() -> Self {
        Self {
            machine: 0,
            machine_flags: 0,
            is_64: true,
            executable_stack: false,
            words_only: false,
            properties: None,
            attributes: None,
            libraries: Vec::new(),
            sframe: false,
        }
    }
}
