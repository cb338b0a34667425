//! Debug information for line tables, whatever object format and DWARF version it came in: for each atom
//! that lives, its line rows and the tree of functions inlined into it.
//!
//! An object's is read once ([`dwarf::read`]), for the atoms that live, into an [`ObjectDebug`]; places are
//! (atom, offset). An output object's is written ([`dwarf::write`]) from those of the atoms it is made of.
//! Debug information is no part of identity: code is the same with and without it.
//!
//! Invariants of an [`ObjectDebug`]: every range lies in its atom; rows of an atom are sorted by offset and
//! end with one marked as the end; a scope's ranges lie in live atoms; scopes stand in preorder.

pub(crate) mod arena;
pub mod compress;
pub mod dwarf;
pub mod places;

/// A piece of [`ObjectDebug::text`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Text {
    start: u32,
    len: u32,
}

/// A source file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SourceFile {
    /// With the unit's folder in front where it was relative to that; may be empty.
    pub directory: Text,
    pub name: Text,
}

/// What functions stand in: a module, a namespace or a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Space {
    /// The one around it: into [`ObjectDebug::spaces`], before it there; [`NO_SPACE`] at the top.
    pub parent: u32,
    /// Empty for a namespace without a name.
    pub name: Text,
}

/// The space of what stands in none, or of which it is not known.
pub const NO_SPACE: u32 = u32::MAX;

/// What a function is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Routine {
    /// Into [`ObjectDebug::spaces`], or [`NO_SPACE`].
    pub space: u32,
    /// As in the source; empty where unknown.
    pub name: Text,
    /// As linkers call it; empty where that is the same or unknown.
    pub linkage_name: Text,
}

impl Default for Routine {
    fn default() -> Self {
        Self {
            space: NO_SPACE,
            name: Text::default(),
            linkage_name: Text::default(),
        }
    }
}

/// What compilers say once for a translation unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Unit {
    /// DW_AT_language.
    pub language: u16,
    pub producer: Text,
    /// Of its source, and of the compiler when it ran.
    pub name: Text,
    pub folder: Text,
}

/// Where a function was inlined. `file` is an index into [`ObjectDebug::files`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Call {
    pub file: u32,
    pub line: u32,
    pub column: u32,
    /// DW_AT_GNU_discriminator: which of several calls in the line.
    pub discriminator: u32,
}

/// Code of an atom, in bytes from its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CodeRange {
    pub atom: u32,
    pub start: u32,
    pub end: u32,
}

/// A function, or one inlined into it.
#[derive(Debug, Clone, Copy)]
pub struct Scope {
    /// 0 for a function.
    pub depth: u32,
    /// Index into [`ObjectDebug::routines`].
    pub routine: u32,
    /// `None` for a function, and where the compiler did not say.
    pub call: Option<Call>,
    /// Into [`ObjectDebug::ranges`].
    pub ranges: (u32, u32),
}

/// A function with its inlined ones.
#[derive(Debug, Clone, Copy)]
pub struct Function {
    /// Into [`ObjectDebug::units`].
    pub unit: u32,
    /// Into [`ObjectDebug::scopes`]; the first is the function itself.
    pub scopes: (u32, u32),
}

/// A row of a line table: it holds from its offset to the next row's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    pub offset: u32,
    /// Into [`ObjectDebug::files`]; [`NO_FILE`] at an end.
    pub file: u32,
    pub line: u32,
    pub discriminator: u32,
    pub column: u16,
    pub flags: RowFlags,
}

/// The file of a row that has none.
pub const NO_FILE: u32 = u32::MAX;

/// What a row says besides its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RowFlags(u8);

impl RowFlags {
    pub const IS_STMT: Self = Self(1);
    pub const PROLOGUE_END: Self = Self(2);
    pub const EPILOGUE_BEGIN: Self = Self(4);
    pub const BASIC_BLOCK: Self = Self(8);
    /// Nothing is said of what follows.
    pub const END: Self = Self(16);

    #[must_use]
    pub fn has(self, flag: Self) -> bool {
        self.0 & flag.0 != 0
    }

    #[must_use]
    pub fn with(self, flag: Self, set: bool) -> Self {
        if set { Self(self.0 | flag.0) } else { self }
    }
}

/// Rows of one atom.
#[derive(Debug, Clone, Copy)]
pub struct Run {
    pub atom: u32,
    /// Into [`ObjectDebug::units`].
    pub unit: u32,
    /// Into [`ObjectDebug::rows`].
    pub rows: (u32, u32),
}

/// What is known of an object's live code.
#[derive(Debug, Default)]
pub struct ObjectDebug {
    pub(crate) text: Vec<u8>,
    pub files: Vec<SourceFile>,
    pub spaces: Vec<Space>,
    pub routines: Vec<Routine>,
    pub units: Vec<Unit>,
    pub scopes: Vec<Scope>,
    pub ranges: Vec<CodeRange>,
    pub functions: Vec<Function>,
    /// (atom, function that has code in it), sorted.
    pub functions_of: Vec<(u32, u32)>,
    pub rows: Vec<Row>,
    /// Sorted by atom.
    pub runs: Vec<Run>,
    /// Its functions are described in files elsewhere (split debug information).
    pub split: bool,
    /// Variables and types, where they were asked for.
    pub full: Option<Box<dwarf::full::Entries>>,
    /// Why these are not there, though they were asked for.
    pub reduced: Option<String>,
    /// It is in the object format's own way (CodeView), not in DWARF, and is written so.
    pub own_way: bool,
}

impl ObjectDebug {
    #[must_use]
    pub fn text(&self, text: Text) -> &[u8] {
        let start = text.start as usize;
        self.text
            .get(start..start + text.len as usize)
            .unwrap_or_default()
    }

    /// The atom's rows, run by run.
    #[must_use]
    pub fn runs_of(&self, atom: u32) -> &[Run] {
        let a = self.runs.partition_point(|r| r.atom < atom);
        let b = self.runs.partition_point(|r| r.atom <= atom);
        &self.runs[a..b]
    }

    /// Functions that have code in the atom.
    pub fn functions_in(&self, atom: u32) -> impl Iterator<Item = u32> + '_ {
        let a = self.functions_of.partition_point(|&(x, _)| x < atom);
        self.functions_of[a..]
            .iter()
            .take_while(move |&&(x, _)| x == atom)
            .map(|&(_, f)| f)
    }

    #[must_use]
    pub fn rows_of(&self, run: &Run) -> &[Row] {
        self.rows
            .get(run.rows.0 as usize..run.rows.1 as usize)
            .unwrap_or_default()
    }

    #[must_use]
    pub fn ranges_of(&self, scope: &Scope) -> &[CodeRange] {
        self.ranges
            .get(scope.ranges.0 as usize..scope.ranges.1 as usize)
            .unwrap_or_default()
    }

    #[must_use]
    pub fn scopes_of(&self, function: &Function) -> &[Scope] {
        self.scopes
            .get(function.scopes.0 as usize..function.scopes.1 as usize)
            .unwrap_or_default()
    }
}
