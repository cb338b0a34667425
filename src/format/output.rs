//! The neutral description of an object file to write: the plan's last word, the writer's input.

use std::borrow::Cow;

use super::ObjectTraits;
use super::model::{Atom, AtomIndex, Binding, FilePlace, ObjectFile, SymbolKind, Visibility};
use crate::debuginfo::ObjectDebug;
use crate::error::{Code, Diagnostic, Result};
use crate::protocol::request::Symbols;

/// An object to write.
#[derive(Debug)]
pub struct OutObject<'a, 'd> {
    /// In output order; sections of one kind are joined in this order.
    pub atoms: Vec<OutAtom<'a, 'd>>,
    /// Groups that stay such.
    pub groups: Vec<OutGroup<'d>>,
    /// Symbols that are numbers.
    pub values: Vec<OutValue<'a>>,
    /// Symbol table entries for what is elsewhere. An entry without a relocation pulls a member.
    pub undefined: Vec<Undefined<'a>>,
    /// Of every object file that an atom came from, each once, in input order.
    pub traits: Vec<ObjectTraits<'d>>,
    pub symbols: Symbols,
    /// Linkers of the GNU kind will read it, on targets that have others.
    pub gnu_linkers: bool,
    /// Linkers may merge equal pieces of it with those of other objects: each takes a symbol.
    pub merges: bool,
    pub debug: DebugOptions<'a>,
    /// What debuggers may call it, where names are kept; may be empty.
    pub name: &'a str,
}

/// How debug information is written.
#[derive(Debug, Clone, Copy, Default)]
pub struct DebugOptions<'a> {
    pub compress: bool,
    /// Prefixes of paths, and what to put in their place.
    pub remap: &'a [(String, String)],
}

/// Name of a symbol that crosses objects of one run: the original's, where names are kept, then the
/// workspace library's where that is to be told (linkers name what is missing), the run's digest and a number. No other run's clashes with it, and demanglers accept the suffix.
#[must_use]
pub fn crossing_name(
    original: Option<&[u8]>,
    library: Option<&str>,
    digest: &str,
    number: u32,
) -> Vec<u8> {
    let mut name = original.unwrap_or(b"df").to_vec();
    if let Some(library) = library {
        name.push(b'.');
        name.extend_from_slice(library.as_bytes());
    }
    name.extend_from_slice(format!(".{digest}.{number}").as_bytes());
    name
}

/// Is this a [`crossing_name`]? Formats without visibility have no other sign of it.
#[must_use]
pub fn is_crossing_name(name: &[u8]) -> bool {
    let mut parts = name.rsplitn(3, |b| *b == b'.');
    let (number, digest, original) = (parts.next(), parts.next(), parts.next());
    number.is_some_and(|n| !n.is_empty() && n.iter().all(u8::is_ascii_digit))
        && digest.is_some_and(|d| {
            d.len() == DIGEST_DIGITS
                && d.iter()
                    .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(b))
        })
        && original.is_some()
}

/// Length of the digest in a [`crossing_name`].
pub const DIGEST_DIGITS: usize = 10;

#[cfg(test)]
mod tests {
    use super::{crossing_name, is_crossing_name};

    #[test]
    fn crossing_names_are_known_again() {
        let digest = "0123456789";
        assert_eq!(crossing_name(None, None, digest, 7), b"df.0123456789.7");
        let name = crossing_name(Some(b"f"), Some("shared.1"), digest, 12);
        assert_eq!(name, b"f.shared.1.0123456789.12");
        assert!(is_crossing_name(&name));
        for other in [
            &b"f"[..],
            b"f.1",
            b"a.0123456789.x",
            b"a.01234567AB.1",
            b"0123456789.1",
        ] {
            assert!(!is_crossing_name(other), "{other:?}");
        }
    }
}

/// Where an atom goes at the end of a section of `size` bytes: its start and end.
///
/// # Errors
/// `output-limit` where it would end past `max_size`, or is aligned to more than `max_align`.
pub(super) fn append(
    size: u64,
    atom: &Atom<'_>,
    max_size: u64,
    max_align: u64,
) -> Result<(u64, u64), Diagnostic> {
    let short = atom.align.checked_sub(size % atom.align.max(1));
    let ahead = short.map(|s| s.wrapping_add(atom.phase) % atom.align.max(1));
    ahead
        .and_then(|ahead| size.checked_add(ahead))
        .and_then(|start| Some((start, start.checked_add(atom.size)?)))
        .filter(|(_, end)| *end <= max_size && atom.align <= max_align)
        .ok_or_else(|| {
            Diagnostic::new(
                Code::OutputLimit,
                format!(
                    "a section would grow over what an object can hold ({} bytes aligned to {})",
                    atom.size, atom.align
                ),
            )
            .symbol(atom.section)
        })
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
    /// What is known of its code, and the atom of another object that it is known of.
    pub debug: Option<(&'a ObjectDebug, AtomIndex)>,
}

impl OutAtom<'_, '_> {
    /// Is it code that debug information speaks of?
    #[must_use]
    pub fn has_lines(&self) -> bool {
        let atom = self.file.atoms.get(self.atom as usize);
        self.debug.is_some() && atom.is_some_and(|a| a.code)
    }
}

/// Targets of one of the file's `unwind_of(atom)` entries, and of its header.
#[derive(Debug, Default)]
pub struct OutUnwind {
    pub entry: Vec<OutTarget>,
    pub header: Vec<OutTarget>,
}

/// A written object.
#[derive(Debug)]
pub struct Written {
    pub bytes: Vec<u8>,
    /// By atom: where it stands; `None` for tables that are built anew.
    pub places: Vec<Option<FilePlace>>,
    /// Atoms that stand there once more, and where.
    pub copies: Vec<(u32, FilePlace)>,
    /// By atom, as far as any is known: bytes of rows and scopes, before compression and without relocations.
    pub debug: Vec<u64>,
}

/// A group of atoms that linkers keep or drop as one.
#[derive(Debug, Clone)]
pub struct OutGroup<'d> {
    pub signature: &'d [u8],
    /// Of several with one signature a program gets one.
    pub comdat: bool,
    /// Positions in [`OutObject::atoms`]; the first names the group where the format wants a leader.
    pub atoms: Vec<u32>,
}

/// A symbol that is a number.
#[derive(Debug, Clone)]
pub struct OutValue<'a> {
    pub name: Cow<'a, [u8]>,
    pub value: u64,
    pub size: u64,
    pub kind: SymbolKind,
    pub native: u8,
    pub visibility: Visibility,
    pub weak: bool,
}

/// A tentative definition: bytes, and alignment in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutCommon {
    pub size: u64,
    pub align: u64,
    /// It may lie further than a distance of 32 bits reaches.
    pub far: bool,
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
    /// Nothing, by the format's own rules.
    Void,
    /// Nothing, which is a fault of the plan: no writer accepts it.
    Lost,
}

/// A global symbol.
#[derive(Debug, Clone)]
pub struct OutGlobal<'a> {
    pub name: Cow<'a, [u8]>,
    pub offset: u64,
    pub size: u64,
    pub kind: SymbolKind,
    pub native: u8,
    pub visibility: Visibility,
    pub binding: Binding,
    /// It lives though nothing refers to it, where linkers drop what nothing refers to.
    pub kept: bool,
}

/// A symbol that this object needs from elsewhere.
#[derive(Debug, Clone)]
pub struct Undefined<'a> {
    pub name: Cow<'a, [u8]>,
    pub weak: bool,
    /// Hidden: known to be defined in the same program or library.
    pub visibility: Visibility,
    pub kind: SymbolKind,
    /// The format's own flag bits, as in [`Symbol::native`](super::model::Symbol::native).
    pub native: u8,
    /// Its definition may lie further than a distance of 32 bits reaches.
    pub far: bool,
    /// It is a tentative definition instead.
    pub common: Option<OutCommon>,
    /// What defines it lives though nothing refers to it.
    pub kept: bool,
    /// The bound of a table that nothing else keeps where linkers collect sections: they do not take it for
    /// a use of the table.
    pub keeps_table: bool,
    /// What a weak entry stands for where nobody defines it (COFF weak externals).
    pub fallback: Option<OutTarget>,
}
