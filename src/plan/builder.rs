//! One output object in the making: how each target is said in it, and which entries it needs besides.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};

use foldhash::fast::FixedState;

use super::needs::Need;
use super::objects::Objects;
use super::partition::SetId;
use super::place::{Place, Special};
use crate::analysis::graph::{NameId, ObjectId};
use crate::analysis::identity::atoms::ClassId;
use crate::analysis::reach::{Node, Target};
use crate::format::model::{Binding, Definition, Edge, EdgeTarget, Symbol, SymbolKind, Visibility};
use crate::format::output::{OutAtom, OutCommon, OutGlobal, OutTarget, OutUnwind, Undefined};
use crate::format::{GlobalKind, bound_stem};
use crate::input::LibraryId;

/// One object in the making.
pub(super) struct Builder<'o, 'a, 'd> {
    pub(super) objects: &'o Objects<'a, 'd>,
    pub(super) set: Option<SetId>,
    /// Positions of classes that are copied here.
    pub copied: HashMap<ClassId, u32, FixedState>,
    /// Globals that this object defines, by name.
    pub(super) defined: HashMap<Vec<u8>, (u32, u32), FixedState>,
    pub undefined: Vec<Undefined<'a>>,
    known: HashMap<Vec<u8>, u32, FixedState>,
    /// Entries for places of other objects.
    crossed: HashMap<Place, u32, FixedState>,
    /// Entries for which something else stands, and which the library has a definition of.
    served: Vec<u32>,
    /// Members that were asked for before their names.
    own_asked: HashSet<ObjectId, FixedState>,
    /// Globals of this object that its own references constrain: (atom, global, visibility).
    constrained: Vec<(u32, u32, Visibility)>,
}

impl<'o, 'a, 'd> Builder<'o, 'a, 'd> {
    pub fn new(objects: &'o Objects<'a, 'd>, set: Option<SetId>) -> Self {
        Self {
            objects,
            set,
            copied: HashMap::default(),
            defined: HashMap::default(),
            undefined: Vec::new(),
            known: HashMap::default(),
            crossed: HashMap::default(),
            served: Vec::new(),
            own_asked: HashSet::default(),
            constrained: Vec::new(),
        }
    }

    /// Position of the class in this object.
    pub(super) fn position(&self, class: ClassId) -> Option<u32> {
        if Some(self.objects.partition.set_of[class.index()]) == self.set {
            return Some(self.objects.position[class.index()]);
        }
        self.copied.get(&class).copied()
    }

    /// Global symbols that the class defines: by its own names what is exported, contested or joined
    /// by the final linker, then what other objects refer to.
    pub fn globals_of(&mut self, at: u32, class: ClassId) -> Vec<OutGlobal<'a>> {
        let objects = self.objects;
        let (_, _, node) = objects.node(class);
        let file = objects.analysis.graph.file(node.object);
        let grouped = objects.partition.grouped[class.index()];
        let mut globals: Vec<OutGlobal<'a>> = Vec::new();
        let own: BTreeMap<(&'d [u8], u64), bool> = objects
            .partition
            .exports_of(class)
            .map(|e| {
                let doubled = objects.partition.doubled.contains(&e.name);
                ((objects.analysis.graph.name(e.name), e.offset), doubled)
            })
            .collect();
        let named = file
            .symbols_of(node.atom)
            .filter_map(|(_, s)| match s.definition {
                Definition::Atom { offset, .. }
                    if s.binding != Binding::Local && !matches!(s.kind, SymbolKind::Section) =>
                {
                    Some((s, offset))
                }
                _ => None,
            });
        for (symbol, offset) in named {
            let exported = own.get(&(symbol.name, offset)).copied();
            if !(grouped || exported.is_some()) || self.defined.contains_key(symbol.name) {
                continue;
            }
            self.defined
                .insert(symbol.name.to_vec(), (at, globals.len() as u32));
            globals.push(OutGlobal {
                name: Cow::Borrowed(symbol.name),
                offset,
                size: symbol.size,
                kind: symbol.kind,
                native: symbol.native,
                visibility: symbol.visibility,
                binding: match exported {
                    Some(true) => Binding::Weak,
                    _ => symbol.binding,
                },
                kept: globals.is_empty() && objects.included.contains(&class),
            });
        }
        if grouped || self.copied.contains_key(&class) {
            return globals;
        }
        for (number, place) in objects.partition.crossings_of(class) {
            let there = file.symbols_at(node.atom, place.offset);
            let like = symbol_at(there.map(|(_, s)| s), place);
            let alias = objects.partition.alias_at(place);
            let typed = like.filter(|_| alias.is_some() || !objects.is_second(place));
            let name = objects.crossing_name(number);
            if alias.is_some() {
                self.defined
                    .insert(name.to_vec(), (at, globals.len() as u32));
            }
            globals.push(OutGlobal {
                name,
                offset: place.offset,
                size: typed.map_or(0, |s| s.size),
                kind: typed.map_or(SymbolKind::NoType, |s| s.kind),
                native: like.map_or(0, |s| s.native),
                visibility: match alias {
                    Some(_) => Visibility::Default,
                    None => Visibility::Hidden,
                },
                binding: alias.unwrap_or(Binding::Global),
                kept: false,
            });
        }
        globals
    }

    pub fn atom(&mut self, class: ClassId, globals: Vec<OutGlobal<'a>>) -> OutAtom<'a, 'd> {
        let objects = self.objects;
        let analysis = objects.analysis;
        let (s, n, node) = objects.node(class);
        let file = analysis.graph.file(node.object);
        let edges = file.edges_of(node.atom);
        let mut recorded = analysis.reached[s].targets_of(n).iter().copied();
        let targets: Vec<OutTarget> = edges
            .iter()
            .zip(recorded.by_ref())
            .map(|(edge, target)| self.target(s, node, edge, target))
            .collect();
        let unwind = file
            .unwind_of(node.atom)
            .iter()
            .map(|entry| {
                let header = &file.unwind_headers[entry.header as usize];
                let mut all = |edges: &[Edge]| -> Vec<OutTarget> {
                    edges
                        .iter()
                        .zip(recorded.by_ref())
                        .map(|(edge, target)| self.target(s, node, edge, target))
                        .collect()
                };
                OutUnwind {
                    entry: all(&entry.edges),
                    header: all(&header.edges),
                }
            })
            .collect();
        let own = &file.atoms[node.atom as usize];
        let section = own
            .registry
            .filter(|stem| !analysis.registries.is_open(stem))
            .filter(|stem| own.bounded_by_sections || self.is_bound(s, stem))
            .map(|stem| {
                let mut name = objects.registry_name(s, stem);
                name.extend_from_slice(own.section.get(stem.len()..).unwrap_or_default());
                Cow::Owned(name)
            });
        OutAtom {
            file,
            atom: node.atom,
            section,
            targets,
            globals,
            unwind,
            debug: objects.debug.of(class),
        }
    }

    /// Does live code of this root set's universe ask for the bounds of the registry?
    fn is_bound(&self, set: usize, stem: &[u8]) -> bool {
        let analysis = self.objects.analysis;
        let universe = analysis.universes[set];
        let reached = analysis.reached.iter().zip(&analysis.universes);
        reached
            .filter(|(_, u)| **u == universe)
            .flat_map(|(r, _)| r.bounds())
            .any(|&n| bound_stem(analysis.graph.name(n)) == Some(stem))
    }

    fn target(&mut self, s: usize, node: Node, edge: &Edge, target: Target) -> OutTarget {
        let analysis = self.objects.analysis;
        match target {
            Target::Node {
                node: n,
                offset,
                kind,
            } => {
                let class = analysis.classes.class_of[s][n as usize];
                self.by_export(s, node.object, edge.to, class, offset)
                    .or_else(|| self.by_alias(node.object, edge.to, class, offset))
                    .unwrap_or_else(|| self.place(class, offset, kind))
            }
            Target::Vague { node: n, name } => {
                let class = analysis.classes.class_of[s][n as usize];
                match self.defined.get(analysis.graph.name(name)) {
                    Some(&(atom, global)) => OutTarget::Global { atom, global },
                    // Its group is copied here, so that cannot be; by name it is right anyway.
                    None => {
                        let kind = self.kind_of_class(class, name);
                        self.by_name(name, Need::plain(kind))
                    }
                }
            }
            Target::External { name, weak } => {
                let own = !weak && self.comes_anyway(node.object, name);
                if own && GlobalKind::WeakUndefined.pulls(analysis.format) {
                    self.ask_for_own(node.object);
                }
                let weak = weak || own;
                let need = self.need(s, node.object, edge.to, name, weak);
                self.external(s, name, need)
            }
            Target::Fallback {
                name,
                node: n,
                offset,
            } => {
                let class = analysis.classes.class_of[s][n as usize];
                let instead = self.place(class, offset, SymbolKind::NoType);
                self.or_instead(s, node, edge, name, instead)
            }
            Target::Either { name, other } => {
                let need = self.need(s, node.object, edge.to, other, false);
                let instead = self.external(s, other, need);
                self.or_instead(s, node, edge, name, instead)
            }
            Target::Bound(name) => {
                let weak = self.declared(node.object, edge.to).is_some_and(|s| {
                    s.binding == Binding::Weak && s.definition == Definition::Undefined
                });
                let stem = bound_stem(analysis.graph.name(name)).unwrap_or_default();
                let mut need = Need::plain(SymbolKind::NoType);
                need.weak = weak;
                // A weak one is null where the table is dropped.
                need.keeps_table = !weak && !self.objects.retained.contains(stem);
                if analysis.registries.is_open(stem) || !self.is_bound(s, stem) {
                    return self.by_name(name, need);
                }
                need.visibility = Visibility::Hidden;
                let renamed = self.objects.registry_name(s, analysis.graph.name(name));
                self.needed(Cow::Owned(renamed), need)
            }
            Target::Absolute(value) => OutTarget::Absolute(value),
            Target::Void => OutTarget::Void,
        }
    }

    /// See [`crate::analysis::Analysis::comes_anyway`]: whichever root set has this object pulled.
    fn comes_anyway(&self, from: ObjectId, name: NameId) -> bool {
        self.set.is_some_and(|set| {
            let mut sets = self.objects.partition.plugins(set);
            sets.all(|s| self.objects.analysis.comes_anyway(s, from, name))
        })
    }

    /// Asks for what a member defines itself before its names are, by which linkers might pull another member.
    fn ask_for_own(&mut self, member: ObjectId) {
        if !self.own_asked.insert(member) {
            return;
        }
        let objects = self.objects;
        let Some(set) = self.set else { return };
        let of = |s| objects.analysis.brought(s, member);
        let mut brought = objects.partition.plugins(set).map(of);
        if let Some(Some(first)) = brought.next()
            && brought.all(|other| other == Some(first))
        {
            self.bring(first);
        }
    }

    /// By name, or `instead` where nobody defines the name.
    fn or_instead(
        &mut self,
        s: usize,
        node: Node,
        edge: &Edge,
        name: NameId,
        instead: OutTarget,
    ) -> OutTarget {
        let need = self.need(s, node.object, edge.to, name, true);
        let target = self.external(s, name, need);
        if let OutTarget::Undefined(at) = target
            && let Some(entry) = self.undefined.get_mut(at as usize)
        {
            entry.fallback.get_or_insert(instead);
            // Somebody else's strong reference pulls the library's own definition.
            let own = self.objects.analysis.resolution(s).definition(name);
            self.served.extend(own.map(|_| at));
        }
        target
    }

    /// Entries that are strong and served by the library itself are no weak externals: linkers would not
    /// pull for them.
    pub fn settle(&mut self) {
        for &at in &self.served {
            if let Some(entry) = self.undefined.get_mut(at as usize)
                && !entry.weak
            {
                entry.fallback = None;
            }
        }
    }

    /// gABI: the most constraining visibility of all that is said of a symbol holds.
    pub fn constrain(&mut self, atoms: &mut [OutAtom<'a, 'd>]) {
        for (atom, global, visibility) in self.constrained.drain(..) {
            let atom = atoms.get_mut(atom as usize);
            if let Some(global) = atom.and_then(|a| a.globals.get_mut(global as usize)) {
                global.visibility = global.visibility.max(visibility);
            }
        }
    }

    /// By name, or to this object's own definition of the name.
    fn external(&mut self, s: usize, name: NameId, need: Need) -> OutTarget {
        let bytes = self.objects.analysis.graph.name(name);
        if let Some(&(atom, global)) = self.defined.get(bytes) {
            if need.visibility != Visibility::Default {
                self.constrained.push((atom, global, need.visibility));
            }
            return OutTarget::Global { atom, global };
        }
        let target = self.by_name(name, need);
        self.common(s, name);
        target
    }

    /// Says of an entry that it is a common symbol of the root set's library.
    pub fn common(&mut self, s: usize, name: NameId) {
        let analysis = self.objects.analysis;
        if analysis.commons.iter().all(|c| c.is_empty()) {
            return;
        }
        let libraries = &analysis.sets[s].libraries;
        let of = |l: LibraryId| analysis.commons[l.index()].get(&name);
        let own = libraries.iter().find_map(|&l| of(l));
        // A library without one of its own takes that of another.
        let any = || (0..analysis.commons.len()).find_map(|l| of(LibraryId(l as u32)));
        let Some(&common) = own.or_else(any) else {
            return;
        };
        let bytes = analysis.graph.name(name);
        if self.defined.contains_key(bytes) {
            return;
        }
        let kind = self.kind_in(s, name);
        let OutTarget::Undefined(at) = self.by_name(name, Need::plain(kind)) else {
            return;
        };
        if let Some(entry) = self.undefined.get_mut(at as usize) {
            let known = entry.common.get_or_insert(OutCommon {
                size: 0,
                align: 1,
                far: common.far,
            });
            known.far &= common.far;
            known.size = known.size.max(common.size);
            known.align = known.align.max(common.align);
            entry.far |= known.far;
            entry.weak = false;
            entry.visibility = entry.visibility.max(common.visibility);
        }
    }

    /// A reference by the name of an export stays one: a program may preempt it.
    fn by_export(
        &mut self,
        s: usize,
        object: ObjectId,
        to: EdgeTarget,
        class: ClassId,
        offset: u64,
    ) -> Option<OutTarget> {
        let EdgeTarget::Symbol(index) = to else {
            return None;
        };
        let analysis = self.objects.analysis;
        let name = analysis.graph.name_of(object, index)?;
        let export = self.objects.partition.export(analysis, s, name)?;
        if export.class != class || export.offset != offset {
            return None;
        }
        let need = self.need(s, object, to, name, false);
        Some(self.external(s, name, need))
    }

    /// A reference by another name of an exported variable goes by a name, too: see [`Partition::alias`].
    fn by_alias(
        &mut self,
        object: ObjectId,
        to: EdgeTarget,
        class: ClassId,
        offset: u64,
    ) -> Option<OutTarget> {
        let partition = self.objects.partition;
        let place = partition.alias(self.objects.analysis, object, to, class, offset)?;
        let name = self.objects.crossing_name(partition.crossing(place)?);
        if let Some(&(atom, global)) = self.defined.get(&*name) {
            return Some(OutTarget::Global { atom, global });
        }
        Some(self.needed(name, Need::plain(SymbolKind::Object)))
    }

    /// A place in this object, or a hidden global of another.
    pub(super) fn place(&mut self, class: ClassId, offset: u64, kind: SymbolKind) -> OutTarget {
        if let Some(atom) = self.position(class) {
            return OutTarget::Atom { atom, offset, kind };
        }
        self.elsewhere(class, offset, kind)
    }

    /// The same, whether there is a copy here or not.
    pub(super) fn elsewhere(&mut self, class: ClassId, offset: u64, kind: SymbolKind) -> OutTarget {
        let objects = self.objects;
        let place = Place {
            class,
            offset,
            special: Special::of(kind),
        };
        if let Some(&at) = self.crossed.get(&place) {
            return OutTarget::Undefined(at);
        }
        let Some(number) = objects.partition.crossing(place) else {
            return OutTarget::Lost;
        };
        let name = objects.crossing_name(number);
        let (_, _, node) = objects.node(class);
        let file = objects.analysis.graph.file(node.object);
        let there = file.symbols_at(node.atom, place.offset);
        let like = symbol_at(there.map(|(_, s)| s), place);
        let kind = match place.special {
            Special::Plain if objects.is_second(place) => SymbolKind::NoType,
            Special::Plain => like.map_or(SymbolKind::NoType, |s| s.kind),
            _ => kind,
        };
        let need = Need {
            weak: false,
            visibility: match objects.partition.alias_at(place) {
                Some(_) => Visibility::Default,
                None => Visibility::Hidden,
            },
            kind,
            native: like.map_or(0, |s| s.native),
            far: file.atoms[node.atom as usize].far,
            keeps_table: false,
        };
        let target = self.needed(name, need);
        if let OutTarget::Undefined(at) = target {
            self.crossed.insert(place, at);
        }
        target
    }

    pub(super) fn by_name(&mut self, name: NameId, need: Need) -> OutTarget {
        let name = Cow::Borrowed(self.objects.analysis.graph.name(name));
        self.needed(name, need)
    }

    pub(super) fn needed(&mut self, name: Cow<'a, [u8]>, need: Need) -> OutTarget {
        if let Some(&at) = self.known.get(&*name) {
            let entry = &mut self.undefined[at as usize];
            entry.weak &= need.weak;
            // gABI: the most constraining visibility holds.
            entry.visibility = entry.visibility.max(need.visibility);
            entry.native |= need.native;
            entry.far |= need.far;
            entry.keeps_table &= need.keeps_table;
            if entry.kind == SymbolKind::NoType {
                entry.kind = need.kind;
            }
            return OutTarget::Undefined(at);
        }
        let at = self.undefined.len() as u32;
        self.known.insert(name.to_vec(), at);
        self.undefined.push(Undefined {
            name,
            weak: need.weak,
            visibility: need.visibility,
            kind: need.kind,
            native: need.native,
            far: need.far,
            common: None,
            kept: false,
            keeps_table: need.keeps_table,
            fallback: None,
        });
        OutTarget::Undefined(at)
    }
}

/// One of the symbols at a place, as an example for the hidden global there.
fn symbol_at<'s, 'd: 's>(
    mut symbols: impl Iterator<Item = &'s Symbol<'d>>,
    place: Place,
) -> Option<&'s Symbol<'d>> {
    symbols.find(|s| {
        s.kind != SymbolKind::Section
            && s.kind != SymbolKind::Mapping
            && Special::of(s.kind) == place.special
    })
}
