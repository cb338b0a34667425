//! The debug sections of an ELF object, for the DWARF reader.

use std::cell::Cell;
use std::rc::Rc;

use foldhash::{HashMap, HashMapExt};
use object::LittleEndian as LE;
use object::elf;
use object::read::elf::{FileHeader, Rel, Rela, SectionHeader, Sym};

use super::read::{bad, decompressed, decompressed_gnu};
use crate::debuginfo::dwarf::sections::{Relocated, Section, Sections, wanted};
use crate::debuginfo::places::Places;
use crate::error::Result;
use crate::format::model::{Definition, ObjectFile};

/// The addresses that debug information is read with: the atoms' own are all 0. Those of data are asked for
/// where variables are.
pub fn places(file: &ObjectFile<'_>, live: Vec<bool>, full: bool) -> Places {
    let sizes = file
        .atoms
        .iter()
        .map(|a| (a.code || full).then_some(a.size));
    Places::invent(sizes, live)
}

/// Bytes of an address.
pub fn address_size(data: &[u8]) -> u8 {
    if data.get(4) == Some(&elf::ELFCLASS32.0) {
        4
    } else {
        8
    }
}

/// The debug sections, with those of variables where they are wanted. Without the object and its places, code has no addresses in them.
///
/// # Errors
/// `object-malformed`.
pub fn sections<'a>(
    data: &'a [u8],
    file: Option<(&'a ObjectFile<'a>, &'a Places)>,
    full: bool,
) -> Result<Sections<'a>> {
    if data.get(4) == Some(&elf::ELFCLASS32.0) {
        of::<elf::FileHeader32<LE>>(data, file, full)
    } else {
        of::<elf::FileHeader64<LE>>(data, file, full)
    }
}

fn of<'a, H: FileHeader<Endian = LE>>(
    data: &'a [u8],
    file: Option<(&'a ObjectFile<'a>, &'a Places)>,
    full: bool,
) -> Result<Sections<'a>> {
    let header = H::parse(data).map_err(bad("ELF header"))?;
    let sections = header.sections(LE, data).map_err(bad("section table"))?;
    let mut relocations: HashMap<usize, &'a H::SectionHeader> = HashMap::new();
    for section in sections.iter() {
        if matches!(section.sh_type(LE), elf::SHT_RELA | elf::SHT_REL) {
            relocations.insert(section.sh_info(LE) as usize, section);
        }
    }
    let symbols = sections
        .symbols(LE, data, elf::SHT_SYMTAB)
        .map_err(bad("symbol table"))?;
    let values: Rc<[u64]> = symbols.iter().map(|s| s.st_value(LE).into()).collect();
    let mut out = Sections::default();
    // What stands in groups belongs to type units, or is of objects that were joined.
    let grouped = |s: &H::SectionHeader| s.sh_flags(LE).0 & elf::SHF_GROUP.0 != 0;
    let alone = sections.enumerate().filter(|(_, s)| !grouped(s));
    let all = alone.chain(sections.enumerate().filter(|(_, s)| grouped(s)));
    for (index, section) in all {
        let name = sections
            .section_name(LE, section)
            .map_err(bad("section name"))?;
        let Some((id, old)) = wanted(full).find_map(|id| Some((id, is_called(name, id)?))) else {
            continue;
        };
        if out.0.iter().any(|s| s.id == id) {
            continue;
        }
        let mut contents = match old {
            Called::Plainly => decompressed(section, data)?,
            Called::Compressed => decompressed_gnu(section, data)?,
        };
        let mut relocated: Option<Box<dyn Relocated + 'a>> = None;
        if let Some(of) = relocations.get(&index.0) {
            let symbols = Symbols {
                file,
                values: Rc::clone(&values),
            };
            if header.e_machine(LE) == elf::EM_RISCV {
                // Distances are sums of relocations, in fields that are no addresses.
                let relas = of.rela(LE, data).map_err(bad("relocation section"))?;
                apply(contents.to_mut(), relas.map_or(&[], |r| r.0), &symbols);
            } else if let Some((relas, _)) = of.rela(LE, data).map_err(bad("relocation section"))? {
                relocated = Some(Box::new(Added::<H> {
                    order: Order::of(relas, |r| r.r_offset(LE).into()),
                    relas,
                    symbols,
                }));
            } else if let Some((rels, _)) = of.rel(LE, data).map_err(bad("relocation section"))? {
                relocated = Some(Box::new(InPlace::<H> {
                    order: Order::of(rels, |r| r.r_offset(LE).into()),
                    rels,
                    symbols,
                }));
            }
        }
        out.0.push(Section {
            id,
            data: contents,
            relocated,
        });
    }
    Ok(out)
}

enum Called {
    Plainly,
    /// `.zdebug_*`: GNU's way before SHF_COMPRESSED.
    Compressed,
}

fn is_called(name: &[u8], id: gimli::SectionId) -> Option<Called> {
    let known = id.name().as_bytes();
    if name == known {
        return Some(Called::Plainly);
    }
    let stem = name.strip_prefix(b".z")?;
    (known.strip_prefix(b".") == Some(stem)).then_some(Called::Compressed)
}

/// What symbols stand for, in the addresses of the object's places.
struct Symbols<'a> {
    file: Option<(&'a ObjectFile<'a>, &'a Places)>,
    values: Rc<[u64]>,
}

impl Symbols<'_> {
    fn value(&self, symbol: usize) -> u64 {
        let plain = self.values.get(symbol).copied().unwrap_or(0);
        let Some((file, places)) = self.file else {
            return plain;
        };
        match file.symbols.get(symbol).map(|s| s.definition) {
            Some(Definition::Atom { atom, offset }) => match places.start(atom) {
                Some(start) => start.wrapping_add(offset),
                None => 0,
            },
            Some(Definition::Dropped) => plain,
            _ => 0,
        }
    }
}

/// Relocations in order of offsets.
struct Order {
    /// `None`: as they stand, mostly.
    sorted: Option<Vec<u32>>,
    /// The one found last: readers go forward, and ask for one that is near.
    last: Cell<usize>,
}

impl Order {
    fn of<T>(all: &[T], offset: impl Fn(&T) -> u64) -> Self {
        let sorted = (!all.is_sorted_by_key(&offset)).then(|| {
            let mut order: Vec<u32> = (0..all.len() as u32).collect();
            order.sort_by_key(|&i| offset(&all[i as usize]));
            order
        });
        Self {
            sorted,
            last: Cell::new(0),
        }
    }

    fn find<'t, T>(&self, all: &'t [T], at: u64, offset: impl Fn(&T) -> u64) -> Option<&'t T> {
        let entry = |i: usize| match &self.sorted {
            None => all.get(i),
            Some(order) => all.get(*order.get(i)? as usize),
        };
        let up_to = |i: usize| entry(i).is_some_and(|r| offset(r) <= at);
        // The wanted one is the last up to `at`, at `low` or after it, before `high`.
        let last = self.last.get();
        let (mut low, mut high) = (0, last);
        if up_to(last) {
            let mut step = 1;
            (low, high) = (last, last + step);
            while up_to(high) {
                step *= 2;
                (low, high) = (high, high + step);
            }
        }
        while low + 1 < high {
            let middle = low + (high - low) / 2;
            if up_to(middle) {
                low = middle;
            } else {
                high = middle;
            }
        }
        self.last.set(low);
        entry(low).filter(|r| offset(r) == at)
    }
}

/// SHT_RELA.
struct Added<'a, H: FileHeader<Endian = LE>> {
    relas: &'a [H::Rela],
    order: Order,
    symbols: Symbols<'a>,
}

impl<H: FileHeader<Endian = LE>> Relocated for Added<'_, H> {
    fn value(&self, at: u64, stored: u64) -> u64 {
        let Some(r) = self.order.find(self.relas, at, |r| r.r_offset(LE).into()) else {
            return stored;
        };
        let symbol = r.symbol(LE, false).map_or(0, |s| s.0);
        let addend: i64 = r.r_addend(LE).into();
        self.symbols.value(symbol).wrapping_add(addend as u64)
    }
}

/// SHT_REL.
struct InPlace<'a, H: FileHeader<Endian = LE>> {
    rels: &'a [H::Rel],
    order: Order,
    symbols: Symbols<'a>,
}

impl<H: FileHeader<Endian = LE>> Relocated for InPlace<'_, H> {
    fn value(&self, at: u64, stored: u64) -> u64 {
        let Some(r) = self.order.find(self.rels, at, |r| r.r_offset(LE).into()) else {
            return stored;
        };
        let symbol = r.symbol(LE).map_or(0, |s| s.0);
        // Thumb functions have bit 0 set (AAELF), which is no part of a place in code.
        let value = self.symbols.value(symbol).wrapping_add(stored);
        value & u64::from(u32::MAX)
    }
}

/// RISC-V psABI: sums and differences, one relocation after the other.
fn apply<R: Rela<Endian = LE>>(contents: &mut [u8], relas: &[R], symbols: &Symbols<'_>) {
    for r in relas {
        let kind = r.r_type(LE, false);
        let value = symbols
            .value(r.symbol(LE, false).map_or(0, |s| s.0))
            .wrapping_add(Into::<i64>::into(r.r_addend(LE)) as u64);
        let Ok(at) = usize::try_from(Into::<u64>::into(r.r_offset(LE))) else {
            continue;
        };
        let (width, how) = match kind {
            elf::R_RISCV_64 => (8, How::Set),
            elf::R_RISCV_32 => (4, How::Set),
            elf::R_RISCV_ADD64 => (8, How::Add),
            elf::R_RISCV_ADD32 => (4, How::Add),
            elf::R_RISCV_ADD16 => (2, How::Add),
            elf::R_RISCV_ADD8 => (1, How::Add),
            elf::R_RISCV_SUB64 => (8, How::Subtract),
            elf::R_RISCV_SUB32 => (4, How::Subtract),
            elf::R_RISCV_SUB16 => (2, How::Subtract),
            elf::R_RISCV_SUB8 => (1, How::Subtract),
            elf::R_RISCV_SET32 => (4, How::Set),
            elf::R_RISCV_SET16 => (2, How::Set),
            elf::R_RISCV_SET8 => (1, How::Set),
            elf::R_RISCV_SET6 => (1, How::SetSix),
            elf::R_RISCV_SUB6 => (1, How::SubtractSix),
            elf::R_RISCV_SET_ULEB128 => {
                leb(contents, at, |_| value);
                continue;
            }
            elf::R_RISCV_SUB_ULEB128 => {
                leb(contents, at, |old| old.wrapping_sub(value));
                continue;
            }
            _ => continue,
        };
        let Some(field) = contents.get_mut(at..at.saturating_add(width)) else {
            continue;
        };
        let mut bytes = [0; 8];
        bytes[..width].copy_from_slice(field);
        let old = u64::from_le_bytes(bytes);
        let new = match how {
            How::Set => value,
            How::Add => old.wrapping_add(value),
            How::Subtract => old.wrapping_sub(value),
            How::SetSix => old & 0xc0 | value & 0x3f,
            How::SubtractSix => old & 0xc0 | old.wrapping_sub(value) & 0x3f,
        };
        field.copy_from_slice(&new.to_le_bytes()[..width]);
    }
}

enum How {
    Set,
    Add,
    Subtract,
    SetSix,
    SubtractSix,
}

/// Changes a ULEB128 field in its length.
fn leb(contents: &mut [u8], at: usize, change: impl Fn(u64) -> u64) {
    let Some(field) = contents.get_mut(at..) else {
        return;
    };
    let len = field
        .iter()
        .take(10)
        .take_while(|b| **b & 0x80 != 0)
        .count()
        + 1;
    let Some(field) = field.get_mut(..len) else {
        return;
    };
    let bits = |i: usize| u32::try_from(7 * i).unwrap_or(63).min(63);
    let old = field
        .iter()
        .enumerate()
        .fold(0u64, |v, (i, b)| v | (u64::from(b & 0x7f) << bits(i)));
    let new = change(old);
    for (i, b) in field.iter_mut().enumerate() {
        *b = (*b & 0x80) | (new >> bits(i)) as u8 & 0x7f;
    }
}
