//! Says that it was called.

#[unsafe(no_mangle)]
pub extern "C" fn of_two_2() {
    println!("library 2");
}
