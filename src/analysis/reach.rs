//! Roots and reach: which atoms of a library its exports need, and what each of their edges means.
//!
//! One [`Reached`] per root set (exports, or the contested definitions of a member). Edges follow
//! relocations, unwind entries and the keep rules of [`KeepRule`]. What each edge leads to is decided
//! here, once: the plan writes what stands in [`Reached::targets`].

use std::collections::HashMap;

use crate::analysis::contested::Contested;
use crate::analysis::graph::{Graph, NameId, ObjectId};
use crate::analysis::meaning::Found;
use crate::analysis::meeting::Vague;
use crate::analysis::registries::Registries;
use crate::analysis::resolve::{DefinitionSite, Resolution};
use crate::analysis::torn::Torn;
use crate::exports::NameRules;
use crate::format::bound_stem;
use crate::format::model::{
    Atom, AtomIndex, Definition, Edge, EdgeKind, EdgeTarget, KeepRule, ObjectFile, SymbolIndex,
    SymbolKind,
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
    /// A live atom (index into [`Reached::nodes`]), `offset` bytes in; `kind` is the symbol's that was
    /// named: a function chosen at load time is not the code at its address.
    Node {
        node: u32,
        offset: u64,
        kind: SymbolKind,
    },
    /// A live definition of a variable with vague linkage, by its name: the program's own may win.
    Vague {
        node: u32,
        name: NameId,
    },
    /// Something the library does not define, or that is left to the final linker.
    External {
        name: NameId,
        weak: bool,
    },
    /// By name, and by the other name where nobody defines it.
    Either {
        name: NameId,
        other: NameId,
    },
    /// By name, and to this atom where nobody defines the name (COFF weak externals).
    Fallback {
        name: NameId,
        node: u32,
        offset: u64,
    },
    /// A linker-defined bound of a registry of this library.
    Bound(NameId),
    Absolute(u64),
    /// The format says that there is nothing here: no symbol, or a table's record of what another
    /// COMDAT group replaced.
    Void,
}

/// Why a node lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    Export(NameId),
    /// A relocation of this node.
    Reference(u32),
    Rule(u32, KeepRule),
    /// Its member is pulled.
    Pulled(KeepRule),
}

/// What a walk starts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Root {
    pub name: NameId,
    /// This definition of the name; `None`: the one that wins.
    pub own: Option<DefinitionSite>,
}

/// A reference that leads nowhere: an error where it lives.
#[derive(Debug, Clone, Copy)]
pub struct Fault {
    pub from: Node,
    /// The symbol it names.
    pub symbol: Option<SymbolIndex>,
}

/// What one root set reaches.
#[derive(Debug, Default)]
pub struct Reached {
    /// Live atoms, in discovery order.
    pub nodes: Vec<Node>,
    pub causes: Vec<Cause>,
    /// Targets of each node: of the object's `edges_of`, then of each of its unwind entries' edges, each
    /// followed by those of the entry's header.
    pub targets: Vec<Target>,
    /// Where each node's targets begin; one more entry than nodes.
    pub target_starts: Vec<u32>,
    index: HashMap<ObjectId, Vec<u32>, foldhash::fast::FixedState>,
    /// Linker-defined bounds that live code asks for, sorted.
    bounds: Vec<NameId>,
    /// Nodes of the roots, with the offset of the symbol.
    pub roots: Vec<(NameId, u32, u64)>,
    /// Roots that are numbers.
    pub values: Vec<(NameId, u64)>,
    pub faults: Vec<Fault>,
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

    /// The nodes that the node refers to.
    pub fn neighbours(&self, node: u32) -> impl Iterator<Item = u32> + '_ {
        let targets = self.targets_of(node).iter();
        targets.filter_map(|target| match *target {
            Target::Node { node, .. }
            | Target::Vague { node, .. }
            | Target::Fallback { node, .. } => Some(node),
            _ => None,
        })
    }

    /// The linker-defined bounds that live code asks for.
    #[must_use]
    pub fn bounds(&self) -> &[NameId] {
        &self.bounds
    }

    /// External names that live edges need (weak ones left out), sorted by id.
    #[must_use]
    pub fn externals(&self) -> Vec<NameId> {
        let mut names: Vec<NameId> = self
            .targets
            .iter()
            .filter_map(|t| match t {
                Target::External { name, weak: false } | Target::Either { other: name, .. } => {
                    Some(*name)
                }
                _ => None,
            })
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

/// What decides how references are met.
#[derive(Clone, Copy)]
pub struct Rules<'a, 'd> {
    pub graph: &'a Graph<'d>,
    pub resolution: &'a Resolution,
    pub contested: &'a Contested,
    pub vague: &'a Vague<'d>,
    pub registries: &'a Registries<'d>,
    /// Atoms whose meaning is that of the whole library's resolution, and that.
    pub torn: Option<(&'a Torn, &'a Resolution)>,
    /// What the manifest says.
    pub names: &'a NameRules,
}

impl<'a, 'd> Rules<'a, 'd> {
    /// Atoms of a pulled object that live because it is pulled, dead code or not.
    pub fn lives_when_pulled(
        self,
        object: ObjectId,
    ) -> impl Iterator<Item = (AtomIndex, KeepRule)> + 'a {
        let file = self.graph.file(object);
        let atoms = file.atoms.iter().enumerate();
        atoms.filter_map(move |(at, atom)| {
            let index = at as AtomIndex;
            let rule = match atom.keep {
                Some(rule @ (KeepRule::InitArray | KeepRule::Retained | KeepRule::Note)) => rule,
                _ if !is_tied(atom)
                    && atom
                        .registry
                        .is_some_and(|stem| self.registries.is_open(stem)) =>
                {
                    KeepRule::Registry
                }
                _ if self.is_kept(file, index) => KeepRule::Manifest,
                _ => return None,
            };
            let discarded = self.resolution.is_discarded(self.graph, object, index);
            (!discarded).then_some((index, rule))
        })
    }

    /// Does the manifest keep the atom, by its section's or a symbol's name?
    fn is_kept(&self, file: &ObjectFile<'_>, atom: AtomIndex) -> bool {
        self.names.keeps_any()
            && (self.names.keeps(file.atoms[atom as usize].section)
                || file.symbols_of(atom).any(|(_, s)| self.names.keeps(s.name)))
    }
}

/// Does the atom live with what it describes, though it is part of a table?
fn is_tied(atom: &Atom<'_>) -> bool {
    matches!(atom.keep, Some(KeepRule::LinkOrder | KeepRule::Group))
}

/// Walks from `roots`, and from what lives because its member is pulled.
#[must_use]
pub fn reach(rules: Rules<'_, '_>, roots: &[Root]) -> Reached {
    walk(rules, roots, rules.resolution.along())
}

/// The same, where every pulled member is linked.
#[must_use]
pub fn reach_all(rules: Rules<'_, '_>, roots: &[Root]) -> Reached {
    walk(
        rules,
        roots,
        rules.resolution.pulled.iter().map(|p| p.object),
    )
}

fn walk(rules: Rules<'_, '_>, roots: &[Root], linked: impl Iterator<Item = ObjectId>) -> Reached {
    let mut walk = Walk {
        rules,
        out: Reached::default(),
        tables: None,
    };
    for root in roots {
        walk.root(root);
    }
    walk.constructors(linked);
    walk.run();
    walk.out
}

struct Walk<'a, 'd> {
    rules: Rules<'a, 'd>,
    out: Reached,
    /// Registry atoms of the pulled objects, by the name that their bounds share; made when first
    /// asked for.
    tables: Option<HashMap<&'d [u8], Vec<Node>>>,
}

impl<'d> Walk<'_, 'd> {
    /// Marks a node live; returns its index.
    fn visit(&mut self, node: Node, cause: Cause) -> u32 {
        let file = self.rules.graph.file(node.object);
        let atoms = file.atoms.len();
        let (slots, fresh) = match self.out.index.entry(node.object) {
            std::collections::hash_map::Entry::Occupied(e) => (e.into_mut(), false),
            std::collections::hash_map::Entry::Vacant(e) => (e.insert(vec![NONE; atoms]), true),
        };
        let Some(slot) = slots.get_mut(node.atom as usize) else {
            return NONE;
        };
        if *slot != NONE {
            return *slot;
        }
        let index = self.out.nodes.len() as u32;
        *slot = index;
        self.out.nodes.push(node);
        self.out.causes.push(cause);
        // A member that only lends copies is not linked.
        if fresh && self.rules.resolution.is_pulled(node.object) {
            self.keep_with(index, node.object);
        }
        index
    }

    fn root(&mut self, root: &Root) {
        let graph = self.rules.graph;
        let name = root.name;
        let found = match root.own {
            Some(site) => graph
                .global_symbol(site.object, site.position)
                .map(|s| (site.object, s)),
            None => self.rules.resolution.symbol(graph, name),
        };
        let Some((object, symbol)) = found else {
            return;
        };
        match graph
            .file(object)
            .symbols
            .get(symbol as usize)
            .map(|s| s.definition)
        {
            Some(Definition::Atom { atom, offset }) => {
                let node = self.visit(Node { object, atom }, Cause::Export(name));
                self.out.roots.push((name, node, offset));
            }
            Some(Definition::Absolute(value)) => self.out.values.push((name, value)),
            _ => {}
        }
    }

    /// Constructors run, and what others find without a reference is there, in every member that is linked.
    fn constructors(&mut self, linked: impl Iterator<Item = ObjectId>) {
        let rules = self.rules;
        for object in linked {
            if rules.graph.is_verbatim(object) {
                continue;
            }
            for (atom, rule) in rules.lives_when_pulled(object) {
                self.visit(Node { object, atom }, Cause::Pulled(rule));
            }
            for name in rules.graph.needs(object) {
                self.needed(name);
            }
        }
    }

    /// What a pulled member needs without referring to it, where that is the library's own.
    fn needed(&mut self, name: NameId) {
        let Rules {
            graph,
            resolution,
            contested,
            ..
        } = self.rules;
        let found = resolution
            .symbol(graph, name)
            .filter(|&(o, _)| !contested.is(resolution.library, name) && !graph.is_verbatim(o));
        if let Some((object, symbol)) = found
            && let Some(symbol) = graph.file(object).symbols.get(symbol as usize)
            && let Definition::Atom { atom, .. } = symbol.definition
        {
            self.visit(Node { object, atom }, Cause::Pulled(KeepRule::Retained));
        }
    }

    fn run(&mut self) {
        let graph = self.rules.graph;
        let mut next = 0u32;
        while let Some(&node) = self.out.nodes.get(next as usize) {
            self.out.target_starts.push(self.out.targets.len() as u32);
            let file = graph.file(node.object);
            for edge in file.edges_of(node.atom) {
                let cause = match edge.kind {
                    EdgeKind::Relocation(_) => Cause::Reference(next),
                    EdgeKind::Rule(rule) => Cause::Rule(next, rule),
                };
                let target = self.target(cause, node, edge);
                self.out.targets.push(target);
            }
            let cause = Cause::Rule(next, KeepRule::Unwind);
            for entry in file.unwind_of(node.atom) {
                let header = file.unwind_headers.get(entry.header as usize);
                for edge in entry
                    .edges
                    .iter()
                    .chain(header.iter().flat_map(|h| &h.edges))
                {
                    let target = self.target(cause, node, edge);
                    self.out.targets.push(target);
                }
            }
            next += 1;
        }
        self.out.target_starts.push(self.out.targets.len() as u32);
    }

    /// What lives because something of this object does.
    fn keep_with(&mut self, from: u32, object: ObjectId) {
        let file = self.rules.graph.file(object);
        for &atom in &file.kept {
            let rule = file.atoms[atom as usize].keep.unwrap_or(KeepRule::Retained);
            // Constructors live with the pulled member; tables with those who ask for their bounds.
            if rule != KeepRule::InitArray
                && !self
                    .rules
                    .resolution
                    .is_discarded(self.rules.graph, object, atom)
            {
                self.visit(Node { object, atom }, Cause::Rule(from, rule));
            }
        }
    }

    fn target(&mut self, cause: Cause, node: Node, edge: &Edge) -> Target {
        match self.rules.look_up(node, edge.to) {
            Found::Atom { node, offset, kind } => {
                let node = self.visit(node, cause);
                Target::Node { node, offset, kind }
            }
            Found::Vague { node, name } => {
                let node = self.visit(node, cause);
                Target::Vague { node, name }
            }
            Found::Fallback { name, node, offset } => {
                let node = self.visit(node, cause);
                Target::Fallback { name, node, offset }
            }
            Found::Either { name, other } => Target::Either { name, other },
            Found::External { name, weak } => Target::External { name, weak },
            Found::Bound { name, weak } => self.bound(name, weak, cause),
            Found::Absolute(value) => Target::Absolute(value),
            Found::Void => Target::Void,
            Found::Lost => {
                let symbol = match edge.to {
                    EdgeTarget::Symbol(s) => Some(s),
                    EdgeTarget::Atom(_) => None,
                };
                self.out.faults.push(Fault { from: node, symbol });
                Target::Void
            }
        }
    }

    /// The bound of a table keeps every element in the pulled members alive.
    fn bound(&mut self, name: NameId, weak: bool, cause: Cause) -> Target {
        let rules = self.rules;
        let stem = bound_stem(rules.graph.name(name)).unwrap_or_default();
        if rules.registries.is_open(stem) {
            return Target::External { name, weak };
        }
        let tables = self.tables.get_or_insert_with(|| {
            let mut map: HashMap<&'d [u8], Vec<Node>> = HashMap::new();
            for pulled in &rules.resolution.pulled {
                let object = pulled.object;
                if rules.graph.is_verbatim(object) {
                    continue;
                }
                for (atom, a) in rules.graph.file(object).atoms.iter().enumerate() {
                    let atom = atom as AtomIndex;
                    if let Some(stem) = a.registry
                        && !is_tied(a)
                        && !rules.resolution.is_discarded(rules.graph, object, atom)
                    {
                        map.entry(stem).or_default().push(Node { object, atom });
                    }
                }
            }
            map
        });
        if !tables.contains_key(stem) {
            return Target::External { name, weak };
        }
        if let Err(at) = self.out.bounds.binary_search(&name) {
            self.out.bounds.insert(at, name);
            let nodes = tables.get(stem).cloned().unwrap_or_default();
            let from = match cause {
                Cause::Reference(n) | Cause::Rule(n, _) => n,
                Cause::Export(_) | Cause::Pulled(_) => NONE,
            };
            for node in nodes {
                self.visit(node, Cause::Rule(from, KeepRule::Registry));
            }
        }
        Target::Bound(name)
    }
}
