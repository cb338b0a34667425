//! What both libraries use.

/// One level more, and a panic at the end.
#[inline(never)]
pub fn descend(depth: u32) -> u32 {
    if depth == 0 {
        panic!("at the bottom");
    }
    std::hint::black_box(descend(depth - 1)) + 1
}

/// Inlined wherever it is used.
#[inline]
pub fn weigh(n: u32) -> u32 {
    let odd = std::hint::black_box(n) % 2 == 1;
    if odd { 3 * n } else { n / 2 }
}
