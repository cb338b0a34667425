//! A plugin that uses nothing of the standard library: its reach set is one function.

#[unsafe(no_mangle)]
pub extern "C" fn gst_plugin_idle_register() -> core::ffi::c_int {
    1
}
