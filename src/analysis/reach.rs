//! Roots and reach: which atoms of a library its exports need, and what each of their edges means.
//!
//! One [`Reached`] per root set (a plugin, or a runtime name that keeps its own member). Edges follow
//! relocations and the keep rules of [`KeepRule`]. A weak undefined reference pulls no member, but
//! binds to what a pulled member defines, as in every linker; else it keeps its name.

use std::collections::HashMap;

use crate::analysis::graph::{Graph, NameId, ObjectId};
use crate::analysis::resolve::Resolution;
use crate::format::model::{
    AtomIndex, Binding, Definition, Edge, EdgeKind, EdgeTarget, KeepRule, SymbolIndex,
};

/// An atom of a pulled object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Node {
    pub object: ObjectId,
    pub atom: AtomIndex,
}

/// What an edge leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Target {
    /// A live atom (index into [`Reached::nodes`]), `offset` bytes in.
    Node {
        node: u32,
        offset: u64,
    },
    /// Something the library does not define, or that keeps its name for all.
    External {
        name: NameId,
        weak: bool,
    },
    /// A linker-defined bound of a registry of this library.
    Bound(NameId),
    Absolute(u64),
    /// Into a section that is no atom, or to nothing at all.
    Nothing,
}

/// Why a node lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    Export(NameId),
    /// A relocation of this node.
    Reference(u32),
    Rule(u32, KeepRule),
}

/// What one root set reaches.
#[derive(Debug, Default)]
pub struct Reached {
    /// Live atoms, in discovery order.
    pub nodes: Vec<Node>,
    pub causes: Vec<Cause>,
    /// Targets of each node's edges: those of the object's `edges_of`, then one for each of the
    /// object's kept atoms.
    pub targets: Vec<Target>,
    /// Where each node's targets begin; one more entry than nodes.
    pub target_starts: Vec<u32>,
    index: HashMap<ObjectId, Vec<u32>>,
    /// Linker-defined bounds that live code asks for, sorted.
    bounds: Vec<NameId>,
    /// Nodes of the roots, with the offset of the symbol.
    pub roots: Vec<(NameId, u32, u64)>,
}

const NONE: u32 = u32::MAX;

impl Reached {
    #[must_use]
    pub fn find(&self, node: Node) -> Option<u32> {
        self.index
            .get(&node.object)?
            .get(node.atom as usize)
            .copied()
            .filter(|&n| n != NONE)
    }

    #[must_use]
    pub fn targets_of(&self, node: u32) -> &[Target] {
        let at = node as usize;
        match (self.target_starts.get(at), self.target_starts.get(at + 1)) {
            (Some(&a), Some(&b)) => &self.targets[a as usize..b as usize],
            _ => &[],
        }
    }

    /// Does live code ask for this linker-defined bound?
    #[must_use]
    pub fn binds(&self, name: NameId) -> bool {
        self.bounds.binary_search(&name).is_ok()
    }

    /// External names that live edges need (weak ones left out), sorted by id.
    #[must_use]
    pub fn externals(&self) -> Vec<NameId> {
        let mut names: Vec<NameId> = self
            .targets
            .iter()
            .filter_map(|t| match t {
                Target::External { name, weak: false } => Some(*name),
                _ => None,
            })
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

/// Walks from `roots`. `public` names are never followed: they stay by name.
pub fn reach(
    graph: &Graph<'_>,
    resolution: &Resolution,
    roots: &[NameId],
    public: &dyn Fn(NameId) -> bool,
) -> Reached {
    let mut walk = Walk {
        graph,
        resolution,
        public,
        out: Reached::default(),
        registries: None,
    };
    for &name in roots {
        if let Some((object, atom, offset)) = walk.definition(name) {
            let node = walk.visit(Node { object, atom }, Cause::Export(name));
            walk.out.roots.push((name, node, offset));
        }
    }
    walk.run();
    walk.out
}

struct Walk<'a, 'd> {
    graph: &'a Graph<'d>,
    resolution: &'a Resolution,
    public: &'a dyn Fn(NameId) -> bool,
    out: Reached,
    /// Registry atoms of the pulled objects, by section name; made when first asked for.
    registries: Option<HashMap<&'d [u8], Vec<Node>>>,
}

impl<'d> Walk<'_, 'd> {
    /// Marks a node live; returns its index.
    fn visit(&mut self, node: Node, cause: Cause) -> u32 {
        let atoms = self.graph.file(node.object).atoms.len();
        let slots = self
            .out
            .index
            .entry(node.object)
            .or_insert_with(|| vec![NONE; atoms]);
        let Some(slot) = slots.get_mut(node.atom as usize) else {
            return NONE;
        };
        if *slot == NONE {
            *slot = self.out.nodes.len() as u32;
            self.out.nodes.push(node);
            self.out.causes.push(cause);
        }
        *slot
    }

    /// The atom that `name` resolves to.
    fn definition(&self, name: NameId) -> Option<(ObjectId, AtomIndex, u64)> {
        let site = self.resolution.definition(name)?;
        let symbol = self.graph.global_symbol(site.object, site.position)?;
        match self
            .graph
            .file(site.object)
            .symbols
            .get(symbol as usize)?
            .definition
        {
            Definition::Atom { atom, offset } => Some((site.object, atom, offset)),
            _ => None,
        }
    }

    fn run(&mut self) {
        let mut next = 0u32;
        while let Some(&node) = self.out.nodes.get(next as usize) {
            self.out.target_starts.push(self.out.targets.len() as u32);
            let file = self.graph.file(node.object);
            for edge in file.edges_of(node.atom) {
                let target = self.target(next, node, edge);
                self.out.targets.push(target);
            }
            self.keep_with(next, node);
            next += 1;
        }
        self.out.target_starts.push(self.out.targets.len() as u32);
    }

    /// What lives because something of this object does.
    fn keep_with(&mut self, from: u32, node: Node) {
        let file = self.graph.file(node.object);
        if file.whole.is_some() {
            for atom in 0..file.atoms.len() as AtomIndex {
                let to = Node {
                    object: node.object,
                    atom,
                };
                let target = self.visit(to, Cause::Rule(from, KeepRule::WholeMember));
                self.out.targets.push(Target::Node {
                    node: target,
                    offset: 0,
                });
            }
            return;
        }
        // A COMDAT atom may stand for any library's copy of it: what its member keeps besides is
        // kept, but is no part of what the atom is.
        let shared = file.atoms[node.atom as usize]
            .group
            .and_then(|g| file.groups.get(g as usize))
            .is_some_and(|g| g.comdat);
        for &atom in &file.kept {
            let rule = file.atoms[atom as usize].keep.unwrap_or(KeepRule::Retained);
            let to = Node {
                object: node.object,
                atom,
            };
            let target = self.visit(to, Cause::Rule(from, rule));
            if !shared {
                self.out.targets.push(Target::Node {
                    node: target,
                    offset: 0,
                });
            }
        }
    }

    fn target(&mut self, from: u32, node: Node, edge: &Edge) -> Target {
        let cause = match edge.kind {
            EdgeKind::Relocation(_) => Cause::Reference(from),
            EdgeKind::Rule(rule) => Cause::Rule(from, rule),
        };
        match look_up(
            self.graph,
            self.resolution,
            self.public,
            node.object,
            edge.to,
        ) {
            Found::Atom { node, offset } => {
                let node = self.visit(node, cause);
                Target::Node { node, offset }
            }
            Found::External { name, weak } => Target::External { name, weak },
            Found::Bound { name, weak } => self.bound(name, weak, cause),
            Found::Absolute(value) => Target::Absolute(value),
            Found::Nothing => Target::Nothing,
        }
    }

    /// `__start_X` keeps every section X of the pulled members alive.
    fn bound(&mut self, name: NameId, weak: bool, cause: Cause) -> Target {
        let stem = bound_stem(self.graph.name(name)).unwrap_or_default();
        let registries = self.registries.get_or_insert_with(|| {
            let mut map: HashMap<&'d [u8], Vec<Node>> = HashMap::new();
            for &object in &self.resolution.pulled {
                for (atom, a) in self.graph.file(object).atoms.iter().enumerate() {
                    if let Some(stem) = a.registry {
                        let atom = atom as AtomIndex;
                        map.entry(stem).or_default().push(Node { object, atom });
                    }
                }
            }
            map
        });
        let Some(nodes) = registries.get(stem).cloned() else {
            return Target::External { name, weak };
        };
        let from = match cause {
            Cause::Reference(n) | Cause::Rule(n, _) => n,
            Cause::Export(_) => NONE,
        };
        for node in nodes {
            self.visit(node, Cause::Rule(from, KeepRule::Registry));
        }
        if let Err(at) = self.out.bounds.binary_search(&name) {
            self.out.bounds.insert(at, name);
        }
        Target::Bound(name)
    }
}

/// `__start_X`, `__stop_X`, and Apple's `section$start$SEGMENT$X`, `section$end$SEGMENT$X` -> X.
#[must_use]
pub fn bound_stem(name: &[u8]) -> Option<&[u8]> {
    let apple =
        |name: &'_ [u8]| name.starts_with(b"section$start$") || name.starts_with(b"section$end$");
    name.strip_prefix(b"__start_")
        .or_else(|| name.strip_prefix(b"__stop_"))
        .or_else(|| name.rsplit(|b| *b == b'$').next().filter(|_| apple(name)))
        .filter(|stem| !stem.is_empty())
}

/// What a reference of an object means in a library.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    Atom {
        node: Node,
        offset: u64,
    },
    External {
        name: NameId,
        weak: bool,
    },
    /// `__start_X` or `__stop_X` that no pulled member defines.
    Bound {
        name: NameId,
        weak: bool,
    },
    Absolute(u64),
    Nothing,
}

/// Resolves one reference of `object` as `resolution` does.
#[must_use]
pub fn look_up(
    graph: &Graph<'_>,
    resolution: &Resolution,
    public: &dyn Fn(NameId) -> bool,
    object: ObjectId,
    to: EdgeTarget,
) -> Found {
    let at = |object: ObjectId, definition: Definition| match definition {
        Definition::Atom { atom, offset } => Found::Atom {
            node: Node { object, atom },
            offset,
        },
        Definition::Absolute(value) => Found::Absolute(value),
        Definition::Dropped | Definition::Undefined => Found::Nothing,
    };
    let index = match to {
        EdgeTarget::Atom(atom) => return at(object, Definition::Atom { atom, offset: 0 }),
        EdgeTarget::Symbol(s) => s,
    };
    let Some(symbol) = graph.file(object).symbols.get(index as usize) else {
        return Found::Nothing;
    };
    let Some(name) = graph.name_of(object, index) else {
        return at(object, symbol.definition);
    };
    let weak = symbol.definition == Definition::Undefined && symbol.binding == Binding::Weak;
    if public(name) {
        return Found::External { name, weak };
    }
    let Some(site) = resolution.definition(name) else {
        if let Some(instead) = graph.file(object).fallback(index).filter(|_| weak) {
            return fall_back(graph, object, instead);
        }
        return if bound_stem(graph.name(name)).is_some() {
            Found::Bound { name, weak }
        } else {
            Found::External { name, weak }
        };
    };
    if graph.is_verbatim(site.object) {
        return Found::External { name, weak };
    }
    let definition = graph
        .global_symbol(site.object, site.position)
        .and_then(|s| graph.file(site.object).symbols.get(s as usize))
        .map_or(Definition::Undefined, |s| s.definition);
    at(site.object, definition)
}

/// What a weak reference of `object` means where nobody defines its name.
fn fall_back(graph: &Graph<'_>, object: ObjectId, symbol: SymbolIndex) -> Found {
    let symbol_of = |s: SymbolIndex| graph.file(object).symbols.get(s as usize);
    match symbol_of(symbol).map(|s| s.definition) {
        Some(Definition::Atom { atom, offset }) => Found::Atom {
            node: Node { object, atom },
            offset,
        },
        Some(Definition::Absolute(value)) => Found::Absolute(value),
        Some(Definition::Undefined) => match graph.name_of(object, symbol) {
            Some(name) => Found::External { name, weak: false },
            None => Found::Nothing,
        },
        _ => Found::Nothing,
    }
}
