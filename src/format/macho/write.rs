//! Writes a relocatable Mach-O object from the plan's description (`mach-o/loader.h`, `mach-o/reloc.h`).
//!
//! Sections of one name are joined as `ld -r` does; what needs no linker's help to be cut (strings, numbers,
//! pointers) needs no symbol, everything else begins with one. Order of work: place the atoms, convert
//! relocations (which asks for symbols), give the sections addresses, build the unwind tables, whose
//! contents are distances between them, then number symbols and emit.

use foldhash::{HashMap, HashMapExt};
use object::macho::{self, SectionType};

use super::debug_write;
use super::emit::{self, Entry, Referent, Relocation};
use super::join;
use super::native::Native;
use super::symbols::{SymbolRef, SymbolTable};
use super::unwind_write as unwind;
use crate::error::{Code, Diagnostic, Result};
use crate::format::model::{Atom, Edge, EdgeKind, FilePlace, SymbolKind};
use crate::format::output::{OutAtom, OutObject, OutTarget, Written, append};

/// An output section being filled.
#[derive(Debug)]
pub(super) struct OutSection {
    pub segment: Vec<u8>,
    pub name: Vec<u8>,
    pub flags: u32,
    pub align: u64,
    pub size: u64,
    /// Empty for zero-filled sections.
    pub data: Vec<u8>,
    pub zero_fill: bool,
    /// In the object; see [`assign_addresses`].
    pub address: u64,
    pub relocations: Vec<Relocation>,
}

impl OutSection {
    pub(super) fn new(segment: &[u8], name: &[u8], flags: u32) -> Self {
        Self {
            segment: segment.to_vec(),
            name: name.to_vec(),
            flags,
            align: 1,
            size: 0,
            data: Vec::new(),
            zero_fill: false,
            address: 0,
            relocations: Vec::new(),
        }
    }
}

/// Where an atom went.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub section: usize,
    pub offset: u64,
}

/// Offsets in an object are 32 bits wide.
const MAX_SECTION: u64 = 1 << 31;
/// 2^15: what `ld` takes (ld(1), -sectalign).
const MAX_ALIGN: u64 = 1 << 15;
/// Sections are named by a byte.
const MAX_SECTIONS: usize = 255;

/// Where references stand that only pull, and code: -dead_strip drops them after they have.
const PULLING: (&[u8], &[u8], u32) = (b"__TEXT", b"__const", 0);
const PULLING_TLS: (&[u8], &[u8], u32) = (
    b"__TEXT",
    b"__text",
    macho::S_ATTR_PURE_INSTRUCTIONS.0 | macho::S_ATTR_SOME_INSTRUCTIONS.0,
);

/// Code that loads the place of a thread-local variable's descriptor, and its relocations.
fn tls_load(cpu: super::read::Cpu) -> (&'static [(u32, Native)], &'static [u8]) {
    const fn at(offset: u32, kind: u8, pc_relative: bool) -> (u32, Native) {
        let native = Native {
            kind,
            pc_relative,
            length: 2,
        };
        (offset, native)
    }
    const ARM64: &[(u32, Native)] = &[
        at(0, macho::ARM64_RELOC_TLVP_LOAD_PAGE21.0, true),
        at(4, macho::ARM64_RELOC_TLVP_LOAD_PAGEOFF12.0, false),
    ];
    const X86_64: &[(u32, Native)] = &[at(3, macho::X86_64_RELOC_TLV.0, true)];
    match cpu {
        // adrp x0, symbol@TLVPPAGE; ldr x0, [x0, symbol@TLVPPAGEOFF]
        super::read::Cpu::Arm64 => (ARM64, &[0, 0, 0, 0x90, 0, 0, 0x40, 0xf9]),
        // movq symbol@TLVP(%rip), %rax; nop
        _ => (X86_64, &[0x48, 0x8b, 0x05, 0, 0, 0, 0, 0x90]),
    }
}

/// Do linkers cut the atom's section by its contents?
pub(super) fn is_cut_by_contents(atom: &Atom<'_>) -> bool {
    matches!(
        section_type(atom),
        macho::S_CSTRING_LITERALS
            | macho::S_4BYTE_LITERALS
            | macho::S_8BYTE_LITERALS
            | macho::S_16BYTE_LITERALS
            | macho::S_LITERAL_POINTERS
            | macho::S_MOD_INIT_FUNC_POINTERS
            | macho::S_MOD_TERM_FUNC_POINTERS
            | macho::S_INIT_FUNC_OFFSETS
            | macho::S_THREAD_LOCAL_INIT_FUNCTION_POINTERS
    )
}

fn section_type(atom: &Atom<'_>) -> SectionType {
    SectionType(atom.native.kind as u8)
}

/// The object's bytes.
///
/// # Errors
/// `object-unsupported` for processors and sections we do not write, `mixed-formats` for objects that do not
/// join, `output-limit` where the format's fields are too small.
pub fn write(object: &OutObject<'_, '_>) -> Result<Written> {
    let joined = join::join(&object.traits)?;
    let cpu = super::writable(joined.cpu_type, joined.cpu_subtype)?;
    let mut layout = Layout {
        object,
        cpu,
        sections: Vec::new(),
        places: Vec::new(),
        used: vec![false; object.undefined.len()],
    };
    layout.place_atoms()?;
    let places = layout.places.clone();
    let mut symbols = SymbolTable::new(object, &places);
    layout.convert_relocations(&mut symbols)?;
    let copies = unwind::copy_shared(&mut layout, &mut symbols)?;
    layout.pull(&mut symbols);
    if let Some(info) = joined.objc {
        layout.objc_image_info(info);
    }
    layout.assign_addresses()?;
    unwind::build(&mut layout, &mut symbols, &copies)?;
    let debug = debug_write::build(&mut layout)?;
    layout.assign_addresses()?;
    if layout.sections.len() > MAX_SECTIONS {
        return Err(limit("more than 255 sections in a Mach-O object").into());
    }
    let bytes = emit::emit(&joined, &layout.sections, symbols)?;
    let place = |p: &Place| FilePlace {
        section: p.section as u32 + 1,
        offset: p.offset,
    };
    let again = copies.atoms.iter().map(|(atom, at)| (*atom, place(at)));
    Ok(Written {
        bytes,
        places: places.iter().map(|p| Some(place(p))).collect(),
        copies: again.collect(),
        debug: debug.0,
    })
}

pub(super) fn limit(what: impl std::fmt::Display) -> Diagnostic {
    Diagnostic::new(Code::OutputLimit, format!("{what}"))
}

pub(super) struct Layout<'o, 'a, 'd> {
    pub object: &'o OutObject<'a, 'd>,
    pub cpu: super::read::Cpu,
    pub sections: Vec<OutSection>,
    /// By atom.
    pub places: Vec<Place>,
    /// Undefined entries that some relocation names.
    used: Vec<bool>,
}

impl<'o, 'a, 'd> Layout<'o, 'a, 'd> {
    fn place_atoms(&mut self) -> Result<()> {
        let mut known: HashMap<(Vec<u8>, Vec<u8>, u8), usize> = HashMap::new();
        let object = self.object;
        for out in &object.atoms {
            let atom = &out.file.atoms[out.atom as usize];
            let (kind, flags) = written_flags(atom)?;
            let name = out.section.as_deref().unwrap_or(atom.section);
            let key = (atom.segment.to_vec(), name.to_vec(), kind.0);
            let fresh = self.sections.len();
            let section = *known.entry(key).or_insert(fresh);
            if section == fresh {
                let mut made = OutSection::new(atom.segment, name, flags);
                made.zero_fill = atom.zero_fill;
                self.sections.push(made);
            }
            let s = &mut self.sections[section];
            s.flags |= flags;
            let place = self.append(section, atom)?;
            self.places.push(place);
        }
        Ok(())
    }

    /// Puts the atom's contents at the end of a section.
    pub(super) fn append(&mut self, section: usize, atom: &Atom<'_>) -> Result<Place> {
        let s = &mut self.sections[section];
        let (offset, end) = append(s.size, atom, MAX_SECTION, MAX_ALIGN)?;
        s.align = s.align.max(atom.align);
        if !s.zero_fill {
            fill(&mut s.data, offset as usize, atom.code, self.cpu);
            s.data.extend_from_slice(&atom.data);
            s.data.resize(end as usize, 0);
        }
        s.size = end;
        Ok(Place { section, offset })
    }

    fn convert_relocations(&mut self, symbols: &mut SymbolTable<'_, '_, 'd>) -> Result<()> {
        for (at, out) in self.object.atoms.iter().enumerate() {
            self.relocations_of(symbols, out, self.places[at])?;
        }
        Ok(())
    }

    /// Appends the relocations of an atom that stands at `place`.
    pub(super) fn relocations_of(
        &mut self,
        symbols: &mut SymbolTable<'_, '_, 'd>,
        out: &OutAtom<'_, 'd>,
        place: Place,
    ) -> Result<()> {
        for (edge, target) in out.file.edges_of(out.atom).iter().zip(&out.targets) {
            let EdgeKind::Relocation(kind) = edge.kind else {
                continue;
            };
            let field = Place {
                offset: place.offset + edge.offset,
                ..place
            };
            self.relocation(symbols, field, edge, Native::of(kind), *target)
                .map_err(|d| d.symbol(name_of(out)))?;
        }
        Ok(())
    }

    /// Appends the relocations of a field, and puts into it what stands in contents.
    pub(super) fn relocation(
        &mut self,
        symbols: &mut SymbolTable<'_, '_, 'd>,
        field: Place,
        edge: &Edge,
        native: Native,
        target: OutTarget,
    ) -> Result<(), Diagnostic> {
        let exact = native.is_exact(self.cpu);
        let mut found = symbols.of_target(target, exact).map_err(first_of)?;
        let addend = |distance: u64| edge.addend.wrapping_add(distance as i64);
        // ARM64_RELOC_ADDEND holds 24 bits with a sign.
        let beside = native.addend_is_beside(self.cpu);
        let fits = |a: i64| (-(1 << 23)..1 << 23).contains(&a);
        if let Some((_, distance)) = found
            && beside
            && !fits(addend(distance))
        {
            found = symbols.of_target(target, true).map_err(first_of)?;
        }
        let Some((symbol, distance)) = found else {
            return Ok(());
        };
        let addend = addend(distance);
        if let SymbolRef::Undefined(u) = symbol
            && let Some(used) = self.used.get_mut(u as usize)
        {
            *used = true;
        }
        let offset = u32::try_from(field.offset).map_err(limit)?;
        let section = &mut self.sections[field.section];
        if beside {
            if !fits(addend) {
                return Err(limit("a distance of more than 8 MiB behind a symbol"));
            }
            if addend != 0 && !native.takes_addend() {
                return Err(limit("a distance behind the slot of a table"));
            }
            if addend != 0 {
                section.relocations.push(Relocation::addend(offset, addend));
            }
        } else if let Some(value) = native.in_contents(self.cpu, addend) {
            put(&mut section.data, field.offset, native.width(), value)
                .ok_or_else(|| limit("a relocation of no contents"))?;
        }
        section.relocations.push(Relocation {
            offset,
            entry: Entry::Plain {
                native,
                to: Referent::Symbol(symbol),
            },
        });
        Ok(())
    }

    /// Apple's linker pulls members for references alone, not for entries of the symbol table.
    fn pull(&mut self, symbols: &mut SymbolTable<'_, '_, 'd>) {
        let entries = self.object.undefined.iter().enumerate();
        let (mut plain, mut tls) = (Vec::new(), Vec::new());
        // A common needs nobody.
        for (at, u) in entries.filter(|(at, u)| !self.used[*at] && u.common.is_none()) {
            match u.kind {
                SymbolKind::Tls => tls.push(at as u32),
                _ => plain.push(at as u32),
            }
        }
        let parts = [(0, Native::slot_distance(self.cpu))];
        self.pull_by(symbols, &plain, PULLING, &parts, &[0; 4]);
        // A plain reference to a thread-local variable is an error: code that nobody calls loads it.
        let (parts, code) = tls_load(self.cpu);
        self.pull_by(symbols, &tls, PULLING_TLS, parts, code);
    }

    /// Appends to a section what names each of these: `bytes`, with a relocation at each of the `parts`.
    fn pull_by(
        &mut self,
        symbols: &mut SymbolTable<'_, '_, 'd>,
        undefined: &[u32],
        (segment, name, flags): (&[u8], &[u8], u32),
        parts: &[(u32, Native)],
        bytes: &[u8],
    ) {
        if undefined.is_empty() {
            return;
        }
        let same = |s: &OutSection| s.segment == segment && s.name == name && !s.zero_fill;
        let section = self.sections.iter().position(same).unwrap_or_else(|| {
            self.sections.push(OutSection::new(segment, name, flags));
            self.sections.len() - 1
        });
        let s = &mut self.sections[section];
        let start = s.size.next_multiple_of(4);
        s.align = s.align.max(4);
        symbols.locals.push(super::symbols::LocalSymbol {
            name: b"l_df.pull".as_slice().into(),
            section: Some(section),
            value: start,
            desc: 0,
        });
        fill(&mut s.data, start as usize, flags != 0, self.cpu);
        for &undefined in undefined {
            let at = s.data.len() as u32;
            s.data.extend_from_slice(bytes);
            for &(offset, native) in parts {
                s.relocations.push(Relocation {
                    offset: at + offset,
                    entry: Entry::Plain {
                        native,
                        to: Referent::Symbol(SymbolRef::Undefined(undefined)),
                    },
                });
            }
        }
        s.size = s.data.len() as u64;
    }

    fn objc_image_info(&mut self, info: [u8; 8]) {
        let mut section = OutSection::new(
            b"__DATA",
            b"__objc_imageinfo",
            macho::S_ATTR_NO_DEAD_STRIP.0,
        );
        section.align = 4;
        section.size = 8;
        section.data = info.to_vec();
        self.sections.push(section);
    }

    /// Gives each section its address: what has contents first, so that addresses run as the file does.
    fn assign_addresses(&mut self) -> Result<()> {
        let mut at = 0u64;
        for zero in [false, true] {
            for section in self.sections.iter_mut().filter(|s| s.zero_fill == zero) {
                section.address = at.next_multiple_of(section.align);
                at = section.address + section.size;
            }
        }
        if at > MAX_SECTION {
            return Err(limit("an object of more than 2 GB").into());
        }
        Ok(())
    }

    /// The address of a place.
    pub(super) fn address(&self, place: Place) -> u64 {
        self.sections[place.section]
            .address
            .wrapping_add(place.offset)
    }
}

/// Type and flags that an atom's section has in the output.
fn written_flags(atom: &Atom<'_>) -> Result<(SectionType, u32)> {
    let flags = atom.native.flags as u32;
    match section_type(atom) {
        // Their entries stand for symbols that a table names; ours have relocations.
        macho::S_NON_LAZY_SYMBOL_POINTERS => {
            let attributes = flags & !0xff;
            Ok((macho::S_REGULAR, attributes))
        }
        kind @ (macho::S_SYMBOL_STUBS
        | macho::S_LAZY_SYMBOL_POINTERS
        | macho::S_LAZY_DYLIB_SYMBOL_POINTERS
        | macho::S_THREAD_LOCAL_VARIABLE_POINTERS) => Err(Diagnostic::new(
            Code::ObjectUnsupported,
            format!(
                "a section of stubs or pointers that linkers make (type {:#x})",
                kind.0
            ),
        )
        .symbol(atom.section)
        .hint("use the dedup strategy")
        .into()),
        kind => Ok((kind, flags)),
    }
}

fn name_of<'d>(out: &OutAtom<'_, 'd>) -> &'d [u8] {
    let symbols = out.file.symbols_of(out.atom).map(|(_, s)| s);
    let mut named = symbols.filter(|s| !s.name.is_empty());
    named
        .next()
        .map_or(out.file.atoms[out.atom as usize].section, |s| s.name)
}

fn first_of(error: crate::error::Error) -> Diagnostic {
    let all = error.0.into_iter().next();
    all.unwrap_or_else(|| Diagnostic::new(Code::Internal, "an error without a text"))
}

/// Fills up to `end`: code with instructions that do nothing.
fn fill(data: &mut Vec<u8>, end: usize, code: bool, cpu: super::read::Cpu) {
    const NOP: [u8; 4] = 0xd503_201fu32.to_le_bytes();
    if code && cpu == super::read::Cpu::Arm64 {
        while data.len() + 4 <= end && data.len().is_multiple_of(4) {
            data.extend_from_slice(&NOP);
        }
        data.resize(end, 0);
    } else {
        data.resize(end, if code { 0x90 } else { 0 });
    }
}

/// Writes the low bytes of a value.
pub(super) fn put(data: &mut [u8], at: u64, width: usize, value: i64) -> Option<()> {
    let at = usize::try_from(at).ok()?;
    let field = data.get_mut(at..at.checked_add(width)?)?;
    field.copy_from_slice(value.to_le_bytes().get(..width)?);
    Some(())
}
