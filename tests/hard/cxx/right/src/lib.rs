//! One of two plugins around C and C++ of two versions; its Rust half only passes exceptions on.

use std::sync::atomic::{AtomicI32, Ordering};

static DROPPED: AtomicI32 = AtomicI32::new(0);

struct Guard(String);

impl Drop for Guard {
    fn drop(&mut self) {
        DROPPED.fetch_add(i32::from(self.0 == "guard"), Ordering::SeqCst);
    }
}

/// Calls back; a C++ exception passes through and drops what is here.
#[unsafe(no_mangle)]
pub extern "C-unwind" fn hard_right_through_rust(callback: extern "C-unwind" fn()) {
    let guard = Guard(String::from("guard"));
    callback();
    drop(guard);
}

#[unsafe(no_mangle)]
pub extern "C" fn hard_right_rust_drops() -> i32 {
    DROPPED.load(Ordering::SeqCst)
}
