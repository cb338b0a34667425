//! Panics in a function of a shared crate, with functions inlined on the way.

use std::hint::black_box;
use std::panic::catch_unwind;
use std::sync::atomic::{AtomicU32, Ordering};

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

/// What debuggers are asked to show.
pub enum Tint {
    Plain,
    Mixed(u8, u8),
}

pub struct Shape {
    pub width: u32,
    pub name: &'static str,
    pub tint: Tint,
}

pub static MEASURED: AtomicU32 = AtomicU32::new(40);

#[inline(never)]
fn measure(shape: &Shape) -> u32 {
    let area = shape.width * shape.width;
    let parts = match shape.tint {
        Tint::Plain => 1,
        Tint::Mixed(a, b) => u32::from(a) + u32::from(b),
    };
    MEASURED.fetch_add(black_box(parts), Ordering::Relaxed);
    black_box(area) + parts
}

/// Measures a shape of this width.
#[unsafe(no_mangle)]
pub extern "C" fn debug_left_measure(width: u32) -> u32 {
    let shape = Shape {
        width,
        name: "square",
        tint: Tint::Mixed(3, 4),
    };
    measure(black_box(&shape))
}
