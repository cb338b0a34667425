//! Variables that an export names, and another name that the library itself uses (`environ` and `__environ`). A
//! program that copies the export from a shared library has the copy that all of its names mean, also those that
//! it knows nothing of. So the library's own references by such a name stay references to a name that is seen
//! from outside: not the export's, which another definition may take, but one of our own at the same place.

use super::partition::Partition;
use super::place::{Place, Special};
use crate::analysis::Analysis;
use crate::analysis::graph::{NameId, ObjectId};
use crate::analysis::identity::atoms::ClassId;
use crate::analysis::reach::Node;
use crate::format;
use crate::format::model::{Binding, EdgeTarget, Symbol, SymbolKind, Visibility};

/// Does a shared library show the symbol, and is it a variable?
fn is_seen(symbol: &Symbol<'_>) -> bool {
    symbol.kind == SymbolKind::Object
        && symbol.binding != Binding::Local
        && symbol.visibility == Visibility::Default
}

impl Partition {
    fn node(analysis: &Analysis<'_>, class: ClassId) -> Option<Node> {
        let &(s, n) = analysis.classes.first.get(class.index())?;
        let reached = analysis.reached.get(s as usize)?;
        reached.nodes.get(n as usize).copied()
    }

    /// Finds the places that an export names and that have other names.
    pub(super) fn find_aliases(&mut self, analysis: &Analysis<'_>) {
        if !format::copies_variables(analysis.format) {
            return;
        }
        let graph = &analysis.graph;
        for export in &self.exports {
            if self.grouped[export.class.index()] {
                continue;
            }
            let Some(node) = Self::node(analysis, export.class) else {
                continue;
            };
            let symbols = graph.file(node.object).symbols_at(node.atom, export.offset);
            let mut exported = false;
            let mut other: Option<Binding> = None;
            for (index, symbol) in symbols.filter(|(_, s)| is_seen(s)) {
                let Some(name) = graph.name_of(node.object, index) else {
                    continue;
                };
                if name == export.name {
                    exported = true;
                } else if !self.is_export(export.class, name, export.offset)
                    && other != Some(Binding::Global)
                {
                    other = Some(symbol.binding);
                }
            }
            if let Some(binding) = other.filter(|_| exported) {
                let place = (export.class, export.offset);
                let known = self.aliases.entry(place).or_insert(binding);
                if binding == Binding::Global {
                    *known = binding;
                }
            }
        }
    }

    fn is_export(&self, class: ClassId, name: NameId, offset: u64) -> bool {
        self.export_places.contains(&(class, name, offset))
    }

    /// The place that a reference of `object` names by such another name.
    #[must_use]
    pub fn alias(
        &self,
        analysis: &Analysis<'_>,
        object: ObjectId,
        to: EdgeTarget,
        class: ClassId,
        offset: u64,
    ) -> Option<Place> {
        if self.aliases.is_empty() || !self.aliases.contains_key(&(class, offset)) {
            return None;
        }
        let EdgeTarget::Symbol(index) = to else {
            return None;
        };
        let graph = &analysis.graph;
        let name = graph.name_of(object, index)?;
        let declared = graph.file(object).symbols.get(index as usize)?;
        let node = Self::node(analysis, class)?;
        let bytes = graph.name(name);
        let mut there = graph.file(node.object).symbols_at(node.atom, offset);
        let seen = declared.visibility == Visibility::Default
            && !self.is_export(class, name, offset)
            && there.any(|(_, s)| s.name == bytes && is_seen(s));
        seen.then_some(Place {
            class,
            offset,
            special: Special::Plain,
        })
    }

    /// How a name of our own at the place binds, where it takes the place of such another name.
    pub(super) fn alias_at(&self, place: Place) -> Option<Binding> {
        match place.special {
            Special::Plain => self.aliases.get(&(place.class, place.offset)).copied(),
            _ => None,
        }
    }
}
