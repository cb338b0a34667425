//! Rebuilds `.ARM.exidx` in the order of the code (EHABI32, "Index table entries").

use object::elf;

use super::arch::Arch;
use super::symbols::SymbolTable;
use super::write::{Layout, OutReloc, OutSection, Place, link_order_partner};
use crate::error::Result;
use crate::format::model::{EdgeKind, SymbolKind};
use crate::format::output::OutTarget;

/// The function cannot be unwound through (EHABI32).
const CANTUNWIND: u32 = 1;

/// Other machines have other types of this number (SHT_X86_64_UNWIND).
pub(super) fn is_table(arch: Arch, section_type: u32) -> bool {
    arch.machine == elf::EM_ARM && section_type == elf::SHT_ARM_EXIDX.0
}

/// Appends one `.ARM.exidx` for each section of code that has entries. A function without a table
/// would inherit its predecessor's, so it gets an entry that says it cannot be unwound.
pub(super) fn build(
    layout: &mut Layout<'_, '_, '_>,
    symbols: &mut SymbolTable<'_, '_, '_>,
) -> Result<()> {
    let object = layout.object;
    let mut table_of: Vec<Option<usize>> = vec![None; object.atoms.len()];
    let mut any = false;
    for (at, out) in object.atoms.iter().enumerate() {
        if !is_table(layout.arch, out.file.atoms[out.atom as usize].native.kind) {
            continue;
        }
        if let Some(code) = link_order_partner(out)
            && let Some(slot) = table_of.get_mut(code as usize)
        {
            *slot = Some(at);
            any = true;
        }
    }
    if !any {
        return Ok(());
    }
    let mut by_section: Vec<Vec<usize>> = vec![Vec::new(); layout.sections.len()];
    for (atom, place) in layout.places.iter().enumerate() {
        if let Some(own) = by_section.get_mut(place.section) {
            own.push(atom);
        }
    }
    for (code, atoms) in by_section.into_iter().enumerate() {
        if !atoms.iter().any(|&a| table_of[a].is_some()) {
            continue;
        }
        let section = layout.sections.len();
        layout.sections.push(OutSection {
            name: [b".ARM.exidx", text_suffix(&layout.sections[code].name)].concat(),
            kind: elf::SHT_ARM_EXIDX.0,
            flags: (elf::SHF_ALLOC | elf::SHF_LINK_ORDER).0,
            entry_size: 0,
            align: 4,
            size: 0,
            data: Vec::new(),
            relocs: Vec::new(),
            link: Some(code),
            group: None,
        });
        let mut data: Vec<u8> = Vec::new();
        let mut relocs: Vec<OutReloc> = Vec::new();
        for atom in atoms {
            let base = data.len() as u64;
            let Some(table) = table_of[atom] else {
                data.extend_from_slice(&[0; 4]);
                data.extend_from_slice(&CANTUNWIND.to_le_bytes());
                let from = Place {
                    section,
                    offset: base,
                };
                let target = OutTarget::Atom {
                    atom: atom as u32,
                    offset: 0,
                    kind: SymbolKind::NoType,
                };
                relocs.extend(layout.relocation(symbols, from, Arch::ARM_PREL31, target, 0)?);
                continue;
            };
            let out = &object.atoms[table];
            data.extend_from_slice(&out.file.atoms[out.atom as usize].data);
            for (edge, target) in out.file.edges_of(out.atom).iter().zip(&out.targets) {
                let EdgeKind::Relocation(relocation) = edge.kind else {
                    continue;
                };
                let from = Place {
                    section,
                    offset: base + edge.offset,
                };
                relocs.extend(layout.relocation(
                    symbols,
                    from,
                    relocation,
                    *target,
                    edge.addend,
                )?);
            }
        }
        let s = &mut layout.sections[section];
        s.size = data.len() as u64;
        s.data = data;
        s.relocs = relocs;
    }
    Ok(())
}

/// `.text` -> nothing, `.text.unlikely` -> `.text.unlikely`, as assemblers name the tables.
fn text_suffix(name: &[u8]) -> &[u8] {
    if name == b".text" { b"" } else { name }
}
