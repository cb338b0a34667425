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
];

/// Leading parts.
const STEMS: &[&[u8]] = &[
    b"_Unwind_",
    b"__register_frame",
    b"__deregister_frame",
    b"__unw_",
];

/// Must this name of a symbol table stay as it is, for all to see?
#[must_use]
pub fn keeps_its_name(format: Format, name: &[u8]) -> bool {
    NAMES.contains(&name)
        || STEMS.iter().any(|stem| name.starts_with(stem))
        || format::is_reserved_name(format, name)
}
