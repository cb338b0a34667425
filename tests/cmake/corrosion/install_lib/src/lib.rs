//! A function for programs that find the library installed.

#[unsafe(no_mangle)]
pub extern "C" fn installed_sum(left: u64, right: u64) -> u64 {
    left + right
}
