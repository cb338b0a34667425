//! The last step of writing: numbers symbols, lays the file out, and emits it.

use foldhash::{HashMap, HashMapExt};
use object::pe;
use object::write::coff::{
    AuxSymbolSection, AuxSymbolWeak, FileHeader, Name, Relocation, SectionHeader, Symbol, Writer,
};

use super::read::search_bit;
use super::traits::{self, JoinedTraits};
use super::write::Place;
use crate::error::{Code, Diagnostic, Result};
use crate::format::model::{Binding, SymbolKind};
use crate::format::output::{OutAtom, OutGlobal, OutObject, Undefined};

/// What a relocation names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SymbolRef {
    Section(usize),
    Local(u32),
    /// Of an atom: position among its globals.
    Global(u32, u32),
    Undefined(u32),
}

#[derive(Debug, Clone, Copy)]
pub(super) struct OutReloc {
    pub offset: u32,
    pub relocation: u16,
    pub symbol: SymbolRef,
}

/// A COMDAT section (PE/COFF, "COMDAT Sections").
#[derive(Debug, Clone, Copy)]
pub(super) enum Comdat {
    /// Of which one copy is linked: its symbol names it.
    Leader(pe::ComdatSelection),
    /// Goes with the leader in this section.
    With(usize),
    /// Goes with the section of code of the same name behind `$`.
    ByName,
}

/// An output section.
#[derive(Debug)]
pub(super) struct OutSection {
    pub name: Vec<u8>,
    /// Characteristics without alignment.
    pub flags: u32,
    /// Bytes, a power of two.
    pub align: u64,
    pub size: u64,
    /// Empty for zero-filled sections.
    pub data: Vec<u8>,
    pub relocs: Vec<OutReloc>,
    pub comdat: Option<Comdat>,
}

impl OutSection {
    pub(super) fn new(name: &[u8], flags: u32) -> Self {
        Self {
            name: name.to_vec(),
            flags,
            align: 1,
            size: 0,
            data: Vec::new(),
            relocs: Vec::new(),
            comdat: None,
        }
    }
}

/// A symbol of class static.
#[derive(Debug, Clone, Copy)]
pub(super) struct LocalSymbol<'d> {
    pub name: &'d [u8],
    /// `None`: absolute.
    pub section: Option<usize>,
    pub value: u32,
    pub function: bool,
}

fn limit(what: impl std::fmt::Display) -> Diagnostic {
    Diagnostic::new(Code::OutputLimit, format!("{what}"))
}

/// Final symbol indexes.
struct Numbers {
    sections: Vec<u32>,
    locals: u32,
    /// By atom, by global.
    globals: Vec<Vec<u32>>,
    undefined: Vec<u32>,
}

impl Numbers {
    fn of(&self, symbol: SymbolRef) -> u32 {
        match symbol {
            SymbolRef::Section(s) => self.sections[s],
            SymbolRef::Local(l) => self.locals + l,
            SymbolRef::Global(atom, global) => self.globals[atom as usize][global as usize],
            SymbolRef::Undefined(u) => self.undefined[u as usize],
        }
    }
}

/// A symbol's type says only whether it is a function (PE/COFF, "Type Representation").
fn symbol_type(function: bool) -> pe::SymbolType {
    if function {
        pe::IMAGE_SYM_DTYPE_FUNCTION.into()
    } else {
        pe::SymbolType(0)
    }
}

/// Of each global of the atom that is weak, and no COMDAT's: the position of the other one at the same place, of
/// which it is another name.
fn stands_for(atom: &OutAtom<'_, '_>) -> Vec<Option<usize>> {
    let mut strong: HashMap<u64, usize> = HashMap::new();
    for (at, global) in atom.globals.iter().enumerate() {
        if global.binding != Binding::Weak {
            strong.entry(global.offset).or_insert(at);
        }
    }
    let weak = |g: &OutGlobal<'_>| g.binding == Binding::Weak;
    let of = |g: &OutGlobal<'_>| strong.get(&g.offset).copied().filter(|_| weak(g));
    atom.globals.iter().map(of).collect()
}

/// Is the entry a weak external? What it stands for makes it one, whoever else needs the name.
fn is_weak(u: &Undefined<'_>) -> bool {
    u.common.is_none() && (u.weak || u.fallback.is_some())
}

/// Section numbers count from one.
fn section_number(section: usize) -> pe::SymbolSection {
    pe::SymbolSection(i32::try_from(section + 1).unwrap_or(i32::MAX))
}

/// The file's bytes.
pub(super) fn emit(
    joined: &JoinedTraits,
    object: &OutObject<'_, '_>,
    sections: &[OutSection],
    places: &[Place],
    locals: &[LocalSymbol<'_>],
    fallbacks: &[Option<SymbolRef>],
) -> Result<Vec<u8>> {
    // Section numbers from 0xFF00 on mean something else; joined sections never come near.
    let count = u16::try_from(sections.len())
        .ok()
        .filter(|n| *n < 0xFF00)
        .ok_or_else(|| limit("more sections than a COFF object can hold"))?;
    let mut out: Vec<u8> = Vec::new();
    let mut w = Writer::new(&mut out);
    w.reserve_file_header();
    w.reserve_section_headers(count);
    let mut data_at = Vec::new();
    let mut relocs_at = Vec::new();
    for s in sections {
        data_at.push(w.reserve_section(s.data.len()));
        relocs_at.push(w.reserve_relocations(s.relocs.len()));
    }
    let section_names: Vec<Name> = sections.iter().map(|s| w.add_name(&s.name)).collect();

    let mut numbers = Numbers {
        sections: Vec::new(),
        locals: 0,
        globals: Vec::new(),
        undefined: Vec::new(),
    };
    if joined.features.is_some() {
        w.reserve_symbol_index();
    }
    for _ in sections {
        numbers.sections.push(w.reserve_symbol_index());
        w.reserve_aux_section();
    }
    // A COMDAT's symbol is the first of its section behind the section's own.
    let mut global_names = Vec::new();
    for atom in &object.atoms {
        let mut own = Vec::new();
        for (global, of) in atom.globals.iter().zip(stands_for(atom)) {
            own.push(w.reserve_symbol_index());
            if of.is_some() {
                w.reserve_aux_weak_external();
            }
            global_names.push(w.add_name(&global.name));
        }
        numbers.globals.push(own);
    }
    let value_names: Vec<Name> = object
        .values
        .iter()
        .map(|v| {
            w.reserve_symbol_index();
            w.add_name(&v.name)
        })
        .collect();
    numbers.locals = w.symbol_count();
    let local_names: Vec<Name> = locals
        .iter()
        .map(|l| {
            w.reserve_symbol_index();
            w.add_name(l.name)
        })
        .collect();
    // What a weak external stands for where nobody defines it: nothing.
    let lacks = |(at, u): (usize, &Undefined<'_>)| {
        is_weak(u) && fallbacks.get(at).copied().flatten().is_none()
    };
    let nothing = object.undefined.iter().enumerate().any(lacks).then(|| {
        let name = w.add_name(b".absent");
        (w.reserve_symbol_index(), name)
    });
    let mut undefined_names = Vec::new();
    for u in &object.undefined {
        numbers.undefined.push(w.reserve_symbol_index());
        if is_weak(u) {
            w.reserve_aux_weak_external();
        }
        undefined_names.push(w.add_name(&u.name));
    }
    w.reserve_symtab_strtab().map_err(limit)?;
    if u32::try_from(w.reserved_len()).is_err() {
        return Err(limit("an object of more than 4 GB").into());
    }

    w.write_file_header(FileHeader {
        machine: traits::machine(joined),
        time_date_stamp: 0,
        characteristics: pe::FileFlags(0),
    })
    .map_err(limit)?;
    for (at, s) in sections.iter().enumerate() {
        let align = (s.align.trailing_zeros() + 1) << 20;
        let relocations = s.relocs.len() as u32;
        let overflow = if relocations > 0xFFFF {
            pe::IMAGE_SCN_LNK_NRELOC_OVFL.0
        } else {
            0
        };
        let comdat = match s.comdat {
            Some(_) => pe::IMAGE_SCN_LNK_COMDAT.0,
            None => 0,
        };
        w.write_section_header(SectionHeader {
            name: section_names[at],
            size_of_raw_data: s.size as u32,
            pointer_to_raw_data: data_at[at],
            pointer_to_relocations: relocs_at[at],
            pointer_to_linenumbers: 0,
            number_of_relocations: relocations,
            number_of_linenumbers: 0,
            characteristics: pe::SectionFlags(s.flags | align | overflow | comdat),
        });
    }
    for s in sections {
        w.write_section(&s.data);
        w.write_relocations_count(s.relocs.len());
        for r in &s.relocs {
            w.write_relocation(Relocation {
                virtual_address: r.offset,
                symbol: numbers.of(r.symbol),
                typ: pe::RelocationType(r.relocation),
            });
        }
    }

    if let Some(features) = joined.features {
        w.write_symbol(Symbol {
            name: Name::Short(*b"@feat.00"),
            value: features,
            section_number: pe::IMAGE_SYM_ABSOLUTE,
            storage_class: pe::IMAGE_SYM_CLASS_STATIC,
            ..Symbol::default()
        });
    }
    for (at, s) in sections.iter().enumerate() {
        w.write_symbol(Symbol {
            name: section_names[at],
            section_number: section_number(at),
            storage_class: pe::IMAGE_SYM_CLASS_STATIC,
            number_of_aux_symbols: 1,
            ..Symbol::default()
        });
        let (selection, number) = match s.comdat {
            None => (pe::ComdatSelection(0), 0),
            Some(Comdat::Leader(selection)) => (selection, 0),
            Some(Comdat::With(leader)) => (pe::IMAGE_COMDAT_SELECT_ASSOCIATIVE, leader as u32 + 1),
            Some(Comdat::ByName) => (pe::IMAGE_COMDAT_SELECT_ANY, 0),
        };
        w.write_aux_section(AuxSymbolSection {
            length: s.size as u32,
            number_of_relocations: s.relocs.len() as u32,
            selection,
            number,
            ..AuxSymbolSection::default()
        });
    }
    let mut names = global_names.iter();
    for (at, atom) in object.atoms.iter().enumerate() {
        let place = places[at];
        let globals = atom.globals.iter().zip(stands_for(atom));
        for ((global, of), name) in globals.zip(names.by_ref()) {
            if let Some(of) = of {
                // The format says weak by another name for the same place.
                let of = numbers.globals.get(at).and_then(|own| own.get(of).copied());
                w.write_symbol(Symbol {
                    name: *name,
                    typ: symbol_type(global.kind == SymbolKind::Function),
                    storage_class: pe::IMAGE_SYM_CLASS_WEAK_EXTERNAL,
                    number_of_aux_symbols: 1,
                    ..Symbol::default()
                });
                w.write_aux_weak_external(AuxSymbolWeak {
                    weak_default_sym_index: of.unwrap_or(0),
                    weak_search_type: pe::IMAGE_WEAK_EXTERN_SEARCH_ALIAS,
                });
                continue;
            }
            w.write_symbol(Symbol {
                name: *name,
                value: place.offset.wrapping_add(global.offset) as u32,
                section_number: section_number(place.section),
                typ: symbol_type(global.kind == SymbolKind::Function),
                storage_class: pe::IMAGE_SYM_CLASS_EXTERNAL,
                number_of_aux_symbols: 0,
            });
        }
    }
    for (value, name) in object.values.iter().zip(&value_names) {
        w.write_symbol(Symbol {
            name: *name,
            value: u32::try_from(value.value)
                .map_err(|_| limit("an absolute symbol of more than 32 bits"))?,
            section_number: pe::IMAGE_SYM_ABSOLUTE,
            storage_class: pe::IMAGE_SYM_CLASS_EXTERNAL,
            ..Symbol::default()
        });
    }
    for (l, name) in locals.iter().zip(&local_names) {
        w.write_symbol(Symbol {
            name: *name,
            value: l.value,
            section_number: l.section.map_or(pe::IMAGE_SYM_ABSOLUTE, section_number),
            typ: symbol_type(l.function),
            storage_class: pe::IMAGE_SYM_CLASS_STATIC,
            number_of_aux_symbols: 0,
        });
    }
    if let Some((_, name)) = nothing {
        w.write_symbol(Symbol {
            name,
            section_number: pe::IMAGE_SYM_ABSOLUTE,
            storage_class: pe::IMAGE_SYM_CLASS_STATIC,
            ..Symbol::default()
        });
    }
    for (at, (u, name)) in object.undefined.iter().zip(&undefined_names).enumerate() {
        let weak = is_weak(u);
        let class = if weak {
            pe::IMAGE_SYM_CLASS_WEAK_EXTERNAL
        } else {
            pe::IMAGE_SYM_CLASS_EXTERNAL
        };
        let size = u.common.map_or(0, |c| c.size);
        w.write_symbol(Symbol {
            name: *name,
            value: u32::try_from(size).map_err(|_| limit("a common symbol of more than 4 GB"))?,
            typ: symbol_type(u.kind == SymbolKind::Function),
            storage_class: class,
            number_of_aux_symbols: u8::from(weak),
            ..Symbol::default()
        });
        if weak {
            let instead = fallbacks.get(at).copied().flatten().map(|s| numbers.of(s));
            let index = instead.or(nothing.map(|(index, _)| index));
            // Where one of several references wants libraries to be searched, they are.
            let search = match (
                u.native & search_bit(pe::IMAGE_WEAK_EXTERN_SEARCH_LIBRARY),
                u.native,
            ) {
                (0, 0) => pe::IMAGE_WEAK_EXTERN_SEARCH_NOLIBRARY,
                (0, bits) => pe::WeakExternSearch(bits.trailing_zeros() + 1),
                _ => pe::IMAGE_WEAK_EXTERN_SEARCH_LIBRARY,
            };
            w.write_aux_weak_external(AuxSymbolWeak {
                weak_default_sym_index: index.unwrap_or(0),
                weak_search_type: search,
            });
        }
    }
    w.write_strtab();
    drop(w);
    Ok(out)
}
