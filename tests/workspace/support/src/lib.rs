//! What every plugin of the fixture shares: a registry, and helpers at the C border.

use std::ffi::{CStr, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

/// Names registered by the plugins of one program. One list for all of them.
static REGISTERED: Mutex<Vec<&'static str>> = Mutex::new(Vec::new());

/// Adds a plugin and says how many there are now, itself included.
pub fn register(name: &'static str) -> i32 {
    let mut list = REGISTERED.lock().unwrap_or_else(|e| e.into_inner());
    if !list.contains(&name) {
        list.push(name);
    }
    i32::try_from(list.len()).unwrap_or(i32::MAX)
}

/// Runs `body` and turns a panic into `fallback`, as every function that C calls must.
pub fn guarded<T>(fallback: T, body: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or(fallback)
}

/// The string behind a C pointer; a null pointer or bad UTF-8 panics, for [`guarded`] to catch.
///
/// # Safety
/// `text` is null or a NUL-terminated string that outlives the call.
pub unsafe fn text<'a>(text: *const c_char) -> &'a str {
    assert!(!text.is_null(), "null string");
    // SAFETY: not null, and the caller promises the rest.
    unsafe { CStr::from_ptr(text) }.to_str().expect("not UTF-8")
}

/// How far a value may be folded; the feature changes the code of a shared crate.
#[must_use]
pub fn fold(values: &[u64]) -> u64 {
    let step = if cfg!(feature = "wide") { 1 } else { 2 };
    values
        .iter()
        .step_by(step)
        .fold(0, |sum, v| sum.wrapping_mul(31).wrapping_add(*v))
}
