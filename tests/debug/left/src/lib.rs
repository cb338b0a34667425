//! Panics in a function of a shared crate, with functions inlined on the way.

use std::panic::catch_unwind;

#[inline(always)]
fn first_step(depth: u32) -> u32 {
    second_step(depth) + 1
}

#[inline(always)]
fn second_step(depth: u32) -> u32 {
    debug_common::descend(depth)
}

/// Goes down so many levels and panics there; gives whether that was caught.
#[unsafe(no_mangle)]
pub extern "C" fn debug_left_panic(depth: u32) -> bool {
    catch_unwind(|| first_step(depth)).is_err()
}

/// Sums a table through an inlined closure.
#[unsafe(no_mangle)]
pub extern "C" fn debug_left_sum(count: u32) -> u32 {
    (0..count).map(|n| debug_common::weigh(n)).sum()
}
