//! Any bytes as an object file: an error or atoms whose edges stay inside, never a panic.
#![no_main]
// Each target uses one of them.
#![allow(dead_code)]

#[path = "../attempts.rs"]
mod attempts;

libfuzzer_sys::fuzz_target!(|data: &[u8]| attempts::object(data));
