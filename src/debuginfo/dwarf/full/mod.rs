//! What `full` keeps besides line tables: the entries of functions that live, with their variables, and of
//! the types that these need. Here are the entries between reading and writing.
//!
//! They are DWARF's own, apart from what moves: places in code and data are (atom, offset), references are
//! numbers, files the object's. What has no place in an output object is left out when that is written.
//!
//! Invariants: entries stand in preorder, unit by unit; parents before their children; every number is that of
//! an entry.

mod expressions;
pub(super) mod read;
mod tree;

use gimli::constants as dw;
use gimli::{DwAt, DwTag};

use crate::debuginfo::{CodeRange, Text};

/// Entries of an object, the units' own not among them.
#[derive(Debug, Default)]
pub struct Entries {
    pub all: Vec<Entry>,
    pub attributes: Vec<(DwAt, Value)>,
    /// Code of entries, and of locations.
    pub ranges: Vec<CodeRange>,
    pub expressions: Vec<Expression>,
    pub fixes: Vec<Fix>,
    /// Ranges and expressions of variables that are here now and there then: into `ranges` and `expressions`.
    pub locations: Vec<(u32, u32)>,
    /// (atom, function or variable that is in it), sorted.
    pub roots: Vec<(u32, u32)>,
    /// Of the units they are from.
    pub address_size: u8,
}

/// The parent of what stands at the top of a unit.
pub const NO_PARENT: u32 = u32::MAX;

/// An entry of a tree.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    pub tag: DwTag,
    /// Into [`ObjectDebug::units`](crate::debuginfo::ObjectDebug::units).
    pub unit: u32,
    pub parent: u32,
    /// One past its last descendant.
    pub end: u32,
    /// Into [`Entries::attributes`].
    pub attributes: (u32, u32),
    /// It says where its code is: live pieces, into [`Entries::ranges`].
    pub code: Option<(u32, u32)>,
}

/// What an attribute says.
#[derive(Debug, Clone, Copy)]
pub enum Value {
    /// A constant of so many bytes.
    Data(u8, u64),
    Unsigned(u64),
    Signed(i64),
    Flag(bool),
    Text(Text),
    Block(Text),
    /// Another entry.
    Entry(u32),
    /// Into [`ObjectDebug::files`](crate::debuginfo::ObjectDebug::files).
    File(u32),
    /// A place in an atom.
    Address(u32, u32),
    /// Into [`Entries::expressions`].
    Expression(u32),
    /// Into [`Entries::locations`].
    Locations(u32, u32),
}

/// An expression; what is to be put in stands as zeros in it.
#[derive(Debug, Clone, Copy)]
pub struct Expression {
    pub bytes: Text,
    /// Into [`Entries::fixes`].
    pub fixes: (u32, u32),
}

/// A field of an expression.
#[derive(Debug, Clone, Copy)]
pub struct Fix {
    /// Bytes from the expression's start.
    pub at: u32,
    pub to: FixTo,
}

/// What a field stands for.
#[derive(Debug, Clone, Copy)]
pub enum FixTo {
    /// The address of a place in an atom.
    Address(u32, u32),
    /// An entry of the same unit, from the unit's start, as a number of [`ULEB`] bytes.
    Type(u32),
    /// An entry, from the section's start, in four bytes.
    Entry(u32),
}

/// Bytes of a ULEB128 that is known late: enough for units of 256 MB, as LLVM writes them.
pub const ULEB: usize = 4;

/// The largest number in so many bytes.
pub const LARGEST: u64 = (1 << (7 * ULEB)) - 1;

impl Entries {
    #[must_use]
    pub fn attributes_of(&self, entry: &Entry) -> &[(DwAt, Value)] {
        slice(&self.attributes, entry.attributes)
    }

    #[must_use]
    pub fn code_of(&self, entry: &Entry) -> &[CodeRange] {
        entry.code.map_or(&[], |code| slice(&self.ranges, code))
    }

    #[must_use]
    pub fn fixes_of(&self, expression: &Expression) -> &[Fix] {
        slice(&self.fixes, expression.fixes)
    }

    #[must_use]
    pub fn locations_at(&self, first: u32, end: u32) -> &[(u32, u32)] {
        slice(&self.locations, (first, end))
    }

    /// Functions and variables that are in the atom.
    pub fn roots_in(&self, atom: u32) -> impl Iterator<Item = u32> + '_ {
        let first = self.roots.partition_point(|&(a, _)| a < atom);
        let rest = self.roots.get(first..).unwrap_or_default().iter();
        rest.take_while(move |r| r.0 == atom).map(|r| r.1)
    }
}

fn slice<T>(all: &[T], (first, end): (u32, u32)) -> &[T] {
    all.get(first as usize..end as usize).unwrap_or_default()
}

/// Does a child come along with its parent, without anybody that refers to it? `code` is whether the child
/// says where its code is, and if so whether that is here; `concrete` whether its parent does.
pub(super) fn comes_along(child: DwTag, code: Option<bool>, parent: DwTag, concrete: bool) -> bool {
    match child {
        // Instances of these are looked up from elsewhere, or they are functions of their own.
        dw::DW_TAG_subprogram
        | dw::DW_TAG_namespace
        | dw::DW_TAG_module
        | dw::DW_TAG_imported_declaration
        | dw::DW_TAG_imported_module
        | dw::DW_TAG_imported_unit
        | dw::DW_TAG_dwarf_procedure => false,
        // Debuggers' printers look them up by name (libstdc++'s `_Rep_type`).
        dw::DW_TAG_typedef => matches!(
            parent,
            dw::DW_TAG_class_type | dw::DW_TAG_structure_type | dw::DW_TAG_union_type
        ),
        _ if is_type(child) => false,
        dw::DW_TAG_variable
        | dw::DW_TAG_lexical_block
        | dw::DW_TAG_inlined_subroutine
        | dw::DW_TAG_label
        | dw::DW_TAG_call_site
        | dw::DW_TAG_GNU_call_site
        | dw::DW_TAG_try_block
        | dw::DW_TAG_catch_block
        | dw::DW_TAG_with_stmt => match parent {
            dw::DW_TAG_namespace | dw::DW_TAG_module => false,
            dw::DW_TAG_subprogram
            | dw::DW_TAG_lexical_block
            | dw::DW_TAG_inlined_subroutine
            | dw::DW_TAG_try_block
            | dw::DW_TAG_catch_block
            | dw::DW_TAG_with_stmt => code.unwrap_or(concrete),
            _ => true,
        },
        _ => !matches!(parent, dw::DW_TAG_namespace | dw::DW_TAG_module),
    }
}

fn is_type(tag: DwTag) -> bool {
    matches!(
        tag,
        dw::DW_TAG_array_type
            | dw::DW_TAG_atomic_type
            | dw::DW_TAG_base_type
            | dw::DW_TAG_class_type
            | dw::DW_TAG_const_type
            | dw::DW_TAG_enumeration_type
            | dw::DW_TAG_file_type
            | dw::DW_TAG_immutable_type
            | dw::DW_TAG_interface_type
            | dw::DW_TAG_packed_type
            | dw::DW_TAG_pointer_type
            | dw::DW_TAG_ptr_to_member_type
            | dw::DW_TAG_reference_type
            | dw::DW_TAG_restrict_type
            | dw::DW_TAG_rvalue_reference_type
            | dw::DW_TAG_set_type
            | dw::DW_TAG_shared_type
            | dw::DW_TAG_string_type
            | dw::DW_TAG_structure_type
            | dw::DW_TAG_subroutine_type
            | dw::DW_TAG_template_alias
            | dw::DW_TAG_typedef
            | dw::DW_TAG_union_type
            | dw::DW_TAG_unspecified_type
            | dw::DW_TAG_volatile_type
    )
}
