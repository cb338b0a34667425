//! Who defines and needs what: classes of members and symbols, by number.

use std::borrow::Cow;
use std::collections::HashMap;

use super::names::{has_digest, is_public};
use crate::format::model::SymbolKind;
use crate::format::{Ask, Format, GlobalKind, GlobalSymbol};

/// A global definition of a class.
#[derive(Debug, Clone, Copy)]
pub struct Definition<'d> {
    pub name: &'d [u8],
    of: SymbolKind,
    hidden: bool,
}

/// Global symbols of a class of members.
#[derive(Debug, Default)]
pub struct Symbols<'d> {
    pub strong: Vec<Definition<'d>>,
    /// Weak definitions, commons.
    pub weak: Vec<Definition<'d>>,
    /// Definitions that every user brings itself.
    pub vague: Vec<Definition<'d>>,
    /// Strong undefined ones: they pull members.
    pub needs: Vec<&'d [u8]>,
    /// Sequences that it adds to in link order.
    pub ordered: Vec<Cow<'d, [u8]>>,
    /// Whether symbols can be added to its members.
    pub amendable: bool,
    /// Bitcode: what it needs, we cannot tell.
    pub opaque: bool,
    /// A symbol with a version: linkers look it up by more than its name.
    pub versioned: Option<&'d [u8]>,
}

impl<'d> Symbols<'d> {
    pub fn add(&mut self, format: Format, symbol: GlobalSymbol<'d>) {
        let definition = Definition {
            name: symbol.name,
            of: symbol.of,
            hidden: !symbol.visibility.is_outside(),
        };
        match symbol.kind {
            GlobalKind::Defined => self.strong.push(definition),
            GlobalKind::Vague => self.vague.push(definition),
            GlobalKind::WeakDefined | GlobalKind::Common => self.weak.push(definition),
            kind if kind.pulls(format) => self.needs.push(symbol.name),
            GlobalKind::Undefined | GlobalKind::WeakUndefined => {}
        }
    }

    /// Bitcode's definitions, of which the index tells the names.
    pub fn add_indexed(&mut self, names: Vec<&'d [u8]>) {
        self.strong = names
            .into_iter()
            .map(|name| Definition {
                name,
                of: SymbolKind::NoType,
                hidden: false,
            })
            .collect();
    }
}

/// A symbol that is looked for, by number.
pub type Id = u32;

type Ids<'d> = HashMap<&'d [u8], Id, foldhash::fast::FixedState>;

/// What definitions of a symbol there are; a set of bits.
#[derive(Debug, Default, Clone, Copy)]
struct Kinds(u8);

impl Kinds {
    const FUNCTION: u8 = 1;
    const OBJECT: u8 = 2;
    const TLS: u8 = 4;
    const OTHER: u8 = 8;
    const TYPES: u8 = 15;
    const VISIBLE: u8 = 16;
    const STRONG: u8 = 32;

    fn add(&mut self, definition: &Definition<'_>, strong: bool) {
        self.0 |= match definition.of {
            SymbolKind::Function | SymbolKind::IndirectFunction => Self::FUNCTION,
            SymbolKind::Object => Self::OBJECT,
            SymbolKind::Tls => Self::TLS,
            _ => Self::OTHER,
        };
        if !definition.hidden {
            self.0 |= Self::VISIBLE;
        }
        if strong {
            self.0 |= Self::STRONG;
        }
    }
}

pub struct Graph<'s, 'd> {
    pub symbols: &'s [Symbols<'d>],
    /// What the format puts before names.
    decoration: &'static [u8],
    names: Vec<&'d [u8]>,
    kinds: Vec<Kinds>,
    /// By symbol: the classes that define it.
    definers: Vec<Vec<u32>>,
    /// By symbol: the classes that need it.
    users: Vec<Vec<u32>>,
    /// By class: the symbols it needs that some class defines.
    needs: Vec<Vec<Id>>,
    /// By class: the symbols it defines that count.
    defined: Vec<Vec<Id>>,
}

impl<'s, 'd> Graph<'s, 'd> {
    pub fn new(symbols: &'s [Symbols<'d>], decoration: &'static [u8]) -> Self {
        let mut graph = Self {
            symbols,
            decoration,
            names: Vec::new(),
            kinds: Vec::new(),
            definers: Vec::new(),
            users: Vec::new(),
            needs: Vec::with_capacity(symbols.len()),
            defined: vec![Vec::new(); symbols.len()],
        };
        let mut ids = HashMap::default();
        for (class, of) in (0u32..).zip(symbols) {
            let mut needs = Vec::with_capacity(of.needs.len());
            for name in &of.needs {
                let id = graph.number(&mut ids, name);
                needs.push(id);
                if let Some(users) = graph.users.get_mut(id as usize) {
                    users.push(class);
                }
            }
            graph.needs.push(needs);
        }
        for (class, of) in (0u32..).zip(symbols) {
            for (list, strong) in [(&of.strong, true), (&of.weak, false)] {
                for definition in list {
                    // `name@@version` is found by the bare name too.
                    let bare = match of.versioned {
                        Some(_) => definition.name.split(|b| *b == b'@').next(),
                        None => None,
                    };
                    for name in [Some(definition.name), bare].into_iter().flatten() {
                        let id = graph.number(&mut ids, name);
                        graph.define(id, class, definition, strong);
                    }
                }
            }
        }
        // Those that users bring themselves count where somebody looks for them, or has another.
        for (class, of) in (0u32..).zip(symbols) {
            for definition in &of.vague {
                if let Some(id) = ids.get(definition.name) {
                    graph.define(*id, class, definition, false);
                }
            }
        }
        for needs in &mut graph.needs {
            needs.retain(|id| {
                let definers = graph.definers.get(*id as usize);
                definers.is_some_and(|d| !d.is_empty())
            });
        }
        graph
    }

    fn number(&mut self, ids: &mut Ids<'d>, name: &'d [u8]) -> Id {
        *ids.entry(name).or_insert_with(|| {
            self.names.push(name);
            self.kinds.push(Kinds::default());
            self.users.push(Vec::new());
            self.definers.push(Vec::new());
            (self.names.len() - 1) as Id
        })
    }

    fn define(&mut self, id: Id, class: u32, definition: &Definition<'d>, strong: bool) {
        if let Some(kinds) = self.kinds.get_mut(id as usize) {
            kinds.add(definition, strong);
        }
        let definers = self.definers.get_mut(id as usize);
        let defined = self.defined.get_mut(class as usize);
        if let (Some(definers), Some(defined)) = (definers, defined)
            && definers.last() != Some(&class)
        {
            definers.push(class);
            defined.push(id);
        }
    }

    /// Number of symbols.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// All symbols.
    pub fn ids(&self) -> std::ops::Range<Id> {
        0..self.names.len() as Id
    }

    /// All classes.
    pub fn classes(&self) -> std::ops::Range<u32> {
        0..self.symbols.len() as u32
    }

    pub fn name(&self, id: Id) -> &'d [u8] {
        self.names.get(id as usize).copied().unwrap_or_default()
    }

    /// May a program ask for this name, or define it?
    pub fn is_public(&self, name: &[u8]) -> bool {
        is_public(self.decoration, name)
    }

    fn kinds(&self, id: Id) -> u8 {
        self.kinds.get(id as usize).map_or(0, |k| k.0)
    }

    /// Several classes define it, and it is not one thing for all that: programs get the first.
    pub fn is_contested(&self, id: Id) -> bool {
        // Where no definition is strong they do not clash, and a Rust name with its digest stands
        // for one thing.
        self.definers(id).len() > 1
            && (self.kinds(id) & Kinds::STRONG != 0 || !has_digest(self.name(id)))
    }

    /// Some definitions are thread-local, others are not.
    pub fn is_ambiguous(&self, id: Id) -> bool {
        let types = self.kinds(id) & Kinds::TYPES;
        types & Kinds::TLS != 0 && types != Kinds::TLS
    }

    /// How to ask for it.
    pub fn ask(&self, id: Id) -> Ask<'d> {
        let kinds = self.kinds(id);
        Ask {
            name: self.name(id),
            of: match kinds & Kinds::TYPES {
                Kinds::FUNCTION => SymbolKind::Function,
                Kinds::OBJECT => SymbolKind::Object,
                Kinds::TLS => SymbolKind::Tls,
                _ => SymbolKind::NoType,
            },
            hidden: kinds & Kinds::VISIBLE == 0,
        }
    }

    pub fn definers(&self, id: Id) -> &[u32] {
        self.definers.get(id as usize).map_or(&[], Vec::as_slice)
    }

    pub fn users(&self, id: Id) -> &[u32] {
        self.users.get(id as usize).map_or(&[], Vec::as_slice)
    }

    /// The symbols a class needs that some class defines.
    pub fn needs(&self, class: u32) -> &[Id] {
        self.needs.get(class as usize).map_or(&[], Vec::as_slice)
    }

    /// The symbols a class defines that count.
    pub fn defined(&self, class: u32) -> &[Id] {
        self.defined.get(class as usize).map_or(&[], Vec::as_slice)
    }
}
