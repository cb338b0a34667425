//! Says that it was called.

#[unsafe(no_mangle)]
pub extern "C" fn of_two_1() {
    println!("library 1");
}
