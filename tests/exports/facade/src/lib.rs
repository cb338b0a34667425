//! Shows another crate's API, and has none itself.

pub use exports_dep::*;
