//! What a strategy decides: which bytes go to which library. Strategies are plans over the same
//! inputs, each in its own module; everything after them sees only [`OutputSet`].

mod aliases;
mod bits;
mod bounds;
mod builder;
mod carriers;
mod copies;
mod crossings;
pub mod ctor_order;
mod cuts;
pub mod debug;
pub mod dedup;
mod doubled;
pub mod early;
mod groups;
mod homes;
mod joins;
pub mod meld;
mod needs;
pub mod objects;
pub mod partition;
mod pieces;
pub mod place;
mod pulls;
pub mod verbatim;

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::analysis::identity::atoms::ClassId;
use crate::error::Diagnostic;
use crate::format::model::FilePlace;
use crate::input::LibraryId;

/// A member to write. Bytes of unchanged members are borrowed from the mapped inputs.
#[derive(Debug, Clone)]
pub struct OutputMember<'d> {
    pub name: Cow<'d, [u8]>,
    pub data: Cow<'d, [u8]>,
    /// Symbols for the archive's index where `data` does not tell them: bitcode's.
    pub symbols: Vec<&'d [u8]>,
}

/// Where a member of an input library went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Restore {
    /// It is the next of the output library's own members.
    Own,
    /// It is this one of the workspace library's members.
    Shared(usize),
}

/// A library to write, and what is said of it in [`crate::protocol::response::Plugin`].
#[derive(Debug, Clone, Default)]
pub struct OutputLibrary<'d> {
    /// Without prefix and suffix: `gstjson`.
    pub name: String,
    /// In the order they are written.
    pub members: Vec<OutputMember<'d>>,
    /// Members of the input library that stayed in it, whole or in part.
    pub members_kept: u64,
    /// Members of the input library that the workspace library now serves.
    pub members_moved: u64,
    pub debug_bytes_removed: u64,
    /// Every member of the input library in order, where the strategy keeps members whole: from
    /// these and the workspace library it can be made whole again.
    pub restore: Option<Vec<Restore>>,
    /// Symbols that programs take from the plugin, where the strategy knows them.
    pub exports: Vec<Vec<u8>>,
    /// Symbols that programs must provide from elsewhere, where the strategy knows them.
    pub externals: Vec<Vec<u8>>,
    /// The exports are what a request or manifest says, or what a program takes: nobody finds them in the libraries.
    pub exports_said: bool,
}

/// A member that was made of atoms, and where they are in it.
#[derive(Debug, Clone)]
pub struct MadeObject {
    /// The library: `None` is the workspace library.
    pub library: Option<LibraryId>,
    /// Position among the library's members.
    pub member: usize,
    /// Its classes, in the order in which they were written, and their places.
    pub atoms: Vec<(ClassId, Option<FilePlace>)>,
    /// As far as any is known, in the same order: see [`Written::debug`](crate::format::output::Written::debug).
    pub debug: Vec<u64>,
}

/// The whole result of a strategy.
#[derive(Debug, Clone, Default)]
pub struct OutputSet<'d> {
    /// One for each input library, in input order.
    pub libraries: Vec<OutputLibrary<'d>>,
    /// What the libraries share. Written even when it has no members.
    pub workspace: OutputLibrary<'d>,
    pub warnings: Vec<Diagnostic>,
    /// Further arguments that a program's final link needs.
    pub linker_args: Vec<String>,
    /// Members made of atoms, for strategies that take members apart.
    pub made: Vec<MadeObject>,
    /// Names that stay for the final linker to join, for strategies that hide the rest.
    pub met: BTreeSet<Vec<u8>>,
    /// Exports that are hidden, as they were.
    pub hidden: BTreeSet<Vec<u8>>,
    /// Number of distinct reach sets, for strategies that have them.
    pub reach_sets: Option<u64>,
}
