//! Any bytes as an archive or a universal file: an error or members, never a panic.
#![no_main]
// Each target uses one of them.
#![allow(dead_code)]

#[path = "../attempts.rs"]
mod attempts;

libfuzzer_sys::fuzz_target!(|data: &[u8]| attempts::archive(data));
