//! From a plan to files: markers, archives, and the moment when they replace what was there.
//!
//! In: an [`OutputSet`](crate::plan::OutputSet) and where it goes ([`targets`]). Out: archives in a
//! folder beside their targets ([`archive`], [`mark`], [`merge`]), and, once proven, in their places ([`commit`]).

pub mod archive;
pub mod commit;
pub mod mark;
pub mod merge;
mod stale;
pub mod targets;
