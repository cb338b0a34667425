//! The JSON protocol: one request on stdin, one response on stdout, events on stderr.

pub mod event;
pub mod request;
pub mod response;

/// The version every request names.
pub const PROTOCOL: u32 = 1;
