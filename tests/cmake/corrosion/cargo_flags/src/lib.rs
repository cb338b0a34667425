//! Does not compile without all of its features.

#[cfg(not(all(feature = "first", feature = "second", feature = "third")))]
compile_error!("a flag of cargo was lost");

#[unsafe(no_mangle)]
pub extern "C" fn flags_given() {
    println!("three features");
}
