//! Arithmetic: floating point (`_fltused`), a frame of many pages (`__chkstk`), copies (`memcpy`).
#![no_std]

extern crate alloc;

use alloc::vec::Vec;
use core::hint::black_box;
use core::slice;

/// The median of `count` numbers.
///
/// # Safety
/// `numbers` points to so many.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nocrt_tally_median(numbers: *const f64, count: usize) -> f64 {
    // SAFETY: the caller's promise.
    let mut sorted: Vec<f64> = unsafe { slice::from_raw_parts(numbers, count) }.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = |i: usize| sorted.get(i).copied().unwrap_or(0.0);
    (at(count / 2) + at(count.saturating_sub(1) / 2)) / 2.0
}

/// How many different bytes there are among `count`.
///
/// # Safety
/// `bytes` points to so many.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nocrt_tally_different(bytes: *const u8, count: usize) -> u32 {
    let mut counts = [0_u64; 4096];
    // SAFETY: the caller's promise.
    for byte in unsafe { slice::from_raw_parts(bytes, count) } {
        black_box(&mut counts)[usize::from(*byte) * 16] += 1;
    }
    // By value: a copy of 32 KiB.
    black_box(counts).iter().map(|n| u32::from(*n != 0)).sum()
}

/// Pieces of memory that all plugins of the program have asked for.
#[unsafe(no_mangle)]
pub extern "C" fn nocrt_tally_pieces() -> usize {
    nocrt_base::pieces()
}
