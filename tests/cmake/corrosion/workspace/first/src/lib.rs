//! Says that it was called.

#[unsafe(no_mangle)]
pub extern "C" fn first_member() {
    println!("first");
}
