//! Stops where the environment is not as CMake was told.

fn main() {
    assert_eq!(std::env::var("PLAIN").as_deref(), Ok("a value; and more"));
    assert_eq!(std::env::var("INDIRECT").as_deref(), Ok("of a property"));
}
