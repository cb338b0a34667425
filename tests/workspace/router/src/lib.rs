//! A plugin that declares no static library (only cdylib and rlib, as GStreamer's do), asks for other
//! features of the crates it shares, and has a C object that looks like `native`'s.

use plugin_support::{fold, guarded, register};
use std::ffi::{c_int, c_uint};

unsafe extern "C" {
    fn router_probe_hash(data: *const u8, size: usize) -> c_uint;
    fn router_probe_calls() -> c_int;
}

#[unsafe(no_mangle)]
pub extern "C" fn gst_plugin_router_register() -> c_int {
    guarded(-1, || register("router"))
}

/// Hash of `size` bytes, other constants than `native`'s.
///
/// # Safety
/// `data` points to `size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gst_plugin_router_hash(data: *const u8, size: usize) -> c_uint {
    // SAFETY: the caller's promise.
    unsafe { router_probe_hash(data, size) }
}

/// Twice the number of calls of [`gst_plugin_router_hash`].
#[unsafe(no_mangle)]
pub extern "C" fn gst_plugin_router_calls() -> c_int {
    // SAFETY: reads a counter.
    unsafe { router_probe_calls() }
}

/// 1 where the shared crate was built with the feature `wide` that this plugin asks for.
#[unsafe(no_mangle)]
pub extern "C" fn gst_plugin_router_wide() -> c_int {
    guarded(-1, || c_int::from(fold(&[1, 2]) == 33))
}

/// 1 where JSON objects keep their order, which only the feature asked for here gives.
#[cfg(feature = "json")]
#[unsafe(no_mangle)]
pub extern "C" fn gst_plugin_router_json() -> c_int {
    guarded(-1, || {
        let value: serde_json::Value =
            serde_json::from_str(r#"{"b":1,"a":[2,3.5]}"#).expect("JSON");
        let text = value.to_string();
        c_int::from(text == r#"{"b":1,"a":[2,3.5]}"#)
    })
}
