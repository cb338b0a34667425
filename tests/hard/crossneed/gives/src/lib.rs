//! A plugin that defines what `needs` needs.

use std::ffi::c_int;

#[unsafe(no_mangle)]
pub static given_offset: c_int = 100;

/// # Safety
/// `values` points to `count` numbers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn given_sum(values: *const c_int, count: usize) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { std::slice::from_raw_parts(values, count) }
        .iter()
        .sum()
}

#[unsafe(no_mangle)]
pub extern "C" fn hard_gives_number() -> c_int {
    format!("{}", 7).parse().unwrap_or(-1)
}
