//! Bitcode that a compiler embeds in native objects (`-fembed-bitcode`): Apple refuses programs with it
//! since Xcode 14.

/// Sections of embedded bitcode and of the command lines that made it.
pub fn is_embedded(segment: &[u8], name: &[u8]) -> bool {
    segment == b"__LLVM"
        && matches!(
            name,
            b"__bitcode" | b"__cmdline" | b"__swift_cmdline" | b"__bundle" | b"__asm"
        )
}
