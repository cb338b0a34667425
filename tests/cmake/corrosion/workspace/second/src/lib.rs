//! Says that it was called.

#[unsafe(no_mangle)]
pub extern "C" fn second_member() {
    println!("second");
}
