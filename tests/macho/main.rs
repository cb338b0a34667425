//! Mach-O objects and libraries: read into atoms, read by a hostile hand, without bitcode, universal,
//! inspected.

mod asks;
mod bitcode;
mod fat;
mod hostile;
mod inspect;
mod mutations;
mod read;
mod support;
