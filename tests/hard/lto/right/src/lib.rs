//! A plugin built with link-time optimisation: std and all in one object.

/// 10 for a caught panic and 3 for the commonest word.
#[unsafe(no_mangle)]
pub extern "C" fn hard_right_work() -> i32 {
    hard_lto_shared::work("a b b b")
}

#[unsafe(no_mangle)]
pub extern "C" fn hard_right_quiet() {
    std::panic::set_hook(Box::new(|_| {}));
}
