//! A plugin that bundles version 1 of a C library.

use std::ffi::{c_char, c_int};

#[repr(C)]
struct Context {
    fields: [c_int; 2],
}

unsafe extern "C" {
    fn mini_version() -> *const c_char;
    fn mini_init(context: *mut Context);
    fn mini_next(context: *mut Context) -> c_int;
    static mut mini_instances: c_int;
}

/// The bundled library's version, as a number, from its string.
#[unsafe(no_mangle)]
pub extern "C" fn hard_one_version() -> c_int {
    // SAFETY: a C string constant.
    let text = unsafe { std::ffi::CStr::from_ptr(mini_version()) };
    text.to_str()
        .ok()
        .and_then(|t| t.strip_prefix("mini "))
        .and_then(|t| t.parse().ok())
        .unwrap_or(-1)
}

/// The third number of this version's sequence: 1, 2, 3.
#[unsafe(no_mangle)]
pub extern "C" fn hard_one_third() -> c_int {
    let mut context = Context { fields: [-1; 2] };
    // SAFETY: the context is as large as this version's.
    unsafe {
        mini_init(&mut context);
        mini_next(&mut context);
        mini_next(&mut context);
        mini_next(&mut context)
    }
}

/// The bundled library's own global.
#[unsafe(no_mangle)]
pub extern "C" fn hard_one_instances() -> c_int {
    // SAFETY: nothing writes at the same time.
    unsafe { mini_instances }
}
