//! Functions for C.

#[unsafe(no_mangle)]
pub extern "C" fn beta_word() {
    println!("beta");
}

#[unsafe(no_mangle)]
pub extern "C" fn beta_further() {
    println!("beta further: {}", std::env::args().count());
}
