//! The debug sections of an output object, from the neutral line tables.

use gimli::SectionId;
use object::elf;

use super::symbols::{SymbolRef, SymbolTable};
use super::write::{Layout, NOWHERE, OutReloc, OutSection};
use crate::debuginfo::dwarf::write::{Costs, FixTo, Options, Piece, Written};
use crate::debuginfo::{compress, dwarf};
use crate::error::{Code, Diagnostic, Result};
use crate::format::model::{EdgeKind, SymbolKind};
use crate::format::output::OutTarget;

/// Adds the sections to the layout, and tells what they cost.
///
/// # Errors
/// `output-limit` where a section is longer than 32-bit DWARF can say.
pub(super) fn build(
    layout: &mut Layout<'_, '_, '_>,
    symbols: &mut SymbolTable<'_, '_, '_>,
    is_64: bool,
) -> Result<Costs> {
    let object = layout.object;
    // By output section: the atom that is alone in it, where linkers delete code.
    let mut alone: Vec<Option<u32>> = vec![None; layout.sections.len()];
    let mut loose: Vec<Vec<u32>> = Vec::new();
    let mut atoms: Vec<(u32, u32)> = Vec::new();
    for (at, out) in object.atoms.iter().enumerate() {
        let place = layout.places[at];
        if out.debug.is_none() || place.section == NOWHERE {
            continue;
        }
        if out.file.atoms[out.atom as usize].code {
            alone[place.section] = Some(at as u32);
        }
        atoms.push((at as u32, loose.len() as u32));
        loose.push(if layout.arch.relaxes {
            relaxed(out.file.edges_of(out.atom))
        } else {
            Vec::new()
        });
    }
    atoms.sort_by_key(|&(at, _)| {
        let place = layout.places[at as usize];
        (place.section, place.offset)
    });
    let pieces: Vec<Piece<'_>> = atoms
        .iter()
        .filter_map(|&(at, l)| {
            let out = &object.atoms[at as usize];
            let place = layout.places[at as usize];
            let (debug, atom) = out.debug?;
            Some(Piece {
                debug,
                atom,
                position: at,
                section: place.section as u32,
                offset: place.offset,
                size: out.file.atoms[out.atom as usize].size,
                code: out.file.atoms[out.atom as usize].code,
                follows: true,
                loose: &loose[l as usize],
            })
        })
        .collect();
    let options = Options {
        version: 5,
        address_size: if is_64 { 8 } else { 4 },
        remap: object.debug.remap,
    };
    let (written, costs) = dwarf::write::write(&pieces, options);
    let first = layout.sections.len() as u32;
    let order: Vec<SectionId> = written.iter().map(|w| w.id).collect();
    let section_of = |id: SectionId| {
        let at = order.iter().position(|o| *o == id).unwrap_or(0);
        SymbolRef::Section(first + at as u32)
    };
    for Written { id, bytes } in written {
        if u32::try_from(bytes.len()).is_err() {
            return Err(
                Diagnostic::new(Code::OutputLimit, "debug information of more than 4 GB")
                    .hint("use `--debug strip`")
                    .into(),
            );
        }
        let mut data = bytes.data;
        let mut relocs = Vec::with_capacity(bytes.fixes.len());
        for fix in bytes.fixes {
            let add = |symbol, addend: u64, relocation: u32| OutReloc {
                offset: fix.at,
                relocation,
                symbol,
                addend: addend as i64,
            };
            let plain = layout.arch.address(fix.width);
            let mut place = |section: u32, offset: u64| -> Result<(SymbolRef, u64)> {
                let Some(atom) = alone[section as usize].filter(|_| layout.arch.relaxes) else {
                    return Ok((SymbolRef::Section(section), offset));
                };
                let target = OutTarget::Atom {
                    atom,
                    offset,
                    kind: SymbolKind::NoType,
                };
                Ok((symbols.of_target(target)?, 0))
            };
            match fix.to {
                FixTo::Debug { section, offset } => {
                    relocs.push(add(section_of(section), offset, plain));
                }
                FixTo::Code { section, offset } => {
                    let (symbol, addend) = place(section, offset)?;
                    relocs.push(add(symbol, addend, plain));
                }
                FixTo::Distance { section, from, to } => {
                    let (sum, difference) = layout.arch.distance(fix.width);
                    let (symbol, addend) = place(section, to)?;
                    relocs.push(add(symbol, addend, sum));
                    let (symbol, addend) = place(section, from)?;
                    relocs.push(add(symbol, addend, difference));
                }
            }
            if !layout.arch.rela
                && let Some(r) = relocs.last()
            {
                let at = fix.at as usize;
                let width = usize::from(fix.width);
                data[at..at + width].copy_from_slice(&r.addend.to_le_bytes()[..width]);
            }
        }
        let (data, flags, align) = packed(data, object.debug.compress, is_64);
        layout.sections.push(OutSection {
            name: id.name().as_bytes().to_vec(),
            kind: elf::SHT_PROGBITS.0,
            flags,
            entry_size: 0,
            align,
            size: data.len() as u64,
            data,
            relocs,
            link: None,
            group: None,
        });
    }
    Ok(costs)
}

/// Where linkers may delete bytes, or add some.
fn relaxed(edges: &[crate::format::model::Edge]) -> Vec<u32> {
    let mut out: Vec<u32> = edges
        .iter()
        .filter_map(|e| match e.kind {
            EdgeKind::Relocation(r)
                if matches!(
                    elf::RelocationType(r),
                    elf::R_RISCV_RELAX | elf::R_RISCV_ALIGN
                ) =>
            {
                u32::try_from(e.offset).ok()
            }
            _ => None,
        })
        .collect();
    out.sort_unstable();
    out
}

/// Contents, flags and alignment: compressed (gABI, "Section Compression") where that is smaller.
fn packed(data: Vec<u8>, wanted: bool, is_64: bool) -> (Vec<u8>, u64, u64) {
    if !wanted {
        return (data, 0, 1);
    }
    let mut out = Vec::with_capacity(data.len() / 3 + 24);
    out.extend_from_slice(&elf::ELFCOMPRESS_ZLIB.0.to_le_bytes());
    if is_64 {
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&(data.len() as u64).to_le_bytes());
        out.extend_from_slice(&1u64.to_le_bytes());
    } else {
        out.extend_from_slice(&(data.len() as u32).to_le_bytes());
        out.extend_from_slice(&1u32.to_le_bytes());
    }
    compress::zlib(&data, &mut out);
    if out.len() >= data.len() {
        return (data, 0, 1);
    }
    (out, elf::SHF_COMPRESSED.0, if is_64 { 8 } else { 4 })
}
