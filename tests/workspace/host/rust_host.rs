//! A Rust program with its own std beside the plugins': panics, threads and output of both.

use std::ffi::{CStr, c_char, c_int};
use std::panic;
use std::thread;

unsafe extern "C" {
    safe fn gst_plugin_pattern_register() -> c_int;
    safe fn gst_plugin_record_register() -> c_int;
    safe fn gst_plugin_worker_register() -> c_int;
    safe fn gst_plugin_worker_sum(threads: c_int, count: c_int) -> c_int;
    safe fn gst_plugin_worker_catches() -> c_int;
    safe fn gst_plugin_idle_register() -> c_int;
    fn gst_plugin_pattern_count(pattern: *const c_char, haystack: *const c_char) -> c_int;
    fn gst_plugin_record_total(json: *const c_char) -> *mut c_char;
    fn gst_plugin_record_free(json: *mut c_char);
}

fn main() {
    // Ours, not the plugins': their panics do not come by here.
    panic::set_hook(Box::new(|info| {
        let own = info.payload().downcast_ref::<&str>() == Some(&"the program's own");
        if !own {
            std::process::exit(3);
        }
    }));
    assert!(panic::catch_unwind(|| panic!("the program's own")).is_err());
    assert_eq!(gst_plugin_pattern_register(), 1);
    assert_eq!(gst_plugin_record_register(), 2);
    assert_eq!(gst_plugin_worker_register(), 3);
    assert_eq!(gst_plugin_idle_register(), 1);
    let sum = thread::spawn(|| gst_plugin_worker_sum(3, 11)).join().expect("worker");
    assert_eq!(sum, 165);
    assert_eq!(gst_plugin_worker_catches(), 1);
    // SAFETY: C strings, and a result that is freed where it was made.
    unsafe {
        assert_eq!(gst_plugin_pattern_count(c"[0-9]+".as_ptr(), c"1 22 a".as_ptr()), 2);
        let json = gst_plugin_record_total(c"{\"name\":\"x\",\"values\":[2]}".as_ptr());
        assert!(CStr::from_ptr(json).to_string_lossy().contains("\"total\":2"));
        gst_plugin_record_free(json);
    }
    println!("all right");
}
