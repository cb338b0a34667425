//! Places that other objects refer to.

use crate::analysis::identity::atoms::ClassId;
use crate::format::model::SymbolKind;

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
}

/// The place by which an atom is pulled.
#[must_use]
pub fn start_of(class: ClassId) -> Place {
    Place {
        class,
        offset: 0,
        special: Special::Plain,
    }
}
