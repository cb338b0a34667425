//! One of two plugins with the same code: statics of the shared crate are one, its own are its own.

use hard_static_shared as shared;
use std::sync::atomic::{AtomicI32, Ordering};

static COUNT: AtomicI32 = AtomicI32::new(0);
static KEY: u64 = 0x6b65_7920_6b65_7921;

#[unsafe(no_mangle)]
pub extern "C" fn hard_right_shared_count() -> i32 {
    shared::bump()
}

#[unsafe(no_mangle)]
pub extern "C" fn hard_right_own_count() -> i32 {
    COUNT.fetch_add(1, Ordering::SeqCst) + 1
}

#[unsafe(no_mangle)]
pub extern "C" fn hard_right_push() -> i32 {
    shared::push("right")
}

#[unsafe(no_mangle)]
pub extern "C" fn hard_right_once(value: i32) -> i32 {
    shared::once(value)
}

/// The shared twins: the first counts the calls, the second stays 0.
#[unsafe(no_mangle)]
pub extern "C" fn hard_right_twins() -> i32 {
    let (a, b) = shared::twins();
    a * 100 + b
}

#[unsafe(no_mangle)]
pub extern "C" fn hard_right_local() -> i32 {
    shared::local()
}

#[unsafe(no_mangle)]
pub extern "C" fn hard_right_shared_key() -> *const u64 {
    &shared::KEY
}

#[unsafe(no_mangle)]
pub extern "C" fn hard_right_own_key() -> *const u64 {
    &KEY
}
