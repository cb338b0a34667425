//! Undefined symbols that no relocation uses: sources ask for them (`.lazy_reference _x`) so that a linker pulls
//! what defines them. lld's and Zig's do, Apple's does not.

use object::macho;
use object::{Endian, Endianness};

use super::layout::File;
use crate::format::Wish;

/// See [`crate::format::for_each_wish`]. What is wrong with an object is said by who takes it apart.
pub fn for_each_wish<'d>(data: &'d [u8], f: &mut dyn FnMut(Wish<&'d [u8]>)) {
    let file = File::new(data).filter(|file| file.endian == Endianness::Little);
    if let Some(names) = file.and_then(|file| lone(&file)) {
        names.into_iter().for_each(|name| f(Wish::Pull(name)));
    }
}

fn lone<'d>(file: &File<'d>) -> Option<Vec<&'d [u8]>> {
    let symtab = file.command(macho::LC_SYMTAB)?;
    let number = |at: usize| file.word(at).map(|v| v as usize);
    let (at, count, strings) = (
        number(symtab + 8)?,
        number(symtab + 12)?,
        number(symtab + 16)?,
    );
    let entry = if file.is_64 { 16 } else { 12 };
    let table = file
        .data
        .get(at..at.checked_add(count.checked_mul(entry)?)?)?;
    let strings = file.data.get(strings..)?;
    let mut lone = vec![false; count];
    let mut left = 0usize;
    for (symbol, lone) in table.chunks_exact(entry).zip(&mut lone) {
        let desc = file.endian.read_u16(*symbol.get(6..)?.first_chunk::<2>()?);
        // A value makes it a common.
        *lone = symbol[4] == macho::N_UNDF.0 | macho::N_EXT.0
            && desc & macho::N_WEAK_REF.0 == 0
            && symbol[8..].iter().all(|b| *b == 0);
        left += usize::from(*lone);
    }
    let mut used = |index: usize| {
        if let Some(slot) = lone.get_mut(index)
            && std::mem::take(slot)
        {
            left -= 1;
        }
        left == 0
    };
    for section in file.sections()? {
        let (first, count) = section.relocations;
        for n in 0..count as usize {
            let at = usize::try_from(first)
                .ok()?
                .checked_add(n.checked_mul(8)?)?;
            let (address, info) = (file.word(at)?, file.word(at + 4)?);
            // Scattered ones name places; `r_extern` says that a number is a symbol's.
            let names = address & macho::R_SCATTERED == 0 && info & 1 << 27 != 0;
            if names && used(info as usize & 0x00ff_ffff) {
                return None;
            }
        }
    }
    if let Some(dysymtab) = file.command(macho::LC_DYSYMTAB) {
        let (first, count) = (number(dysymtab + 56)?, number(dysymtab + 60)?);
        for n in 0..count {
            // Stubs, and pointers that the linker fills.
            if used(number(first.checked_add(n.checked_mul(4)?)?)?) {
                return None;
            }
        }
    }
    let symbols = table.chunks_exact(entry).zip(&lone);
    let names = symbols
        .filter(|(_, lone)| **lone)
        .filter_map(|(symbol, _)| {
            let name = file.endian.read_u32(*symbol.first_chunk::<4>()?) as usize;
            let name = strings.get(name..)?.split(|b| *b == 0).next()?;
            Some(name).filter(|name| !name.is_empty())
        });
    Some(names.collect())
}
