//! Greets whom C names.

use std::ffi::{CStr, c_char};

/// # Safety
/// `name` ends with a zero.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn greet(name: *const c_char) {
    // SAFETY: as above.
    let name = unsafe { CStr::from_ptr(name) };
    println!("Rust greets {}", name.to_string_lossy());
}
