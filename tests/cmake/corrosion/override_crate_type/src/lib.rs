//! Says that it was called.

#[unsafe(no_mangle)]
pub extern "C" fn plain_library() {
    println!("no static library by itself");
}
