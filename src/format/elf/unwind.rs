//! Rebuilds `.eh_frame` of an output object from the entries of its live functions.

use foldhash::{HashMap, HashMapExt};
use object::elf;

use super::symbols::SymbolTable;
use super::write::{Layout, OutReloc, OutSection, Place};
use crate::error::{Code, Diagnostic, Result};
use crate::format::model::{Edge, EdgeKind};
use crate::format::output::OutTarget;

/// What makes two CIEs one: bytes, relocations less their symbols, and targets.
type CieKey<'d> = (&'d [u8], Vec<Edge>, Vec<OutTarget>);

/// Appends `.eh_frame`: each CIE once, followed by its FDEs. CIEs are one only when bytes and
/// targets agree. There is no terminator inside: the program's crtend brings it.
pub(super) fn build(
    layout: &mut Layout<'_, '_, '_>,
    symbols: &mut SymbolTable<'_, '_, '_>,
) -> Result<()> {
    struct Cie<'d> {
        bytes: &'d [u8],
        edges: Vec<Edge>,
        targets: Vec<OutTarget>,
        /// (atom, position among its unwind entries)
        entries: Vec<(usize, usize)>,
    }
    let object = layout.object;
    let mut cies: Vec<Cie<'_>> = Vec::new();
    let mut known: HashMap<CieKey<'_>, usize> = HashMap::new();
    for (at, out) in object.atoms.iter().enumerate() {
        for (position, (entry, targets)) in out
            .file
            .unwind_of(out.atom)
            .iter()
            .zip(&out.unwind)
            .enumerate()
        {
            let header = &out.file.unwind_headers[entry.header as usize];
            // Symbols are numbered per file: as targets they are comparable, as edges they are not.
            let shape: Vec<Edge> = header
                .edges
                .iter()
                .map(|e| Edge {
                    to: crate::format::model::EdgeTarget::Atom(0),
                    ..*e
                })
                .collect();
            let key = (&*header.bytes, shape, targets.header.clone());
            let index = *known.entry(key).or_insert_with(|| {
                cies.push(Cie {
                    bytes: &header.bytes,
                    edges: header.edges.clone(),
                    targets: targets.header.clone(),
                    entries: Vec::new(),
                });
                cies.len() - 1
            });
            cies[index].entries.push((at, position));
        }
    }
    if cies.is_empty() {
        return Ok(());
    }
    let section = layout.sections.len();
    let align = if layout.object.traits.first().is_none_or(|t| t.elf.is_64) {
        8
    } else {
        4
    };
    layout.sections.push(OutSection {
        name: b".eh_frame".to_vec(),
        kind: elf::SHT_PROGBITS.0,
        flags: elf::SHF_ALLOC.0,
        entry_size: 0,
        align,
        size: 0,
        data: Vec::new(),
        relocs: Vec::new(),
        link: None,
        group: None,
    });
    let mut data: Vec<u8> = Vec::new();
    let mut relocs: Vec<OutReloc> = Vec::new();
    for cie in &cies {
        let cie_at = data.len() as u64;
        data.extend_from_slice(cie.bytes);
        convert(
            layout,
            symbols,
            section,
            cie_at,
            &cie.edges,
            &cie.targets,
            &mut relocs,
        )?;
        for &(at, position) in &cie.entries {
            let out = &object.atoms[at];
            let entry = &out.file.unwind_of(out.atom)[position];
            let fde_at = data.len() as u64;
            data.extend_from_slice(&entry.bytes);
            let pointer = u32::try_from(fde_at + 4 - cie_at)
                .map_err(|_| Diagnostic::new(Code::OutputLimit, ".eh_frame grows over 4 GiB"))?;
            if let Some(field) = data.get_mut(fde_at as usize + 4..fde_at as usize + 8) {
                field.copy_from_slice(&pointer.to_le_bytes());
            }
            let targets = &out.unwind[position].entry;
            convert(
                layout,
                symbols,
                section,
                fde_at,
                &entry.edges,
                targets,
                &mut relocs,
            )?;
        }
    }
    let s = &mut layout.sections[section];
    s.size = data.len() as u64;
    s.data = data;
    s.relocs = relocs;
    Ok(())
}

fn convert(
    layout: &mut Layout<'_, '_, '_>,
    symbols: &mut SymbolTable<'_, '_, '_>,
    section: usize,
    base: u64,
    edges: &[Edge],
    targets: &[OutTarget],
    relocs: &mut Vec<OutReloc>,
) -> Result<()> {
    for (edge, target) in edges.iter().zip(targets) {
        let EdgeKind::Relocation(relocation) = edge.kind else {
            continue;
        };
        let from = Place {
            section,
            offset: base + edge.offset,
        };
        relocs.extend(layout.relocation(symbols, from, relocation, *target, edge.addend)?);
    }
    Ok(())
}
