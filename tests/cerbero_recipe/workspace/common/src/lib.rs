//! What the plugins share: a registry that counts in all of them, so a program shows whether it has
//! one copy or several.

use std::collections::BTreeMap;
use std::ffi::c_int;
use std::sync::Mutex;

/// Changed by the test that rebuilds.
pub const GENERATION: c_int = 1;

static REGISTRY: Mutex<BTreeMap<String, usize>> = Mutex::new(BTreeMap::new());

/// Registers `name` from a thread and returns how many plugins are registered.
pub fn register(name: &str) -> c_int {
    let name = name.to_owned();
    std::thread::spawn(move || {
        let mut registry = REGISTRY.lock().expect("no holder panics");
        *registry.entry(name).or_default() += 1;
        registry.len() as c_int
    })
    .join()
    .expect("the thread does not panic")
}

/// Catches a panic on the way: unwinding crosses from this crate to a plugin's.
pub fn caught(work: impl FnOnce() -> c_int + std::panic::UnwindSafe) -> c_int {
    std::panic::catch_unwind(work).unwrap_or(-1)
}
