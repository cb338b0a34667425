//! Imports of DLLs without import libraries: one function that the other plugin imports too, one of a
//! DLL that nobody else asks for.

use std::ffi::{CStr, c_char};

#[link(name = "kernel32", kind = "raw-dylib")]
unsafe extern "system" {
    fn GetCurrentProcessId() -> u32;
}

#[link(name = "version", kind = "raw-dylib")]
unsafe extern "system" {
    fn VerLanguageNameA(language: u32, name: *mut c_char, size: u32) -> u32;
}

unsafe extern "C" {
    fn hard_left_throws(value: i32) -> i32;
    fn hard_left_counted() -> i32;
}

#[unsafe(no_mangle)]
pub extern "C" fn hard_left_process() -> u32 {
    unsafe { GetCurrentProcessId() }
}

/// 1 where the system knows a name for US English.
#[unsafe(no_mangle)]
pub extern "C" fn hard_left_language() -> i32 {
    let mut name = [0; 80];
    let length = unsafe { VerLanguageNameA(0x409, name.as_mut_ptr(), 80) };
    let name = unsafe { CStr::from_ptr(name.as_ptr()) };
    i32::from(length > 0 && name.to_bytes().starts_with(b"English"))
}

#[unsafe(no_mangle)]
pub extern "C" fn hard_left_catches_cxx() -> i32 {
    unsafe { hard_left_throws(7) }
}

#[unsafe(no_mangle)]
pub extern "C" fn hard_left_count() -> i32 {
    unsafe { hard_left_counted() }
}
