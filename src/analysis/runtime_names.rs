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
    // Instrumented code calls these (-finstrument-functions); a C library may have silent ones.
    b"__cyg_profile_func_enter",
    b"__cyg_profile_func_exit",
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
    // Hooks and callbacks that sanitizers' runtimes look for.
    b"__sanitizer_",
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
    // Nearly all names are mangled, and of those few are here.
    let mangled = plain.starts_with(b"_ZN") || plain.starts_with(b"_R");
    let ours = || {
        NAMES.contains(&plain)
            || STEMS.iter().any(|stem| plain.starts_with(stem))
            || format::is_word_to_a_sanitizer(plain)
    };
    !mangled && ours() || format::is_reserved_name(format, name)
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
    is_arithmetic(rest)
}

/// Is it a routine of arithmetic: an operation, the machine modes of what it is done to, and how many operands
/// there are (GCC's internals, "Library Routines")?
fn is_arithmetic(rest: &[u8]) -> bool {
    const MODES: [&[u8]; 18] = [
        b"qi", b"hi", b"si", b"di", b"ti", b"hf", b"bf", b"sf", b"df", b"xf", b"tf", b"kf", b"hc",
        b"sc", b"dc", b"xc", b"tc", b"kc",
    ];
    // From one mode to another.
    const NUMBERS: [&[u8]; 4] = [b"fix", b"fixuns", b"float", b"floatun"];
    const SIZES: [&[u8]; 2] = [b"extend", b"trunc"];
    const OTHERS: [&[u8]; 38] = [
        b"add",
        b"sub",
        b"mul",
        b"div",
        b"mod",
        b"udiv",
        b"umod",
        b"divmod",
        b"udivmod",
        b"neg",
        b"addv",
        b"subv",
        b"mulv",
        b"negv",
        b"absv",
        b"addo",
        b"subo",
        b"mulo",
        b"ashl",
        b"ashr",
        b"lshr",
        b"cmp",
        b"ucmp",
        b"eq",
        b"ne",
        b"lt",
        b"le",
        b"gt",
        b"ge",
        b"unord",
        b"clz",
        b"ctz",
        b"clrsb",
        b"ffs",
        b"parity",
        b"popcount",
        b"powi",
        b"bswap",
    ];
    let (body, operands) = match rest.split_last() {
        Some((last, body)) if last.is_ascii_digit() => (body, Some(*last)),
        _ => (rest, None),
    };
    let is = |operations: &[&[u8]], modes: usize| {
        operations.iter().any(|operation| {
            body.strip_prefix(*operation).is_some_and(|rest| {
                rest.len() == 2 * modes && rest.chunks(2).all(|mode| MODES.contains(&mode))
            })
        })
    };
    match operands {
        None => is(&NUMBERS, 2),
        Some(b'2') => is(&SIZES, 2) || is(&OTHERS, 1),
        Some(b'3' | b'4') => is(&OTHERS, 1),
        Some(_) => false,
    }
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
            b"__fixunsxfti",
            b"__udivmodti4",
            b"__divmoddi4",
            b"__powitf2",
            b"__mulxc3",
            b"__unordtf2",
            b"__truncdfbf2",
            b"__bswapdi2",
            b"__popcountdi2",
            b"__letf2",
        ] {
            assert!(is_intrinsic(name), "{}", String::from_utf8_lossy(name));
        }
        for name in [
            &b"hook"[..],
            b"__hook",
            b"malloc",
            b"__cxa_throw",
            b"_ZdlPv",
            b"__printf",
            b"__desc",
            b"__misc",
            b"__gmtf",
            b"__quitf",
            b"__fix",
            b"__addsi",
            b"__float2",
        ] {
            assert!(!is_intrinsic(name), "{}", String::from_utf8_lossy(name));
        }
    }
}
