//! Pieces of sections that linkers make one with equal ones.

use super::model::{Atom, ObjectFile};
use super::{Format, elf};

/// Gives each place that linkers may merge with an equal one, and that something refers to, a symbol.
pub fn name_pieces(file: &mut ObjectFile<'_>) {
    elf::mergeable::name_pieces(file);
}

/// The piece at a place of the atom, where linkers may make it one with equal ones.
#[must_use]
pub fn mergeable_piece<'a>(format: Format, atom: &'a Atom<'_>, at: u64) -> Option<&'a [u8]> {
    (format == Format::Elf).then(|| elf::mergeable::piece_at(atom, at))?
}
