//! A dependency with a C API of its own.

unsafe extern "C" {
    fn dep_native() -> i32;
}

pub fn inner(x: i32) -> i32 {
    let text = format!("{x}");
    // SAFETY: it takes nothing.
    text.len() as i32 + unsafe { dep_native() }
}

#[unsafe(no_mangle)]
pub extern "C" fn dep_call(x: i32) -> i32 {
    exports_deep::twice(x)
}

#[unsafe(no_mangle)]
extern "C" fn dep_private(x: i32) -> i32 {
    x
}

#[unsafe(no_mangle)]
pub static DEP_DATA: i32 = 6;
