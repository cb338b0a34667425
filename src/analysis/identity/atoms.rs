//! Atoms that are one atom: equal contents, symbols, relocations, and equal targets.
//!
//! Partition refinement: the coarsest partition in which equal atoms have equal targets, starting
//! from equal contents and names. Writable and thread-local atoms start apart unless they are the
//! same entity: same member and place in it, or one COMDAT signature and some code in common that uses
//! it (two versions of a C++ library agree in the zeros of a static, and must not share it). So does what
//! counts by being there (entries of tables, constructors, notes) and what may hold a static whose address
//! somebody compares, unless names that other members see tell what it is ([`ToldBy`]). What a format
//! lets only one function have starts apart likewise.
//! Libraries of different universes never share a class.

use std::hash::{BuildHasher, Hash, Hasher};

use foldhash::quality::FixedState;
use foldhash::{HashMap, HashMapExt, HashSet};
use rayon::prelude::*;

use crate::analysis::graph::{Graph, ObjectId};
use crate::analysis::identity::entity::{digest, digest_anywhere};
use crate::analysis::meeting::Vague;
use crate::analysis::reach::{Node, Reached, Target};
use crate::input::LibraryId;

/// A class of equal atoms; ids follow the order of first occurrence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClassId(pub u32);

impl ClassId {
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// The classes of all root sets' nodes.
#[derive(Debug)]
pub struct AtomClasses {
    /// By root set, by node.
    pub class_of: Vec<Vec<ClassId>>,
    /// By class: the first (root set, node) in it.
    pub first: Vec<(u32, u32)>,
    /// By class: the [`digest`] of what is in it.
    pub digests: Vec<[u8; 32]>,
}

/// Whose a root set's atoms are.
#[derive(Debug, Clone, Copy)]
pub struct Owner {
    /// The library that resolves its names.
    pub library: u32,
    /// Of its runtime.
    pub universe: u32,
    /// Its roots are contested definitions: of one library's member, or (`ANYBODY`) of all that hold them alike.
    pub home: Option<u32>,
}

/// See [`Owner::home`].
pub const ANYBODY: u32 = u32::MAX;

/// What is told apart besides what says different things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Apart {
    /// Whatever somebody may compare the addresses of.
    Places,
    /// What is written, or counts by being there.
    Written,
}

/// Whose a contested definition is: a library's or anybody's, and the member's that holds it.
type Home = (u32, Option<ObjectId>);

/// Groups the nodes of `sets`, by their owners: contested definitions of different libraries, or of different
/// members of one, stay two, by whatever name they are reached: each stands where its member would. So does what is
/// of one library alone (`lone`).
#[must_use]
pub fn classify(
    graph: &Graph<'_>,
    sets: &[Reached],
    owners: &[Owner],
    lone: &HashSet<(LibraryId, Node)>,
    vague: &Vague<'_>,
    apart: Apart,
) -> AtomClasses {
    // By home: its atoms.
    let mut homed: HashSet<(u32, Node)> = HashSet::default();
    for (owner, set) in owners.iter().zip(sets) {
        if let Some(home) = owner.home {
            let roots = set.roots.iter();
            homed.extend(roots.map(|&(_, node, _)| (home, set.nodes[node as usize])));
        }
    }
    let home_of = |owner: &Owner, node: Node| {
        if homed.is_empty() && lone.is_empty() {
            return None;
        }
        if homed.contains(&(owner.library, node)) {
            return Some((owner.library, Some(node.object)));
        }
        if lone.contains(&(LibraryId(owner.library), node)) {
            return Some((owner.library, None));
        }
        // Nobody else defines what these do.
        let anybodys = homed.contains(&(ANYBODY, node));
        anybodys.then_some((ANYBODY, None))
    };
    let (contents, digests) = content_ids(graph, sets, apart);
    let all = Line::new(sets);
    let mut class = vec![0u32; all.len()];
    // Content, universe, and for a contested definition whose it is.
    let mut first_key: HashMap<(u32, u32, Option<Home>), u32> = HashMap::new();
    let mut members: Vec<Vec<u32>> = Vec::new();
    for (s, set) in sets.iter().enumerate() {
        for (n, node) in set.nodes.iter().enumerate() {
            let home = home_of(&owners[s], *node);
            let content = contents[&node.object][node.atom as usize];
            let key = (content, owners[s].universe, home);
            let id = *first_key.entry(key).or_insert_with(|| {
                members.push(Vec::new());
                members.len() as u32 - 1
            });
            let at = all.at(s, n as u32);
            class[at as usize] = id;
            members[id as usize].push(at);
        }
    }
    let users = Users::new(sets, &all);
    let mut signature = vec![(0u64, 0u64); all.len()];
    let mut dirty: Vec<u32> = (0..all.len() as u32).collect();
    loop {
        refine(
            sets,
            &all,
            &users,
            &mut signature,
            &mut class,
            &mut members,
            dirty,
        );
        let moved = part_strangers(graph, sets, &all, &users, vague, &mut class, &mut members);
        if moved.is_empty() {
            break;
        }
        dirty = users.of_all(&moved);
    }

    // Renumber in order of first occurrence.
    let mut renumber = vec![u32::MAX; members.len()];
    let mut result = AtomClasses {
        class_of: Vec::with_capacity(sets.len()),
        first: Vec::new(),
        digests: Vec::new(),
    };
    for (s, set) in sets.iter().enumerate() {
        let mut own = Vec::with_capacity(set.nodes.len());
        for n in 0..set.nodes.len() as u32 {
            let slot = &mut renumber[class[all.at(s, n) as usize] as usize];
            if *slot == u32::MAX {
                *slot = result.first.len() as u32;
                result.first.push((s as u32, n));
                let node = set.nodes[n as usize];
                let content = contents[&node.object][node.atom as usize];
                result.digests.push(digests[content as usize]);
            }
            own.push(ClassId(*slot));
        }
        result.class_of.push(own);
    }
    result
}

/// All nodes of all sets in one line.
struct Line {
    starts: Vec<u32>,
}

impl Line {
    fn new(sets: &[Reached]) -> Self {
        let mut starts = vec![0u32];
        for set in sets {
            starts.push(starts.last().copied().unwrap_or(0) + set.nodes.len() as u32);
        }
        Self { starts }
    }

    fn len(&self) -> usize {
        self.starts.last().copied().unwrap_or(0) as usize
    }

    fn at(&self, set: usize, node: u32) -> u32 {
        self.starts[set] + node
    }

    fn place(&self, at: u32) -> (usize, u32) {
        let set = self.starts.partition_point(|&x| x <= at) - 1;
        (set, at - self.starts[set])
    }
}

/// Who refers to each node, as compressed rows.
struct Users {
    starts: Vec<u32>,
    users: Vec<u32>,
}

impl Users {
    fn new(sets: &[Reached], all: &Line) -> Self {
        let total = all.len();
        let mut starts = vec![0u32; total + 1];
        let each = |f: &mut dyn FnMut(u32, u32)| {
            for (s, set) in sets.iter().enumerate() {
                for n in 0..set.nodes.len() as u32 {
                    for target in set.targets_of(n) {
                        if let Target::Node { node, .. }
                        | Target::Vague { node, .. }
                        | Target::Fallback { node, .. } = target
                        {
                            f(all.at(s, n), all.at(s, *node));
                        }
                    }
                }
            }
        };
        each(&mut |_, to| starts[to as usize + 1] += 1);
        for i in 0..total {
            starts[i + 1] += starts[i];
        }
        let mut users = vec![0u32; starts[total] as usize];
        let mut fill = starts.clone();
        each(&mut |from, to| {
            users[fill[to as usize] as usize] = from;
            fill[to as usize] += 1;
        });
        Self { starts, users }
    }

    /// The users of all of `nodes`, sorted.
    fn of_all(&self, nodes: &[u32]) -> Vec<u32> {
        let mut all: Vec<u32> = nodes.iter().flat_map(|&at| self.of(at)).copied().collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    fn of(&self, at: u32) -> &[u32] {
        let at = at as usize;
        &self.users[self.starts[at] as usize..self.starts[at + 1] as usize]
    }
}

/// Splits classes until all nodes of one agree in the classes of their targets. A class that splits
/// keeps its id for the largest part, so only the users of the other parts are looked at again.
fn refine(
    sets: &[Reached],
    all: &Line,
    users: &Users,
    signature: &mut [(u64, u64)],
    class: &mut [u32],
    members: &mut Vec<Vec<u32>>,
    mut dirty: Vec<u32>,
) {
    while !dirty.is_empty() {
        let fresh: Vec<(u64, u64)> = dirty
            .par_iter()
            .with_min_len(512)
            .map(|&at| sign(sets, all, class, at))
            .collect();
        let mut touched: Vec<u32> = Vec::with_capacity(dirty.len());
        for (&at, sig) in dirty.iter().zip(fresh) {
            signature[at as usize] = sig;
            touched.push(class[at as usize]);
        }
        touched.sort_unstable();
        touched.dedup();
        let mut moved: Vec<u32> = Vec::new();
        for id in touched {
            split(id, signature, class, members, &mut moved);
        }
        dirty = users.of_all(&moved);
    }
}

/// Splits classes of writable COMDAT atoms, and of what only one function may have, into those that some
/// class of users ties together.
/// Returns what moved.
fn part_strangers(
    graph: &Graph<'_>,
    sets: &[Reached],
    all: &Line,
    users: &Users,
    vague: &Vague<'_>,
    class: &mut [u32],
    members: &mut Vec<Vec<u32>>,
) -> Vec<u32> {
    let mut moved = Vec::new();
    for id in 0..members.len() {
        let own = &members[id];
        let Some(&first) = own.first().filter(|_| own.len() > 1) else {
            continue;
        };
        let (s, n) = all.place(first);
        let node = sets[s].nodes[n as usize];
        let file = graph.file(node.object);
        let atom = &file.atoms[node.atom as usize];
        let by_content = !(atom.writable || atom.tls) || atom.group.is_none();
        if by_content && !atom.of_one_function {
            continue;
        }
        // What the final linker joins by name is one whoever uses it.
        let by_name = file.symbols_of(node.atom).any(|(s, _)| {
            let name = graph.name_of(node.object, s);
            name.is_some_and(|n| vague.meets(graph, node.object, node.atom, n))
        });
        if by_name {
            continue;
        }
        // Nodes in groups, joined whenever two have a user of the same class.
        let mut group_of_user: HashMap<u32, usize> = HashMap::new();
        let mut groups: Vec<Vec<u32>> = Vec::new();
        for &at in own {
            let mut into = groups.len();
            groups.push(vec![at]);
            for &user in users.of(at) {
                let user = class[user as usize];
                let known = *group_of_user.entry(user).or_insert(into);
                if known != into {
                    let (low, high) = (known.min(into), known.max(into));
                    let rest = std::mem::take(&mut groups[high]);
                    groups[low].extend(rest);
                    for group in group_of_user.values_mut().filter(|g| **g == high) {
                        *group = low;
                    }
                    into = low;
                }
            }
        }
        groups.retain(|g| !g.is_empty());
        if groups.len() < 2 {
            continue;
        }
        let mut groups = groups.into_iter();
        members[id] = groups.next().unwrap_or_default();
        for group in groups {
            let new = members.len() as u32;
            for &at in &group {
                class[at as usize] = new;
                moved.push(at);
            }
            members.push(group);
        }
    }
    moved
}

/// 128 bits over the targets of a node, in terms of today's classes.
fn sign(sets: &[Reached], all: &Line, class: &[u32], at: u32) -> (u64, u64) {
    let (s, n) = all.place(at);
    let mut low = FixedState::with_seed(1).build_hasher();
    let mut high = FixedState::with_seed(2).build_hasher();
    for target in sets[s].targets_of(n) {
        let value = match *target {
            Target::Node { node, offset, kind } => {
                let kind = (kind as u64) << 56;
                let class = u64::from(class[all.at(s, node) as usize]);
                (0u8, class | kind, offset)
            }
            Target::External { name, weak } => (1, u64::from(name.0), u64::from(weak)),
            Target::Either { name, other } => (7, u64::from(name.0), u64::from(other.0)),
            Target::Bound(name) => (2, u64::from(name.0), 0),
            Target::Absolute(v) => (3, v, 0),
            Target::Void => (4, 0, 0),
            Target::Vague { node, name } => {
                let class = u64::from(class[all.at(s, node) as usize]);
                (5, u64::from(name.0), class)
            }
            Target::Fallback { name, node, offset } => {
                let class = u64::from(class[all.at(s, node) as usize]);
                (6, u64::from(name.0) << 32 | class, offset)
            }
        };
        value.hash(&mut low);
        value.hash(&mut high);
    }
    (low.finish(), high.finish())
}

fn split(
    id: u32,
    signature: &[(u64, u64)],
    class: &mut [u32],
    members: &mut Vec<Vec<u32>>,
    moved: &mut Vec<u32>,
) {
    let own = &members[id as usize];
    let Some(&head) = own.first() else { return };
    if own
        .iter()
        .all(|&m| signature[m as usize] == signature[head as usize])
    {
        return;
    }
    let mut parts: Vec<Vec<u32>> = Vec::new();
    let mut by_signature: HashMap<(u64, u64), usize> = HashMap::new();
    for at in std::mem::take(&mut members[id as usize]) {
        let part = *by_signature
            .entry(signature[at as usize])
            .or_insert_with(|| {
                parts.push(Vec::new());
                parts.len() - 1
            });
        parts[part].push(at);
    }
    // The first of the largest parts stays.
    let longest = parts.iter().map(Vec::len).max().unwrap_or(0);
    let stay = parts.iter().position(|p| p.len() == longest).unwrap_or(0);
    for (i, part) in parts.into_iter().enumerate() {
        if i == stay {
            members[id as usize] = part;
            continue;
        }
        let new = members.len() as u32;
        for &at in &part {
            class[at as usize] = new;
            moved.push(at);
        }
        members.push(part);
    }
}

/// By object with live atoms.
type ContentIds = HashMap<ObjectId, Vec<u32>>;

/// For each object with live atoms, a content id of each atom that lives in any set; by id, the digest.
fn content_ids(graph: &Graph<'_>, sets: &[Reached], apart: Apart) -> (ContentIds, Vec<[u8; 32]>) {
    let mut live: Vec<Node> = sets.iter().flat_map(|s| s.nodes.iter().copied()).collect();
    live.par_sort_unstable();
    live.dedup();
    let digests: Vec<[u8; 32]> = live
        .par_iter()
        .with_min_len(256)
        .map(|n| {
            let file = graph.file(n.object);
            let atom = &file.atoms[n.atom as usize];
            match apart {
                Apart::Written if !(atom.writable || atom.tls || atom.counts_by_itself()) => {
                    digest_anywhere(file, n.atom)
                }
                Apart::Places | Apart::Written => digest(graph, n.object, n.atom),
            }
        })
        .collect();
    let mut ids: HashMap<[u8; 32], u32> = HashMap::default();
    let mut by_id: Vec<[u8; 32]> = Vec::new();
    let mut result = ContentIds::default();
    for (node, digest) in live.iter().zip(digests) {
        let id = *ids.entry(digest).or_insert_with(|| {
            by_id.push(digest);
            by_id.len() as u32 - 1
        });
        result
            .entry(node.object)
            .or_insert_with(|| vec![u32::MAX; graph.file(node.object).atoms.len()])
            [node.atom as usize] = id;
    }
    (result, by_id)
}
