//! Has its own flags besides those of .cargo/config.toml.

#[cfg(not(all(configured, local, added)))]
compile_error!("a flag is missing");

#[unsafe(no_mangle)]
pub extern "C" fn configured_flags() {
    println!("all flags");
}
