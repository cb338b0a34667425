//! Functions for C.

#[unsafe(no_mangle)]
pub extern "C" fn alpha_word() {
    println!("alpha");
}

#[unsafe(no_mangle)]
pub extern "C" fn alpha_further() {
    println!("alpha further: {}", std::env::args().count());
}
