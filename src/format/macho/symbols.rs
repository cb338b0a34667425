//! The symbol table of an output object: which local symbols it needs.
//!
//! Linkers cut sections at symbols (MH_SUBSECTIONS_VIA_SYMBOLS), so every atom begins with one, and no other
//! place has one that does not say N_ALT_ENTRY. Names that begin with `l` are local to an object: linkers
//! leave them out of programs, and unlike those with `L` they are boundaries.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use foldhash::fast::FixedState;
use object::macho;

use super::write::{Place, is_cut_by_contents};
use crate::error::{Code, Diagnostic, Result};
use crate::format;
use crate::format::model::{Binding, Definition, KeepRule, SymbolKind};
use crate::format::output::{OutAtom, OutGlobal, OutObject, OutTarget};
use crate::protocol::request::Symbols;

/// Zig's linker knows the initial value of a thread-local variable by the end of its name.
const INITIAL: &[u8] = b"$tlv$init";

/// A symbol before it has its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum SymbolRef {
    /// Index into [`SymbolTable::locals`].
    Local(u32),
    /// (atom, position in its globals)
    Global(u32, u32),
    Undefined(u32),
}

/// A local symbol.
#[derive(Debug, Clone)]
pub(super) struct LocalSymbol<'d> {
    pub name: Cow<'d, [u8]>,
    /// `None`: absolute.
    pub section: Option<usize>,
    /// From the section's start, or the number that it is.
    pub value: u64,
    /// `n_desc`.
    pub desc: u16,
}

pub(super) struct SymbolTable<'o, 'a, 'd> {
    pub object: &'o OutObject<'a, 'd>,
    pub places: &'o [Place],
    pub locals: Vec<LocalSymbol<'d>>,
    /// A symbol at (atom, offset).
    at: HashMap<(u32, u64), SymbolRef, FixedState>,
    absolute: HashMap<u64, u32>,
    /// Names of functions with debug information: the debug map goes by these.
    functions: HashSet<Cow<'d, [u8]>, FixedState>,
    /// Flags of the input's first symbol at (atom, offset), where it has some.
    natives: HashMap<(u32, u64), u8, FixedState>,
}

/// `n_desc` of a symbol at a place, from what the reader kept of it: N_ALT_ENTRY stands where an atom does
/// not begin, and nowhere else.
pub(super) fn description(native: u8, offset: u64, keep: bool) -> u16 {
    let low = u16::from(native) & 0xf8 & !(macho::N_WEAK_DEF.0 | macho::N_WEAK_REF.0);
    let high = (u16::from(native) & 7) << 8 & !macho::N_ALT_ENTRY.0;
    let alternate = if offset == 0 { 0 } else { macho::N_ALT_ENTRY.0 };
    let keep = if keep { macho::N_NO_DEAD_STRIP.0 } else { 0 };
    low | high | alternate | keep
}

/// Does the atom live though nothing refers to it, by its symbol (N_NO_DEAD_STRIP) and not by its section?
pub(super) fn is_retained(out: &OutAtom<'_, '_>) -> bool {
    let atom = &out.file.atoms[out.atom as usize];
    atom.keep == Some(KeepRule::Retained)
        && atom.native.flags & u64::from(macho::S_ATTR_NO_DEAD_STRIP.0) == 0
}

/// Linkers leave such names out of programs.
fn is_of_the_object(name: &[u8]) -> bool {
    matches!(name.first(), Some(b'l' | b'L'))
}

fn is_weak(global: &OutGlobal<'_>) -> bool {
    global.binding != Binding::Global
}

impl<'o, 'a, 'd> SymbolTable<'o, 'a, 'd> {
    pub fn new(object: &'o OutObject<'a, 'd>, places: &'o [Place]) -> Self {
        let mut table = Self {
            object,
            places,
            locals: Vec::new(),
            at: HashMap::default(),
            absolute: HashMap::new(),
            functions: HashSet::default(),
            natives: HashMap::default(),
        };
        for out in object.atoms.iter().filter(|out| out.has_lines()) {
            let globals = out.globals.iter().map(|g| Cow::Owned(g.name.to_vec()));
            table.functions.extend(globals);
        }
        for (index, out) in object.atoms.iter().enumerate() {
            table.atom(index as u32, out);
            table.functions_of(index as u32, out);
        }
        table
    }

    fn atom(&mut self, index: u32, out: &'o OutAtom<'a, 'd>) {
        for (_, symbol) in out.file.symbols_of(out.atom) {
            if let Definition::Atom { offset, .. } = symbol.definition
                && symbol.native != 0
            {
                let slot = self.natives.entry((index, offset));
                slot.or_insert(symbol.native);
            }
        }
        for (position, global) in out.globals.iter().enumerate() {
            let symbol = SymbolRef::Global(index, position as u32);
            let slot = self.at.entry((index, global.offset)).or_insert(symbol);
            // Another library's may stand for a weak one: a strong one means this place.
            if let SymbolRef::Global(_, known) = *slot
                && is_weak(&out.globals[known as usize])
                && !is_weak(global)
            {
                *slot = symbol;
            }
        }
        // A second name would outlive a weak definition that loses against another.
        let may_lose = out.globals.iter().any(is_weak);
        let keep = is_retained(out);
        if !may_lose {
            let globals: HashSet<(u64, &[u8])> =
                out.globals.iter().map(|g| (g.offset, &*g.name)).collect();
            for (_, symbol) in out.file.symbols_of(out.atom) {
                let Definition::Atom { offset, .. } = symbol.definition else {
                    continue;
                };
                let is_global =
                    symbol.binding != Binding::Local && globals.contains(&(offset, symbol.name));
                let nameless = symbol.name.is_empty()
                    || matches!(symbol.kind, SymbolKind::Section | SymbolKind::File);
                let described = out.has_lines() && !is_of_the_object(symbol.name);
                let shown = match self.object.symbols {
                    Symbols::Exports => {
                        let mark = format::is_mark_of_backtraces(symbol.name);
                        (described && !self.at.contains_key(&(index, offset))) || mark
                    }
                    _ => true,
                };
                if is_global || nameless || !shown {
                    continue;
                }
                let name = if described {
                    self.name_of_function(symbol.name)
                } else {
                    Cow::Borrowed(symbol.name)
                };
                let desc = description(symbol.native, offset, keep && offset == 0);
                self.add(index, offset, name, desc);
            }
        }
        let atom = &out.file.atoms[out.atom as usize];
        if !is_cut_by_contents(atom) && !self.at.contains_key(&(index, 0)) {
            self.label(index, 0);
        }
        // Functions within the atom: linkers look for what is unwound by a symbol.
        for entry in out.file.unwind_of(out.atom) {
            let offset = entry.edges.first().map_or(0, |e| e.addend) as u64;
            if offset < atom.size && !self.at.contains_key(&(index, offset)) {
                self.label(index, offset);
            }
        }
    }

    /// A name that no other function of the object has: dsymutil finds one by it.
    fn name_of_function(&mut self, name: &'d [u8]) -> Cow<'d, [u8]> {
        let mut own = Cow::Borrowed(name);
        let mut number = self.locals.len();
        while !self.functions.insert(own.clone()) {
            own = Cow::Owned([name, format!(".{number}").as_bytes()].concat());
            number += 1;
        }
        own
    }

    /// Functions with debug information begin with a symbol that linkers put into programs.
    fn functions_of(&mut self, index: u32, out: &OutAtom<'a, 'd>) {
        // See above on weak ones.
        let Some((debug, atom)) = out
            .debug
            .filter(|_| out.has_lines() && !out.globals.iter().any(is_weak))
        else {
            return;
        };
        for function in debug.functions_in(atom) {
            let ranges = debug.functions.get(function as usize).and_then(|f| {
                let scope = debug.scopes_of(f).first()?;
                Some(debug.ranges_of(scope))
            });
            let first = ranges.and_then(|r| r.iter().find(|r| r.atom == atom));
            let Some(offset) = first.map(|r| u64::from(r.start)) else {
                continue;
            };
            let shown = match self.at.get(&(index, offset)) {
                Some(SymbolRef::Local(l)) => !is_of_the_object(&self.locals[*l as usize].name),
                Some(_) => true,
                None => false,
            };
            if !shown {
                let name = format!("_df.{}", self.locals.len()).into_bytes();
                self.add(
                    index,
                    offset,
                    Cow::Owned(name),
                    description(0, offset, false),
                );
            }
        }
    }

    /// A label `offset` bytes into something that is no atom of the plan's.
    pub fn label_at(&mut self, place: Place, offset: u64) -> SymbolRef {
        let symbol = SymbolRef::Local(self.locals.len() as u32);
        self.locals.push(LocalSymbol {
            name: Cow::Owned(format!("l_df.{}", self.locals.len()).into_bytes()),
            section: Some(place.section),
            value: place.offset.wrapping_add(offset),
            desc: description(0, offset, false),
        });
        symbol
    }

    fn add(&mut self, atom: u32, offset: u64, name: Cow<'d, [u8]>, desc: u16) -> SymbolRef {
        let place = self.places[atom as usize];
        let symbol = SymbolRef::Local(self.locals.len() as u32);
        self.locals.push(LocalSymbol {
            name,
            section: Some(place.section),
            value: place.offset.wrapping_add(offset),
            desc,
        });
        self.at.entry((atom, offset)).or_insert(symbol);
        symbol
    }

    /// A symbol of no interest to anybody but the linker.
    fn label(&mut self, atom: u32, offset: u64) -> SymbolRef {
        let out = &self.object.atoms[atom as usize];
        let mut name = format!("l_df.{}", self.locals.len()).into_bytes();
        let kind = out.file.atoms[out.atom as usize].native.kind;
        if super::is_tls_data(kind) {
            name.extend_from_slice(INITIAL);
        }
        let native = self.natives.get(&(atom, offset)).copied().unwrap_or(0);
        let desc = description(native, offset, is_retained(out) && offset == 0);
        self.add(atom, offset, Cow::Owned(name), desc)
    }

    /// A symbol for the target and the distance from it. `exact`: there is none.
    pub fn of_target(
        &mut self,
        target: OutTarget,
        exact: bool,
    ) -> Result<Option<(SymbolRef, u64)>> {
        match target {
            OutTarget::Void => Ok(None),
            OutTarget::Lost => Err(Diagnostic::new(
                Code::Internal,
                "a live reference has no target in the output",
            )
            .hint("this is a fault of dragonfire: please report it with the library")
            .into()),
            OutTarget::Undefined(u) => Ok(Some((SymbolRef::Undefined(u), 0))),
            OutTarget::Global { atom, global } => Ok(Some((SymbolRef::Global(atom, global), 0))),
            OutTarget::Absolute(value) => {
                let next = self.locals.len() as u32;
                let index = *self.absolute.entry(value).or_insert(next);
                if index == next {
                    self.locals.push(LocalSymbol {
                        name: Cow::Owned(format!("l_df.{next}").into_bytes()),
                        section: None,
                        value,
                        desc: 0,
                    });
                }
                Ok(Some((SymbolRef::Local(index), 0)))
            }
            OutTarget::Atom { atom, offset, .. } => {
                if let Some(&symbol) = self.at.get(&(atom, offset)) {
                    return Ok(Some((symbol, 0)));
                }
                if offset != 0 && !exact {
                    let start = match self.at.get(&(atom, 0)) {
                        Some(&symbol) => symbol,
                        None => self.label(atom, 0),
                    };
                    return Ok(Some((start, offset)));
                }
                Ok(Some((self.label(atom, offset), 0)))
            }
        }
    }
}
