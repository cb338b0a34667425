//! A plugin built with link-time optimisation: std and all in one object.

/// 10 for a caught panic and 4 for the commonest word.
#[unsafe(no_mangle)]
pub extern "C" fn hard_thin_work() -> i32 {
    hard_lto_shared::work("c c d c c")
}

#[unsafe(no_mangle)]
pub extern "C" fn hard_thin_quiet() {
    std::panic::set_hook(Box::new(|_| {}));
}
