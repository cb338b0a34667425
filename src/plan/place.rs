//! Places that other objects refer to.

use crate::analysis::Analysis;
use crate::analysis::identity::atoms::ClassId;
use crate::format::model::{Definition, SymbolKind};

/// A place that other objects refer to. What is chosen at load time, or is thread-local, is not the code
/// or data at its address, so the kind of the symbol is part of the place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    pub class: ClassId,
    pub offset: u64,
    pub special: Special,
}

/// What sets a symbol apart from others at its address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Special {
    Plain,
    Tls,
    IndirectFunction,
}

impl Special {
    #[must_use]
    pub fn of(kind: SymbolKind) -> Self {
        match kind {
            SymbolKind::Tls => Self::Tls,
            SymbolKind::IndirectFunction => Self::IndirectFunction,
            _ => Self::Plain,
        }
    }

    /// What a reference to such a place says of it.
    #[must_use]
    pub fn kind(self) -> SymbolKind {
        match self {
            Self::Plain => SymbolKind::NoType,
            Self::Tls => SymbolKind::Tls,
            Self::IndirectFunction => SymbolKind::IndirectFunction,
        }
    }
}

/// The place by which an atom is pulled.
#[must_use]
pub fn start_of(analysis: &Analysis<'_>, class: ClassId) -> Place {
    let (set, n) = analysis.classes.first[class.index()];
    let node = analysis.reached[set as usize].nodes[n as usize];
    let mut symbols = analysis.graph.file(node.object).symbols_of(node.atom);
    // Linkers refuse a plain reference to a thread-local variable.
    let tls = symbols.any(|(_, s)| {
        s.kind == SymbolKind::Tls && matches!(s.definition, Definition::Atom { offset: 0, .. })
    });
    Place {
        class,
        offset: 0,
        special: if tls { Special::Tls } else { Special::Plain },
    }
}
