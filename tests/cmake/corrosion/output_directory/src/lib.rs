//! Says that it was called.

#[unsafe(no_mangle)]
pub extern "C" fn somewhere() {
    println!("from another folder");
}
