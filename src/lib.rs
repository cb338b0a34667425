//! dragonfire: Rust plugins as static libraries, each piece once.
//!
//! The modules are the stages that data goes through, named here in that order. No module imports a
//! later one; `tests/tidy.rs` holds that.
//!
//! | stage | what it takes | what it gives |
//! | --- | --- | --- |
//! | [`error`], [`nearest`] | | words that every stage uses: coded diagnostics, "did you mean" |
//! | [`protocol`], [`manifest`], [`exports`] | JSON, patterns | what is asked, what is answered, which symbols are exports |
//! | [`workspace`] | a Cargo.toml | static libraries, each with its native libraries |
//! | [`debuginfo`] | debug sections | line rows and inlined functions of what lives; and back |
//! | [`format`](mod@format) | bytes of one object | atoms, symbols, edges; and back to bytes |
//! | [`input`] | paths | mapped libraries and their members |
//! | [`analysis`] | members and exports | what is equal, what resolves where, what lives, and who reaches it |
//! | [`plan`] | an analysis | members of every output library |
//! | [`output`] | a plan | archives beside their targets, then in their places |
//! | [`verify`] | what was written and what was promised | nothing, or what does not hold |
//! | [`inspect`], [`report`] | inputs and analysis | sizes, providers of symbols, the page that draws them |
//! | [`emit`] | plugins and what they need | .pc, .la, CMake, link arguments, depfile |
//! | [`operations`] | a request | a response: the flows through the stages above |
//! | [`cli`] | arguments or stdin | a request, then text or JSON, and the exit code |
//!
//! [`operations::combine`] is the flow of `dedup`, `prelink` and `meld` from top to bottom, and
//! [`analysis::Analysis`] its middle. The words are those of the README and docs/architecture.md.

pub mod error;
pub mod nearest;

pub mod exports;
pub mod manifest;
pub mod protocol;

pub mod workspace;

pub mod debuginfo;
pub mod format;
pub mod input;

pub mod analysis;
pub mod plan;

pub mod output;
pub mod verify;

pub mod inspect;
pub mod report;

pub mod emit;

pub mod operations;

pub mod cli;

pub use operations::run;
