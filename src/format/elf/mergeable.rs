//! Mergeable sections (gABI, SHF_MERGE): pieces that linkers make one. A linker takes a reference through a
//! section symbol for the piece that symbol and addend name together, and one through any other symbol for the
//! piece at the symbol, whatever is added. So every reference gets a symbol of its own at its piece, and
//! sections of pieces stay mergeable when they are joined.

use foldhash::{HashMap, HashMapExt};
use object::elf;

use crate::format::model::{
    Atom, Binding, Definition, EdgeKind, EdgeTarget, Native, ObjectFile, Symbol, SymbolIndex,
    SymbolKind, Visibility,
};

/// The flags that make a section mergeable.
pub(super) const FLAGS: u64 = elf::SHF_MERGE.0 | elf::SHF_STRINGS.0;

/// A local label: linkers leave it out of a program's symbols.
pub(super) const LABEL: &[u8] = b".L";

/// What a section without pieces is.
pub(super) fn whole(native: Native) -> Native {
    if native.flags & elf::SHF_MERGE.0 == 0 {
        return native;
    }
    Native {
        flags: native.flags & !FLAGS,
        entry_size: 0,
        ..native
    }
}

/// Can the atom be joined with others and stay mergeable? It is whole pieces, and linkers may move each.
pub(super) fn is_mergeable(atom: &Atom<'_>, relocations: usize) -> bool {
    let Native {
        flags, entry_size, ..
    } = atom.native;
    let fixed = (elf::SHF_WRITE | elf::SHF_GNU_RETAIN).0;
    if flags & elf::SHF_MERGE.0 == 0 || flags & fixed != 0 || relocations > 0 {
        return false;
    }
    let Ok(entry) = usize::try_from(entry_size) else {
        return false;
    };
    // The last string must end.
    let ended = |last: &[u8]| flags & elf::SHF_STRINGS.0 == 0 || last.iter().all(|&b| b == 0);
    entry.is_power_of_two()
        && atom.data.len().is_multiple_of(entry)
        && atom.align.is_multiple_of(entry_size)
        && atom.data.rchunks(entry).next().is_some_and(ended)
}

/// The piece that begins at a place of the atom, or the rest of one; `None` where the section is not mergeable.
pub fn piece_at<'a>(atom: &'a Atom<'_>, at: u64) -> Option<&'a [u8]> {
    let Native {
        flags, entry_size, ..
    } = atom.native;
    let entry = usize::try_from(entry_size).ok().filter(|&e| e > 0)?;
    if flags & elf::SHF_MERGE.0 == 0 {
        return None;
    }
    let rest = atom.data.get(usize::try_from(at).ok()?..)?;
    if flags & elf::SHF_STRINGS.0 == 0 {
        return rest.get(..entry);
    }
    let mut characters = rest.chunks(entry);
    let end = characters.position(|c| c.iter().all(|&b| b == 0))?;
    rest.get(..end * entry)
}

/// Gives what refers to a piece through its section's symbol a symbol at the piece. Where no linker could tell
/// the piece, the section has none.
pub fn name_pieces(file: &mut ObjectFile<'_>) {
    let mergeable = |a: &Atom<'_>| a.native.flags & elf::SHF_MERGE.0 != 0;
    if !file.atoms.iter().any(mergeable) {
        return;
    }
    let mut named: HashMap<(u32, u64), SymbolIndex> = HashMap::new();
    for edge in &mut file.edges {
        let (EdgeTarget::Symbol(at), EdgeKind::Relocation(_)) = (edge.to, edge.kind) else {
            continue;
        };
        let Some(symbol) = file.symbols.get(at as usize) else {
            continue;
        };
        let Definition::Atom { atom, offset } = symbol.definition else {
            continue;
        };
        let Some(a) = file.atoms.get_mut(atom as usize) else {
            continue;
        };
        if symbol.kind != SymbolKind::Section || !mergeable(a) {
            continue;
        }
        let piece = offset.wrapping_add_signed(edge.addend);
        if piece >= a.size {
            a.native = whole(a.native);
            continue;
        }
        let next = file.symbols.len() as SymbolIndex;
        let at = *named.entry((atom, piece)).or_insert(next);
        if at == next {
            file.atom_symbols.push((atom, next));
            file.symbols.push(Symbol {
                name: b"",
                definition: Definition::Atom {
                    atom,
                    offset: piece,
                },
                binding: Binding::Local,
                kind: SymbolKind::NoType,
                visibility: Visibility::Default,
                size: 0,
                native: 0,
            });
        }
        edge.to = EdgeTarget::Symbol(at);
        edge.addend = 0;
    }
    file.atom_symbols.sort_unstable();
}
