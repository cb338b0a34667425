//! Which things of different libraries are one and the same thing.

pub mod atoms;
pub mod copies;
pub mod entity;
pub mod members;
pub mod twins;
