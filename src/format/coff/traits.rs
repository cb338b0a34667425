//! What a COFF object says about itself as a whole, and how several objects' words join.

use std::collections::BTreeSet;

use object::pe;

use crate::error::{Code, Diagnostic, Result};
use crate::format::ObjectTraits;

/// Traits of a COFF object.
#[derive(Debug, Clone, Default)]
pub struct CoffTraits<'d> {
    pub machine: u16,
    /// Value of `@feat.00`, where the object has one.
    pub features: Option<u32>,
    /// Words of `.drectve`, but for inclusions.
    pub directives: Vec<&'d [u8]>,
    /// Symbols of other objects that the linker shall take for referred to.
    pub included: Vec<&'d [u8]>,
}

/// Bits of `@feat.00` (PE/COFF, "The .sxdata section"; LLVM's `COFF::Feat00Flags`) that promise a
/// table of symbols in the object: guarded calls, guarded exception continuations. We do not write
/// those tables, so the program must not believe them complete.
const WITH_TABLES: u32 = 0x0800 | 0x4000;

/// What a written object says.
#[derive(Debug, Default)]
pub(super) struct JoinedTraits {
    pub machine: u16,
    pub features: Option<u32>,
    /// In order, each once.
    pub directives: BTreeSet<Vec<u8>>,
    pub included: BTreeSet<Vec<u8>>,
}

pub(super) fn join(all: &[ObjectTraits<'_>]) -> Result<JoinedTraits> {
    let mut joined = JoinedTraits::default();
    for (at, traits) in all.iter().enumerate() {
        let own = &traits.coff;
        if at == 0 {
            joined.machine = own.machine;
            joined.features = own.features;
        }
        if joined.machine != own.machine {
            return Err(Diagnostic::new(
                Code::MixedFormats,
                "objects of different machines cannot be joined",
            )
            .into());
        }
        joined.features = match (joined.features, own.features) {
            (Some(a), Some(b)) => Some(a & b & !WITH_TABLES),
            _ => None,
        };
        for word in &own.directives {
            if is_carried(word) {
                joined.directives.insert(word.to_vec());
            }
        }
        joined
            .included
            .extend(own.included.iter().map(|name| name.to_vec()));
    }
    Ok(joined)
}

/// Splits `.drectve`: words apart from each other by blanks, which stand in words only between
/// quotes. A byte order mark may come first.
pub(super) fn words(contents: &[u8]) -> Vec<&[u8]> {
    let contents = contents.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(contents);
    let mut words = Vec::new();
    let (mut start, mut quoted) = (None, false);
    for (at, &byte) in contents.iter().enumerate() {
        quoted ^= byte == b'"';
        let blank = matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | 0) && !quoted;
        match (blank, start) {
            (false, None) => start = Some(at),
            (true, Some(from)) => {
                words.extend(contents.get(from..at));
                start = None;
            }
            _ => {}
        }
    }
    words.extend(start.and_then(|from| contents.get(from..)));
    words
}

/// The directive's name in lower case, and what follows its colon.
fn parts(word: &[u8]) -> (Vec<u8>, &[u8]) {
    let word = word
        .strip_prefix(b"/")
        .or_else(|| word.strip_prefix(b"-"))
        .unwrap_or(word);
    let colon = word.iter().position(|b| *b == b':').unwrap_or(word.len());
    let (name, rest) = word.split_at(colon);
    (
        name.to_ascii_lowercase(),
        rest.strip_prefix(b":").unwrap_or(rest),
    )
}

/// Does the directive hold for what is left of an object? Exports are the program's choice, symbols
/// hidden from automatic export are ours, and common symbols have become sections.
fn is_carried(word: &[u8]) -> bool {
    let (name, _) = parts(word);
    !matches!(
        name.as_slice(),
        b"export" | b"exclude-symbols" | b"aligncomm" | b"guardsym"
    )
}

/// The symbol that the linker shall take for referred to.
pub(super) fn included(word: &[u8]) -> Option<&[u8]> {
    let (name, rest) = parts(word);
    let rest = rest.strip_prefix(b"\"").unwrap_or(rest);
    let rest = rest.strip_suffix(b"\"").unwrap_or(rest);
    (name == b"include").then_some(rest)
}

/// A common symbol's alignment in bytes, from `-aligncomm:"name",exponent` (GNU ld, PE targets).
pub(super) fn common_alignment(word: &[u8]) -> Option<(&[u8], u64)> {
    let (name, rest) = parts(word);
    if name != b"aligncomm" {
        return None;
    }
    let comma = rest.iter().rposition(|b| *b == b',')?;
    let (symbol, exponent) = (rest.get(..comma)?, rest.get(comma + 1..)?);
    let exponent: u32 = std::str::from_utf8(exponent).ok()?.parse().ok()?;
    let symbol = symbol.strip_prefix(b"\"").unwrap_or(symbol);
    let symbol = symbol.strip_suffix(b"\"").unwrap_or(symbol);
    (exponent <= 13).then(|| (symbol, 1 << exponent))
}

/// The machine of these traits.
pub(super) fn machine(traits: &JoinedTraits) -> pe::Machine {
    pe::Machine(traits.machine)
}

#[cfg(test)]
mod tests {
    use super::{included, is_carried, words};

    #[test]
    fn directives_are_split_at_blanks_outside_quotes() {
        let text = b" /DEFAULTLIB:\"my lib\" -export:x,data\t/INCLUDE:_tls_used\0\0";
        let expected: [&[u8]; 3] = [
            b"/DEFAULTLIB:\"my lib\"",
            b"-export:x,data",
            b"/INCLUDE:_tls_used",
        ];
        assert_eq!(words(text), expected);
        assert!(words(b"\xEF\xBB\xBF  ").is_empty());
    }

    #[test]
    fn exports_are_not_carried() {
        assert!(!is_carried(b"/EXPORT:f"));
        assert!(!is_carried(b"-export:f"));
        assert!(is_carried(b"/defaultlib:kernel32"));
        assert_eq!(included(b"/Include:\"f\""), Some(&b"f"[..]));
        assert_eq!(included(b"/merge:.a=.b"), None);
    }
}
