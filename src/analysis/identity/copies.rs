//! Copies of one vague definition in several members of a library: inline functions, variables and templates, of
//! which a linker takes the first that it pulls. Where all say the same it does not matter which.

use foldhash::{HashMap, HashMapExt, HashSet, HashSetExt};

use crate::analysis::graph::{Graph, NameId, ObjectId};
use crate::analysis::identity::entity::digest_anywhere;
use crate::analysis::reach::Node;
use crate::analysis::resolve::Resolution;
use crate::format::model::{Definition, Edge, EdgeKind, EdgeTarget, SymbolKind};
use crate::format::{self, GlobalKind};

/// Pairs of atoms that are compared for one library; copies behind that count as different.
const PAIRS: usize = 4_000_000;

/// A copy that is not as the one that is taken where a library's exports are all linked.
#[derive(Debug, Clone, Copy)]
pub struct Unlike {
    pub name: NameId,
    pub taken: ObjectId,
    pub other: ObjectId,
    /// It says the same, and is laid out otherwise (alignment, unwind information): a program sees only that they are
    /// two.
    pub says_same: bool,
    /// Some export pulls it without the one that is taken.
    pub felt: bool,
}

/// The unlike copies of a library's pulled members.
#[must_use]
pub fn unlike_copies(graph: &Graph<'_>, whole: &Resolution) -> Vec<Unlike> {
    let mut unlike = Vec::new();
    let mut compared = Compared::new(graph);
    for other in whole.pulled.iter().map(|p| p.object) {
        if graph.is_verbatim(other) || graph.is_rust(other) {
            continue;
        }
        let globals = graph.globals[other.index()].iter().enumerate();
        for (position, global) in globals.filter(|(_, g)| g.kind == GlobalKind::Vague) {
            let site = whole.definition(global.name);
            let Some(site) = site.filter(|s| s.object != other && !graph.is_verbatim(s.object))
            else {
                continue;
            };
            let places = place(graph, other, position).zip(place(
                graph,
                site.object,
                site.position as usize,
            ));
            let Some((own, taken)) = places else { continue };
            if format::is_made_by_compiler(graph.format, graph.name(global.name)) {
                continue;
            }
            let says_same = compared.groups(taken, own);
            if !says_same || !compared.are_one(taken, own) {
                unlike.push(Unlike {
                    name: global.name,
                    taken: taken.object,
                    other,
                    says_same,
                    felt: true,
                });
            }
        }
    }
    unlike
}

/// The vague definitions of some objects that were taken apart.
pub struct Copies<'g, 'd> {
    compared: Compared<'g, 'd>,
    /// Positions among an object's global symbols.
    positions: HashMap<(ObjectId, NameId), usize>,
}

impl<'g, 'd> Copies<'g, 'd> {
    #[must_use]
    pub fn new(graph: &'g Graph<'d>, objects: &[ObjectId]) -> Self {
        let mut positions = HashMap::new();
        let own = |o: &&ObjectId| !graph.is_verbatim(**o) && !graph.is_rust(**o);
        for &object in objects.iter().filter(own) {
            let globals = graph.globals[object.index()].iter().enumerate();
            for (position, global) in globals.filter(|(_, g)| g.kind == GlobalKind::Vague) {
                positions.entry((object, global.name)).or_insert(position);
            }
        }
        Self {
            compared: Compared::new(graph),
            positions,
        }
    }

    /// Do some of these objects hold another copy of the name than the first that has one?
    pub fn differ(&mut self, name: &[u8], objects: impl Iterator<Item = ObjectId>) -> bool {
        let graph = self.compared.graph;
        let id = graph
            .find_name(name)
            .filter(|_| !format::is_made_by_compiler(graph.format, name));
        let Some(id) = id else { return false };
        let mut copies = objects.filter_map(|object| {
            let position = *self.positions.get(&(object, id))?;
            place(graph, object, position)
        });
        let Some(first) = copies.next() else {
            return false;
        };
        let others: Vec<Node> = copies.collect();
        !others.into_iter().all(|n| self.compared.groups(first, n))
    }
}

/// The atom that a global symbol of an object stands in.
fn place(graph: &Graph<'_>, object: ObjectId, position: usize) -> Option<Node> {
    let symbol = graph.global_symbol(object, position as u32)?;
    match graph.file(object).symbols.get(symbol as usize)?.definition {
        Definition::Atom { atom, .. } => Some(Node { object, atom }),
        _ => None,
    }
}

/// Pairs of atoms of two objects, as far as they were compared.
struct Compared<'g, 'd> {
    graph: &'g Graph<'d>,
    alike: HashSet<(Node, Node)>,
    unlike: HashSet<(Node, Node)>,
    digests: HashMap<Node, [u8; 32]>,
    left: usize,
}

impl<'g, 'd> Compared<'g, 'd> {
    fn new(graph: &'g Graph<'d>) -> Self {
        Self {
            graph,
            alike: HashSet::new(),
            unlike: HashSet::new(),
            digests: HashMap::new(),
            left: PAIRS,
        }
    }

    /// The atom's group, or it alone.
    fn group(&self, n: Node) -> Vec<Node> {
        let file = self.graph.file(n.object);
        let group = file.atoms.get(n.atom as usize).and_then(|a| a.group);
        let group = group.and_then(|g| file.groups.get(g as usize));
        let atoms = group.map_or_else(|| vec![n.atom], |g| g.atoms.clone());
        atoms.into_iter().map(|atom| Node { atom, ..n }).collect()
    }

    /// Are these groups laid out alike, too, so that identity makes one of them?
    fn are_one(&mut self, a: Node, b: Node) -> bool {
        let (of_a, of_b) = (self.group(a), self.group(b));
        let graph = self.graph;
        let mut digest = |n: Node| {
            let digest = self.digests.entry(n);
            *digest.or_insert_with(|| digest_anywhere(graph.file(n.object), n.atom))
        };
        let mut pairs = of_a.into_iter().zip(of_b);
        pairs.all(|(x, y)| digest(x) == digest(y))
    }

    /// Do the groups that these atoms are of, or they, say the same, with what only their objects know?
    fn groups(&mut self, a: Node, b: Node) -> bool {
        let (of_a, of_b) = (self.group(a), self.group(b));
        if of_a.len() != of_b.len() {
            return false;
        }
        let mut waiting: Vec<(Node, Node)> = of_a.into_iter().zip(of_b).collect();
        let mut seen: HashSet<(Node, Node)> = waiting.iter().copied().collect();
        while let Some(pair) = waiting.pop() {
            if self.alike.contains(&pair) {
                continue;
            }
            let left = self.left.checked_sub(1);
            let told = !self.unlike.contains(&pair) && left.is_some();
            self.left = left.unwrap_or_default();
            let Some(more) = told.then(|| self.pair(pair)).flatten() else {
                self.unlike.insert(pair);
                return false;
            };
            waiting.extend(more.into_iter().filter(|&p| seen.insert(p)));
        }
        self.alike.extend(seen);
        true
    }

    /// What else must be alike for these two to be; `None` where they are not.
    fn pair(&self, (a, b): (Node, Node)) -> Option<Vec<(Node, Node)>> {
        let (file_a, file_b) = (self.graph.file(a.object), self.graph.file(b.object));
        let one = file_a.atoms.get(a.atom as usize)?;
        let two = file_b.atoms.get(b.atom as usize)?;
        let (edges_a, edges_b) = (file_a.edges_of(a.atom), file_b.edges_of(b.atom));
        let same = one.size == two.size
            && one.data == two.data
            && (one.code, one.writable, one.tls) == (two.code, two.writable, two.tls)
            && edges_a.len() == edges_b.len();
        if !same {
            return None;
        }
        let mut more = Vec::new();
        for (x, y) in edges_a.iter().zip(edges_b) {
            if x.offset != y.offset || !is_one_kind(x.kind, y.kind) {
                return None;
            }
            match (self.target(a, x), self.target(b, y)) {
                (To::Name(p, from), To::Name(q, other)) if (p, from) == (q, other) => {}
                (To::Place(p, from, adds), To::Place(q, other, too)) if adds == too => {
                    let (piece, like) = (self.piece(p, from), self.piece(q, other));
                    if piece.is_none() || piece != like {
                        if from != other {
                            return None;
                        }
                        more.push((p, q));
                    }
                }
                (To::Nothing, To::Nothing) if x.addend == y.addend => {}
                _ => return None,
            }
        }
        Some(more)
    }

    fn target(&self, from: Node, edge: &Edge) -> To {
        let file = self.graph.file(from.object);
        let index = match edge.to {
            EdgeTarget::Atom(atom) => return To::Place(Node { atom, ..from }, 0, edge.addend),
            EdgeTarget::Symbol(index) => index,
        };
        if let Some(name) = self.graph.name_of(from.object, index) {
            return To::Name(name, edge.addend);
        }
        let Some(symbol) = file.symbols.get(index as usize) else {
            return To::Nothing;
        };
        match symbol.definition {
            // Section and addend say it together.
            Definition::Atom { atom, offset } if symbol.kind == SymbolKind::Section => {
                let at = offset.wrapping_add_signed(edge.addend);
                To::Place(Node { atom, ..from }, at, 0)
            }
            Definition::Atom { atom, offset } => {
                To::Place(Node { atom, ..from }, offset, edge.addend)
            }
            _ => To::Nothing,
        }
    }

    /// The piece of a mergeable section at a place.
    fn piece(&self, node: Node, at: u64) -> Option<&[u8]> {
        let atom = self.graph.file(node.object).atoms.get(node.atom as usize)?;
        format::mergeable_piece(self.graph.format, atom, at)
    }
}

/// Where an edge leads, as far as an object alone knows.
enum To {
    /// By a global name, and what is added.
    Name(NameId, i64),
    /// An atom, where in it, and what is added.
    Place(Node, u64, i64),
    Nothing,
}

fn is_one_kind(a: EdgeKind, b: EdgeKind) -> bool {
    match (a, b) {
        (EdgeKind::Relocation(a), EdgeKind::Relocation(b)) => a == b,
        (EdgeKind::Rule(a), EdgeKind::Rule(b)) => a as u32 == b as u32,
        _ => false,
    }
}
