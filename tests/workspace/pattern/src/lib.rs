//! A plugin around a big shared crate: regular expressions.

use plugin_support::{guarded, register, text};
use regex::Regex;
use std::ffi::{c_char, c_int};

#[unsafe(no_mangle)]
pub extern "C" fn gst_plugin_pattern_register() -> c_int {
    guarded(-1, || register("pattern"))
}

/// How often `pattern` matches in `haystack`; -1 where the pattern is none.
///
/// # Safety
/// Both are NUL-terminated strings.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gst_plugin_pattern_count(
    pattern: *const c_char,
    haystack: *const c_char,
) -> c_int {
    guarded(-1, || {
        // SAFETY: the caller's promise.
        let (pattern, haystack) = unsafe { (text(pattern), text(haystack)) };
        Regex::new(pattern).map_or(-1, |r| r.find_iter(haystack).count() as c_int)
    })
}
