//! A dependency's dependency.

pub fn twice(x: i32) -> i32 {
    x * 2
}

#[unsafe(no_mangle)]
pub extern "C" fn deep_call(x: i32) -> i32 {
    x
}

pub mod inside {
    #[unsafe(no_mangle)]
    extern "C" fn deep_inside(x: i32) -> i32 {
        x
    }
}
