//! Says that it was called.

#[unsafe(no_mangle)]
pub extern "C" fn of_environment() {
    println!("environment");
}
