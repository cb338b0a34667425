//! The last step of writing: numbers symbols, lays the file out, and emits it.
//!
//! Order in the file: header, load commands, contents, relocations, symbols, names. Symbols stand in the
//! order that LC_DYSYMTAB counts: locals, defined externals, undefined ones.

use object::macho;

use super::join::Joined;
use super::native::Native;
use super::symbols::{SymbolRef, SymbolTable, description, is_retained};
use super::write::{OutSection, limit};
use crate::error::Result;
use crate::format::model::{Binding, Visibility};
use crate::format::output::Undefined;

/// What a relocation names.
#[derive(Debug, Clone, Copy)]
pub(super) enum Referent {
    Symbol(SymbolRef),
    /// By its position; the field holds an address (`r_extern` 0).
    Section(usize),
}

/// One entry of a section's relocations.
#[derive(Debug, Clone, Copy)]
pub(super) enum Entry {
    Plain {
        native: Native,
        to: Referent,
    },
    /// ARM64_RELOC_ADDEND: of the entry after it.
    Addend(i64),
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Relocation {
    pub offset: u32,
    pub entry: Entry,
}

impl Relocation {
    pub fn addend(offset: u32, addend: i64) -> Self {
        Self {
            offset,
            entry: Entry::Addend(addend),
        }
    }
}

const HEADER: usize = 32;
const SEGMENT: usize = 72;
const SECTION: usize = 80;
const SYMTAB: usize = 24;
const DYSYMTAB: usize = 80;
const NLIST: usize = 16;
/// `r_symbolnum` has 24 bits.
const MAX_SYMBOLS: usize = 1 << 24;

/// Little-endian bytes in the making.
#[derive(Default)]
struct Bytes(Vec<u8>);

impl Bytes {
    fn word(&mut self, v: u32) {
        self.0.extend_from_slice(&v.to_le_bytes());
    }

    fn words(&mut self, all: &[u32]) {
        for &v in all {
            self.word(v);
        }
    }

    fn long(&mut self, v: u64) {
        self.0.extend_from_slice(&v.to_le_bytes());
    }

    /// A name of 16 bytes.
    fn name(&mut self, name: &[u8]) {
        let mut field = [0u8; 16];
        let length = name.len().min(16);
        field[..length].copy_from_slice(&name[..length]);
        self.0.extend_from_slice(&field);
    }

    fn pad_to(&mut self, at: usize) {
        self.0.resize(at.max(self.0.len()), 0);
    }
}

/// Symbol and string table.
#[derive(Default)]
struct Table {
    entries: Bytes,
    strings: Vec<u8>,
    count: usize,
}

impl Table {
    fn push(&mut self, name: &[u8], kind: u8, section: Option<usize>, desc: u16, value: u64) {
        self.entries.word(self.strings.len() as u32);
        self.strings.extend_from_slice(name);
        self.strings.push(0);
        let number = section.map_or(0, |s| s as u8 + 1);
        self.entries.0.extend_from_slice(&[kind, number]);
        self.entries.0.extend_from_slice(&desc.to_le_bytes());
        self.entries.long(value);
        self.count += 1;
    }
}

fn private(visibility: Visibility) -> u8 {
    match visibility {
        Visibility::Hidden => macho::N_PEXT.0,
        Visibility::Default | Visibility::Protected => 0,
    }
}

/// The file's bytes.
pub(super) fn emit(
    joined: &Joined,
    sections: &[OutSection],
    symbols: SymbolTable<'_, '_, '_>,
) -> Result<Vec<u8>> {
    let object = symbols.object;
    let mut table = Table {
        // Names begin behind the empty one.
        strings: vec![0],
        ..Table::default()
    };
    let address = |section: usize, offset: u64| sections[section].address.wrapping_add(offset);
    for l in &symbols.locals {
        match l.section {
            Some(s) => table.push(
                &l.name,
                macho::N_SECT.0,
                Some(s),
                l.desc,
                address(s, l.value),
            ),
            None => table.push(&l.name, macho::N_ABS.0, None, l.desc, l.value),
        }
    }
    let locals = table.count;
    let mut globals: Vec<u32> = Vec::new();
    for (at, out) in object.atoms.iter().enumerate() {
        globals.push(table.count as u32);
        let place = symbols.places[at];
        let keep = is_retained(out);
        for g in &out.globals {
            let shared = super::shared_by_all(&g.name);
            let weak = shared || g.binding != Binding::Global;
            let visibility = if shared {
                Visibility::Hidden
            } else {
                g.visibility
            };
            let desc = description(g.native, g.offset, keep && g.offset == 0)
                | if weak { macho::N_WEAK_DEF.0 } else { 0 };
            let kind = macho::N_SECT.0 | macho::N_EXT.0 | private(visibility);
            let value = address(place.section, place.offset.wrapping_add(g.offset));
            table.push(&g.name, kind, Some(place.section), desc, value);
        }
    }
    for v in &object.values {
        let kind = macho::N_ABS.0 | macho::N_EXT.0 | private(v.visibility);
        let desc = if v.weak { macho::N_WEAK_DEF.0 } else { 0 };
        table.push(&v.name, kind, None, desc, v.value);
    }
    let undefined = table.count;
    for u in &object.undefined {
        push_undefined(&mut table, u)?;
    }
    if table.count >= MAX_SYMBOLS {
        return Err(limit("more than 2^24 symbols in a Mach-O object").into());
    }
    let number = |symbol: SymbolRef| match symbol {
        SymbolRef::Local(l) => l,
        SymbolRef::Global(atom, global) => globals[atom as usize] + global,
        SymbolRef::Undefined(u) => undefined as u32 + u,
    };

    let systems: Vec<Vec<u8>> = joined
        .systems
        .iter()
        .map(super::join::System::write)
        .collect();
    let options: Vec<Vec<u8>> = joined.options.iter().map(|o| linker_option(o)).collect();
    let segment_size = SEGMENT + sections.len() * SECTION;
    let extra = systems.iter().chain(&options);
    let commands_size =
        segment_size + SYMTAB + DYSYMTAB + extra.clone().map(Vec::len).sum::<usize>();
    let commands = 3 + extra.count();
    let largest = sections.iter().map(|s| s.align).max().unwrap_or(1).max(8) as usize;
    let start = (HEADER + commands_size).next_multiple_of(largest);
    let filled = sections.iter().filter(|s| !s.zero_fill);
    let contents = filled.map(|s| s.address + s.size).max().unwrap_or(0) as usize;
    let memory = sections
        .iter()
        .map(|s| s.address + s.size)
        .max()
        .unwrap_or(0);
    let relocations_at = (start + contents).next_multiple_of(8);
    let relocations: usize = sections.iter().map(|s| s.relocations.len()).sum();
    let symbols_at = relocations_at + relocations * 8;
    let strings_at = symbols_at + table.count * NLIST;
    let strings = table.strings.len().next_multiple_of(8);
    if u32::try_from(strings_at + strings).is_err() {
        return Err(limit("an object of more than 4 GB").into());
    }

    let mut w = Bytes::default();
    w.words(&[
        macho::MH_MAGIC_64,
        joined.cpu_type,
        joined.cpu_subtype,
        macho::MH_OBJECT.0,
        commands as u32,
        commands_size as u32,
        macho::MH_SUBSECTIONS_VIA_SYMBOLS.0,
        0,
    ]);
    w.words(&[macho::LC_SEGMENT_64.0, segment_size as u32]);
    w.name(b"");
    for v in [0, memory, start as u64, contents as u64] {
        w.long(v);
    }
    w.words(&[7, 7, sections.len() as u32, 0]);
    let mut next = relocations_at;
    for s in sections {
        w.name(&s.name);
        w.name(&s.segment);
        w.long(s.address);
        w.long(s.size);
        let offset = if s.zero_fill {
            0
        } else {
            start + s.address as usize
        };
        let count = s.relocations.len();
        w.words(&[
            offset as u32,
            s.align.trailing_zeros(),
            if count == 0 { 0 } else { next as u32 },
            count as u32,
            s.flags,
            0,
            0,
            0,
        ]);
        next += count * 8;
    }
    for command in &systems {
        w.0.extend_from_slice(command);
    }
    w.words(&[
        macho::LC_SYMTAB.0,
        SYMTAB as u32,
        symbols_at as u32,
        table.count as u32,
        strings_at as u32,
        strings as u32,
    ]);
    w.words(&[macho::LC_DYSYMTAB.0, DYSYMTAB as u32]);
    w.words(&[
        0,
        locals as u32,
        locals as u32,
        (undefined - locals) as u32,
        undefined as u32,
        (table.count - undefined) as u32,
    ]);
    w.words(&[0; 12]);
    for command in &options {
        w.0.extend_from_slice(command);
    }
    w.pad_to(start);
    let mut in_order: Vec<&OutSection> = sections.iter().filter(|s| !s.zero_fill).collect();
    in_order.sort_by_key(|s| s.address);
    for s in in_order {
        w.pad_to(start + s.address as usize);
        w.0.extend_from_slice(&s.data);
    }
    w.pad_to(relocations_at);
    for s in sections {
        // Descending, as compilers write them; the parts of one field stay in order.
        let mut order: Vec<&Relocation> = s.relocations.iter().collect();
        order.sort_by_key(|r| std::cmp::Reverse(r.offset));
        for r in order {
            w.word(r.offset);
            w.word(packed(r.entry, &number));
        }
    }
    w.0.extend_from_slice(&table.entries.0);
    w.0.extend_from_slice(&table.strings);
    w.pad_to(strings_at + strings);
    Ok(w.0)
}

fn push_undefined(table: &mut Table, u: &Undefined<'_>) -> Result<()> {
    let mut desc = u16::from(u.native & 0x20);
    let mut value = 0;
    let mut kind = macho::N_UNDF.0 | macho::N_EXT.0;
    match u.common {
        Some(common) => {
            kind |= private(u.visibility);
            // The alignment's exponent in bits 8 to 11.
            let shift = common.align.max(1).trailing_zeros();
            if shift > 15 {
                return Err(limit("a common symbol aligned to more than 32 KiB").into());
            }
            desc |= (shift as u16) << 8;
            value = common.size;
        }
        None if u.weak => desc |= macho::N_WEAK_REF.0,
        None => {}
    }
    table.push(&u.name, kind, None, desc, value);
    Ok(())
}

/// LC_LINKER_OPTION: a count, and strings that end in a zero.
fn linker_option(option: &[Vec<u8>]) -> Vec<u8> {
    let mut strings: Vec<u8> = Vec::new();
    for s in option {
        strings.extend_from_slice(s);
        strings.push(0);
    }
    let size = (12 + strings.len()).next_multiple_of(8);
    let mut w = Bytes::default();
    w.words(&[macho::LC_LINKER_OPTION.0, size as u32, option.len() as u32]);
    w.0.extend_from_slice(&strings);
    w.pad_to(size);
    w.0
}

/// The second half of a `relocation_info`.
fn packed(entry: Entry, number: &impl Fn(SymbolRef) -> u32) -> u32 {
    match entry {
        Entry::Plain {
            native,
            to: Referent::Symbol(symbol),
        } => native.info(number(symbol), true),
        Entry::Plain {
            native,
            to: Referent::Section(section),
        } => native.info(section as u32 + 1, false),
        Entry::Addend(addend) => {
            let kind = Native {
                kind: macho::ARM64_RELOC_ADDEND.0,
                pc_relative: false,
                length: 2,
            };
            kind.info(addend as u32, false)
        }
    }
}
