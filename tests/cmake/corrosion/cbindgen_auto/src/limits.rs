//! A constant in another file.

pub const FARTHEST: i64 = 4711;
