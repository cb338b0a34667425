//! dedup on small libraries of C objects: linked by real linkers, run, killed, starved.

mod asks;
mod bad_input;
mod in_place;
mod link_order;
mod markers;
mod random;
mod rust;
mod same_bytes;
mod support;
