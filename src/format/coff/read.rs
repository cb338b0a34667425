//! Reads a COFF object into the neutral model (PE/COFF specification).
//!
//! Symbol indexes are the table's, plus one: index 0 is the neutral model's "no symbol".

use std::borrow::Cow;

use foldhash::{HashMap, HashMapExt};
use object::LittleEndian as LE;
use object::pe::{self, AnonObjectHeaderBigobj, ImageFileHeader};
use object::read::SymbolIndex as RawIndex;
use object::read::coff::{CoffHeader, SectionTable, Symbol as _, SymbolTable};

use super::arch::Arch;
use super::names::{self, Role as NameRole};
use super::{Layout, bad, cuts, directives, layout, pdata};
use crate::error::{Code, Diagnostic, Result};
use crate::format::model::{
    Atom, AtomIndex, Binding, Definition, Edge, EdgeKind, EdgeTarget, FilePlace, KeepRule, Native,
    ObjectFile, Symbol, SymbolIndex, SymbolKind, ToldBy, Visibility,
};
use crate::format::sections::is_debug_name;

pub(super) fn malformed(what: impl Into<String>) -> Diagnostic {
    Diagnostic::new(Code::ObjectMalformed, what)
}

/// An edge that no relocation makes.
pub(super) fn rule(to: EdgeTarget, rule: KeepRule) -> Edge {
    Edge {
        offset: 0,
        to,
        addend: 0,
        kind: EdgeKind::Rule(rule),
    }
}

/// What a section is to us.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Atom(AtomIndex),
    Unwind,
    Other,
}

/// How a COMDAT's copies are chosen, from its section symbol.
#[derive(Clone, Copy)]
pub(super) struct Selection {
    pub kind: pe::ComdatSelection,
    /// Section number of the one it lives and dies with.
    pub with: u32,
}

/// Reads the object.
///
/// # Errors
/// `object-malformed`, `object-unsupported`.
pub fn read(data: &[u8]) -> Result<ObjectFile<'_>> {
    match layout(data) {
        Some((Layout::Plain, _)) => Reader::<ImageFileHeader>::new(data)?.read(),
        Some((Layout::Big, _)) => Reader::<AnonObjectHeaderBigobj>::new(data)?.read(),
        _ => Err(malformed("no COFF header").into()),
    }
}

pub(super) struct Reader<'d, H: CoffHeader> {
    pub(super) data: &'d [u8],
    pub(super) arch: Arch,
    pub(super) sections: SectionTable<'d>,
    pub(super) table: SymbolTable<'d, &'d [u8], H>,
    /// By section, from 0.
    pub(super) roles: Vec<Role>,
    pub(super) names: Vec<&'d [u8]>,
    /// By section: is it a part of one that all programs have, but the program's own?
    pub(super) own: Vec<bool>,
    /// By section number.
    pub(super) selections: HashMap<u32, Selection>,
    /// Labels in sections that are no atoms: section number, value, index; sorted.
    dropped: Vec<(i32, u32, SymbolIndex)>,
    /// How copies of those that are COMDATs are chosen.
    pub(super) comdat_atoms: HashMap<AtomIndex, pe::ComdatSelection>,
    /// Of common symbols, by name, in bytes (MinGW's `-aligncomm`).
    common_alignments: HashMap<&'d [u8], u64>,
    pub(super) out: ObjectFile<'d>,
}

impl<'d, H: CoffHeader> Reader<'d, H> {
    fn new(data: &'d [u8]) -> Result<Self> {
        let mut offset = 0;
        let header = H::parse(data, &mut offset).map_err(bad("COFF header"))?;
        let sections = header
            .sections(data, offset)
            .map_err(bad("section table"))?;
        let table = header.symbols(data).map_err(bad("symbol table"))?;
        let arch = Arch::new(header.machine()).ok_or_else(|| {
            Diagnostic::new(
                Code::ObjectUnsupported,
                format!("COFF machine {:#x}", header.machine().0),
            )
            .hint("use the dedup strategy for this target")
        })?;
        let own = cuts::own(&sections, &table)?;
        let mut out = ObjectFile::default();
        out.traits.coff.machine = header.machine().0;
        Ok(Self {
            data,
            arch,
            sections,
            table,
            roles: Vec::new(),
            names: Vec::new(),
            own,
            selections: HashMap::new(),
            dropped: Vec::new(),
            comdat_atoms: HashMap::new(),
            common_alignments: HashMap::new(),
            out,
        })
    }

    fn read(mut self) -> Result<ObjectFile<'d>> {
        for section in self.sections.iter() {
            let name = section
                .name(self.table.strings())
                .map_err(bad("section name"))?;
            self.names.push(name);
            let role = self.read_section(name, section)?;
            self.roles.push(role);
        }
        self.read_symbols()?;
        self.read_groups()?;
        self.read_edges()?;
        Ok(self.out)
    }

    fn read_section(
        &mut self,
        name: &'d [u8],
        section: &'d pe::ImageSectionHeader,
    ) -> Result<Role> {
        let flags = section.characteristics.get(LE);
        let contents = section
            .coff_data(self.data)
            .map_err(|()| malformed("section contents past the end of the file").symbol(name))?;
        let size = u64::from(section.size_of_raw_data.get(LE));
        if name == b".drectve" {
            for word in directives::words(contents) {
                if let Some((symbol, align)) = directives::common_alignment(word) {
                    self.common_alignments.insert(symbol, align);
                } else if directives::is_carried(word) {
                    self.out.traits.coff.directives.push(word);
                } else {
                    let exports = directives::of_exports(word);
                    self.out.traits.coff.exports.extend(exports);
                }
            }
            return Ok(Role::Other);
        }
        if is_debug_name(name) {
            let relocations = section
                .coff_relocations(self.data)
                .map_err(bad("relocations"))?;
            self.out.debug_bytes += size + 10 * relocations.len() as u64;
            self.out.debug_told |= size != 0 && name != b".debug_frame";
            return Ok(Role::Other);
        }
        // Linkers drop these, or read them and drop them.
        if flags.intersects(pe::IMAGE_SCN_LNK_INFO | pe::IMAGE_SCN_LNK_REMOVE) {
            return Ok(Role::Other);
        }
        let comdat = flags.contains(pe::IMAGE_SCN_LNK_COMDAT);
        let own = !comdat && self.own.get(self.roles.len()) == Some(&true);
        let role = match own {
            true => NameRole::Kept(KeepRule::Retained),
            false => names::role(name, comdat),
        };
        match role {
            NameRole::Dropped => return Ok(Role::Other),
            NameRole::Unwind => return Ok(Role::Unwind),
            NameRole::DwarfUnwind => {
                return Err(Diagnostic::new(
                    Code::ObjectUnsupported,
                    "DWARF unwind tables in a COFF object",
                )
                .symbol(name)
                .hint("use the dedup strategy for this target")
                .into());
            }
            NameRole::Plain | NameRole::Kept(_) => {}
        }
        let zero_fill = flags.contains(pe::IMAGE_SCN_CNT_UNINITIALIZED_DATA)
            && section.pointer_to_raw_data.get(LE) == 0;
        let nowhere = section.pointer_to_raw_data.get(LE) == 0 && size > 0;
        if !zero_fill && (nowhere || contents.len() as u64 != size) {
            return Err(malformed("a section without contents").symbol(name).into());
        }
        let index = self.out.atoms.len() as AtomIndex;
        let keep = match role {
            NameRole::Kept(rule) => Some(rule),
            _ => None,
        };
        if keep.is_some() {
            self.out.kept.push(index);
        }
        self.out.atoms.push(Atom {
            segment: b"",
            section: name,
            data: Cow::Borrowed(if zero_fill { &[] } else { contents }),
            size,
            phase: 0,
            align: alignment(flags).ok_or_else(|| malformed("section alignment").symbol(name))?,
            code: flags.intersects(pe::IMAGE_SCN_CNT_CODE | pe::IMAGE_SCN_MEM_EXECUTE),
            writable: flags.contains(pe::IMAGE_SCN_MEM_WRITE),
            tls: names::is_tls(name),
            zero_fill,
            keep,
            group: None,
            registry: own
                .then(|| names::stem(name))
                .or(names::registry(name, role)),
            bounded_by_sections: true,
            of_one_function: false,
            told_by: match names::is_unwind_data(name) {
                true => ToldBy::Contents,
                false => ToldBy::Place,
            },
            far: false,
            at: FilePlace {
                section: self.roles.len() as u32 + 1,
                offset: 0,
            },
            native: Native {
                kind: 0,
                flags: u64::from(flags.0 & !WRITER_FLAGS),
                entry_size: 0,
            },
        });
        Ok(Role::Atom(index))
    }

    pub(super) fn role(&self, number: i32) -> Option<Role> {
        let at = usize::try_from(number).ok()?.checked_sub(1)?;
        self.roles.get(at).copied()
    }

    fn read_symbols(&mut self) -> Result<()> {
        let nothing = Symbol {
            name: b"",
            definition: Definition::Dropped,
            binding: Binding::Local,
            kind: SymbolKind::NoType,
            visibility: Visibility::Default,
            size: 0,
            native: 0,
        };
        // Auxiliary records keep their places.
        let mut symbols = vec![nothing; self.table.len() + 1];
        if let Some(first) = symbols.first_mut() {
            first.definition = Definition::Undefined;
        }
        let table: Vec<(RawIndex, &'d H::Symbol)> = self.table.iter().collect();
        for (index, raw) in table {
            let symbol = self.read_symbol(index, raw)?;
            if let Definition::Atom { atom, .. } = symbol.definition {
                self.out
                    .atom_symbols
                    .push((atom, index.0 as SymbolIndex + 1));
            }
            if symbol.definition == Definition::Dropped && symbol.kind != SymbolKind::Section {
                let label = index.0 as SymbolIndex + 1;
                self.dropped
                    .push((raw.section_number().0, raw.value(), label));
            }
            if let Some(slot) = symbols.get_mut(index.0 + 1) {
                *slot = symbol;
            }
        }
        self.out.symbols = symbols;
        self.dropped.sort_unstable();
        self.bind_aliases();
        self.out.atom_symbols.sort_unstable();
        Ok(())
    }

    fn read_symbol(&mut self, index: RawIndex, raw: &'d H::Symbol) -> Result<Symbol<'d>> {
        let name = raw.name(self.table.strings()).map_err(bad("symbol name"))?;
        let class = raw.storage_class();
        let number = raw.section_number();
        let value = raw.value();
        let definition = match number {
            pe::IMAGE_SYM_UNDEFINED if class == pe::IMAGE_SYM_CLASS_EXTERNAL && value != 0 => {
                self.common(name, u64::from(value))
            }
            pe::IMAGE_SYM_UNDEFINED => Definition::Undefined,
            pe::IMAGE_SYM_ABSOLUTE => {
                if name == b"@feat.00" {
                    self.out.traits.coff.features = Some(value);
                }
                Definition::Absolute(u64::from(value))
            }
            pe::IMAGE_SYM_DEBUG => Definition::Dropped,
            _ => match self.role(number.0) {
                Some(Role::Atom(atom)) => {
                    // It may lie behind its section or before it.
                    let offset = i64::from(value as i32) as u64;
                    Definition::Atom { atom, offset }
                }
                Some(_) => Definition::Dropped,
                None => {
                    return Err(malformed(format!("section {} does not exist", number.0))
                        .symbol(name)
                        .into());
                }
            },
        };
        let is_section = class == pe::IMAGE_SYM_CLASS_STATIC && value == 0 && raw.has_aux_section();
        if is_section {
            let aux = self
                .table
                .aux_section(index)
                .map_err(bad("section symbol"))?;
            // Big objects have the upper half of the number in a field of its own.
            let with = u32::from(aux.number.get(LE)) | self.upper_half(aux);
            let kind = aux.selection;
            self.selections
                .insert(number.0.unsigned_abs(), Selection { kind, with });
        }
        let code = matches!(definition, Definition::Atom { atom, .. }
            if self.out.atoms.get(atom as usize).is_some_and(|a| a.code));
        Ok(Symbol {
            name,
            definition,
            binding: match class {
                pe::IMAGE_SYM_CLASS_EXTERNAL if number == pe::IMAGE_SYM_DEBUG => Binding::Local,
                pe::IMAGE_SYM_CLASS_EXTERNAL => Binding::Global,
                pe::IMAGE_SYM_CLASS_WEAK_EXTERNAL => Binding::Weak,
                _ => Binding::Local,
            },
            kind: if is_section {
                SymbolKind::Section
            } else if raw.typ().derived_type() == pe::IMAGE_SYM_DTYPE_FUNCTION || code {
                SymbolKind::Function
            } else if matches!(definition, Definition::Atom { .. }) {
                SymbolKind::Object
            } else {
                SymbolKind::NoType
            },
            visibility: Visibility::Default,
            size: match definition {
                Definition::Common { .. } => u64::from(value),
                _ => 0,
            },
            native: 0,
        })
    }

    fn upper_half(&self, aux: &pe::ImageAuxSymbolSection) -> u32 {
        match layout(self.data) {
            Some((Layout::Big, _)) => u32::from(aux.high_number.get(LE)) << 16,
            _ => 0,
        }
    }

    /// A common symbol, aligned as linkers do (to its size, at most 32) or as MinGW's directive says.
    fn common(&self, name: &[u8], size: u64) -> Definition {
        let align = size.checked_next_power_of_two().unwrap_or(32).clamp(1, 32);
        let said = self.common_alignments.get(name).copied().unwrap_or(1);
        Definition::Common {
            align: align.max(said),
        }
    }

    /// Weak externals: an alias defines its name where its default is; the others say only what to
    /// take where nobody defines the name.
    fn bind_aliases(&mut self) {
        for (index, raw) in self.table.iter() {
            if raw.storage_class() != pe::IMAGE_SYM_CLASS_WEAK_EXTERNAL
                || raw.section_number() != pe::IMAGE_SYM_UNDEFINED
                || !raw.has_aux_weak_external()
            {
                continue;
            }
            let Ok(aux) = self.table.aux_weak_external(index) else {
                continue;
            };
            let own = index.0 + 1;
            let default = aux.weak_default_sym_index.get(LE).saturating_add(1);
            let Some(&of) = self.out.symbols.get(default as usize) else {
                continue;
            };
            let search = aux.weak_search_type.get(LE);
            match of.definition {
                Definition::Atom { atom, .. } if search == pe::IMAGE_WEAK_EXTERN_SEARCH_ALIAS => {
                    self.out.atom_symbols.push((atom, own as SymbolIndex));
                    self.out.fallbacks.push((own as SymbolIndex, default));
                    if let Some(symbol) = self.out.symbols.get_mut(own) {
                        symbol.definition = of.definition;
                        symbol.kind = of.kind;
                    }
                    continue;
                }
                // Zero is what a weak reference that nobody serves is anyway.
                Definition::Absolute(0) => {}
                _ if default as usize != own => {
                    self.out.fallbacks.push((own as SymbolIndex, default));
                }
                _ => {}
            }
            if let Some(symbol) = self.out.symbols.get_mut(own) {
                symbol.native = search_bit(search);
            }
        }
        self.out.fallbacks.sort_unstable();
    }

    /// Relocations of a section, converted. Addends stay in the contents.
    fn relocations(&self, name: &[u8], section: &'d pe::ImageSectionHeader) -> Result<Vec<Edge>> {
        let raw = section
            .coff_relocations(self.data)
            .map_err(bad("relocations"))?;
        let base = section.virtual_address.get(LE);
        let size = u64::from(section.size_of_raw_data.get(LE));
        let contents = section.coff_data(self.data).unwrap_or_default();
        let mut edges = Vec::with_capacity(raw.len());
        for r in raw {
            let kind = u32::from(r.typ.get(LE).0);
            // IMAGE_REL_*_ABSOLUTE: nothing.
            if kind == 0 {
                continue;
            }
            let offset = u64::from(r.virtual_address.get(LE).wrapping_sub(base));
            if offset + self.arch.width(kind) as u64 > size {
                return Err(malformed(format!(
                    "relocation at {offset:#x}, past the section's end"
                ))
                .symbol(name)
                .into());
            }
            let symbol = r.symbol_table_index.get(LE).saturating_add(1);
            let symbol = self.label(symbol, kind, offset, contents);
            if self.out.symbols.len() <= symbol as usize {
                return Err(malformed(format!("symbol {} does not exist", symbol - 1))
                    .symbol(name)
                    .into());
            }
            edges.push(Edge {
                offset,
                to: EdgeTarget::Symbol(symbol),
                addend: 0,
                kind: EdgeKind::Relocation(kind),
            });
        }
        edges.sort_by_key(|e| e.offset);
        Ok(edges)
    }

    /// The label that a reference to a table's section symbol means, where the table is taken apart: GNU as
    /// refers to sections, but people know labels.
    fn label(&self, symbol: u32, kind: u32, offset: u64, contents: &[u8]) -> u32 {
        let Some(of) = self.out.symbols.get(symbol as usize) else {
            return symbol;
        };
        if of.definition != Definition::Dropped || of.kind != SymbolKind::Section {
            return symbol;
        }
        let number = |at: u32| {
            let raw = self
                .table
                .symbol(RawIndex(at.checked_sub(1)? as usize))
                .ok()?;
            Some(raw.section_number().0)
        };
        let Some(section) = number(symbol) else {
            return symbol;
        };
        let at = offset as usize;
        let width = self.arch.width(kind);
        let addend = contents.get(at..at + width).map_or(0, |bytes| {
            let mut word = [0; 8];
            word[..width].copy_from_slice(bytes);
            u64::from_le_bytes(word)
        });
        let after = self
            .dropped
            .partition_point(|&(s, value, _)| (s, u64::from(value)) <= (section, addend));
        let before = after.checked_sub(1).and_then(|i| self.dropped.get(i));
        before
            .filter(|(s, _, _)| *s == section)
            .map_or(symbol, |&(_, _, label)| label)
    }

    fn read_edges(&mut self) -> Result<()> {
        let mut per_atom: Vec<Vec<Edge>> = vec![Vec::new(); self.out.atoms.len()];
        let mut unwind = Vec::new();
        for (at, section) in self.sections.iter().enumerate() {
            let name = self.names[at];
            match self.roles[at] {
                Role::Other => {}
                Role::Atom(atom) => {
                    let edges = self.relocations(name, section)?;
                    if let Some(own) = per_atom.get_mut(atom as usize) {
                        *own = edges;
                    }
                }
                Role::Unwind => {
                    let edges = self.relocations(name, section)?;
                    let contents = section
                        .coff_data(self.data)
                        .map_err(|()| malformed("unwind table past the end of the file"))?;
                    let length = self.arch.unwind_record();
                    pdata::split(contents, length, &edges, &self.out.symbols, &mut unwind)
                        .map_err(|e| e.symbol(name))?;
                }
            }
        }
        unwind.sort_by_key(|u| u.atom);
        if !unwind.is_empty() {
            self.out.unwind_headers.push(pdata::no_header());
        }
        self.join_unwind_data(&unwind);
        self.out.unwind = unwind;
        self.add_associations(&mut per_atom)?;
        self.out.edge_starts.push(0);
        for mut edges in per_atom {
            edges.sort_by_key(|e| match (e.kind, e.to) {
                (EdgeKind::Relocation(_), _) => (false, e.offset, 0),
                (_, EdgeTarget::Symbol(s)) => (true, 0, s),
                (_, EdgeTarget::Atom(a)) => (true, 1, a),
            });
            self.out.edges.extend(edges);
            let end = u32::try_from(self.out.edges.len())
                .map_err(|_| malformed("more than 4 G relocations"))?;
            self.out.edge_starts.push(end);
        }
        Ok(())
    }
}

/// How a weak external is searched for, as a bit, so that several entries' wishes can be joined.
pub(super) fn search_bit(search: pe::WeakExternSearch) -> u8 {
    match search.0 {
        kind @ 1..=4 => 1 << (kind - 1),
        _ => 0,
    }
}

/// Flags that the writer sets by itself: COMDAT, alignment, and the overflow of relocation counts.
const WRITER_FLAGS: u32 = pe::IMAGE_SCN_LNK_COMDAT.0
    | pe::IMAGE_SCN_ALIGN_MASK
    | pe::IMAGE_SCN_LNK_NRELOC_OVFL.0
    | pe::IMAGE_SCN_TYPE_NO_PAD.0;

/// In bytes; 16 where the flags say nothing.
fn alignment(flags: pe::SectionFlags) -> Option<u64> {
    if flags.contains(pe::IMAGE_SCN_TYPE_NO_PAD) {
        return Some(1);
    }
    match flags.0 >> 20 & 0xF {
        0 => Some(16),
        15 => None,
        n => Some(1 << (n - 1)),
    }
}
