//! Does not compile where cargo does not see .cargo/config.toml beside Cargo.toml.

#[unsafe(no_mangle)]
pub extern "C" fn configured() {
    println!("{}", env!("FROM_CONFIGURATION"));
}
