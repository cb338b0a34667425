//! A shared generic to unwind through, and shared code that catches.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicI32, Ordering};

static GUARDS: AtomicI32 = AtomicI32::new(0);

struct Guard;

impl Drop for Guard {
    fn drop(&mut self) {
        GUARDS.fetch_add(1, Ordering::SeqCst);
    }
}

/// Guards dropped so far.
pub fn guards() -> i32 {
    GUARDS.load(Ordering::SeqCst)
}

/// Runs `body` under a guard that a panic drops.
#[inline(never)]
pub fn guarded<T>(body: impl FnOnce() -> T) -> T {
    let guard = Guard;
    let out = body();
    drop(guard);
    out
}

/// The message of a panic in `body`, through a catch and a resumed panic.
#[inline(never)]
pub fn message(body: &mut dyn FnMut()) -> Option<String> {
    let outer = catch_unwind(AssertUnwindSafe(|| {
        if let Err(e) = catch_unwind(AssertUnwindSafe(|| guarded(&mut *body))) {
            resume_unwind(e);
        }
    }));
    outer.err().map(|e| match e.downcast::<String>() {
        Ok(s) => *s,
        Err(e) => e
            .downcast_ref::<&str>()
            .map_or(String::from("?"), |s| (*s).to_owned()),
    })
}
