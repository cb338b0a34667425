//! What std would bring: an allocator and an end for panics, both from kernel32.
#![no_std]

use core::alloc::{GlobalAlloc, Layout};
use core::ffi::c_void;
use core::panic::PanicInfo;
use core::ptr;
use core::sync::atomic::{AtomicUsize, Ordering};

unsafe extern "system" {
    fn GetProcessHeap() -> *mut c_void;
    fn HeapAlloc(heap: *mut c_void, flags: u32, size: usize) -> *mut c_void;
    fn HeapFree(heap: *mut c_void, flags: u32, memory: *mut c_void) -> i32;
    fn ExitProcess(status: u32) -> !;
}

/// The process heap.
pub struct ProcessHeap;

/// Pieces of memory that were asked for, by all plugins of a program.
static PIECES: AtomicUsize = AtomicUsize::new(0);

/// What `HeapAlloc` aligns to.
const ALIGNMENT: usize = 16;

// SAFETY: HeapAlloc's memory is aligned to 16 and nobody else's until HeapFree.
unsafe impl GlobalAlloc for ProcessHeap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.align() > ALIGNMENT {
            return ptr::null_mut();
        }
        PIECES.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the process heap is there as long as the process.
        unsafe { HeapAlloc(GetProcessHeap(), 0, layout.size()).cast() }
    }

    unsafe fn dealloc(&self, memory: *mut u8, _: Layout) {
        // SAFETY: the caller's promise: it is of `alloc`.
        unsafe { HeapFree(GetProcessHeap(), 0, memory.cast()) };
    }
}

#[global_allocator]
static HEAP: ProcessHeap = ProcessHeap;

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    // SAFETY: ends the process.
    unsafe { ExitProcess(101) }
}

/// Pieces of memory that all plugins of the program together have asked for.
#[must_use]
pub fn pieces() -> usize {
    PIECES.load(Ordering::Relaxed)
}
