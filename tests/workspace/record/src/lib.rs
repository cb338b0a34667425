//! A plugin that reads and writes JSON, allocates across the C border and exports data.

use plugin_support::{guarded, register, text};
use serde::{Deserialize, Serialize};
use std::ffi::{CString, c_char, c_int};
use std::ptr;

/// Version of the record format: an export that is data.
#[unsafe(no_mangle)]
pub static gst_plugin_record_version: c_int = 3;

#[derive(Serialize, Deserialize)]
struct Record {
    name: String,
    values: Vec<f64>,
    #[serde(default)]
    total: f64,
}

#[unsafe(no_mangle)]
pub extern "C" fn gst_plugin_record_register() -> c_int {
    guarded(-1, || register("record"))
}

/// The record with its total filled in; null where the text is no record. Free it with
/// [`gst_plugin_record_free`].
///
/// # Safety
/// `json` is a NUL-terminated string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gst_plugin_record_total(json: *const c_char) -> *mut c_char {
    guarded(ptr::null_mut(), || {
        // SAFETY: the caller's promise.
        let Ok(mut record) = serde_json::from_str::<Record>(unsafe { text(json) }) else {
            return ptr::null_mut();
        };
        record.total = record.values.iter().sum();
        let out = serde_json::to_string(&record).expect("a record is JSON");
        CString::new(out).map_or(ptr::null_mut(), CString::into_raw)
    })
}

/// # Safety
/// `json` came from [`gst_plugin_record_total`] and was not freed before; null is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gst_plugin_record_free(json: *mut c_char) {
    if !json.is_null() {
        // SAFETY: the caller's promise.
        drop(unsafe { CString::from_raw(json) });
    }
}
