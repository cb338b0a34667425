//! A plugin that needs a symbol which only another plugin defines, and no manifest names.

use std::ffi::c_int;

unsafe extern "C" {
    fn given_sum(values: *const c_int, count: usize) -> c_int;
    static given_offset: c_int;
}

#[unsafe(no_mangle)]
pub extern "C" fn hard_needs_sum() -> c_int {
    let values: Vec<c_int> = (1..=4).collect();
    // SAFETY: a live slice and its length; the static is never written.
    unsafe { given_sum(values.as_ptr(), values.len()) + given_offset }
}
