//! Functions that features bring, and a default feature with which nothing compiles.

#[cfg(feature = "breaking")]
compile_error!("the default features are on");

#[cfg(feature = "one")]
#[unsafe(no_mangle)]
pub extern "C" fn feature_one() {
    println!("feature one");
}

#[cfg(feature = "two")]
#[unsafe(no_mangle)]
pub extern "C" fn feature_two() {
    println!("feature two");
}
