//! Undefined symbols that no relocation uses: sources ask for them (`.globl x`) so that a linker pulls what
//! defines them, as C libraries do for the parts that one of their functions is made of.

use object::Endianness;
use object::elf::{self, FileHeader32, FileHeader64};
use object::read::elf::{FileHeader, Rel as _, Rela as _, SectionHeader as _, Sym as _};

use super::sections::SHT_LLVM_ADDRSIG;
use super::{bad, tables};
use crate::error::Result;
use crate::format::Wish;

/// Relocations in a shorter form, which readers here do not know.
const SHT_CREL: u32 = 0x4000_0014;

/// See [`crate::format::for_each_wish`].
pub fn for_each_wish<'d>(data: &'d [u8], f: &mut dyn FnMut(Wish<&'d [u8]>)) -> Result<()> {
    if data.get(4) == Some(&elf::ELFCLASS32.0) {
        wishes::<FileHeader32<Endianness>>(data, f)
    } else {
        wishes::<FileHeader64<Endianness>>(data, f)
    }
}

fn wishes<'d, H: FileHeader<Endian = Endianness>>(
    data: &'d [u8],
    f: &mut dyn FnMut(Wish<&'d [u8]>),
) -> Result<()> {
    let (endian, sections, symbols) = tables::<H>(data)?;
    let mut lone = vec![false; symbols.len()];
    let mut left = 0usize;
    for (index, symbol) in symbols.enumerate() {
        let plain =
            symbol.st_shndx(endian) == elf::SHN_UNDEF && symbol.st_bind() == elf::STB_GLOBAL;
        if index.0 != 0 && plain {
            lone[index.0] = true;
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
    let is_mips64el = H::parse(data)
        .map_err(bad("ELF header"))?
        .is_mips64el(endian);
    for section in sections.iter() {
        let kind = section.sh_type(endian);
        if kind.0 == SHT_CREL {
            return Ok(());
        }
        if let Some((rels, _)) = section.rel(endian, data).map_err(bad("relocations"))? {
            for rel in rels {
                if used(rel.r_sym(endian) as usize) {
                    return Ok(());
                }
            }
        }
        if let Some((relas, _)) = section.rela(endian, data).map_err(bad("relocations"))? {
            for rela in relas {
                if used(rela.r_sym(endian, is_mips64el) as usize) {
                    return Ok(());
                }
            }
        }
        // Compilers enter here what they took addresses of before they replaced the calls.
        if kind == SHT_LLVM_ADDRSIG {
            let table = section
                .data(endian, data)
                .map_err(bad("section contents"))?;
            let (mut number, mut shift) = (0usize, 0u32);
            for &byte in table {
                number |= usize::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
                shift += 7;
                if byte & 0x80 == 0 {
                    if used(number) {
                        return Ok(());
                    }
                    (number, shift) = (0, 0);
                }
            }
        }
    }
    for (index, symbol) in symbols.enumerate() {
        if !lone[index.0] {
            continue;
        }
        let name = symbol
            .name(endian, symbols.strings())
            .map_err(bad("symbol name"))?;
        // Assemblers enter it when they might have needed the table.
        if !name.is_empty() && name != b"_GLOBAL_OFFSET_TABLE_" {
            f(Wish::Need(name));
        }
    }
    Ok(())
}
