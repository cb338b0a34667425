//! Panics and catches it, and needs libm by way of std.

use std::ffi::c_int;

unsafe extern "C" {
    safe fn demo_host_scale(value: c_int) -> c_int;
}

#[unsafe(no_mangle)]
pub extern "C" fn gst_plugin_gamma_register() -> c_int {
    let half = (f64::from(demo_host_scale(1)) / 20.0).cos();
    let caught = common::caught(move || {
        if half < 2.0 {
            std::panic::resume_unwind(Box::new(half));
        }
        0
    });
    common::register("gamma") - caught - 1
}

#[unsafe(no_mangle)]
pub extern "C" fn gst_plugin_gamma_get_desc() -> c_int {
    common::GENERATION
}
