//! Statics of a shared crate: linking makes one of each today, and so must every strategy.

use std::cell::Cell;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Mutex, OnceLock};

static COUNT: AtomicI32 = AtomicI32::new(0);
static LIST: Mutex<Vec<String>> = Mutex::new(Vec::new());
static ONCE: OnceLock<i32> = OnceLock::new();
/// Two that look the same and are not.
static TWIN_A: AtomicI32 = AtomicI32::new(0);
static TWIN_B: AtomicI32 = AtomicI32::new(0);
/// Constants whose address is their identity.
pub static KEY: u64 = 0x6b65_7920_6b65_7921;

thread_local! {
    static LOCAL: Cell<i32> = const { Cell::new(0) };
}

#[inline(never)]
pub fn bump() -> i32 {
    COUNT.fetch_add(1, Ordering::SeqCst) + 1
}

#[inline(never)]
pub fn push(name: &str) -> i32 {
    let mut list = LIST.lock().unwrap_or_else(|e| e.into_inner());
    list.push(name.to_owned());
    list.len() as i32
}

#[inline(never)]
pub fn once(value: i32) -> i32 {
    *ONCE.get_or_init(|| value)
}

#[inline(never)]
pub fn twins() -> (i32, i32) {
    (
        TWIN_A.fetch_add(1, Ordering::SeqCst),
        TWIN_B.load(Ordering::SeqCst),
    )
}

#[inline(never)]
pub fn local() -> i32 {
    LOCAL.set(LOCAL.get() + 1);
    LOCAL.get()
}
