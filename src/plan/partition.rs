//! Which output object each atom goes to: one object per reach set, and the names that cross them.
//!
//! Atoms of reach set {p} go to p's own library, those of larger sets to the workspace library. What
//! an atom of set S refers to has a reach set that contains S, so a program never meets a reference
//! that its plugins do not have anyway.

use std::collections::HashMap;

use crate::analysis::Analysis;
use crate::analysis::graph::NameId;
use crate::analysis::identity::atoms::ClassId;
use crate::analysis::reach::Target;
use crate::format::model::SymbolKind;

/// A reach set that some atom has; ids follow the order of first occurrence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SetId(pub u32);

impl SetId {
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A bit for each root set.
pub type Bits = Vec<u64>;

/// An exported symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Export {
    pub name: NameId,
    pub class: ClassId,
    pub offset: u64,
}

/// The partition.
#[derive(Debug)]
pub struct Partition {
    /// By class.
    pub set_of: Vec<SetId>,
    /// By set.
    pub bits: Vec<Bits>,
    /// By set: its classes, in the order they are written.
    pub classes: Vec<Vec<ClassId>>,
    /// In root order; each name once.
    pub exports: Vec<Export>,
    /// By name, and by library where libraries share nothing.
    by_name: HashMap<(NameId, u32), usize>,
    /// By root set: the second half of its keys in `by_name`.
    scopes: Vec<u32>,
    /// Places that other objects refer to, in order: they get a hidden global.
    pub crossing: Vec<(ClassId, u64)>,
    crossing_at: HashMap<(ClassId, u64), u32>,
    /// Is any registry bound by live code?
    pub has_bounds: bool,
    /// Exports of several plugins that are not one thing: (name, root set of the second).
    pub clashes: Vec<(NameId, usize)>,
}

impl Partition {
    #[must_use]
    pub fn new(analysis: &Analysis<'_>) -> Self {
        let classes = &analysis.classes;
        let count = classes.first.len();
        let words = analysis.sets.len().div_ceil(64);
        let mut class_bits: Vec<u64> = vec![0; count * words];
        for (s, own) in classes.class_of.iter().enumerate() {
            for class in own {
                class_bits[class.index() * words + s / 64] |= 1 << (s % 64);
            }
        }
        let mut ids: HashMap<&[u64], SetId> = HashMap::new();
        let mut bits: Vec<Bits> = Vec::new();
        let mut set_of = Vec::with_capacity(count);
        let mut members: Vec<Vec<ClassId>> = Vec::new();
        for class in 0..count {
            let own = &class_bits[class * words..(class + 1) * words];
            let id = *ids.entry(own).or_insert_with(|| {
                bits.push(own.to_vec());
                members.push(Vec::new());
                SetId(bits.len() as u32 - 1)
            });
            set_of.push(id);
            members[id.index()].push(ClassId(class as u32));
        }
        for list in &mut members {
            list.sort_by_key(|c| {
                let (set, node) = classes.first[c.index()];
                analysis.reached[set as usize].nodes[node as usize]
            });
        }
        let mut partition = Self {
            set_of,
            bits,
            classes: members,
            exports: Vec::new(),
            by_name: HashMap::new(),
            scopes: analysis
                .sets
                .iter()
                .map(|s| if analysis.is_alone() { s.library.0 } else { 0 })
                .collect(),
            crossing: Vec::new(),
            crossing_at: HashMap::new(),
            has_bounds: false,
            clashes: Vec::new(),
        };
        partition.find_exports(analysis);
        partition.find_crossing(analysis);
        partition
    }

    fn find_exports(&mut self, analysis: &Analysis<'_>) {
        let mut plugins: HashMap<NameId, u32> = HashMap::new();
        for (s, reached) in analysis.reached.iter().enumerate() {
            for &(name, node, offset) in &reached.roots {
                let class = analysis.classes.class_of[s][node as usize];
                let key = (name, self.scopes[s]);
                // One program may link all of the libraries, whatever they share.
                let runtime = analysis.sets[s].runtime.is_some();
                if !runtime && *plugins.entry(name).or_insert(key.1) != key.1 {
                    self.clashes.push((name, s));
                }
                let known = *self.by_name.entry(key).or_insert_with(|| {
                    self.exports.push(Export {
                        name,
                        class,
                        offset,
                    });
                    self.exports.len() - 1
                });
                let known = self.exports[known];
                if known.class != class || known.offset != offset {
                    self.clashes.push((name, s));
                }
            }
        }
    }

    fn find_crossing(&mut self, analysis: &Analysis<'_>) {
        let mut places: Vec<(ClassId, u64)> = Vec::new();
        for (at, &(s, node)) in analysis.classes.first.iter().enumerate() {
            for target in analysis.reached[s as usize].targets_of(node) {
                match *target {
                    Target::Node { node, offset } => {
                        let class = analysis.classes.class_of[s as usize][node as usize];
                        if self.set_of[class.index()] != self.set_of[at] {
                            places.push((class, offset));
                        }
                    }
                    Target::Bound(_) => self.has_bounds = true,
                    _ => {}
                }
            }
        }
        // What lives by a rule must be pulled by name, from each of its plugins' own objects.
        for (s, reached) in analysis.reached.iter().enumerate() {
            for node in rule_kept(reached) {
                let class = analysis.classes.class_of[s][node as usize];
                if !self.is_own(self.set_of[class.index()], s) {
                    places.push((class, 0));
                }
            }
        }
        places.sort_unstable();
        places.dedup();
        for (i, place) in places.iter().enumerate() {
            self.crossing_at.insert(*place, i as u32);
        }
        self.crossing = places;
    }

    /// Is this the reach set of root set `s` alone?
    #[must_use]
    pub fn is_own(&self, set: SetId, s: usize) -> bool {
        self.plugins(set).eq(std::iter::once(s))
    }

    /// The root sets of a reach set, ascending.
    pub fn plugins(&self, set: SetId) -> impl Iterator<Item = usize> + '_ {
        self.bits[set.index()]
            .iter()
            .enumerate()
            .flat_map(|(w, &word)| {
                (0..64)
                    .filter(move |b| word >> b & 1 != 0)
                    .map(move |b| w * 64 + b)
            })
    }

    /// The export of this name, as root set `s` knows it.
    #[must_use]
    pub fn export(&self, s: usize, name: NameId) -> Option<Export> {
        let key = (name, *self.scopes.get(s)?);
        self.by_name.get(&key).map(|&i| self.exports[i])
    }

    /// The number of the hidden global at this place, where other objects refer to it.
    #[must_use]
    pub fn crossing(&self, class: ClassId, offset: u64) -> Option<u32> {
        self.crossing_at.get(&(class, offset)).copied()
    }
}

/// Nodes that live without any relocation to them from another atom of their own object.
pub fn rule_kept(reached: &crate::analysis::reach::Reached) -> impl Iterator<Item = u32> + '_ {
    use crate::analysis::reach::Cause;
    use crate::format::model::KeepRule;
    reached
        .causes
        .iter()
        .enumerate()
        .filter(|(_, cause)| {
            matches!(
                cause,
                Cause::Rule(
                    _,
                    KeepRule::InitArray | KeepRule::Retained | KeepRule::Note | KeepRule::Registry
                )
            )
        })
        .map(|(i, _)| i as u32)
}

/// Functions and data that may be folded into a local reference.
#[must_use]
pub fn is_plain(kind: SymbolKind) -> bool {
    !matches!(kind, SymbolKind::IndirectFunction | SymbolKind::Tls)
}
