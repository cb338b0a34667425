//! A plugin that brings its own allocator.

use hard_alloc_shared as shared;
#[global_allocator]
static ALLOCATOR: shared::Marked = shared::Marked::new(0x1111_1111_1111_1111);

#[unsafe(no_mangle)]
pub extern "C" fn hard_first_work() -> i32 {
    shared::work()
}

/// Allocations made through this plugin's allocator.
#[unsafe(no_mangle)]
pub extern "C" fn hard_first_calls() -> i32 {
    ALLOCATOR.calls()
}

#[unsafe(no_mangle)]
pub extern "C" fn hard_first_dropped() -> i32 {
    shared::dropped()
}

#[unsafe(no_mangle)]
pub extern "C" fn hard_first_set_hook() {
    shared::set_hook();
}

#[unsafe(no_mangle)]
pub extern "C" fn hard_first_hooked() -> i32 {
    shared::hooked()
}

/// Panics: a callback for another plugin.
#[unsafe(no_mangle)]
pub extern "C-unwind" fn hard_first_panics() {
    shared::panic_now(5);
}

/// Panics and catches it: a callback for another plugin that nothing passes.
#[unsafe(no_mangle)]
pub extern "C-unwind" fn hard_first_contains() {
    assert_eq!(shared::catches(|| shared::panic_now(6)), 1);
}

/// Calls back, holding something that a passing panic must drop.
#[unsafe(no_mangle)]
pub extern "C-unwind" fn hard_first_call(callback: shared::Callback) {
    shared::call(callback);
}

/// 1 where this plugin's panic, gone through `call` of another plugin, is caught here.
#[unsafe(no_mangle)]
pub extern "C" fn hard_first_catches_through(call: extern "C-unwind" fn(shared::Callback)) -> i32 {
    shared::catches(|| call(hard_first_panics))
}
