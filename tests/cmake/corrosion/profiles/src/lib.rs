//! Tells of the profile that it was built with.

#[unsafe(no_mangle)]
pub extern "C" fn profiled() -> bool {
    cfg!(debug_assertions)
}
