//! What a symbol's name says about who may use it.

use crate::exports::api::is_path_of_rust;

/// Names that std gives to what compilers and other parts of std call; no program asks for them.
const RUNTIME: [&[u8]; 3] = [b"rust_eh_personality", b"rust_panic", b"rust_begin_unwind"];
const RUNTIME_STEMS: [&[u8]; 2] = [b"__rust_", b"__rdl_"];

/// May a program, or a library in another language, define or ask for this name itself? `decoration` is what the format
/// puts before all names.
pub fn is_public(decoration: &[u8], name: &[u8]) -> bool {
    let bare = name.strip_prefix(decoration).unwrap_or(name);
    let runtime =
        RUNTIME.contains(&bare) || RUNTIME_STEMS.iter().any(|stem| bare.starts_with(stem));
    !runtime && !is_rust(bare)
}

/// Rust's names: those of the v0 mangling, and older ones, which end in a digest (`17h`, 16 digits, `E`). C++ has names
/// like older ones without, C's may begin as those of the new one do (`RSA_new`). Without demangling: there are many.
fn is_rust(bare: &[u8]) -> bool {
    if let Some(path) = bare.strip_prefix(b"_R") {
        return is_path_of_rust(path);
    }
    // LLVM adds what makes a name its own.
    let end = bare.windows(6).position(|w| w == b".llvm.");
    let body = bare.get(..end.unwrap_or(bare.len())).unwrap_or_default();
    let digest = body.strip_suffix(b"E").and_then(|b| b.last_chunk::<19>());
    bare.starts_with(b"_ZN")
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

#[cfg(test)]
mod tests {
    use super::is_public;

    #[test]
    fn whose_names_these_are() {
        let rust = [
            "_RNvCs1_5piece6shared",
            "_RINvMs_NtCs4_4core3ptr4swapE",
            "_ZN4core3ptr4swap17h0123456789abcdefE",
            "_ZN4core3ptr4swap17h0123456789abcdefE.llvm.123",
            "__rust_alloc",
            "rust_panic",
        ];
        let others = [
            "RSA_new",
            "RC4_options",
            "_RC4_x",
            "_Reset",
            "_ZN3foo3barEv",
            "rust_panic_count",
            "main",
        ];
        for (decoration, is_there) in [("", ""), ("_", "_")] {
            let of = |name: &&str| {
                is_public(
                    decoration.as_bytes(),
                    format!("{is_there}{name}").as_bytes(),
                )
            };
            assert!(!rust.iter().any(of));
            assert!(others.iter().all(of));
        }
    }
}
