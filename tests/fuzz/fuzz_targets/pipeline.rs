//! Any bytes as a library, through the whole of meld: all of the output or none.
#![no_main]
// Each target uses one of them.
#![allow(dead_code)]

#[path = "../attempts.rs"]
mod attempts;

libfuzzer_sys::fuzz_target!(|data: &[u8]| attempts::pipeline(data));
