//! One of two plugins that panic, catch, and look at their own stack.

use hard_unwind_shared as shared;
use std::backtrace::Backtrace;
use std::hint::black_box;
use std::panic;
use std::thread;

/// Panics where `number` is 3, with a message built at run time.
#[inline(never)]
fn left_deep_down(number: i32) -> i32 {
    assert!(black_box(number) != 3, "left at {number}");
    number
}

/// 1 where a panic below a shared generic is caught here and dropped one guard on its way.
#[unsafe(no_mangle)]
pub extern "C" fn hard_left_catches() -> i32 {
    let before = shared::guards();
    let fine = shared::guarded(|| left_deep_down(2)) == 2;
    let text = shared::message(&mut || {
        left_deep_down(3);
    });
    i32::from(fine && text.as_deref() == Some("left at 3") && shared::guards() == before + 2)
}

/// 1 where a panic in a spawned thread reaches its `join`.
#[unsafe(no_mangle)]
pub extern "C" fn hard_left_joins() -> i32 {
    let panicked = thread::spawn(|| shared::guarded(|| left_deep_down(3))).join();
    let text = panicked
        .err()
        .and_then(|e| e.downcast_ref::<String>().cloned());
    i32::from(text.as_deref() == Some("left at 3"))
}

/// Panics out of the plugin: for the other one to catch.
#[unsafe(no_mangle)]
pub extern "C-unwind" fn hard_left_panics() {
    shared::guarded(|| left_deep_down(3));
}

/// 1 where the other plugin's panic is caught here.
#[unsafe(no_mangle)]
pub extern "C" fn hard_left_catches_from(other: extern "C-unwind" fn()) -> i32 {
    let text = shared::message(&mut || other());
    i32::from(text.is_some_and(|t| t.ends_with(" at 3")))
}

#[inline(never)]
fn left_looks_up(out: &mut String) {
    *out = Backtrace::force_capture().to_string();
    black_box(&out);
}

/// 1 where a backtrace made here names this plugin's inner function, the export, and the caller.
#[unsafe(no_mangle)]
pub extern "C" fn hard_left_sees_names() -> i32 {
    let mut text = String::new();
    left_looks_up(&mut text);
    let inner = text.contains("left_looks_up");
    let export = text.contains("hard_left_sees_names");
    if !inner || !export || !text.contains("main") {
        eprintln!("{text}");
    }
    i32::from(inner) + 2 * i32::from(export)
}

/// Keeps panics off the screen.
#[unsafe(no_mangle)]
pub extern "C" fn hard_left_quiet() {
    panic::set_hook(Box::new(|_| {}));
}
