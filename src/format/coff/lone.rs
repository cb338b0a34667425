//! Undefined symbols that no relocation uses: sources ask for them (`.globl x`) so that a linker pulls what
//! defines them.

use object::LittleEndian;
use object::pe::{self, AnonObjectHeaderBigobj, ImageFileHeader};
use object::read::coff::{CoffHeader, Symbol as _};

use super::{Layout, is_import, layout};
use crate::format::Wish;

/// Tables whose entries are numbers of symbols (PE/COFF, "The .sxdata Section"; the others are what Microsoft's
/// compilers say of guarded calls): who is in them was used once.
const TABLES: [&[u8]; 5] = [b".sxdata", b".gfids", b".giats", b".gljmp", b".gehcont"];
/// Compilers say so that there is floating point.
const FLOATING_POINT: [&[u8]; 2] = [b"_fltused", b"__fltused"];

/// What they ask for. What is wrong with an object is said by who takes it apart.
pub fn for_each_wish<'d>(data: &'d [u8], f: &mut dyn FnMut(Wish<&'d [u8]>)) {
    // Parts of import tables stay as they are.
    if is_import(data) {
        return;
    }
    let names = match layout(data) {
        Some((Layout::Plain, _)) => lone::<ImageFileHeader>(data),
        Some((Layout::Big, _)) => lone::<AnonObjectHeaderBigobj>(data),
        _ => None,
    };
    let names = names.into_iter().flatten();
    names.for_each(|name| f(Wish::Pull(name)));
}

fn lone<H: CoffHeader>(data: &[u8]) -> Option<Vec<&[u8]>> {
    let mut offset = 0;
    let header = H::parse(data, &mut offset).ok()?;
    let sections = header.sections(data, offset).ok()?;
    let symbols = header.symbols(data).ok()?;
    let mut lone = vec![false; symbols.len()];
    let mut left = 0usize;
    for (index, symbol) in symbols.iter() {
        // A value makes it a common.
        if symbol.storage_class() == pe::IMAGE_SYM_CLASS_EXTERNAL
            && symbol.section_number() == pe::IMAGE_SYM_UNDEFINED
            && symbol.value() == 0
        {
            *lone.get_mut(index.0)? = true;
            left += 1;
        }
    }
    let mut used = |index: usize| {
        if let Some(slot) = lone.get_mut(index)
            && std::mem::take(slot)
        {
            left -= 1;
        }
        left == 0
    };
    for (index, symbol) in symbols.iter() {
        // What a weak one stands for where nobody defines it.
        if symbol.storage_class() == pe::IMAGE_SYM_CLASS_WEAK_EXTERNAL
            && symbol.has_aux_weak_external()
        {
            let aux = symbols.aux_weak_external(index).ok()?;
            used(aux.weak_default_sym_index.get(LittleEndian) as usize);
        }
    }
    for section in sections.iter() {
        for relocation in section.coff_relocations(data).ok()? {
            if used(relocation.symbol_table_index.get(LittleEndian) as usize) {
                return None;
            }
        }
        let name = section.name(symbols.strings()).ok()?;
        let stem = name.split(|b| *b == b'$').next().unwrap_or(name);
        if name == b".llvm_addrsig" {
            // Compilers enter here what they took addresses of before they replaced the calls.
            let (mut number, mut shift) = (0usize, 0u32);
            for &byte in section.coff_data(data).ok()? {
                number |= usize::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
                shift += 7;
                if byte & 0x80 == 0 {
                    used(number);
                    (number, shift) = (0, 0);
                }
            }
        } else if TABLES.contains(&stem) {
            for entry in section.coff_data(data).ok()?.as_chunks::<4>().0 {
                used(u32::from_le_bytes(*entry) as usize);
            }
        }
    }
    let symbols_left = symbols.iter().filter(|(index, _)| lone[index.0]);
    let names = symbols_left.filter_map(|(_, symbol)| symbol.name(symbols.strings()).ok());
    let names = names.filter(|name| !name.is_empty() && !FLOATING_POINT.contains(name));
    Some(names.collect())
}
