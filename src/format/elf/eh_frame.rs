//! Takes `.eh_frame` apart into CIEs and FDEs, by its relocations.

use std::ops::Range;

use crate::error::{Code, Diagnostic, Result};
use crate::format::eh_frame::{records, word};
use crate::format::model::{
    AtomIndex, Definition, Edge, EdgeTarget, Symbol, UnwindEntry, UnwindHeader,
};

pub(super) fn malformed(what: &str, at: usize) -> Diagnostic {
    Diagnostic::new(
        Code::ObjectMalformed,
        format!("unwind data: {what} at offset {at:#x} of .eh_frame"),
    )
}

/// Splits one `.eh_frame` section and appends what it finds.
///
/// `relocations` are the section's, in any order. An FDE belongs to the atom that its initial
/// location (the first relocation of the record, at offset 8) points into; an FDE whose function is
/// in a section that is no atom is dropped with it.
///
/// # Errors
/// `object-malformed` for records past the end, CIE pointers to anything but a CIE, relocations
/// outside every record; `object-unsupported` for 64-bit records, which no compiler emits here.
pub fn split<'d>(
    data: &'d [u8],
    mut relocations: Vec<Edge>,
    symbols: &[Symbol<'d>],
    headers: &mut Vec<UnwindHeader<'d>>,
    entries: &mut Vec<UnwindEntry<'d>>,
) -> Result<()> {
    relocations.sort_by_key(|e| e.offset);
    let mut next_relocation = relocations.as_slice();
    // (offset of a CIE, its index)
    let mut cies: Vec<(usize, u32)> = Vec::new();
    for Range { start: at, end } in records(data, malformed)? {
        let id = word(data, at + 4).ok_or_else(|| malformed("truncated record", at))?;
        let bytes = std::borrow::Cow::Borrowed(&data[at..end]);
        let count = next_relocation
            .iter()
            .take_while(|e| e.offset < end as u64)
            .count();
        let (own, rest) = next_relocation.split_at(count);
        next_relocation = rest;
        if own.first().is_some_and(|e| e.offset < at as u64) {
            return Err(malformed("relocation between records", at).into());
        }
        let edges: Vec<Edge> = own
            .iter()
            .map(|e| Edge {
                offset: e.offset - at as u64,
                ..*e
            })
            .collect();
        if id == 0 {
            cies.push((at, headers.len() as u32));
            headers.push(UnwindHeader { bytes, edges });
        } else {
            let cie = (at + 4)
                .checked_sub(id as usize)
                .and_then(|c| cies.iter().rev().find(|(o, _)| *o == c))
                .ok_or_else(|| malformed("CIE pointer to no CIE", at))?;
            if let Some(atom) = function_atom(&edges, symbols) {
                entries.push(UnwindEntry {
                    atom,
                    bytes,
                    // After the length and the pointer to the CIE.
                    says_from: 8,
                    personality_at: None,
                    edges,
                    header: cie.1,
                });
            }
        }
    }
    if !next_relocation.is_empty() {
        return Err(malformed("relocation past the last record", data.len()).into());
    }
    Ok(())
}

fn function_atom(edges: &[Edge], symbols: &[Symbol<'_>]) -> Option<AtomIndex> {
    let first = edges.iter().find(|e| e.offset == 8)?;
    let EdgeTarget::Symbol(symbol) = first.to else {
        return None;
    };
    match symbols.get(symbol as usize)?.definition {
        Definition::Atom { atom, .. } => Some(atom),
        _ => None,
    }
}
