//! Symbols as their sources have them.

/// Longer names are left alone: nobody reads what they stand for.
const LONGEST: usize = 1 << 14;

/// The name that Rust or C++ source has for a symbol, where it differs.
#[must_use]
pub fn demangled(symbol: &str) -> Option<String> {
    // Mach-O and 32-bit Windows put a further underscore in front.
    let symbol = symbol
        .strip_prefix('_')
        .filter(|s| s.starts_with("_R") || s.starts_with("_Z"))
        .unwrap_or(symbol);
    if symbol.len() > LONGEST {
        return None;
    }
    if let Ok(name) = rustc_demangle::try_demangle(symbol) {
        return Some(format!("{name:#}"));
    }
    if !symbol.starts_with("_Z") {
        return None;
    }
    // What linkers and this program put behind a name is none of the ABI's.
    let (mangled, suffix) = match symbol.split_once('.') {
        Some((mangled, _)) => (mangled, &symbol[mangled.len()..]),
        None => (symbol, ""),
    };
    let name = cpp_demangle::Symbol::new(mangled).ok()?.demangle().ok()?;
    Some(name + suffix)
}

#[cfg(test)]
mod tests {
    use super::demangled;

    #[test]
    fn both_languages() {
        let of = |symbol| demangled(symbol).unwrap_or_default();
        assert_eq!(of("_ZN3lib10more_orderEv"), "lib::more_order()");
        assert_eq!(of("__ZN3lib5NoisyC1Ev"), "lib::Noisy::Noisy()");
        assert_eq!(
            of("_ZN3lib5noisyE.0123456789ab.7"),
            "lib::noisy.0123456789ab.7"
        );
        assert_eq!(of("_RNvCs1234_7mycrate3foo"), "mycrate::foo");
        assert_eq!(
            of("_ZN4core9panicking5panic17h0123456789abcdefE"),
            "core::panicking::panic"
        );
        for none in ["memcpy", "_Z", "_Zzzz", ""] {
            assert_eq!(demangled(none), None, "{none}");
        }
    }
}
