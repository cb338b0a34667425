//! Names that are never made internal: programs and other libraries take them from whoever has them.
//!
//! Members of a bundled unwinder, libc, malloc or C++ ABI runtime must be one in a program, and a
//! program without a C library takes `memcpy` and its like from the plugins.

use crate::format::{self, Format};

/// Exact names.
const NAMES: &[&[u8]] = &[
    // Compilers call these without being told to (C11 freestanding, GCC and LLVM manuals).
    b"memcpy",
    b"memmove",
    b"memset",
    b"memcmp",
    b"bcmp",
    b"strlen",
    b"_fltused",
    b"__chkstk",
    b"___chkstk_ms",
    b"__stack_chk_fail",
    b"__stack_chk_guard",
    // One heap.
    b"malloc",
    b"calloc",
    b"realloc",
    b"free",
    b"posix_memalign",
    b"aligned_alloc",
    b"memalign",
    b"malloc_usable_size",
    // One exit, one errno.
    b"atexit",
    b"exit",
    b"abort",
    b"__errno_location",
    b"errno",
    // C++ ABI entry points that must agree with those of the program.
    b"__cxa_atexit",
    b"__cxa_finalize",
    b"__cxa_thread_atexit",
    b"__cxa_get_globals",
    b"__cxa_get_globals_fast",
    b"__cxa_throw",
    b"__cxa_begin_catch",
    b"__cxa_end_catch",
    b"__cxa_rethrow",
    b"__cxa_allocate_exception",
    b"__cxa_free_exception",
    b"__gxx_personality_v0",
    b"__dso_handle",
    // Linkers rewrite calls of these (ELF TLS ABI).
    b"__tls_get_addr",
    b"___tls_get_addr",
    b"__tls_get_offset",
    b"__aeabi_read_tp",
];

/// Leading parts.
const STEMS: &[&[u8]] = &[
    b"_Unwind_",
    b"__register_frame",
    b"__deregister_frame",
    b"__unw_",
    // The profile's runtime: programs pull it by `-u __llvm_profile_runtime`, and one writes for all.
    b"__llvm_profile_",
    b"__llvm_write_",
    // Replaceable allocation functions of C++, in the Itanium ABI's mangling and in MSVC's.
    b"_Znw",
    b"_Zna",
    b"_Zdl",
    b"_Zda",
    b"??2@Y",
    b"??3@Y",
    b"??_U@Y",
    b"??_V@Y",
];

/// Must this name of a symbol table stay as it is, for all to see?
#[must_use]
pub fn keeps_its_name(format: Format, name: &[u8]) -> bool {
    // Mach-O puts an underscore before C's names.
    let plain = match format {
        Format::MachO => name.strip_prefix(b"_").unwrap_or_default(),
        Format::Elf | Format::Coff => name,
    };
    NAMES.contains(&plain)
        || STEMS.iter().any(|stem| plain.starts_with(stem))
        || format::is_reserved_name(format, name)
}

/// Is this what rustc puts into every object for debuggers to find? Weak, visible, and the same in all.
#[must_use]
pub fn is_for_debuggers(name: &[u8]) -> bool {
    name == b"__rustc_debug_gdb_scripts_section__"
}

/// Is this one of the helpers that compilers call by themselves (libgcc, compiler-rt)? Every copy does the
/// same, so hidden copies of them are not made to meet.
#[must_use]
pub fn is_intrinsic(name: &[u8]) -> bool {
    const STEMS: [&[u8]; 6] = [
        b"__aeabi_",
        b"__aarch64_",
        b"__gnu_",
        b"__llvm_memcpy_element_unordered_atomic_",
        b"__llvm_memmove_element_unordered_atomic_",
        b"__llvm_memset_element_unordered_atomic_",
    ];
    // Machine modes of GCC's internals, "Library Routines".
    const MODES: [&[u8]; 18] = [
        b"qi", b"hi", b"si", b"di", b"ti", b"hf", b"bf", b"sf", b"df", b"xf", b"tf", b"kf", b"hc",
        b"sc", b"dc", b"xc", b"tc", b"kc",
    ];
    // Mach-O and i686 COFF put an underscore before C's names.
    let name = match name.strip_prefix(b"___") {
        Some(_) => &name[1..],
        None => name,
    };
    if matches!(
        name,
        b"__rust_probestack"
            | b"__clear_cache"
            | b"__popcountdi2"
            | b"__isOSVersionAtLeast"
            | b"__isPlatformVersionAtLeast"
    ) {
        return true;
    }
    let Some(rest) = name.strip_prefix(b"__") else {
        return false;
    };
    if STEMS.iter().any(|stem| name.starts_with(stem)) {
        return true;
    }
    let operands = rest
        .last()
        .filter(|b| b.is_ascii_digit())
        .map_or(rest, |_| &rest[..rest.len() - 1]);
    let letters = operands
        .iter()
        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    letters && operands.len() > 3 && MODES.iter().any(|mode| operands.ends_with(mode))
}

#[cfg(test)]
mod tests {
    use super::is_intrinsic;

    #[test]
    fn helpers_of_compilers() {
        for name in [
            &b"__udivti3"[..],
            b"__powisf2",
            b"__floattidf",
            b"__extendhfsf2",
            b"__aarch64_ldadd4_acq_rel",
            b"__aeabi_uidivmod",
            b"__mulodi4",
            b"___adddf3",
            b"___isOSVersionAtLeast",
        ] {
            assert!(is_intrinsic(name), "{}", String::from_utf8_lossy(name));
        }
        for name in [
            &b"hook"[..],
            b"__hook",
            b"malloc",
            b"__cxa_throw",
            b"_ZdlPv",
        ] {
            assert!(!is_intrinsic(name), "{}", String::from_utf8_lossy(name));
        }
    }
}
