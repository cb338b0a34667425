//! The neutral model of one object file: atoms, symbols, edges.
//!
//! A format's reader fills it; the phases after it (resolve, reach, identity, plan) know no other
//! view of an object. What only a format's own writer understands travels in [`Native`].

use std::borrow::Cow;
use std::sync::OnceLock;

/// Index of an atom in its object.
pub type AtomIndex = u32;
/// Index of a symbol in its object.
pub type SymbolIndex = u32;

/// Values that only the format's own reader and writer give a meaning to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Native {
    /// Section type (ELF), 0 elsewhere.
    pub kind: u32,
    /// Section flags or characteristics.
    pub flags: u64,
    /// Entry size in bytes, 0 for none.
    pub entry_size: u64,
}

/// Why something lives without a relocation to it. The names are what `why` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KeepRule {
    /// Constructors, destructors and their tables.
    InitArray,
    /// Sections flagged to survive section collection.
    Retained,
    /// Notes that tools or the loader read.
    Note,
    /// A table tied to the section it describes (SHF_LINK_ORDER).
    LinkOrder,
    /// Data that lives if it refers to something that does (S_ATTR_LIVE_SUPPORT).
    LiveSupport,
    /// A section that lives as long as another does (associative COMDAT).
    Associative,
    /// The other sections of a group.
    Group,
    /// Personality routine or language-specific data of a function's unwind entry.
    Unwind,
    /// A section whose bounds live code asks for (`__start_X`, `__stop_X`), or somebody outside may.
    Registry,
    /// The manifest's `keep`.
    Manifest,
}

impl KeepRule {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::InitArray => "init-array",
            Self::Retained => "retained",
            Self::Note => "note",
            Self::LinkOrder => "link-order",
            Self::LiveSupport => "live-support",
            Self::Associative => "associative",
            Self::Group => "group",
            Self::Unwind => "unwind",
            Self::Registry => "registry",
            Self::Manifest => "manifest",
        }
    }
}

/// What tells an atom from another one that says the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ToldBy {
    /// Nothing: its address is nobody's, as that of a literal that linkers may merge.
    Contents,
    /// The names that other objects see: it holds nothing besides.
    Names,
    /// Where it stands: it may hold what no symbol names any more.
    #[default]
    Place,
}

/// A place in an object file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct FilePlace {
    /// The section's number in the file.
    pub section: u32,
    /// In bytes from its start.
    pub offset: u64,
}

/// The smallest thing kept or dropped as one.
#[derive(Debug, Clone)]
pub struct Atom<'d> {
    /// Its section's name.
    pub section: &'d [u8],
    /// Its segment's name where the format has such (Mach-O), else empty.
    pub segment: &'d [u8],
    /// Contents; empty where `zero_fill`.
    pub data: Cow<'d, [u8]>,
    /// Size in memory, in bytes.
    pub size: u64,
    /// Alignment in bytes, a power of two.
    pub align: u64,
    /// It begins so many bytes behind a multiple of `align`: what is aligned stands within it (Mach-O).
    pub phase: u64,
    pub code: bool,
    /// Written at run time by more than the loader (`.data.rel.ro` is not).
    pub writable: bool,
    pub tls: bool,
    pub zero_fill: bool,
    /// Lives when anything of its member does, by this rule.
    pub keep: Option<KeepRule>,
    /// COMDAT group it belongs to, as an index into [`ObjectFile::groups`].
    pub group: Option<u32>,
    /// It is part of a table that code finds by its bounds: the name that the bounds share.
    pub registry: Option<&'d [u8]>,
    /// The bounds are sections that sort before and after it, not symbols that the linker defines.
    pub bounded_by_sections: bool,
    /// Two functions cannot share it, though it be equal (language-specific data, where linkers say so).
    pub of_one_function: bool,
    pub told_by: ToldBy,
    /// It may lie further from code than a distance of 32 bits reaches (large code model).
    pub far: bool,
    /// Where it stands in its file.
    pub at: FilePlace,
    pub native: Native,
}

impl Atom<'_> {
    /// Does it count, though nothing refers to it: an entry of a table, a constructor, a note? What is tied
    /// to another atom goes with that.
    #[must_use]
    pub fn counts_by_itself(&self) -> bool {
        match self.keep {
            Some(KeepRule::InitArray | KeepRule::Retained | KeepRule::Note) => true,
            Some(_) => false,
            None => self.registry.is_some(),
        }
    }
}

/// Sections that are kept or dropped together; only one of several groups of a signature is linked.
#[derive(Debug, Clone)]
pub struct Group<'d> {
    pub signature: &'d [u8],
    /// Another definition of the signature in an earlier pulled member replaces this one.
    pub comdat: bool,
    /// The largest definition is linked, not the first (COFF, IMAGE_COMDAT_SELECT_LARGEST).
    pub largest: bool,
    /// How else the format's linkers choose, for its writer.
    pub native: u32,
    pub atoms: Vec<AtomIndex>,
}

/// What a symbol stands for within its object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Definition {
    Undefined,
    Atom {
        atom: AtomIndex,
        offset: u64,
    },
    Absolute(u64),
    /// Tentative (C common): zeroes of the symbol's size, aligned to so many bytes. Any other definition
    /// wins, and of several commons the largest size and the strictest alignment.
    Common {
        align: u64,
    },
    /// In a section that is no atom (debug information, unwind tables, notes we merge).
    Dropped,
}

/// Who may see a symbol (gABI, "Symbol Visibility"); formats without visibilities know the first and the
/// last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Visibility {
    #[default]
    Default,
    /// Seen by other components, but not preempted by them.
    Protected,
    /// Seen by the objects of its own program or shared library.
    Hidden,
}

impl Visibility {
    /// Do other components see it?
    #[must_use]
    pub fn is_outside(self) -> bool {
        self != Self::Hidden
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Binding {
    Local,
    Global,
    Weak,
    /// One in a process, whoever defines it first (STB_GNU_UNIQUE).
    Unique,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SymbolKind {
    NoType,
    Function,
    /// Chosen at load time by calling the symbol.
    IndirectFunction,
    Object,
    Tls,
    /// Stands for its section.
    Section,
    File,
    /// Marks what follows as code or data (ARM, AArch64, RISC-V `$x`).
    Mapping,
}

/// A symbol table entry.
#[derive(Debug, Clone, Copy)]
pub struct Symbol<'d> {
    pub name: &'d [u8],
    pub definition: Definition,
    pub binding: Binding,
    pub kind: SymbolKind,
    pub visibility: Visibility,
    pub size: u64,
    /// The format's own flag bits (`st_other`).
    pub native: u8,
}

/// A reference from an atom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Edge {
    /// Where in the atom; for [`EdgeKind::Rule`], 0.
    pub offset: u64,
    pub to: EdgeTarget,
    /// Explicit addend; 0 where the contents hold it.
    pub addend: i64,
    pub kind: EdgeKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EdgeTarget {
    Symbol(SymbolIndex),
    Atom(AtomIndex),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EdgeKind {
    /// A relocation of this native type.
    Relocation(u32),
    /// Needed without a relocation of the atom itself.
    Rule(KeepRule),
}

/// What unwind entries share (a CIE; nothing for compact unwind entries).
#[derive(Debug, Clone)]
pub struct UnwindHeader<'d> {
    /// The record. What its edges stand for may be zero.
    pub bytes: Cow<'d, [u8]>,
    /// Its relocations, offsets from the record's start.
    pub edges: Vec<Edge>,
}

/// How to unwind through one function (an FDE, or a compact unwind entry).
#[derive(Debug, Clone)]
pub struct UnwindEntry<'d> {
    /// The atom that holds the function.
    pub atom: AtomIndex,
    /// The record. What its edges stand for may be zero.
    pub bytes: Cow<'d, [u8]>,
    /// The record says something of its function from here on; what is before it is the writer's.
    pub says_from: usize,
    /// Where the record names the personality routine, where its header does not.
    pub personality_at: Option<u64>,
    /// Its relocations, offsets from the record's start.
    pub edges: Vec<Edge>,
    /// Index into [`ObjectFile::unwind_headers`].
    pub header: u32,
}

/// One object file, taken apart.
#[derive(Debug, Default)]
pub struct ObjectFile<'d> {
    pub atoms: Vec<Atom<'d>>,
    /// Indexes are those of the format's symbol table. Where an index means "no symbol" (ELF: 0),
    /// that entry is local and undefined.
    pub symbols: Vec<Symbol<'d>>,
    pub groups: Vec<Group<'d>>,
    /// All edges, atom by atom.
    pub edges: Vec<Edge>,
    /// Where each atom's edges begin in `edges`; one more entry than there are atoms.
    pub edge_starts: Vec<u32>,
    pub unwind_headers: Vec<UnwindHeader<'d>>,
    /// Sorted by atom, then by place.
    pub unwind: Vec<UnwindEntry<'d>>,
    /// Symbols of each atom: (atom, symbol), sorted.
    pub atom_symbols: Vec<(AtomIndex, SymbolIndex)>,
    /// What goes once into an output object, and how it joins with others' (stack marking,
    /// property notes, build attributes).
    pub traits: super::ObjectTraits<'d>,
    /// Atoms that live when anything of the object does.
    pub kept: Vec<AtomIndex>,
    /// Commons that may lie further than a distance of 32 bits reaches, sorted.
    pub far_commons: Vec<SymbolIndex>,
    /// What weak symbols stand for where nobody else defines them, sorted by the first.
    pub fallbacks: Vec<(SymbolIndex, SymbolIndex)>,
    /// Bytes of debug information, with its relocations.
    pub debug_bytes: u64,
    /// Does it say anything of lines or functions?
    pub debug_told: bool,
    /// By atom and place: what [`Self::symbols_at`] looks in where an atom has many symbols.
    by_place: OnceLock<Vec<(AtomIndex, u64, SymbolIndex)>>,
}

/// So many symbols of an atom are looked through one by one.
const FEW: usize = 16;

impl<'d> ObjectFile<'d> {
    /// The atom's edges: relocations in offset order as given, then rules.
    #[must_use]
    pub fn edges_of(&self, atom: AtomIndex) -> &[Edge] {
        let at = atom as usize;
        match (self.edge_starts.get(at), self.edge_starts.get(at + 1)) {
            (Some(&a), Some(&b)) => &self.edges[a as usize..b as usize],
            _ => &[],
        }
    }

    /// What the weak symbol stands for where nobody else defines it.
    #[must_use]
    pub fn fallback(&self, symbol: SymbolIndex) -> Option<SymbolIndex> {
        let at = self.fallbacks.binary_search_by_key(&symbol, |f| f.0).ok()?;
        self.fallbacks.get(at).map(|f| f.1)
    }

    /// The atom's unwind entries.
    #[must_use]
    pub fn unwind_of(&self, atom: AtomIndex) -> &[UnwindEntry<'d>] {
        let a = self.unwind.partition_point(|u| u.atom < atom);
        let b = self.unwind.partition_point(|u| u.atom <= atom);
        &self.unwind[a..b]
    }

    /// Symbols defined at a place of the atom, in symbol table order.
    pub fn symbols_at(
        &self,
        atom: AtomIndex,
        offset: u64,
    ) -> impl Iterator<Item = (SymbolIndex, &Symbol<'d>)> {
        let a = self.atom_symbols.partition_point(|&(x, _)| x < atom);
        let b = self.atom_symbols.partition_point(|&(x, _)| x <= atom);
        let own = &self.atom_symbols[a..b];
        let (few, many) = match own.len() <= FEW {
            true => (own, &[][..]),
            false => (&[][..], self.all_symbols_at(atom, offset)),
        };
        let is_there = move |&(_, s): &(AtomIndex, SymbolIndex)| {
            let definition = self.symbols[s as usize].definition;
            matches!(definition, Definition::Atom { offset: at, .. } if at == offset)
        };
        let few = few.iter().copied().filter(is_there).map(|(_, s)| s);
        few.chain(many.iter().map(|&(_, _, s)| s))
            .map(|s| (s, &self.symbols[s as usize]))
    }

    fn all_symbols_at(&self, atom: AtomIndex, offset: u64) -> &[(AtomIndex, u64, SymbolIndex)] {
        let all = self.by_place.get_or_init(|| {
            let of =
                |&(atom, s): &(AtomIndex, SymbolIndex)| match self.symbols[s as usize].definition {
                    Definition::Atom { offset, .. } => Some((atom, offset, s)),
                    _ => None,
                };
            let mut all: Vec<_> = self.atom_symbols.iter().filter_map(of).collect();
            all.sort_unstable();
            all
        });
        let a = all.partition_point(|&(x, at, _)| (x, at) < (atom, offset));
        let b = all.partition_point(|&(x, at, _)| (x, at) <= (atom, offset));
        &all[a..b]
    }

    /// Symbols defined in the atom, in symbol table order.
    pub fn symbols_of(&self, atom: AtomIndex) -> impl Iterator<Item = (SymbolIndex, &Symbol<'d>)> {
        let a = self.atom_symbols.partition_point(|&(x, _)| x < atom);
        let b = self.atom_symbols.partition_point(|&(x, _)| x <= atom);
        self.atom_symbols[a..b]
            .iter()
            .map(|&(_, s)| (s, &self.symbols[s as usize]))
    }
}
