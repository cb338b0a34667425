//! A plugin with threads, thread locals that have destructors, and panics that it catches.

use plugin_support::{fold, guarded, register};
use std::cell::RefCell;
use std::ffi::c_int;
use std::hint::black_box;
use std::panic::catch_unwind;
use std::sync::atomic::{AtomicI32, Ordering};
use std::thread;

/// Thread-local scratch buffers dropped so far.
static DROPPED: AtomicI32 = AtomicI32::new(0);

struct Scratch(Vec<u64>);

impl Drop for Scratch {
    fn drop(&mut self) {
        DROPPED.fetch_add(1, Ordering::SeqCst);
    }
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = const { RefCell::new(Scratch(Vec::new())) };
}

#[unsafe(no_mangle)]
pub extern "C" fn gst_plugin_worker_register() -> c_int {
    guarded(-1, || register("worker"))
}

/// Adds 0..`count` in each of `threads` threads and returns the sum of their sums.
#[unsafe(no_mangle)]
pub extern "C" fn gst_plugin_worker_sum(threads: c_int, count: c_int) -> c_int {
    guarded(-1, || {
        let workers: Vec<_> = (0..threads)
            .map(|_| {
                thread::spawn(move || {
                    SCRATCH.with_borrow_mut(|s| {
                        s.0.extend(0..u64::try_from(count).unwrap_or(0));
                        s.0.iter().sum::<u64>()
                    })
                })
            })
            .collect();
        let sums: Vec<u64> = workers
            .into_iter()
            .map(|w| w.join().expect("worker"))
            .collect();
        assert!(sums.len() < 2 || fold(&sums) != 0 || count < 2);
        c_int::try_from(sums.iter().sum::<u64>()).unwrap_or(c_int::MAX)
    })
}

/// Thread-local destructors that ran: one for each thread of [`gst_plugin_worker_sum`].
#[unsafe(no_mangle)]
pub extern "C" fn gst_plugin_worker_dropped() -> c_int {
    DROPPED.load(Ordering::SeqCst)
}

/// 1 where a panic here, and one in a thread, are both caught with their messages.
#[unsafe(no_mangle)]
pub extern "C" fn gst_plugin_worker_catches() -> c_int {
    let here = catch_unwind(|| {
        let empty: Vec<i32> = Vec::new();
        empty.iter().max().copied().expect("the worker's own panic")
    });
    let there = thread::spawn(|| -> i32 { panic!("in a thread: {}", black_box(7)) }).join();
    let text = there
        .err()
        .and_then(|e| e.downcast_ref::<String>().cloned());
    c_int::from(here.is_err() && text.as_deref() == Some("in a thread: 7"))
}
