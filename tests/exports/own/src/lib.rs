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

// Names that look like those of compilers and runtimes are names like any other.
#[unsafe(no_mangle)]
pub extern "C" fn _Reset() {}

#[unsafe(no_mangle)]
pub extern "C" fn _Zap() {}

#[unsafe(no_mangle)]
pub extern "C" fn __wasi() {}

#[unsafe(no_mangle)]
pub extern "C" fn __gnu_own() {}

#[unsafe(no_mangle)]
pub extern "C" fn __rustls_init() {}

#[unsafe(export_name = "anon.own")]
pub extern "C" fn anonymous() {}

#[unsafe(no_mangle)]
pub fn own_rust_abi(text: &str) -> usize {
    text.len()
}

#[unsafe(no_mangle)]
pub static OWN_DATA: i32 = 5;

#[unsafe(no_mangle)]
pub static mut OWN_MUTABLE: [u8; 8] = [0; 8];
