//! Reads a Mach-O object into the neutral model (Apple's `mach-o/loader.h`, `nlist.h`, `reloc.h`).
//!
//! Here: header, load commands, sections and what each is to us. `atoms` cuts sections
//! into atoms, `relocations` finds what they refer to, `unwind` and
//! `eh_frame` what unwinds them.

use std::ops::Range;

use object::LittleEndian as LE;
use object::macho::{self, MachHeader32, MachHeader64, Relocation};
use object::read::macho::{MachHeader, Nlist, Segment};

use super::native::Native;
use super::{MachOTraits, magic};
use crate::error::{Code, Diagnostic, Result};
use crate::format::model::{
    AtomIndex, Definition, Edge, EdgeKind, EdgeTarget, KeepRule, ObjectFile, UnwindEntry,
};

pub(super) fn malformed(what: impl Into<String>) -> Diagnostic {
    Diagnostic::new(Code::ObjectMalformed, what)
}

fn bad(what: &'static str) -> impl Fn(object::Error) -> Diagnostic {
    move |e| malformed(format!("bad {what}: {e}"))
}

/// Processors whose relocations we know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cpu {
    X86_64,
    X86,
    Arm64,
}

/// What a section is to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Atoms,
    CompactUnwind,
    EhFrame,
    Debug,
    /// Kept in the traits, or of no use to a program.
    Other,
}

/// A section, whatever the width of its header.
#[derive(Debug)]
pub(super) struct Section<'d> {
    pub name: &'d [u8],
    pub segment: &'d [u8],
    pub address: u64,
    pub size: u64,
    pub align: u64,
    pub flags: macho::SectionFlags,
    /// First entry in the indirect symbol table.
    pub indirect: u32,
    /// Bytes of a symbol stub.
    pub stub: u32,
    pub zero_fill: bool,
    pub data: &'d [u8],
    pub relocations: &'d [Relocation<LE>],
    pub role: Role,
    /// Filled when the section is cut.
    pub atoms: Range<AtomIndex>,
}

/// A symbol table entry, whatever its width.
#[derive(Debug, Clone, Copy)]
pub(super) struct RawSymbol<'d> {
    pub name: &'d [u8],
    pub flags: macho::SymbolFlags,
    /// Counts from 1.
    pub section: u8,
    pub desc: macho::SymbolDesc,
    pub value: u64,
}

/// The object on its way into the model.
pub(super) struct Reader<'d> {
    pub cpu: Cpu,
    /// Bytes of a pointer.
    pub pointer: u64,
    pub subsections: bool,
    pub sections: Vec<Section<'d>>,
    pub raw: Vec<RawSymbol<'d>>,
    /// Symbol numbers of stubs and pointers.
    pub indirect: Vec<u32>,
    /// Address of each atom in the object, for atoms of sections; commons have none.
    pub starts: Vec<u64>,
    pub out: ObjectFile<'d>,
}

/// Reads the object.
///
/// # Errors
/// `object-malformed`, `object-unsupported`.
pub fn read(data: &[u8]) -> Result<ObjectFile<'_>> {
    let unsupported = |what: &str| {
        Diagnostic::new(Code::ObjectUnsupported, what)
            .hint("use the dedup strategy for this target")
    };
    let mut reader = match magic(data) {
        Some((object::Endianness::Little, true)) => parse::<MachHeader64<LE>>(data)?,
        Some((object::Endianness::Little, false)) => parse::<MachHeader32<LE>>(data)?,
        Some(_) => return Err(unsupported("big-endian objects").into()),
        None => return Err(malformed("no Mach-O header").into()),
    };
    reader.cut()?;
    if reader
        .sections
        .iter()
        .any(|s| super::is_for_a_runtime(s.segment, s.name))
    {
        // Classes, their methods and what they are registered by: all of it lives if any of it does.
        reader.out.kept = (0..reader.out.atoms.len() as AtomIndex).collect();
    }
    let mut edges = reader.edges_by_atom()?;
    reader.align_targets(&edges);
    reader.refuse_plain_thread_locals(&edges)?;
    reader.compact_unwind()?;
    reader.eh_frame()?;
    let headers = &reader.out.unwind_headers;
    // Of its kind, compact or DWARF's, a function has one.
    let place = |u: &UnwindEntry<'_>| {
        let dwarf = headers
            .get(u.header as usize)
            .is_some_and(|h| !h.bytes.is_empty());
        (u.atom, u.edges.first().map_or(0, |e| e.addend), dwarf)
    };
    reader.out.unwind.sort_by_key(place);
    let twice = |pair: &[UnwindEntry<'_>]| place(&pair[0]) == place(&pair[1]);
    if reader.out.unwind.windows(2).any(twice) {
        return Err(malformed("two unwind entries of one function").into());
    }
    reader.rule_edges(&mut edges)?;
    reader.out.edge_starts.push(0);
    for mut own in edges {
        // Rules come last; the parts of a pair stay in order.
        own.sort_by_key(|e| (matches!(e.kind, EdgeKind::Rule(_)), e.offset));
        reader.out.edges.extend(own);
        let end = u32::try_from(reader.out.edges.len())
            .map_err(|_| malformed("more than 4 G relocations"))?;
        reader.out.edge_starts.push(end);
    }
    Ok(reader.out)
}

fn parse<H: MachHeader<Endian = LE>>(data: &[u8]) -> Result<Reader<'_>> {
    let header = H::parse(data, 0).map_err(bad("Mach-O header"))?;
    if header.filetype(LE) != macho::MH_OBJECT {
        return Err(malformed("not a relocatable object").into());
    }
    let cpu = match header.cputype(LE) {
        macho::CPU_TYPE_X86_64 => Cpu::X86_64,
        macho::CPU_TYPE_X86 => Cpu::X86,
        macho::CPU_TYPE_ARM64 | macho::CPU_TYPE_ARM64_32 => Cpu::Arm64,
        other => {
            return Err(Diagnostic::new(
                Code::ObjectUnsupported,
                format!("Mach-O objects for processor {:#x}", other.0),
            )
            .hint("use the dedup strategy for this target")
            .into());
        }
    };
    let subsections = header.flags(LE).contains(macho::MH_SUBSECTIONS_VIA_SYMBOLS);
    let mut reader = Reader {
        cpu,
        pointer: if header.is_type_64() { 8 } else { 4 },
        subsections,
        sections: Vec::new(),
        raw: Vec::new(),
        indirect: Vec::new(),
        starts: Vec::new(),
        out: ObjectFile::default(),
    };
    let traits = &mut reader.out.traits.macho;
    traits.cpu_type = header.cputype(LE).0;
    traits.cpu_subtype = header.cpusubtype(LE).0;
    traits.is_64 = header.is_type_64();
    traits.subsections_via_symbols = subsections;
    let mut commands = header
        .load_commands(LE, data, 0)
        .map_err(bad("load commands"))?;
    let mut symtabs = 0;
    while let Some(command) = commands.next().map_err(bad("load command"))? {
        if let Some((segment, rest)) =
            H::Segment::from_command(command).map_err(bad("segment command"))?
        {
            let (start, size): (u64, u64) = (segment.vmaddr(LE).into(), segment.vmsize(LE).into());
            for section in segment.sections(LE, rest).map_err(bad("section table"))? {
                reader.section(data, section, start.saturating_add(size))?;
            }
        } else if let Some(symtab) = command.symtab().map_err(bad("symbol table"))? {
            symtabs += 1;
            let table = symtab
                .symbols::<H, _>(LE, data)
                .map_err(bad("symbol table"))?;
            for symbol in table.iter() {
                reader.raw.push(RawSymbol {
                    name: symbol
                        .name(LE, table.strings())
                        .map_err(bad("symbol name"))?,
                    flags: symbol.n_type(),
                    section: symbol.n_sect(),
                    desc: symbol.n_desc(LE),
                    value: symbol.n_value(LE).into(),
                });
            }
        } else if let Some(dysymtab) = command.dysymtab().map_err(bad("symbol table"))? {
            let indirect = dysymtab
                .indirect_symbols(LE, data)
                .map_err(bad("indirect symbol table"))?;
            reader.indirect = indirect.iter().map(|i| i.get(LE).0).collect();
        } else {
            whole_object(
                &mut reader.out.traits.macho,
                command.cmd(),
                command.raw_data(),
            )?;
        }
    }
    if symtabs > 1 {
        return Err(malformed("more than one symbol table").into());
    }
    Ok(reader)
}

/// Load commands that speak of the object as a whole.
fn whole_object<'d>(
    traits: &mut MachOTraits<'d>,
    command: macho::LoadCommandType,
    raw: &'d [u8],
) -> Result<()> {
    match command {
        _ if super::is_platform(command) => traits.platforms.push(raw),
        macho::LC_LINKER_OPTION => {
            let count = raw
                .get(8..)
                .and_then(|r| r.first_chunk::<4>())
                .map(|c| u32::from_le_bytes(*c));
            let strings = raw.get(12..);
            let (Some(count), Some(strings)) = (count, strings) else {
                return Err(malformed("truncated linker option").into());
            };
            let options: Vec<&[u8]> = strings
                .split_inclusive(|&b| b == 0)
                .take(count as usize)
                .filter_map(|s| s.strip_suffix(&[0]))
                .collect();
            if options.len() != count as usize {
                return Err(malformed("linker option past its command").into());
            }
            traits.linker_options.push(options);
        }
        _ => {}
    }
    Ok(())
}

impl<'d> Reader<'d> {
    fn section<S: object::read::macho::Section<Endian = LE>>(
        &mut self,
        file: &'d [u8],
        header: &'d S,
        end: u64,
    ) -> Result<()> {
        let name = header.name();
        let (address, size) = (header.addr(LE).into(), header.size(LE).into());
        let past = |what: &str| malformed(what).symbol(name);
        if address.checked_add(size).is_none_or(|e| e > end) {
            return Err(past("section past the end of its segment").into());
        }
        let shift = header.align(LE);
        let align = 1u64
            .checked_shl(shift)
            .filter(|_| shift < 32)
            .ok_or_else(|| past("alignment of exabytes"))?;
        let zero_fill = header.file_size(LE).is_none();
        let data = if size == 0 {
            &[][..]
        } else {
            header
                .data(LE, file, header.offset(LE).into())
                .map_err(|e| past(&format!("bad section: {e}")))?
        };
        let relocations = if header.nreloc(LE) == 0 {
            &[][..]
        } else {
            header
                .relocations(LE, file)
                .map_err(|e| past(&format!("bad relocations: {e}")))?
        };
        let flags = header.flags(LE);
        let role = role(header.segment_name(), name, flags);
        let table = (relocations.len() as u64).saturating_mul(8);
        let traits = &mut self.out.traits.macho;
        match role {
            Role::Debug => {
                let bytes = size.saturating_add(table);
                self.out.debug_bytes = self.out.debug_bytes.saturating_add(bytes);
                self.out.debug_told |= size != 0 && name != b"__debug_frame";
            }
            Role::Other if name == b"__objc_imageinfo" => traits.objc_image_info = Some(data),
            Role::Other if super::bitcode::is_embedded(header.segment_name(), name) => {
                traits.embedded_bitcode = true;
            }
            _ => {}
        }
        self.sections.push(Section {
            name,
            segment: header.segment_name(),
            address,
            size,
            align,
            flags,
            indirect: header.reserved1(LE),
            stub: header.reserved2(LE),
            zero_fill,
            data,
            relocations,
            role,
            atoms: 0..0,
        });
        Ok(())
    }

    /// The atom at an address of a section (counted from 0), and the distance from its start. What
    /// is outside the section belongs to its first or last atom, as in Apple's linker.
    pub fn place(&self, section: usize, address: u64) -> Option<(AtomIndex, i64)> {
        let atoms = self.sections.get(section)?.atoms.clone();
        let starts = self
            .starts
            .get(atoms.start as usize..atoms.end as usize)
            .filter(|s| !s.is_empty())?;
        let at = starts.partition_point(|&s| s <= address).saturating_sub(1);
        let start = *starts.get(at)?;
        Some((
            atoms.start + at as AtomIndex,
            address.wrapping_sub(start) as i64,
        ))
    }

    /// The same for an address alone.
    pub fn place_of_address(&self, address: u64) -> Option<(AtomIndex, i64)> {
        let holds = |s: &Section<'_>, end: bool| {
            s.role == Role::Atoms
                && address >= s.address
                && (address - s.address < s.size || (end && address - s.address == s.size))
        };
        let section = (self.sections.iter().position(|s| holds(s, false)))
            .or_else(|| self.sections.iter().position(|s| holds(s, true)))?;
        self.place(section, address)
    }

    /// What a thread-local variable's name means without its own relocations is nothing; linkers stop there.
    fn refuse_plain_thread_locals(&self, per_atom: &[Vec<Edge>]) -> Result<()> {
        let tls = u32::from(macho::S_THREAD_LOCAL_VARIABLES.0);
        for edge in per_atom.iter().flatten() {
            let EdgeKind::Relocation(kind) = edge.kind else {
                continue;
            };
            let atom = self.atom_of(edge.to).unwrap_or(AtomIndex::MAX);
            let to = self.out.atoms.get(atom as usize);
            if to.is_some_and(|a| a.native.kind == tls) && !Native::of(kind).is_tls(self.cpu) {
                let name = self.out.symbols_of(atom).next().map(|(_, s)| s.name);
                return Err(
                    malformed("a reference to a thread-local variable as if it were none")
                        .symbol(name.unwrap_or_default())
                        .into(),
                );
            }
        }
        Ok(())
    }

    /// Edges that the format makes without a relocation.
    fn rule_edges(&self, per_atom: &mut [Vec<Edge>]) -> Result<()> {
        let rule = |to: EdgeTarget, rule: KeepRule| Edge {
            offset: 0,
            to,
            addend: 0,
            kind: EdgeKind::Rule(rule),
        };
        // S_ATTR_LIVE_SUPPORT: blocks live if they reference live blocks.
        let mut live = Vec::new();
        for section in &self.sections {
            if !section.flags.contains(macho::S_ATTR_LIVE_SUPPORT) {
                continue;
            }
            for atom in section.atoms.clone() {
                for edge in per_atom.get(atom as usize).into_iter().flatten() {
                    if let Some(of) = self.atom_of(edge.to).filter(|&of| of != atom) {
                        live.push((of, atom));
                    }
                }
            }
        }
        for (of, atom) in live {
            if let Some(edges) = per_atom.get_mut(of as usize) {
                edges.push(rule(EdgeTarget::Atom(atom), KeepRule::LiveSupport));
            }
        }
        Ok(())
    }

    /// The atom of this object that a reference leads to.
    fn atom_of(&self, to: EdgeTarget) -> Option<AtomIndex> {
        match to {
            EdgeTarget::Atom(atom) => Some(atom),
            EdgeTarget::Symbol(s) => match self.out.symbols.get(s as usize)?.definition {
                Definition::Atom { atom, .. } => Some(atom),
                _ => None,
            },
        }
    }
}

fn role(segment: &[u8], name: &[u8], flags: macho::SectionFlags) -> Role {
    match (segment, name) {
        (b"__LD", b"__compact_unwind") => Role::CompactUnwind,
        (b"__TEXT", b"__eh_frame") => Role::EhFrame,
        (b"__DWARF", _) => Role::Debug,
        _ if flags.intersects(macho::S_ATTR_DEBUG) => Role::Debug,
        // Bitcode and its command lines, call graph profiles: for compilers and linkers only.
        (b"__LLVM", _) => Role::Other,
        (b"__DATA" | b"__DATA_CONST", b"__objc_imageinfo" | b"__llvm_addrsig") => Role::Other,
        _ => Role::Atoms,
    }
}
