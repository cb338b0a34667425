//! What is copied into an object that refers to it, so that it has what its members had: groups that stay one, and
//! a member's own weak definitions where an undefined entry of the name would pull another's, however weak it is.

use std::collections::{BTreeMap, BTreeSet};

use foldhash::{HashMap, HashSet};

use super::groups;
use super::partition::{Partition, SetId, sort, targets};
use crate::analysis::Analysis;
use crate::analysis::graph::{NameId, ObjectId};
use crate::analysis::identity::atoms::ClassId;
use crate::analysis::reach::Target;
use crate::format::GlobalKind;
use crate::format::model::{Binding, SymbolKind};

/// Classes that refer to what their own member defines weakly, by the member: such code stands in an object of its own,
/// where the member stood, for with the copies that it gets ([`Partition::find_copies`]) a linker that looks for the
/// name may find it. `elsewhere` says what stands in a home.
pub(super) fn apart(
    analysis: &Analysis<'_>,
    elsewhere: impl Fn(ClassId) -> bool,
) -> HashMap<ClassId, ObjectId> {
    let mut apart = HashMap::default();
    if !copies_weak(analysis) {
        return apart;
    }
    let classes = (0..analysis.classes.first.len() as u32).map(ClassId);
    for class in classes.filter(|class| !elsewhere(*class)) {
        let (s, n) = analysis.classes.first[class.index()];
        let reached = &analysis.reached[s as usize];
        let object = reached.nodes[n as usize].object;
        let own = |t: &Target| matches!(*t, Target::External { name, weak: false } if analysis.is_own(object, name));
        if reached.targets_of(n).iter().any(own) {
            apart.insert(class, object);
            let tables = targets(analysis, class).filter(|&to| is_of_one_function(analysis, to));
            apart.extend(tables.map(|to| (to, object)));
        }
    }
    apart
}

impl Partition {
    /// What each object refers to, and its root set exports, of groups that stand elsewhere, to the end.
    pub(super) fn find_copies(&mut self, analysis: &Analysis<'_>) {
        let weak = copies_weak(analysis);
        if !self.grouped.contains(&true) && !weak {
            return;
        }
        let mut exported: BTreeMap<SetId, BTreeSet<ClassId>> = BTreeMap::new();
        for (s, exports) in self.exports_of_set.iter().enumerate() {
            if let Some(own) = self.own_of(s) {
                let all = exports.iter().map(|&e| self.exports[e as usize].class);
                let all = all.filter(|&c| self.set_of[c.index()] != own && self.is_copied(c, s));
                exported.entry(own).or_default().extend(all);
            }
        }
        // What brings constructors along defines no other root set's exports that its members only ask for.
        let owner_of: HashMap<SetId, usize> = (0..self.own.len())
            .filter(|&s| self.brings(analysis, s))
            .filter_map(|s| Some((self.own_of(s)?, s)))
            .collect();
        let mut defined = HashMap::default();
        for set in 0..self.classes.len() {
            let mut copies = exported.remove(&SetId(set as u32)).unwrap_or_default();
            let mut waiting = self.classes[set].clone();
            waiting.extend(&copies);
            let bringing = owner_of.get(&SetId(set as u32)).copied();
            let mut of_others = |from: ClassId, to: ClassId| {
                let exports = self.exports_of.get(&to).into_iter().flatten();
                let mut exports = exports.map(|&e| self.exports[e as usize].set).peekable();
                exports.peek().is_some()
                    && bringing.is_some_and(|s| exports.all(|other| other != s))
                    && groups::asks_for(analysis, from, to, &mut defined)
            };
            let mut own_weak: BTreeSet<ClassId> = BTreeSet::new();
            let mut weak_of = OwnWeak::new(self, analysis, SetId(set as u32));
            while let Some(class) = waiting.pop() {
                for to in targets(analysis, class) {
                    if self.grouped[to.index()]
                        && self.set_of[to.index()].index() != set
                        && !of_others(class, to)
                        && copies.insert(to)
                    {
                        waiting.push(to);
                    }
                }
                if weak {
                    for to in weak_of.of(class) {
                        if self.set_of[to.index()].index() != set && own_weak.insert(to) {
                            waiting.push(to);
                        }
                    }
                }
            }
            let own_weak = self.first_of_each_name(analysis, set, own_weak);
            let tables = own_weak.iter().flat_map(|&class| targets(analysis, class));
            let tables = tables.filter(|&to| is_of_one_function(analysis, to));
            copies.extend(tables.filter(|to| self.set_of[to.index()].index() != set));
            copies.extend(own_weak);
            let mut copies: Vec<ClassId> = copies.into_iter().collect();
            sort(analysis, &mut copies);
            self.copies[set] = copies;
        }
    }

    /// Of several definitions of one name the object gets that of the member that stands first.
    fn first_of_each_name(
        &self,
        analysis: &Analysis<'_>,
        set: usize,
        classes: BTreeSet<ClassId>,
    ) -> Vec<ClassId> {
        if classes.is_empty() {
            return Vec::new();
        }
        let names = |class: ClassId| self.exports_of(class).map(|e| e.name);
        let own = self.classes[set].iter().copied().flat_map(names);
        let mut known: HashSet<NameId> = own.collect();
        let mut classes: Vec<ClassId> = classes.into_iter().collect();
        classes.sort_by_key(|class| {
            let (s, n) = analysis.classes.first[class.index()];
            let object = analysis.reached[s as usize].nodes[n as usize].object;
            let library = analysis.sets[s as usize].library();
            (analysis.offers[library.index()].rank(object), *class)
        });
        classes.retain(|&class| {
            let free = names(class).all(|name| !known.contains(&name));
            known.extend(names(class).filter(|_| free));
            free
        });
        classes
    }
}

/// Members' own weak definitions, for the classes of one object.
struct OwnWeak<'a, 'd> {
    partition: &'a Partition,
    analysis: &'a Analysis<'d>,
    set: SetId,
    /// By member: the root set of its contested definitions, where all root sets of the object bring that one along.
    homes: HashMap<ObjectId, Option<usize>>,
    /// By root set that was looked at: what it defines weakly.
    weak: HashMap<usize, HashMap<NameId, ClassId>>,
}

impl<'a, 'd> OwnWeak<'a, 'd> {
    fn new(partition: &'a Partition, analysis: &'a Analysis<'d>, set: SetId) -> Self {
        Self {
            partition,
            analysis,
            set,
            homes: HashMap::default(),
            weak: HashMap::default(),
        }
    }

    /// Weak definitions of the class's own member to which it refers by name.
    fn of(&mut self, class: ClassId) -> Vec<ClassId> {
        let analysis = self.analysis;
        let (s, n) = analysis.classes.first[class.index()];
        let reached = &analysis.reached[s as usize];
        let object = reached.nodes[n as usize].object;
        let names = reached.targets_of(n).iter().filter_map(|t| match *t {
            Target::External { name, weak: false } => Some(name),
            _ => None,
        });
        let own = names.filter(|&name| analysis.is_own(object, name));
        own.filter_map(|name| self.definition(object, name))
            .collect()
    }

    fn definition(&mut self, member: ObjectId, name: NameId) -> Option<ClassId> {
        let (partition, analysis, set) = (self.partition, self.analysis, self.set);
        let home = *self.homes.entry(member).or_insert_with(|| {
            let mut homes = partition.plugins(set).map(|s| {
                let own = analysis.sets[s].member() == Some(member);
                if own {
                    Some(s)
                } else {
                    analysis.brought(s, member)
                }
            });
            let first = homes.next().flatten()?;
            homes.all(|home| home == Some(first)).then_some(first)
        });
        let home = home?;
        let weak = self.weak.entry(home).or_insert_with(|| {
            let roots = analysis.reached[home].roots.iter();
            let class_of = &analysis.classes.class_of[home];
            let classes = roots.map(|&(name, node, _)| (name, class_of[node as usize]));
            let mut known: HashMap<ClassId, bool> = HashMap::default();
            classes
                .filter(|&(_, class)| {
                    *known
                        .entry(class)
                        .or_insert_with(|| partition.is_weak(analysis, class))
                })
                .collect()
        });
        weak.get(&name).copied()
    }
}

impl Partition {
    /// Are all names by which others know it weak ones?
    fn is_weak(&self, analysis: &Analysis<'_>, class: ClassId) -> bool {
        let names: BTreeSet<NameId> = self.exports_of(class).map(|e| e.name).collect();
        let (s, n) = analysis.classes.first[class.index()];
        let node = analysis.reached[s as usize].nodes[n as usize];
        let mut symbols = analysis.graph.file(node.object).symbols_of(node.atom);
        symbols.all(|(at, symbol)| {
            let name = analysis.graph.name_of(node.object, at);
            symbol.kind == SymbolKind::Section
                || symbol.binding == Binding::Weak
                || name.is_none_or(|name| !names.contains(&name))
        })
    }
}

/// May an undefined entry pull another member's definition, however weak, and is there any that others have, too?
fn copies_weak(analysis: &Analysis<'_>) -> bool {
    GlobalKind::WeakUndefined.pulls(analysis.format)
        && analysis.sets.iter().any(|s| s.member().is_some())
}

/// Is it a function's own table, which must stand in its object?
fn is_of_one_function(analysis: &Analysis<'_>, class: ClassId) -> bool {
    let (s, n) = analysis.classes.first[class.index()];
    let node = analysis.reached[s as usize].nodes[n as usize];
    analysis.graph.file(node.object).atoms[node.atom as usize].of_one_function
}
