//! Includes a source that CMake's rules make.

include!(env!("GENERATED_SOURCE"));

#[unsafe(no_mangle)]
pub extern "C" fn generated_source() {
    println!("{GENERATED}");
}
