//! Text: maps of strings, comparisons (`memcmp`), formatting.
#![no_std]

extern crate alloc;

use alloc::collections::BTreeMap;
use alloc::string::ToString;
use core::slice;
use core::str;

/// How often the commonest word of a text occurs; 0 where it is not UTF-8.
///
/// # Safety
/// `text` points to `size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nocrt_words_commonest(text: *const u8, size: usize) -> u32 {
    // SAFETY: the caller's promise.
    let Ok(text) = str::from_utf8(unsafe { slice::from_raw_parts(text, size) }) else {
        return 0;
    };
    let mut counts = BTreeMap::new();
    for word in text.split_whitespace() {
        *counts.entry(word.to_lowercase()).or_insert(0_u32) += 1;
    }
    counts.values().copied().max().unwrap_or(0)
}

/// Digits of a number.
#[unsafe(no_mangle)]
pub extern "C" fn nocrt_words_digits(number: u64) -> usize {
    number.to_string().len()
}

/// Ends the program with 101.
#[unsafe(no_mangle)]
pub extern "C" fn nocrt_words_panics(at: usize) -> u32 {
    let few = [1_u32, 2, 3];
    few[at]
}

/// Pieces of memory that all plugins of the program have asked for.
#[unsafe(no_mangle)]
pub extern "C" fn nocrt_words_pieces() -> usize {
    nocrt_base::pieces()
}
