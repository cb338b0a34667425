//! Any bytes as a library, through dedup and inspect: all of the output or none.
#![no_main]
// Each target uses one of them.
#![allow(dead_code)]

#[path = "../attempts.rs"]
mod attempts;

libfuzzer_sys::fuzz_target!(|data: &[u8]| attempts::dedup(data));
