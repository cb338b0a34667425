//! What an undefined entry must say: what the reference says of the name, and what its definition is.

use super::builder::Builder;
use crate::analysis::graph::{NameId, ObjectId};
use crate::analysis::identity::atoms::ClassId;
use crate::format::bound_stem;
use crate::format::model::{Definition, EdgeTarget, Symbol, SymbolKind, Visibility};

/// What is known of an undefined entry by the name alone.
#[derive(Debug, Clone, Copy)]
pub(super) struct Need {
    pub weak: bool,
    pub visibility: Visibility,
    pub kind: SymbolKind,
    pub native: u8,
    pub far: bool,
    /// See [`Undefined::keeps_table`](crate::format::output::Undefined::keeps_table).
    pub keeps_table: bool,
}

impl Need {
    pub fn plain(kind: SymbolKind) -> Self {
        Self {
            weak: false,
            visibility: Visibility::Default,
            kind,
            native: 0,
            far: false,
            keeps_table: false,
        }
    }
}

impl<'d, 'a> Builder<'_, 'a, 'd> {
    /// The symbol that an edge names, as its own object has it.
    pub(super) fn declared(&self, object: ObjectId, to: EdgeTarget) -> Option<&'d Symbol<'d>>
    where
        'a: 'd,
    {
        let EdgeTarget::Symbol(index) = to else {
            return None;
        };
        let file = self.objects.analysis.graph.file(object);
        file.symbols.get(index as usize)
    }

    /// How the entry for an external name must be: what the reference says of it, and the kind that the
    /// library's own definition has, where there is one (linkers refuse to mix thread-local ones).
    pub(super) fn need(
        &self,
        s: usize,
        object: ObjectId,
        to: EdgeTarget,
        name: NameId,
        weak: bool,
    ) -> Need {
        let graph = &self.objects.analysis.graph;
        let mut need = Need::plain(self.kind_in(s, name));
        need.weak = weak;
        let stem = bound_stem(graph.name(name));
        need.keeps_table = stem.is_some_and(|s| !weak && !self.objects.retained.contains(s));
        let EdgeTarget::Symbol(index) = to else {
            return need;
        };
        if let Some(symbol) = graph.file(object).symbols.get(index as usize) {
            need.visibility = symbol.visibility;
            if symbol.definition == Definition::Undefined {
                need.native = symbol.native;
            }
            if need.kind == SymbolKind::NoType {
                need.kind = symbol.kind;
            }
        }
        need
    }

    /// The kind of a name's definition in the library of a root set, or in any.
    pub(super) fn kind_in(&self, s: usize, name: NameId) -> SymbolKind {
        let analysis = self.objects.analysis;
        let of = |resolution: &crate::analysis::resolve::Resolution| {
            let (object, symbol) = resolution.symbol(&analysis.graph, name)?;
            if analysis.graph.is_verbatim(object) {
                return None;
            }
            let symbol = analysis.graph.file(object).symbols.get(symbol as usize)?;
            Some(symbol.kind)
        };
        let found = of(analysis.resolution(s)).or_else(|| analysis.resolutions.iter().find_map(of));
        found.unwrap_or(SymbolKind::NoType)
    }

    pub(super) fn kind_of_class(&self, class: ClassId, name: NameId) -> SymbolKind {
        let (_, _, node) = self.objects.node(class);
        let graph = &self.objects.analysis.graph;
        let bytes = graph.name(name);
        let own = graph.file(node.object).symbols_of(node.atom);
        own.map(|(_, s)| s)
            .find(|s| s.name == bytes)
            .map_or(SymbolKind::NoType, |s| s.kind)
    }
}
