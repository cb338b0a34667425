//! The neutral description of an object file to write: the plan's last word, the writer's input.

use std::borrow::Cow;

use super::ObjectTraits;
use super::model::{AtomIndex, ObjectFile, SymbolKind};
use crate::protocol::request::Symbols;

/// An object to write.
#[derive(Debug)]
pub struct OutObject<'a, 'd> {
    /// In output order; sections of one kind are joined in this order.
    pub atoms: Vec<OutAtom<'a, 'd>>,
    /// Symbol table entries for what is elsewhere. An entry without a relocation pulls a member.
    pub undefined: Vec<Undefined<'a>>,
    /// Of every object file that an atom came from, each once, in input order.
    pub traits: Vec<ObjectTraits<'d>>,
    pub symbols: Symbols,
}

/// An atom to write.
#[derive(Debug)]
pub struct OutAtom<'a, 'd> {
    pub file: &'a ObjectFile<'d>,
    pub atom: AtomIndex,
    /// Section name, where it is not the input's.
    pub section: Option<Cow<'a, [u8]>>,
    /// One for each of the file's `edges_of(atom)`.
    pub targets: Vec<OutTarget>,
    /// Global symbols it defines.
    pub globals: Vec<OutGlobal<'a>>,
    pub unwind: Vec<OutUnwind>,
}

/// Targets of one of the file's `unwind_of(atom)` entries, and of its header.
#[derive(Debug, Default)]
pub struct OutUnwind {
    pub entry: Vec<OutTarget>,
    pub header: Vec<OutTarget>,
}

/// What an edge leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OutTarget {
    /// `offset` bytes into an atom of this object (by position); `kind` is the referenced symbol's.
    Atom {
        atom: u32,
        offset: u64,
        kind: SymbolKind,
    },
    /// By the name of a global that this object defines: (atom, position in its `globals`).
    Global {
        atom: u32,
        global: u32,
    },
    /// By the name of an entry of [`OutObject::undefined`].
    Undefined(u32),
    Absolute(u64),
    Nothing,
}

/// A global symbol.
#[derive(Debug, Clone)]
pub struct OutGlobal<'a> {
    pub name: Cow<'a, [u8]>,
    pub offset: u64,
    pub size: u64,
    pub kind: SymbolKind,
    pub native: u8,
    /// Default visibility; else hidden.
    pub visible: bool,
    pub weak: bool,
}

/// A symbol that this object needs from elsewhere.
#[derive(Debug, Clone)]
pub struct Undefined<'a> {
    pub name: Cow<'a, [u8]>,
    pub weak: bool,
    /// Known to be defined in the same program or library.
    pub hidden: bool,
    pub kind: SymbolKind,
}
