//! A plugin with a C object in it, and a shared crate with fewer features than others ask for.

use plugin_support::{guarded, register, text};
use regex::bytes::Regex;
use std::ffi::{c_char, c_int, c_uint};

unsafe extern "C" {
    fn native_probe_hash(data: *const u8, size: usize) -> c_uint;
    fn native_probe_calls() -> c_int;
}

#[unsafe(no_mangle)]
pub extern "C" fn gst_plugin_native_register() -> c_int {
    guarded(-1, || register("native"))
}

/// Hash (FNV-1a) of the first word in `haystack`; 0 where there is none.
///
/// # Safety
/// `haystack` is a NUL-terminated string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gst_plugin_native_hash(haystack: *const c_char) -> c_uint {
    guarded(0, || {
        // SAFETY: the caller's promise.
        let haystack = unsafe { text(haystack) };
        let word = Regex::new("[a-z]+").expect("a constant");
        word.find(haystack.as_bytes()).map_or(0, |m| {
            // SAFETY: a live slice and its length.
            unsafe { native_probe_hash(m.as_bytes().as_ptr(), m.as_bytes().len()) }
        })
    })
}

/// How often the C half was called; the counter is C's own static.
#[unsafe(no_mangle)]
pub extern "C" fn gst_plugin_native_calls() -> c_int {
    // SAFETY: reads a counter.
    unsafe { native_probe_calls() }
}
