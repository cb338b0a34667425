//! The other one: it imports less.

#[link(name = "kernel32", kind = "raw-dylib")]
unsafe extern "system" {
    fn GetCurrentProcessId() -> u32;
}

unsafe extern "C" {
    fn hard_right_throws(value: i32) -> i32;
    fn hard_right_counted() -> i32;
}

#[unsafe(no_mangle)]
pub extern "C" fn hard_right_process() -> u32 {
    unsafe { GetCurrentProcessId() }
}

#[unsafe(no_mangle)]
pub extern "C" fn hard_right_catches_cxx() -> i32 {
    unsafe { hard_right_throws(9) }
}

#[unsafe(no_mangle)]
pub extern "C" fn hard_right_count() -> i32 {
    unsafe { hard_right_counted() }
}
