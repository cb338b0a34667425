//! A plugin without std that brings its own `memcpy`, as firmware-style libraries do: programs without
//! a C library take it from here.
#![no_std]

use core::panic::PanicInfo;

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    loop {}
}

/// # Safety
/// As C's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, size: usize) -> *mut u8 {
    let mut at = 0;
    while at < size {
        // SAFETY: the caller's promise; volatile, or this loop becomes a call of itself.
        unsafe { to.add(at).write_volatile(from.add(at).read_volatile()) };
        at += 1;
    }
    to
}

/// # Safety
/// As C's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn memset(to: *mut u8, byte: i32, size: usize) -> *mut u8 {
    let mut at = 0;
    while at < size {
        // SAFETY: as above.
        unsafe { to.add(at).write_volatile(byte as u8) };
        at += 1;
    }
    to
}

/// Sum of the bytes.
///
/// # Safety
/// `data` points to `size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hard_nostd_sum(data: *const u8, size: usize) -> u32 {
    // SAFETY: the caller's promise.
    unsafe { core::slice::from_raw_parts(data, size) }
        .iter()
        .map(|b| u32::from(*b))
        .sum()
}
