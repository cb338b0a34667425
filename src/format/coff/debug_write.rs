//! The debug sections of an output object, from the neutral line tables: DWARF or
//! CodeView, as the inputs have it.

use gimli::SectionId;
use object::pe;

use super::codeview;
use super::emit::{OutReloc, OutSection, SymbolRef};
use super::write::Layout;
use crate::debuginfo::dwarf;
use crate::debuginfo::dwarf::write::{Costs, FixTo, Options, Piece, Written};
use crate::error::{Code, Diagnostic, Result};

/// What linkers read and no program loads.
pub(super) const FLAGS: u32 = pe::IMAGE_SCN_CNT_INITIALIZED_DATA.0
    | pe::IMAGE_SCN_MEM_READ.0
    | pe::IMAGE_SCN_MEM_DISCARDABLE.0;

/// Adds the sections to the layout, and tells what they cost.
///
/// # Errors
/// `output-limit` where a section is longer than 32 bits can say.
pub(super) fn build(layout: &mut Layout<'_, '_, '_>) -> Result<Costs> {
    let pieces = pieces(layout);
    if pieces.is_empty() {
        return Ok(Costs::default());
    }
    // The plan sees to it that all of a set have it in one way.
    if pieces[0].debug.own_way {
        let pieces: Vec<Piece<'_>> = pieces.into_iter().filter(|p| p.code).collect();
        codeview::write::build(layout, &pieces)
    } else {
        dwarf(layout, &pieces)
    }
}

/// Code whose debug information is known, in the order of sections and offsets.
fn pieces<'a>(layout: &Layout<'_, 'a, '_>) -> Vec<Piece<'a>> {
    let atoms = (0..).zip(&layout.object.atoms).zip(&layout.places);
    let mut pieces: Vec<Piece<'a>> = atoms
        .filter_map(|((position, out), place)| {
            let (debug, atom) = out.debug?;
            Some(Piece {
                debug,
                atom,
                position,
                section: place.section as u32,
                offset: place.offset,
                size: out.file.atoms[out.atom as usize].size,
                code: out.file.atoms[out.atom as usize].code,
                loose: &[],
                follows: true,
            })
        })
        .collect();
    pieces.sort_by_key(|p| (p.section, p.offset));
    pieces
}

fn too_long() -> Diagnostic {
    Diagnostic::new(Code::OutputLimit, "debug information of more than 4 GB")
        .hint("use `--debug strip`")
}

fn dwarf(layout: &mut Layout<'_, '_, '_>, pieces: &[Piece<'_>]) -> Result<Costs> {
    let options = Options {
        version: 4,
        address_size: layout.arch.address_size(),
        remap: layout.object.debug.remap,
    };
    let (written, costs) = dwarf::write::write(pieces, options);
    let first = layout.sections.len();
    let order: Vec<SectionId> = written.iter().map(|w| w.id).collect();
    for Written { id, bytes } in written {
        if u32::try_from(bytes.len()).is_err() {
            return Err(too_long().into());
        }
        let mut section = OutSection::new(id.name().as_bytes(), FLAGS);
        section.size = bytes.len();
        section.data = bytes.data;
        for fix in bytes.fixes {
            let (symbol, addend, relocation) = match fix.to {
                FixTo::Debug { section, offset } => {
                    let at = order.iter().position(|o| *o == section).unwrap_or(0);
                    let symbol = SymbolRef::Section(first + at);
                    (Some(symbol), offset, layout.arch.in_section())
                }
                FixTo::Code { section, offset } => {
                    let symbol = SymbolRef::Section(section as usize);
                    (Some(symbol), offset, layout.arch.address(fix.width))
                }
                // Nothing moves between two places of a section.
                FixTo::Distance { from, to, .. } => (None, to.wrapping_sub(from), 0),
            };
            // Addends stand in the contents.
            let (at, width) = (fix.at as usize, usize::from(fix.width).min(8));
            if let Some(field) = section.data.get_mut(at..at + width) {
                field.copy_from_slice(&addend.to_le_bytes()[..width]);
            }
            section.relocs.extend(symbol.map(|symbol| OutReloc {
                offset: fix.at as u32,
                relocation,
                symbol,
            }));
        }
        layout.sections.push(section);
    }
    Ok(costs)
}
