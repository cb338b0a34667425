//! Which crate a symbol comes from, by the name rustc gives it.

use crate::protocol::inspection::{CrateSizes, Kinds};

/// The crate that a mangled Rust name was written in; for a generic function that of its
/// definition, not of its instantiation. `None` for names of other languages, and for what rustc
/// itself makes.
#[must_use]
pub fn of_symbol(symbol: &[u8]) -> Option<&str> {
    let symbol = std::str::from_utf8(symbol).ok()?;
    // Mach-O and 32-bit Windows put a further underscore in front.
    let bare = symbol.trim_start_matches('_');
    if bare.len() == symbol.len() {
        return None;
    }
    let krate = if let Some(path) = bare.strip_prefix("ZN") {
        legacy(path)
    } else {
        bare.strip_prefix('R').and_then(v0)
    }?;
    (krate != "__rustc").then_some(krate)
}

/// An identifier with its length in front, and what follows it.
fn identifier(s: &str) -> Option<(&str, &str)> {
    let digits = s.bytes().take_while(u8::is_ascii_digit).count();
    let length: usize = s.get(..digits)?.parse().ok()?;
    let rest = s.get(digits..)?;
    Some((rest.get(..length)?, rest.get(length..)?))
}

/// `4core3fmt…17h0123456789abcdefE`.
fn legacy(path: &str) -> Option<&str> {
    // C++ has the same beginnings, but not rustc's hash at the end (before LLVM's suffixes).
    let end = path.rfind("17h")?;
    let hash = path.get(end + 3..end + 19)?;
    if !hash.bytes().all(|b| b.is_ascii_hexdigit()) || path.as_bytes().get(end + 19) != Some(&b'E')
    {
        return None;
    }
    let (first, _) = identifier(path)?;
    // An identifier may not start with `$`: one underscore is put before it.
    let Some(mut inner) = first.strip_prefix('_').filter(|r| r.starts_with('$')) else {
        return is_crate_name(first).then_some(first);
    };
    // `<type as trait>` or `<type>`: the type's crate, or the trait's where the type has none.
    inner = inner.strip_prefix("$LT$")?;
    if let Some(krate) = legacy_path_root(inner) {
        return Some(krate);
    }
    let (_, of_trait) = inner.split_once("$u20$as$u20$")?;
    legacy_path_root(of_trait)
}

/// `$RF$mut$u20$regex..Regex` -> `regex`; `None` for primitive and generic types.
fn legacy_path_root(mut s: &str) -> Option<&str> {
    const SKIP: &[&str] = &[
        "$RF$",
        "$BP$",
        "$LP$",
        "$u5b$",
        "mut$u20$",
        "const$u20$",
        "dyn$u20$",
        "impl$u20$",
        "$u20$",
    ];
    while let Some(rest) = SKIP.iter().find_map(|p| s.strip_prefix(p)) {
        s = rest;
    }
    let end = s
        .bytes()
        .position(|b| !(b.is_ascii_alphanumeric() || b == b'_'))?;
    let (name, rest) = s.split_at_checked(end)?;
    (rest.starts_with("..") && is_crate_name(name)).then_some(name)
}

/// `RNvNtCs1234_4core3fmt…`: walks to the path's root (the grammar of RFC 2603).
fn v0(mut s: &str) -> Option<&str> {
    s = s.trim_start_matches(|c: char| c.is_ascii_digit());
    if !s.starts_with(['C', 'N', 'I', 'M', 'X', 'Y']) {
        return None;
    }
    loop {
        let tag = s.chars().next()?;
        s = s.get(tag.len_utf8()..)?;
        match tag {
            'C' => {
                s = skip_disambiguator(s)?;
                s = s.strip_prefix('u').unwrap_or(s);
                let digits = s.bytes().take_while(u8::is_ascii_digit).count();
                let length: usize = s.get(..digits)?.parse().ok()?;
                let rest = s.get(digits..)?;
                // The separator stands where the name starts with a digit or an underscore.
                let rest = rest.strip_prefix('_').unwrap_or(rest);
                let name = rest.get(..length)?;
                return is_crate_name(name).then_some(name);
            }
            // A namespace's letter.
            'N' => s = s.get(1..)?,
            // Where the impl block stands.
            'M' | 'X' => s = skip_disambiguator(s)?,
            // `<type as trait>`: what the type is made of, else the trait.
            'I' | 'Y' | 'P' | 'O' | 'S' | 'A' | 'T' => {}
            'R' | 'Q' => s = skip_tagged(s, 'L')?,
            'D' => s = skip_tagged(s, 'G')?,
            'E' => {}
            c if c.is_ascii_lowercase() => {}
            _ => return None,
        }
    }
}

fn skip_disambiguator(s: &str) -> Option<&str> {
    skip_tagged(s, 's')
}

/// Skips an optional base-62 number with this tag.
fn skip_tagged(s: &str, tag: char) -> Option<&str> {
    match s.strip_prefix(tag) {
        None => Some(s),
        Some(rest) => rest.split_once('_').map(|(_, rest)| rest),
    }
}

fn is_crate_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_alphanumeric() || c == '_')
}

/// Largest first.
pub fn sorted_crates<'d>(crates: impl Iterator<Item = (&'d str, (Kinds, u32))>) -> Vec<CrateSizes> {
    let mut sizes: Vec<CrateSizes> = crates
        .map(|(krate, (kinds, libraries))| CrateSizes {
            krate: krate.to_owned(),
            bytes: kinds.total(),
            kinds,
            libraries,
        })
        .collect();
    sizes.sort_unstable_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.krate.cmp(&b.krate)));
    sizes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn legacy_names() {
        let of = |s: &'static str| of_symbol(s.as_bytes());
        assert_eq!(
            of("_ZN4core9panicking5panic17h0123456789abcdefE"),
            Some("core")
        );
        assert_eq!(
            of("_ZN4core9panicking5panic17h0123456789abcdefE.llvm.123"),
            Some("core")
        );
        assert_eq!(
            of(
                "_ZN63_$LT$alloc..vec..Vec$LT$T$GT$$u20$as$u20$core..fmt..Debug$GT$3fmt17h0123456789abcdefE"
            ),
            Some("alloc")
        );
        assert_eq!(
            of("_ZN42_$LT$$RF$T$u20$as$u20$core..fmt..Debug$GT$3fmt17h0123456789abcdefE"),
            Some("core")
        );
        // The same beginnings in C++.
        assert_eq!(of("_ZNSt6vectorIiSaIiEE9push_backEOi"), None);
        assert_eq!(of("_ZN3foo3barEv"), None);
        assert_eq!(of("memcpy"), None);
    }

    #[test]
    fn v0_names() {
        let of = |s: &'static str| of_symbol(s.as_bytes());
        assert_eq!(of("_RNvNtCs1234_7mycrate3foo3bar"), Some("mycrate"));
        assert_eq!(of("__RNvNtCs1234_7mycrate3foo3bar"), Some("mycrate"));
        assert_eq!(of("_RNvCs1234_7___rustc12___rust_alloc"), None);
        assert_eq!(
            of("_RINvNtCsbmNqQUJIY6D_4core3ptr13drop_in_placeNtCs1_5regex5RegexEB4_"),
            Some("core")
        );
        // <u8 as mycrate::Trait>::f
        assert_eq!(of("_RNvYhNtCs1234_7mycrate5Trait1f"), Some("mycrate"));
        // <mycrate::Type as core::fmt::Debug>::fmt, the impl in mycrate
        assert_eq!(
            of("_RNvXCs1234_7mycrateNtB2_4TypeNtNtCs5678_4core3fmt5Debug3fmt"),
            Some("mycrate")
        );
        assert_eq!(of("_R"), None);
        assert_eq!(of("_RNvC99mycrate"), None);
    }
}
