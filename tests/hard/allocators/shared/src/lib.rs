//! Code of one crate in plugins with three allocators: none of it may be shared between them where
//! it reaches an allocation.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::panic::{self, AssertUnwindSafe};
use std::ptr;
use std::sync::atomic::{AtomicI32, Ordering};

/// The system's allocator behind a header that says whose block it is. A block freed through
/// another allocator ends the program.
pub struct Marked {
    mark: u64,
    calls: AtomicI32,
}

const HEADER: usize = 32;

impl Marked {
    #[must_use]
    pub const fn new(mark: u64) -> Self {
        Self {
            mark,
            calls: AtomicI32::new(0),
        }
    }

    pub fn calls(&self) -> i32 {
        self.calls.load(Ordering::SeqCst)
    }
}

fn padded(layout: Layout) -> Option<Layout> {
    if layout.align() > HEADER {
        return None;
    }
    Layout::from_size_align(layout.size().checked_add(HEADER)?, HEADER).ok()
}

// SAFETY: every block is the system's, moved by a header of fixed size and sufficient alignment.
unsafe impl GlobalAlloc for Marked {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let Some(layout) = padded(layout) else {
            return ptr::null_mut();
        };
        self.calls.fetch_add(1, Ordering::SeqCst);
        // SAFETY: the size is not zero.
        unsafe {
            let block = System.alloc(layout);
            if block.is_null() {
                return block;
            }
            block.cast::<u64>().write(self.mark);
            block.add(HEADER)
        }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let Some(layout) = padded(layout) else { return };
        // SAFETY: `alloc` gave this block with its header.
        unsafe {
            let block = block.sub(HEADER);
            if block.cast::<u64>().read() != self.mark {
                std::process::abort();
            }
            System.dealloc(block, layout);
        }
    }
}

/// Thread-local values dropped in this plugin's universe.
static DROPPED: AtomicI32 = AtomicI32::new(0);
/// Panics that this plugin's hook saw.
static HOOKED: AtomicI32 = AtomicI32::new(0);

struct Kept(Vec<String>);

impl Drop for Kept {
    fn drop(&mut self) {
        DROPPED.fetch_add(i32::from(!self.0.is_empty()), Ordering::SeqCst);
    }
}

thread_local! {
    static KEPT: RefCell<Kept> = const { RefCell::new(Kept(Vec::new())) };
}

pub fn dropped() -> i32 {
    DROPPED.load(Ordering::SeqCst)
}

pub fn hooked() -> i32 {
    HOOKED.load(Ordering::SeqCst)
}

/// Counts this plugin's panics from now on, and prints none.
pub fn set_hook() {
    panic::set_hook(Box::new(|_| {
        HOOKED.fetch_add(1, Ordering::SeqCst);
    }));
}

/// Allocates here, in a thread, in a map and in a thread local; the answer is always 45.
pub fn work() -> i32 {
    let map: BTreeMap<i32, String> = (0..10).map(|i| (i, format!("value {i}"))).collect();
    let map = std::thread::spawn(move || {
        let mut map = map;
        map.remove(&0);
        map
    })
    .join()
    .expect("worker");
    KEPT.with_borrow_mut(|kept| kept.0.extend(map.values().cloned()));
    map.keys().sum()
}

/// What a plugin calls in another one.
pub type Callback = extern "C-unwind" fn();

struct Local(Vec<String>);

impl Drop for Local {
    fn drop(&mut self) {
        DROPPED.fetch_add(100 * i32::from(self.0.len() == 3), Ordering::SeqCst);
    }
}

/// Calls back with a local that must be dropped when a panic passes through.
pub fn call(callback: Callback) {
    let local = Local(vec![
        String::from("a"),
        String::from("b"),
        String::from("c"),
    ]);
    callback();
    drop(local);
}

/// Panics with an allocated message.
pub fn panic_now(number: i32) {
    panic!("number {number}");
}

/// 1 where `body` panicked with the message of [`panic_now`].
pub fn catches(body: impl FnOnce()) -> i32 {
    match panic::catch_unwind(AssertUnwindSafe(body)) {
        Ok(()) => 0,
        Err(e) => i32::from(
            e.downcast_ref::<String>()
                .is_some_and(|s| s.starts_with("number ")),
        ),
    }
}
