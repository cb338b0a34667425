//! What one reference means: in the library that resolves it, or for the final linker.

use crate::analysis::graph::{NameId, ObjectId};
use crate::analysis::reach::{Node, Rules};
use crate::analysis::resolve::Resolution;
use crate::format::bound_stem;
use crate::format::model::{AtomIndex, Binding, Definition, EdgeTarget, SymbolIndex, SymbolKind};

/// What a reference means, before the walk marks it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    Atom {
        node: Node,
        offset: u64,
        kind: SymbolKind,
    },
    Vague {
        node: Node,
        name: NameId,
    },
    Fallback {
        name: NameId,
        node: Node,
        offset: u64,
    },
    Either {
        name: NameId,
        other: NameId,
    },
    External {
        name: NameId,
        weak: bool,
    },
    /// The bound of a table, which no pulled member defines.
    Bound {
        name: NameId,
        weak: bool,
    },
    Absolute(u64),
    Void,
    /// Into what the reader consumed, or beyond what there is.
    Lost,
}

impl<'a> Rules<'a, '_> {
    /// Says what the node's references mean.
    fn resolution_for(&self, node: Node) -> &'a Resolution {
        match self.torn {
            Some((torn, whole)) if torn.is(node) => whole,
            _ => self.resolution,
        }
    }

    /// The symbol that defines a name for the node; what only torn atoms lead to needs what only the whole library pulls.
    fn symbol_for(&self, node: Node, name: NameId) -> Option<(ObjectId, SymbolIndex)> {
        let own = self.resolution_for(node).symbol(self.graph, name);
        own.or_else(|| self.torn?.1.symbol(self.graph, name))
    }

    /// What a reference of `node` means.
    pub(super) fn look_up(&self, node: Node, to: EdgeTarget) -> Found {
        let Rules {
            graph, contested, ..
        } = *self;
        let resolution = self.resolution_for(node);
        let file = graph.file(node.object);
        let index = match to {
            EdgeTarget::Atom(atom) => {
                return self.atom(node, node.object, atom, 0, SymbolKind::Section);
            }
            EdgeTarget::Symbol(s) => s,
        };
        let Some(symbol) = file.symbols.get(index as usize) else {
            return Found::Lost;
        };
        let Some(name) = graph.name_of(node.object, index) else {
            return match symbol.definition {
                Definition::Atom { atom, offset } => {
                    self.atom(node, node.object, atom, offset, symbol.kind)
                }
                Definition::Absolute(value) => Found::Absolute(value),
                // The table's first entry: no symbol at all.
                Definition::Undefined if symbol.name.is_empty() => Found::Void,
                Definition::Undefined => Found::Lost,
                Definition::Common { .. } | Definition::Dropped => Found::Lost,
            };
        };
        let weak = symbol.definition == Definition::Undefined && symbol.binding == Binding::Weak;
        if contested.is(resolution.library, name) {
            if let Definition::Atom { atom, offset } = symbol.definition
                && contested.serves_itself(graph, node.object, atom, symbol.binding, name)
            {
                let node = Node {
                    object: node.object,
                    atom,
                };
                let kind = symbol.kind;
                return Found::Atom { node, offset, kind };
            }
            // Another member of the library may say what stands for the name.
            let stands = |object: ObjectId, s: SymbolIndex, own: bool| {
                let file = graph.file(object);
                let of = file.symbols.get(s as usize)?;
                let other = file.fallback(s)?;
                // Microsoft's linkers refuse two that stand for one name, and find one by the name, unless a
                // weak reference made them forget where.
                let told = match own {
                    true => contested.is_alike(object) || contested.is_of_one_library(name),
                    false => contested.is_alike(object) && contested.is_weakly_needed(name),
                };
                let asked =
                    of.definition == Definition::Undefined || contested.local_aliases || told;
                asked.then_some((object, other))
            };
            // A member's own definition is there, and by the name they might find another's.
            let instead = stands(node.object, index, true).or_else(|| {
                let (object, s) = self.symbol_for(node, name)?;
                if graph.is_verbatim(object) {
                    return None;
                }
                stands(object, s, false)
            });
            return match instead {
                Some((object, instead)) => self.fall_back(object, name, instead),
                None => Found::External { name, weak },
            };
        }
        let Some((object, defined_by)) = self.symbol_for(node, name) else {
            if let Some(site) = resolution.definition(name)
                && graph.is_verbatim(site.object)
            {
                return Found::External { name, weak };
            }
            if let Some(instead) = file.fallback(index) {
                return self.fall_back(node.object, name, instead);
            }
            return if bound_stem(graph.name(name)).is_some() {
                Found::Bound { name, weak }
            } else {
                Found::External { name, weak }
            };
        };
        if graph.is_verbatim(object) {
            return Found::External { name, weak };
        }
        let Some(found) = graph.file(object).symbols.get(defined_by as usize) else {
            return Found::Lost;
        };
        match found.definition {
            Definition::Atom { atom, .. } if self.vague.meets(graph, object, atom, name) => {
                Found::Vague {
                    node: Node { object, atom },
                    name,
                }
            }
            Definition::Atom { atom, offset } => Found::Atom {
                node: Node { object, atom },
                offset,
                kind: found.kind,
            },
            Definition::Absolute(value) => Found::Absolute(value),
            Definition::Common { .. } => Found::External { name, weak },
            Definition::Undefined | Definition::Dropped => Found::Lost,
        }
    }

    /// An atom of the node's own object, named by place: where its group is not linked, linkers take
    /// the same section of the group that is, or nothing where a table names it.
    fn atom(
        &self,
        from: Node,
        object: ObjectId,
        atom: AtomIndex,
        offset: u64,
        kind: SymbolKind,
    ) -> Found {
        let graph = self.graph;
        let resolution = self.resolution_for(from);
        let node = Node { object, atom };
        let own = |node| Found::Atom { node, offset, kind };
        if from.atom == atom || !resolution.is_discarded(graph, object, atom) {
            return own(node);
        }
        let file = graph.file(object);
        let a = &file.atoms[atom as usize];
        let same_group = file
            .atoms
            .get(from.atom as usize)
            .is_some_and(|f| f.group == a.group);
        if same_group {
            // Only what should not be there refers from a group that is not linked into itself.
            return own(node);
        }
        let winner = a.group.and_then(|g| resolution.winner((object, g)));
        let Some((object, group)) = winner else {
            return own(node);
        };
        let there = graph.file(object);
        let same = there
            .groups
            .get(group as usize)
            .into_iter()
            .flat_map(|g| &g.atoms)
            .find(|&&b| {
                there
                    .atoms
                    .get(b as usize)
                    .is_some_and(|b| b.section == a.section && b.size == a.size)
            });
        match same {
            Some(&atom) => own(Node { object, atom }),
            None => Found::Void,
        }
    }

    /// What a weak reference of `object` means where nobody defines its name: the final linker knows.
    fn fall_back(&self, object: ObjectId, name: NameId, symbol: SymbolIndex) -> Found {
        let graph = self.graph;
        let library = self.resolution.library;
        if let Some(other) = graph.name_of(object, symbol)
            && self.contested.is(library, other)
        {
            return Found::Either { name, other };
        }
        match graph
            .file(object)
            .symbols
            .get(symbol as usize)
            .map(|s| s.definition)
        {
            Some(Definition::Atom { atom, offset }) => Found::Fallback {
                name,
                node: Node { object, atom },
                offset,
            },
            Some(Definition::Undefined) => match graph.name_of(object, symbol) {
                Some(other) => match self.resolution.symbol(graph, other) {
                    Some((object, s)) => match graph.file(object).symbols.get(s as usize) {
                        Some(s) => match s.definition {
                            Definition::Atom { atom, offset } => Found::Fallback {
                                name,
                                node: Node { object, atom },
                                offset,
                            },
                            _ => Found::Either { name, other },
                        },
                        None => Found::Lost,
                    },
                    None => Found::Either { name, other },
                },
                None => Found::Void,
            },
            _ => Found::Lost,
        }
    }
}
