//! Cuts sections into atoms and gives the symbols their places.
//!
//! With MH_SUBSECTIONS_VIA_SYMBOLS every symbol starts an atom but for alternate entries and the
//! assembler's own labels; without it a section is one atom. Sections of literals are cut into their
//! strings and numbers either way, as linkers do, which coalesce them one by one: a member's code
//! would otherwise keep all of its constants.

use std::borrow::Cow;

use object::macho;

use super::read::{RawSymbol, Reader, Role, malformed};
use crate::error::{Code, Diagnostic, Result};
use crate::format::model::{
    Atom, AtomIndex, Binding, Definition, Edge, EdgeTarget, FilePlace, Group, KeepRule, Native,
    Symbol, SymbolIndex, SymbolKind, ToldBy, Visibility,
};

impl RawSymbol<'_> {
    /// Defined in a section.
    fn in_section(&self) -> Option<usize> {
        if self.flags.is_stab() || self.flags.typ() != macho::N_SECT {
            return None;
        }
        usize::from(self.section).checked_sub(1)
    }

    /// Labels of the assembler: nobody's entry.
    fn is_label(&self) -> bool {
        !self.flags.is_ext() && (self.name.starts_with(b"L") || self.name.starts_with(b"ltmp"))
    }
}

impl<'d> Reader<'d> {
    /// Atoms, then symbols.
    pub fn cut(&mut self) -> Result<()> {
        let mut points = vec![Vec::new(); self.sections.len()];
        for symbol in &self.raw {
            let Some(index) = symbol.in_section() else {
                continue;
            };
            let section = self.sections.get(index).ok_or_else(|| {
                malformed(format!("section {} does not exist", symbol.section)).symbol(symbol.name)
            })?;
            if section.role != Role::Atoms {
                continue;
            }
            let offset = symbol
                .value
                .checked_sub(section.address)
                .filter(|&o| o <= section.size)
                .ok_or_else(|| malformed("symbol outside its section").symbol(symbol.name))?;
            let splits =
                self.subsections && !symbol.is_label() && symbol.desc.0 & macho::N_ALT_ENTRY.0 == 0;
            if splits && let Some(points) = points.get_mut(index) {
                points.push(offset);
            }
        }
        for (index, points) in points.into_iter().enumerate() {
            self.cut_section(index, points)?;
        }
        self.symbols()
    }

    fn cut_section(&mut self, index: usize, symbols: Vec<u64>) -> Result<()> {
        let first = self.out.atoms.len() as AtomIndex;
        let Some(section) = self.sections.get(index) else {
            return Ok(());
        };
        let kind = section.flags.typ();
        let mut points = match kind {
            _ if section.role != Role::Atoms => return Ok(()),
            macho::S_CSTRING_LITERALS => strings(section.data),
            macho::S_4BYTE_LITERALS => (0..section.size).step_by(4).collect(),
            macho::S_8BYTE_LITERALS => (0..section.size).step_by(8).collect(),
            macho::S_16BYTE_LITERALS => (0..section.size).step_by(16).collect(),
            _ => match self.pointer_size(index) {
                Some(entry) => (0..section.size).step_by(entry).collect(),
                None => symbols,
            },
        };
        points.push(0);
        points.sort_unstable();
        points.dedup();
        let is = |flag: macho::SectionFlags| section.flags.contains(flag);
        let keep = match kind {
            macho::S_MOD_INIT_FUNC_POINTERS
            | macho::S_MOD_TERM_FUNC_POINTERS
            | macho::S_INIT_FUNC_OFFSETS
            | macho::S_THREAD_LOCAL_INIT_FUNCTION_POINTERS
            | macho::S_INTERPOSING => Some(KeepRule::InitArray),
            _ if super::is_table_of_a_runtime(section.name) => Some(KeepRule::InitArray),
            _ if is(macho::S_ATTR_NO_DEAD_STRIP) => Some(KeepRule::Retained),
            _ => None,
        };
        // Only what the loader writes stands in the others.
        let writable = section.segment.starts_with(b"__DATA")
            && section.segment != b"__DATA_CONST"
            && !matches!(section.name, b"__const" | b"__cfstring");
        let code = section
            .flags
            .intersects(macho::S_ATTR_PURE_INSTRUCTIONS | macho::S_ATTR_SOME_INSTRUCTIONS);
        let tls = matches!(
            kind,
            macho::S_THREAD_LOCAL_REGULAR
                | macho::S_THREAD_LOCAL_ZEROFILL
                | macho::S_THREAD_LOCAL_VARIABLES
        );
        let registry = (kind == macho::S_REGULAR && !code && !is_standard(section.name))
            .then_some(section.name);
        // Linkers merge literals, make pointers and stubs anew, and only the unwinder looks for tables.
        let told_by = match kind {
            macho::S_CSTRING_LITERALS
            | macho::S_4BYTE_LITERALS
            | macho::S_8BYTE_LITERALS
            | macho::S_16BYTE_LITERALS => ToldBy::Contents,
            _ if self.pointer_size(index).is_some() || section.name == b"__gcc_except_tab" => {
                ToldBy::Contents
            }
            _ => ToldBy::Place,
        };
        let native = Native {
            kind: u32::from(kind.0),
            flags: u64::from(section.flags.0),
            entry_size: match kind {
                macho::S_SYMBOL_STUBS => u64::from(section.stub),
                _ => 0,
            },
        };
        for (at, &start) in points.iter().enumerate() {
            let end = points.get(at + 1).copied().unwrap_or(section.size);
            let data = if section.zero_fill {
                &[][..]
            } else {
                usize::try_from(start)
                    .ok()
                    .zip(usize::try_from(end).ok())
                    .and_then(|(a, b)| section.data.get(a..b))
                    .ok_or_else(|| malformed("section past the file's end").symbol(section.name))?
            };
            // A piece is no better aligned than its place in the section.
            let align = match start {
                0 => section.align,
                _ => section.align.min(1 << start.trailing_zeros().min(31)),
            };
            if keep.is_some() {
                self.out.kept.push(self.out.atoms.len() as AtomIndex);
            }
            self.starts.push(section.address + start);
            self.out.atoms.push(Atom {
                section: section.name,
                segment: section.segment,
                data: Cow::Borrowed(data),
                size: end - start,
                align,
                phase: 0,
                code,
                writable,
                tls,
                zero_fill: section.zero_fill,
                keep,
                group: None,
                registry,
                bounded_by_sections: false,
                // Two unwind entries with one LSDA make Apple's ld64 stop.
                of_one_function: section.name == b"__gcc_except_tab",
                told_by,
                far: false,
                at: FilePlace {
                    section: index as u32 + 1,
                    offset: start,
                },
                native,
            });
        }
        let end = self.out.atoms.len() as AtomIndex;
        let (align, cut) = (section.align, is_cut_at_symbols(kind));
        if let Some(section) = self.sections.get_mut(index) {
            section.atoms = first..end;
        }
        // Code may refer to its own constants without a relocation: nobody else knows which they are.
        if code && cut {
            for atom in first..end {
                let at = self
                    .out
                    .atoms
                    .get(atom as usize)
                    .map(|a| (a.at.offset, a.size));
                let best = at.and_then(|(start, size)| most_aligned(start, size, align));
                if let Some(inner) = best {
                    self.align_within(atom, inner, align);
                }
            }
        }
        Ok(())
    }

    /// Keeps the alignment of what stands `inner` bytes into an atom of a section aligned to `limit`: the atom
    /// stays as far behind a multiple of that as it was (as with `ld -r` and Apple's linkers).
    fn align_within(&mut self, atom: AtomIndex, inner: u64, limit: u64) {
        let Some(atom) = self.out.atoms.get_mut(atom as usize) else {
            return;
        };
        let at = atom.at.offset.saturating_add(inner);
        let align = limit.min(1 << at.trailing_zeros().min(31));
        if inner < atom.size && align > atom.align {
            atom.align = align;
            atom.phase = atom.at.offset % align;
        }
    }

    /// The same for all that edges and symbols name within atoms.
    pub fn align_targets(&mut self, edges: &[Vec<Edge>]) {
        let mut within: Vec<(AtomIndex, u64)> = Vec::new();
        for edge in edges.iter().flatten() {
            let place = match edge.to {
                EdgeTarget::Atom(atom) => Some((atom, 0)),
                EdgeTarget::Symbol(s) => match self.out.symbols.get(s as usize) {
                    Some(symbol) => match symbol.definition {
                        Definition::Atom { atom, offset } => Some((atom, offset)),
                        _ => None,
                    },
                    None => None,
                },
            };
            within.extend(place.map(|(a, offset)| (a, offset.wrapping_add(edge.addend as u64))));
        }
        for symbol in self
            .out
            .symbols
            .iter()
            .filter(|s| s.binding != Binding::Local)
        {
            if let Definition::Atom { atom, offset } = symbol.definition {
                within.push((atom, offset));
            }
        }
        for (atom, inner) in within.into_iter().filter(|w| w.1 != 0) {
            let section = self.out.atoms.get(atom as usize).map(|a| a.at.section);
            let section = section.and_then(|s| self.sections.get((s as usize).checked_sub(1)?));
            if let Some(limit) = section
                .filter(|s| is_cut_at_symbols(s.flags.typ()))
                .map(|s| s.align)
            {
                self.align_within(atom, inner, limit);
            }
        }
    }

    /// Bytes of an entry, for sections whose entries stand for indirect symbols.
    pub fn pointer_size(&self, section: usize) -> Option<usize> {
        let section = self.sections.get(section)?;
        match section.flags.typ() {
            macho::S_NON_LAZY_SYMBOL_POINTERS
            | macho::S_LAZY_SYMBOL_POINTERS
            | macho::S_LAZY_DYLIB_SYMBOL_POINTERS
            | macho::S_THREAD_LOCAL_VARIABLE_POINTERS
            | macho::S_LITERAL_POINTERS => Some(self.pointer as usize),
            macho::S_SYMBOL_STUBS if section.stub != 0 => Some(section.stub as usize),
            _ => None,
        }
    }

    fn symbols(&mut self) -> Result<()> {
        for index in 0..self.raw.len() {
            let Some(&raw) = self.raw.get(index) else {
                break;
            };
            let symbol = self.symbol(raw)?;
            let index = index as SymbolIndex;
            if let Definition::Atom { atom, .. } = symbol.definition {
                self.out.atom_symbols.push((atom, index));
                self.retain(atom, raw);
                self.name(atom, &symbol);
                if symbol.binding == Binding::Weak && super::is_vague(raw.name) {
                    self.coalesce(atom, raw.name);
                }
            }
            self.out.symbols.push(symbol);
        }
        self.out.atom_symbols.sort_unstable();
        self.out.kept.sort_unstable();
        Ok(())
    }

    fn symbol(&mut self, raw: RawSymbol<'d>) -> Result<Symbol<'d>> {
        let has = |flag: macho::SymbolDesc| raw.desc.0 & flag.0 != 0;
        let mut kind = SymbolKind::NoType;
        let mut size = 0;
        let undefined;
        let definition = match raw.flags.typ() {
            _ if raw.flags.is_stab() => {
                undefined = false;
                Definition::Dropped
            }
            macho::N_UNDF | macho::N_PBUD if raw.value == 0 => {
                if raw.name.is_empty() == raw.flags.is_ext() {
                    let what = "an undefined symbol that is local, or has no name";
                    return Err(malformed(what).symbol(raw.name).into());
                }
                undefined = true;
                Definition::Undefined
            }
            macho::N_UNDF => {
                undefined = false;
                (kind, size) = (SymbolKind::Object, raw.value);
                common(raw)
            }
            macho::N_ABS => {
                undefined = false;
                Definition::Absolute(raw.value)
            }
            macho::N_SECT => {
                undefined = false;
                let place = raw
                    .in_section()
                    .and_then(|s| Some((s, self.place(s, raw.value)?)));
                match place {
                    None => Definition::Dropped,
                    Some((section, (atom, offset))) => {
                        let offset = offset as u64;
                        let tls_descriptor = self
                            .sections
                            .get(section)
                            .is_some_and(|s| s.flags.typ() == macho::S_THREAD_LOCAL_VARIABLES);
                        if let Some(atom) = self.out.atoms.get(atom as usize) {
                            size = atom.size.saturating_sub(offset);
                            kind = match atom {
                                _ if raw.is_label() => SymbolKind::Section,
                                _ if has(macho::N_SYMBOL_RESOLVER) => SymbolKind::IndirectFunction,
                                _ if tls_descriptor => SymbolKind::Tls,
                                a if a.code => SymbolKind::Function,
                                _ => SymbolKind::Object,
                            };
                        }
                        Definition::Atom { atom, offset }
                    }
                }
            }
            other => {
                return Err(Diagnostic::new(
                    Code::ObjectUnsupported,
                    format!("symbol of type {:#x}", other.0),
                )
                .symbol(raw.name)
                .into());
            }
        };
        let weak = if undefined {
            has(macho::N_WEAK_REF)
        } else {
            has(macho::N_WEAK_DEF) && !matches!(definition, Definition::Common { .. })
        };
        Ok(Symbol {
            name: raw.name,
            definition,
            // As [`super::for_each_global`] counts them.
            binding: match (raw.flags.is_stab(), raw.flags.0 & macho::N_EXT.0 != 0) {
                (true, _) | (_, false) => Binding::Local,
                _ if weak => Binding::Weak,
                _ => Binding::Global,
            },
            kind,
            visibility: if raw.flags.0 & macho::N_PEXT.0 == 0 {
                Visibility::Default
            } else {
                Visibility::Hidden
            },
            size,
            // The low byte without the reference type; for definitions, where the library ordinal
            // does not take their place, bits 8 to 10 (resolver, alternate entry, cold) below it.
            native: (raw.desc.0 & 0xf8) as u8
                | if matches!(definition, Definition::Atom { .. }) {
                    (raw.desc.0 >> 8 & 7) as u8
                } else {
                    0
                },
        })
    }

    /// What begins with a symbol that other objects see is what that names, where symbols cut sections.
    fn name(&mut self, atom: AtomIndex, symbol: &Symbol<'d>) {
        let begins = matches!(symbol.definition, Definition::Atom { offset: 0, .. });
        if self.subsections
            && begins
            && symbol.binding != Binding::Local
            && let Some(a) = self.out.atoms.get_mut(atom as usize)
            && a.told_by == ToldBy::Place
        {
            a.told_by = ToldBy::Names;
        }
    }

    /// N_NO_DEAD_STRIP: `__attribute__((used))` and `#[used]`; and what a sanitizer's runtime looks for.
    fn retain(&mut self, atom: AtomIndex, raw: RawSymbol<'d>) {
        let word = raw.flags.is_ext()
            && raw
                .name
                .strip_prefix(b"_")
                .is_some_and(crate::format::is_word_to_a_sanitizer);
        let marked = raw.desc.0 & macho::N_NO_DEAD_STRIP.0 != 0;
        if raw.flags.typ() != macho::N_SECT || !(marked || word) {
            return;
        }
        if let Some(a) = self.out.atoms.get_mut(atom as usize)
            && a.keep.is_none()
        {
            a.keep = Some(KeepRule::Retained);
            self.out.kept.push(atom);
        }
    }

    /// A vague definition stands for all of its name: what ELF says with a COMDAT group.
    fn coalesce(&mut self, atom: AtomIndex, name: &'d [u8]) {
        let group = self.out.groups.len() as u32;
        if let Some(a) = self.out.atoms.get_mut(atom as usize)
            && a.group.is_none()
            // An atom of a whole section holds more than the one definition.
            && self.subsections
        {
            a.group = Some(group);
            self.out.groups.push(Group {
                signature: name,
                comdat: true,
                largest: false,
                native: 0,
                atoms: vec![atom],
            });
        }
    }
}

/// Are the section's pieces what stands between symbols?
fn is_cut_at_symbols(kind: macho::SectionType) -> bool {
    matches!(
        kind,
        macho::S_REGULAR
            | macho::S_ZEROFILL
            | macho::S_GB_ZEROFILL
            | macho::S_THREAD_LOCAL_REGULAR
            | macho::S_THREAD_LOCAL_ZEROFILL
            | macho::S_COALESCED
    )
}

/// The best aligned place within a piece of a section, in bytes from its start, if one is better aligned than the
/// start, which is all that `limit` cares for.
fn most_aligned(start: u64, size: u64, limit: u64) -> Option<u64> {
    let end = start.checked_add(size)?;
    let mut align = limit;
    while align > 1 && !start.is_multiple_of(align) {
        let at = start.checked_next_multiple_of(align)?;
        if at < end {
            return Some(at - start);
        }
        align /= 2;
    }
    None
}

/// Where strings begin.
fn strings(data: &[u8]) -> Vec<u64> {
    let ends = data.iter().enumerate().filter(|(_, b)| **b == 0);
    ends.map(|(at, _)| at as u64 + 1)
        .filter(|&next| next < data.len() as u64)
        .collect()
}

/// Sections that compilers make, whose bounds nobody asks for.
fn is_standard(name: &[u8]) -> bool {
    const NAMES: [&[u8]; 12] = [
        b"__text",
        b"__const",
        b"__data",
        b"__bss",
        b"__common",
        b"__cstring",
        b"__ustring",
        b"__cfstring",
        b"__gcc_except_tab",
        b"__dyld",
        b"__static_data",
        b"__constructor",
    ];
    NAMES.contains(&name)
        || name.starts_with(b"__objc_")
        || name.starts_with(b"__swift")
        || name.starts_with(b"__literal")
}

/// A tentative definition: `n_value` is its size.
fn common(raw: RawSymbol<'_>) -> Definition {
    let align = match raw.desc.common_alignment() {
        // ld(1): the smallest power of two that holds it, 32 KiB at most.
        0 => raw.value.min(1 << 15).next_power_of_two(),
        shift => 1 << shift,
    };
    Definition::Common { align }
}
