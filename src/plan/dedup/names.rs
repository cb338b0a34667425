//! What a symbol's name says about who may use it.

/// Names that std gives to what compilers and other parts of std call; no program asks for them.
/// Mach-O and i686 COFF put an underscore before them.
const RUNTIME: [&[u8]; 5] = [
    b"rust_eh_personality",
    b"rust_panic",
    b"rust_begin_unwind",
    b"__rust_",
    b"__rdl_",
];

/// May a program, or a library in another language, define or ask for this name itself?
pub fn is_public(name: &[u8]) -> bool {
    let bare = name.strip_prefix(b"_").unwrap_or(name);
    let runtime = RUNTIME
        .iter()
        .any(|stem| name.starts_with(stem) || bare.starts_with(stem));
    !runtime && !is_rust(name)
}

/// Rust's names: those of the v0 mangling (`_R` and the letter of a path), and older ones, which end in
/// a digest (`17h`, 16 digits, `E`). C++ has names like older ones without. Without demangling: there
/// are many.
fn is_rust(name: &[u8]) -> bool {
    let bare = name.strip_prefix(b"__").unwrap_or(name);
    let bare = bare.strip_prefix(b"_").unwrap_or(bare);
    if let [b'R', letter, ..] = bare {
        return letter.is_ascii_uppercase();
    }
    // LLVM adds what makes a name its own.
    let end = bare.windows(6).position(|w| w == b".llvm.");
    let body = bare.get(..end.unwrap_or(bare.len())).unwrap_or_default();
    let digest = body.strip_suffix(b"E").and_then(|b| b.last_chunk::<19>());
    bare.starts_with(b"ZN")
        && digest.is_some_and(|d| {
            d.strip_prefix(b"17h")
                .is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
        })
}

/// A Rust name with the digest of its crate or of itself.
pub fn has_digest(name: &[u8]) -> bool {
    let name = std::str::from_utf8(name).unwrap_or_default();
    rustc_demangle::try_demangle(name).is_ok_and(|n| format!("{n}") != format!("{n:#}"))
}
