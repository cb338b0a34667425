//! The symbol table of an output object: which local symbols it needs, and their final order.

use std::collections::{BTreeSet, HashMap};

use foldhash::fast::FixedState;

use super::arch::Arch;
use super::mergeable;
use super::write::{NOWHERE, OutSection, Place};
use crate::error::{Code, Diagnostic, Result};
use crate::format;
use crate::format::model::{Binding, Definition, SymbolKind};
use crate::format::output::{OutObject, OutTarget};
use crate::protocol::request::Symbols;

/// A reference that the plan gave no target.
pub(super) fn lost() -> Diagnostic {
    Diagnostic::new(
        Code::Internal,
        "a live reference has no target in the output",
    )
    .hint("this is a fault of dragonfire: please report it with the library")
}

/// A symbol before it has its final index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum SymbolRef {
    /// gABI index 0.
    Null,
    Section(u32),
    /// Index into [`SymbolTable::locals`].
    Local(u32),
    /// (atom, position in its globals)
    Global(u32, u32),
    Undefined(u32),
}

/// A local symbol.
#[derive(Debug, Clone)]
pub(super) struct LocalSymbol<'o> {
    pub name: &'o [u8],
    /// `None`: absolute.
    pub section: Option<usize>,
    pub value: u64,
    pub size: u64,
    pub kind: SymbolKind,
    pub native: u8,
}

pub(super) struct SymbolTable<'o, 'a, 'd> {
    pub object: &'o OutObject<'a, 'd>,
    pub places: Vec<Place>,
    pub locals: Vec<LocalSymbol<'o>>,
    /// Locals by (atom, offset, kind).
    at: HashMap<(u32, u64, SymbolKind), u32, FixedState>,
    absolute: HashMap<u64, u32>,
    /// By section: linkers merge its pieces.
    merged: Vec<bool>,
}

impl<'o, 'a, 'd> SymbolTable<'o, 'a, 'd> {
    pub fn new(
        object: &'o OutObject<'a, 'd>,
        places: &[Place],
        sections: &[OutSection],
        arch: Arch,
    ) -> Self {
        let mut table = Self {
            object,
            places: places.to_vec(),
            locals: Vec::new(),
            at: HashMap::default(),
            absolute: HashMap::new(),
            merged: sections.iter().map(OutSection::is_mergeable).collect(),
        };
        if object.symbols == Symbols::Keep && !object.name.is_empty() {
            // Else tools take the file that the linker read before for the one these symbols are of.
            table.push(LocalSymbol {
                name: object.name.as_bytes(),
                section: None,
                value: 0,
                size: 0,
                kind: SymbolKind::File,
                native: 0,
            });
        }
        for (at, out) in object.atoms.iter().enumerate() {
            if places[at].section >= sections.len() {
                continue;
            }
            let globals: BTreeSet<(u64, &[u8])> =
                out.globals.iter().map(|g| (g.offset, &*g.name)).collect();
            for (_, symbol) in out.file.symbols_of(out.atom) {
                let Definition::Atom { offset, .. } = symbol.definition else {
                    continue;
                };
                let mark = object.symbols == Symbols::Exports
                    && format::is_mark_of_backtraces(symbol.name);
                let wanted = match symbol.kind {
                    SymbolKind::Mapping => true,
                    SymbolKind::Section | SymbolKind::File => false,
                    // Linkers that delete code move labels only where they are symbols.
                    _ if arch.relaxes || mark => true,
                    _ => {
                        object.symbols == Symbols::Keep
                            && !symbol.name.is_empty()
                            && !symbol.name.starts_with(b".L")
                    }
                };
                let exported =
                    symbol.binding != Binding::Local && globals.contains(&(offset, symbol.name));
                if wanted && !exported {
                    let bare = object.symbols == Symbols::Exports
                        && symbol.kind != SymbolKind::Mapping
                        && !mark;
                    let index = table.push(LocalSymbol {
                        name: if bare { b"" } else { symbol.name },
                        section: Some(places[at].section),
                        value: places[at].offset.wrapping_add(offset),
                        size: symbol.size,
                        kind: symbol.kind,
                        native: symbol.native,
                    });
                    if symbol.kind != SymbolKind::Mapping {
                        table
                            .at
                            .entry((at as u32, offset, symbol.kind))
                            .or_insert(index);
                    }
                }
            }
        }
        table
    }

    fn push(&mut self, symbol: LocalSymbol<'o>) -> u32 {
        self.locals.push(symbol);
        self.locals.len() as u32 - 1
    }

    /// A symbol at exactly the target; made where there is none yet.
    pub fn of_target(&mut self, target: OutTarget) -> Result<SymbolRef> {
        match target {
            OutTarget::Void => Ok(SymbolRef::Null),
            OutTarget::Lost => Err(lost().into()),
            OutTarget::Undefined(u) => Ok(SymbolRef::Undefined(u)),
            OutTarget::Global { atom, global } => Ok(SymbolRef::Global(atom, global)),
            OutTarget::Absolute(value) => {
                if let Some(&l) = self.absolute.get(&value) {
                    return Ok(SymbolRef::Local(l));
                }
                let index = self.push(LocalSymbol {
                    name: b"",
                    section: None,
                    value,
                    size: 0,
                    kind: SymbolKind::NoType,
                    native: 0,
                });
                self.absolute.insert(value, index);
                Ok(SymbolRef::Local(index))
            }
            OutTarget::Atom { atom, offset, kind } => {
                let kind = if kind == SymbolKind::Section {
                    SymbolKind::NoType
                } else {
                    kind
                };
                if let Some(&l) = self.at.get(&(atom, offset, kind)) {
                    return Ok(SymbolRef::Local(l));
                }
                let place = self
                    .places
                    .get(atom as usize)
                    .copied()
                    .ok_or_else(|| Diagnostic::new(Code::Internal, "reference to no atom"))?;
                let out = &self.object.atoms[atom as usize];
                if place.section == NOWHERE {
                    // `.ARM.exidx` is built anew, in the order of the code.
                    let mut labels = out.file.symbols_of(out.atom).map(|(_, s)| s);
                    let label = labels.find(|s| s.kind != SymbolKind::Section);
                    let section = out.file.atoms[out.atom as usize].section;
                    return Err(Diagnostic::new(
                        Code::ReferenceLost,
                        "live data or code refers to a place in a table that is rebuilt",
                    )
                    .symbol(label.map_or(section, |s| s.name))
                    .hint("use the dedup strategy, or leave what uses it out")
                    .into());
                }
                let mut there = out.file.symbols_at(out.atom, offset);
                let like = there.find(|(_, s)| s.kind == kind);
                let (size, native) = like.map_or((0, 0), |(_, s)| (s.size, s.native));
                let merged = self.merged.get(place.section) == Some(&true);
                let index = self.push(LocalSymbol {
                    name: if merged { mergeable::LABEL } else { b"" },
                    section: Some(place.section),
                    value: place.offset.wrapping_add(offset),
                    size,
                    kind,
                    native,
                });
                self.at.insert((atom, offset, kind), index);
                Ok(SymbolRef::Local(index))
            }
        }
    }
}
