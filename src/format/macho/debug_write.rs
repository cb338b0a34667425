//! The debug sections of an output object, from the neutral line tables.
//!
//! Nobody links them: linkers name the object in the program's debug map, and dsymutil and debuggers read it
//! there, function by function. Distances between debug sections are numbers, therefore; what stands for code
//! is its address in the object, with a relocation that names the section, as compilers write it.

use object::macho;

use super::debug::{SEGMENT, section_name};
use super::emit::{Entry, Referent, Relocation};
use super::native::Native;
use super::write::{Layout, OutSection, Place, limit, put};
use crate::debuginfo::dwarf;
use crate::debuginfo::dwarf::write::{Costs, FixTo, Options, Piece, Written};
use crate::error::{Diagnostic, Result};

/// Adds the sections to the layout, whose code has its addresses, and tells what they cost.
///
/// # Errors
/// `output-limit` where a section is longer than the object's fields can say.
pub(super) fn build(layout: &mut Layout<'_, '_, '_>) -> Result<Costs> {
    let object = layout.object;
    let mut atoms: Vec<_> = (0..).zip(&object.atoms).zip(&layout.places).collect();
    atoms.sort_by_key(|(_, place)| (place.section, place.offset));
    let mut before = false;
    let described = atoms.into_iter().filter_map(|((position, out), place)| {
        let follows = std::mem::replace(&mut before, out.has_lines());
        let (debug, atom) = out.debug?;
        Some(Piece {
            debug,
            atom,
            position,
            section: place.section as u32,
            offset: place.offset,
            size: out.file.atoms[out.atom as usize].size,
            code: out.file.atoms[out.atom as usize].code,
            follows,
            loose: &[],
        })
    });
    let pieces: Vec<Piece<'_>> = described.collect();
    let options = Options {
        // What Apple's compilers write for all systems that there are.
        version: 4,
        address_size: 8,
        remap: object.debug.remap,
    };
    let (written, costs) = dwarf::write::write(&pieces, options);
    for Written { id, bytes } in written {
        let mut section = OutSection::new(SEGMENT, &section_name(id), macho::S_ATTR_DEBUG.0);
        section.size = bytes.len();
        section.data = bytes.data;
        for fix in bytes.fixes {
            let width = usize::from(fix.width);
            let value = match fix.to {
                FixTo::Debug { offset, .. } => offset,
                FixTo::Distance { from, to, .. } => to.wrapping_sub(from),
                FixTo::Code {
                    section: of,
                    offset,
                } => {
                    let of = of as usize;
                    section.relocations.push(Relocation {
                        offset: u32::try_from(fix.at).map_err(|e| too_long(limit(e)))?,
                        entry: Entry::Plain {
                            native: Native::pointer(),
                            to: Referent::Section(of),
                        },
                    });
                    layout.address(Place {
                        section: of,
                        offset,
                    })
                }
            };
            put(&mut section.data, fix.at, width, value as i64)
                .ok_or_else(|| limit("a relocation of no contents"))?;
        }
        layout.sections.push(section);
    }
    Ok(costs)
}

fn too_long(diagnostic: Diagnostic) -> Diagnostic {
    diagnostic.hint("use `--debug strip`")
}
