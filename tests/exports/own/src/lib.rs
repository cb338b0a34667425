//! A crate with a C API of every kind.

unsafe extern "C" {
    fn own_native() -> i32;
}

#[unsafe(no_mangle)]
pub extern "C" fn own_call(x: i32) -> i32 {
    let sum = exports_dep::inner(x);
    // SAFETY: it takes nothing.
    sum + unsafe { own_native() }
}

mod private {
    #[unsafe(no_mangle)]
    extern "C" fn own_private() -> i32 {
        3
    }
}

#[unsafe(export_name = "own.dotted$name")]
pub extern "C" fn dotted() -> i32 {
    4
}

#[unsafe(no_mangle)]
pub fn own_rust_abi(text: &str) -> usize {
    text.len()
}

#[unsafe(no_mangle)]
pub static OWN_DATA: i32 = 5;

#[unsafe(no_mangle)]
pub static mut OWN_MUTABLE: [u8; 8] = [0; 8];
