//! The JSON protocol: one request on stdin, one response on stdout, events on stderr.

pub mod asked;
pub mod capabilities;
mod check;
pub mod event;
pub mod inspection;
pub mod melded;
pub mod metadata;
pub mod read;
pub mod request;
pub mod response;
pub mod schema;
pub mod sharing;

/// The version every request names.
pub const PROTOCOL: u32 = 1;
