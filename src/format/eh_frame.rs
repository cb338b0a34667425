//! The records of an `.eh_frame` section, whatever the object format (LSB Core, "The .eh_frame section").

use std::ops::Range;

use crate::error::{Code, Diagnostic, Result};

/// A little-endian word.
pub(super) fn word(data: &[u8], at: usize) -> Option<u32> {
    let bytes = data.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes(bytes.try_into().ok()?))
}

/// Where the section's records are, lengths included; terminators are skipped, for what follows one is
/// another producer's table (`ld -r` joins so). Each record holds at least its length and the field
/// after it. `wrong` makes the error for a place.
///
/// # Errors
/// `wrong`'s; `object-unsupported` for 64-bit records, which no compiler emits here.
pub(super) fn records(
    data: &[u8],
    wrong: impl Fn(&str, usize) -> Diagnostic,
) -> Result<Vec<Range<usize>>> {
    let mut found = Vec::new();
    let mut at = 0usize;
    while at < data.len() {
        let length = word(data, at).ok_or_else(|| wrong("truncated length", at))?;
        if length == 0 {
            at += 4;
            continue;
        }
        if length == u32::MAX {
            return Err(Diagnostic::new(
                Code::ObjectUnsupported,
                "unwind data with 64-bit records",
            )
            .into());
        }
        let end = (at + 4)
            .checked_add(length as usize)
            .filter(|&e| e <= data.len())
            .ok_or_else(|| wrong("record past the end", at))?;
        if length < 4 {
            return Err(wrong("record too short", at).into());
        }
        found.push(at..end);
        at = end;
    }
    Ok(found)
}
