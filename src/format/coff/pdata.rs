//! Takes `.pdata` apart: one record for each range of code, with its unwind data in `.xdata`.

use std::borrow::Cow;

use crate::error::Diagnostic;
use crate::format::model::{Definition, Edge, EdgeTarget, Symbol, UnwindEntry, UnwindHeader};

use super::read::malformed;

/// COFF's records share nothing.
pub(super) fn no_header<'d>() -> UnwindHeader<'d> {
    UnwindHeader {
        bytes: Cow::Borrowed(&[]),
        edges: Vec::new(),
    }
}

/// Splits `contents` into records of `length` bytes; `edges` are its relocations, by place. A record
/// belongs to the atom that its first field, the function's beginning, points into.
pub(super) fn split<'d>(
    contents: &'d [u8],
    length: Option<usize>,
    edges: &[Edge],
    symbols: &[Symbol<'_>],
    out: &mut Vec<UnwindEntry<'d>>,
) -> Result<(), Diagnostic> {
    let length = length
        .filter(|n| contents.len().is_multiple_of(*n))
        .ok_or_else(|| malformed("a table of unwind records of a wrong size"))?;
    let mut left = edges;
    for (at, bytes) in contents.chunks_exact(length).enumerate() {
        let start = (at * length) as u64;
        let end = start + length as u64;
        let count = left.iter().take_while(|e| e.offset < end).count();
        let (own, rest) = left.split_at(count);
        left = rest;
        let edges: Vec<Edge> = own
            .iter()
            .map(|e| Edge {
                offset: e.offset - start,
                ..*e
            })
            .collect();
        let Some(begin) = edges.first().filter(|e| e.offset == 0) else {
            return Err(malformed(format!(
                "unwind record at {start:#x} names no function"
            )));
        };
        let EdgeTarget::Symbol(symbol) = begin.to else {
            continue;
        };
        // The function may be in a section that is not for the program.
        if let Some(Definition::Atom { atom, .. }) =
            symbols.get(symbol as usize).map(|s| s.definition)
        {
            out.push(UnwindEntry {
                atom,
                bytes: Cow::Borrowed(bytes),
                says_from: 0,
                personality_at: None,
                edges,
                header: 0,
            });
        }
    }
    Ok(())
}
