//! `.drectve`: what an object tells its linker in words (PE/COFF, "The .drectve Section").

use object::pe::{self, AnonObjectHeaderBigobj, ImageFileHeader};
use object::read::SymbolIndex;
use object::read::coff::{CoffHeader, Symbol as _};

use super::{Layout, bad, is_nothing, layout, lone};
use crate::error::Result;
use crate::format::Wish;

/// Splits the section: words apart from each other by blanks, which stand in words only between quotes. A
/// byte order mark may come first.
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

/// Without the quotes around it.
fn bare(word: &[u8]) -> &[u8] {
    let word = word.strip_prefix(b"\"").unwrap_or(word);
    word.strip_suffix(b"\"").unwrap_or(word)
}

/// The directive's name in lower case, and what follows its colon.
fn parts(word: &[u8]) -> (Vec<u8>, &[u8]) {
    // The whole word may stand between quotes.
    let word = bare(word);
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

/// Does the directive hold for what is left of an object? What is said of a symbol's export goes with the symbol
/// ([`of_exports`]), and what is included or aligned is written anew.
pub(super) fn is_carried(word: &[u8]) -> bool {
    let (name, _) = parts(word);
    !matches!(
        name.as_slice(),
        b"export" | b"exclude-symbols" | b"aligncomm" | b"guardsym" | b"include"
    )
}

/// The symbols that the word exports from a DLL, or hides from automatic export, and the word for each alone
/// (PE/COFF, "The .drectve Section"; GNU ld, PE targets).
pub(super) fn of_exports(word: &[u8]) -> Vec<(&[u8], Vec<u8>)> {
    let (name, rest) = parts(word);
    match name.as_slice() {
        b"export" => {
            // NAME[=SYMBOL][,@ORDINAL][,DATA]
            let first = rest.split(|b| *b == b',').next().unwrap_or(rest);
            let symbol = first.split(|b| *b == b'=').next_back().unwrap_or(first);
            vec![(bare(symbol), word.to_vec())]
        }
        b"exclude-symbols" => {
            let names = rest.split(|b| *b == b',').map(bare);
            let alone = |name: &'_ [u8]| [b"-exclude-symbols:", name].concat();
            names.map(|name| (name, alone(name))).collect()
        }
        _ => Vec::new(),
    }
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
    (exponent <= 13).then(|| (bare(symbol), 1 << exponent))
}

/// What the word wishes of names.
fn wish(word: &[u8]) -> Option<Wish<&[u8]>> {
    let (name, rest) = parts(word);
    match name.as_slice() {
        b"include" => Some(Wish::Need(bare(rest))).filter(|_| !rest.is_empty()),
        b"alternatename" => {
            let rest = bare(rest);
            let middle = rest.iter().position(|b| *b == b'=')?;
            let (of, instead) = (rest.get(..middle)?, rest.get(middle + 1..)?);
            let said = !of.is_empty() && !instead.is_empty() && of != instead;
            said.then_some(Wish::Alternate { of, instead })
        }
        _ => None,
    }
}

/// See [`crate::format::for_each_wish`].
pub fn for_each_wish<'d>(data: &'d [u8], f: &mut dyn FnMut(Wish<&'d [u8]>)) -> Result<()> {
    lone::for_each_wish(data, f);
    match layout(data) {
        Some((Layout::Plain, _)) => wishes::<ImageFileHeader>(data, f),
        Some((Layout::Big, _)) => wishes::<AnonObjectHeaderBigobj>(data, f),
        _ => Ok(()),
    }
}

fn wishes<'d, H: CoffHeader>(data: &'d [u8], f: &mut dyn FnMut(Wish<&'d [u8]>)) -> Result<()> {
    let mut offset = 0;
    let header = H::parse(data, &mut offset).map_err(bad("COFF header"))?;
    let sections = header
        .sections(data, offset)
        .map_err(bad("section table"))?;
    for section in sections.iter().filter(|s| s.name == *b".drectve") {
        let contents = section.coff_data(data).unwrap_or_default();
        words(contents)
            .into_iter()
            .filter_map(wish)
            .for_each(&mut *f);
    }
    let symbols = header.symbols(data).map_err(bad("symbol table"))?;
    for (index, symbol) in symbols.iter() {
        if symbol.storage_class() != pe::IMAGE_SYM_CLASS_WEAK_EXTERNAL
            || !symbol.has_aux_weak_external()
        {
            continue;
        }
        let aux = symbols
            .aux_weak_external(index)
            .map_err(bad("weak external"))?;
        let default = aux.weak_default_sym_index.get(object::LittleEndian);
        let Ok(default) = symbols.symbol(SymbolIndex(default as usize)) else {
            continue;
        };
        if default.storage_class() == pe::IMAGE_SYM_CLASS_EXTERNAL && !is_nothing(default) {
            let name = default
                .name(symbols.strings())
                .map_err(bad("symbol name"))?;
            f(Wish::Stands(name));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{common_alignment, is_carried, of_exports, wish, words};
    use crate::format::Wish;

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
    fn exports_go_with_their_symbols() {
        assert!(!is_carried(b"/EXPORT:f"));
        assert!(!is_carried(b"-export:f"));
        assert!(is_carried(b"/defaultlib:kernel32"));
        let symbols = |word| {
            let all = of_exports(word).into_iter();
            all.map(|(symbol, _)| symbol).collect::<Vec<_>>()
        };
        assert_eq!(symbols(b"/EXPORT:f"), [b"f"]);
        assert_eq!(symbols(b"-export:\"f\",data"), [b"f"]);
        assert_eq!(symbols(b"/export:f=g,@3,NONAME"), [b"g"]);
        assert_eq!(symbols(b"-exclude-symbols:f,g"), [b"f", b"g"]);
        assert!(symbols(b"/include:f").is_empty());
        let (_, alone) = of_exports(b"-exclude-symbols:f,g").remove(1);
        assert_eq!(alone, b"-exclude-symbols:g");
    }

    #[test]
    fn wishes() {
        assert_eq!(wish(b"/Include:\"f\""), Some(Wish::Need(&b"f"[..])));
        assert_eq!(wish(b"/merge:.a=.b"), None);
        let alternate = Some(Wish::Alternate {
            of: &b"f"[..],
            instead: &b"g"[..],
        });
        assert_eq!(wish(b"/ALTERNATENAME:f=g"), alternate);
        assert_eq!(wish(b"\"/alternatename:f=g\""), alternate);
        assert_eq!(wish(b"/alternatename:f"), None);
        assert_eq!(
            common_alignment(b"-aligncomm:\"c\",6"),
            Some((&b"c"[..], 64))
        );
    }
}
