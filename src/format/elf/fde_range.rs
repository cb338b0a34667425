//! Which code each FDE describes: two that describe the same code make every unwinder's answer a
//! matter of chance, so that such an object is refused.

use super::eh_frame::malformed;
use crate::error::Result;
use crate::format::model::{AtomIndex, Definition, EdgeTarget, Symbol, UnwindEntry, UnwindHeader};

/// Bytes of an encoded pointer (LSB Core, "DWARF Exception Header Encoding"); `None` for what has no
/// fixed size, and for an augmentation that we do not know.
fn pointer_size(cie: &[u8], address: usize) -> Option<usize> {
    // Length, id, version, then the augmentation string.
    let text = cie.get(9..)?;
    let end = text.iter().position(|b| *b == 0)?;
    let (augmentation, rest) = text.split_at(end);
    let mut rest = rest.get(1..)?;
    if augmentation.is_empty() {
        return Some(address);
    }
    // Code and data alignment factors, then the return address register.
    for _ in 0..3 {
        rest = skip_leb128(rest)?;
    }
    for letter in augmentation {
        match letter {
            b'z' => rest = skip_leb128(rest)?,
            b'L' => rest = rest.get(1..)?,
            b'S' | b'B' => {}
            b'P' => rest = rest.get(1 + encoded_size(*rest.first()?, address)?..)?,
            b'R' => return encoded_size(*rest.first()?, address),
            _ => return None,
        }
    }
    Some(address)
}

fn encoded_size(encoding: u8, address: usize) -> Option<usize> {
    match encoding & 7 {
        0 => Some(address),
        2 => Some(2),
        3 => Some(4),
        4 => Some(8),
        _ => None,
    }
}

fn skip_leb128(data: &[u8]) -> Option<&[u8]> {
    let end = data.iter().position(|b| b & 0x80 == 0)?;
    data.get(end + 1..)
}

/// The range's start in the atom and its length, in bytes; `None` where the record does not say.
fn range(
    entry: &UnwindEntry<'_>,
    header: &UnwindHeader<'_>,
    symbols: &[Symbol<'_>],
    address: usize,
) -> Option<(i128, u64)> {
    let size = pointer_size(&header.bytes, address)?;
    let begin = entry.edges.iter().find(|e| e.offset == 8)?;
    let EdgeTarget::Symbol(symbol) = begin.to else {
        return None;
    };
    let Definition::Atom { offset, .. } = symbols.get(symbol as usize)?.definition else {
        return None;
    };
    // The addend stands in one of the two, the other is 0.
    let field = |at: usize| {
        let bytes = entry.bytes.get(at..at + size)?;
        let mut wide = [0; 8];
        wide.get_mut(..size)?.copy_from_slice(bytes);
        Some(u64::from_le_bytes(wide))
    };
    let shift = 64 - 8 * size as u32;
    let inside = (field(8)? << shift) as i64 >> shift;
    let start = i128::from(offset) + i128::from(begin.addend) + i128::from(inside);
    Some((start, field(8 + size)?))
}

/// Checks the entries, sorted by atom; `address` is the size of an address in bytes.
///
/// # Errors
/// `object-malformed` where two entries describe the same byte of code.
pub(super) fn check(
    entries: &[UnwindEntry<'_>],
    headers: &[UnwindHeader<'_>],
    symbols: &[Symbol<'_>],
    address: usize,
) -> Result<()> {
    for own in entries.chunk_by(|a, b| a.atom == b.atom) {
        if own.len() < 2 {
            continue;
        }
        let mut ranges: Vec<(i128, u64)> = own
            .iter()
            .filter_map(|e| range(e, headers.get(e.header as usize)?, symbols, address))
            .filter(|r| r.1 > 0)
            .collect();
        ranges.sort_unstable();
        for pair in ranges.windows(2) {
            if let [(start, length), (next, _)] = pair
                && start + i128::from(*length) > *next
            {
                let atom: AtomIndex = own.first().map_or(0, |e| e.atom);
                let name = symbols
                    .iter()
                    .find(|s| {
                        matches!(s.definition, Definition::Atom { atom: a, .. } if a == atom)
                            && !s.name.is_empty()
                    })
                    .map_or(&b""[..], |s| s.name);
                return Err(malformed("two entries for the same code", 0)
                    .symbol(name)
                    .into());
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::pointer_size;

    #[test]
    fn the_encoding_is_found_behind_the_personality() {
        let cie =
            |text: &[u8], rest: &[u8]| [&[0; 8][..], &[1], text, &[0, 1, 0x78, 16], rest].concat();
        assert_eq!(pointer_size(&cie(b"zR", &[1, 0x1b]), 8), Some(4));
        let personality = [7, 0x9b, 1, 2, 3, 4, 0x1b, 0x1c];
        assert_eq!(pointer_size(&cie(b"zPLR", &personality), 8), Some(8));
        assert_eq!(pointer_size(&cie(b"", &[]), 4), Some(4));
        assert_eq!(pointer_size(&cie(b"eh", &[]), 4), None);
        assert_eq!(pointer_size(&[0; 4], 8), None);
    }
}
