//! Mach-O objects: read into atoms, read by a hostile hand.

mod bitcode;
mod fat;
mod hostile;
mod read;
mod support;
