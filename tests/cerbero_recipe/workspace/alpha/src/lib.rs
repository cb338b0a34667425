//! Needs a C library that its .pc file requires.

use std::ffi::c_int;

unsafe extern "C" {
    safe fn demo_host_scale(value: c_int) -> c_int;
}

#[unsafe(no_mangle)]
pub extern "C" fn gst_plugin_alpha_register() -> c_int {
    demo_host_scale(common::register("alpha"))
}

#[unsafe(no_mangle)]
pub extern "C" fn gst_plugin_alpha_get_desc() -> c_int {
    common::GENERATION
}
