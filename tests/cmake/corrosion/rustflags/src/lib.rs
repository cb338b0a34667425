//! Compiles with the flags that CMake gives it and no others.

#[cfg(not(all(everywhere = "yes", local, named = "a name", further)))]
compile_error!("a flag is missing");

#[unsafe(no_mangle)]
pub extern "C" fn with_flags() {
    let configuration = if cfg!(configuration = "debug") { "debug" } else { "release" };
    println!("{} of {configuration}", without_local::WORD);
}
