//! Its .pc file requires nothing: cargo-c writes no such field.

use std::ffi::c_int;

#[unsafe(no_mangle)]
pub extern "C" fn gst_plugin_beta_register() -> c_int {
    common::register("beta")
}

#[unsafe(no_mangle)]
pub extern "C" fn gst_plugin_beta_get_desc() -> c_int {
    common::GENERATION
}
