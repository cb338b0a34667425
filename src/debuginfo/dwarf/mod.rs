//! DWARF (versions 2 to 5 read, 4 written), as object files of every format carry it.

pub mod full;
mod lines;
mod names;
pub mod read;
mod scopes;
pub mod sections;
mod spaces;
mod units;
pub mod write;
