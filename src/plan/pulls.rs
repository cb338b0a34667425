//! What an output object brings along besides what its atoms refer to: entries that pull other members, and
//! symbols that are numbers.

use std::borrow::Cow;

use super::builder::Builder;
use super::carriers::is_constructor;
use super::needs::Need;
use super::partition::SetId;
use super::place::start_of;
use crate::analysis::Demand;
use crate::analysis::identity::atoms::ClassId;
use crate::format::model::{Binding, Definition, EdgeTarget, Symbol, SymbolKind, Visibility};
use crate::format::output::{OutTarget, OutValue};

impl<'a> Builder<'_, 'a, '_> {
    /// Entries for what runs, before all others: who looks for entries in their order finds constructors in the order of
    /// their members, and not where the code of one refers to something.
    pub fn ask_for_constructors(&mut self, s: usize) {
        let objects = self.objects;
        let partition = objects.partition;
        let named = |set| partition.names_hub(set, s);
        if self.set.is_some_and(named) {
            return;
        }
        for &class in &partition.forced[s] {
            if self.position(class).is_none()
                && !partition.grouped[class.index()]
                && is_constructor(objects.analysis, class)
            {
                let start = start_of(objects.analysis, class);
                self.place(class, start.offset, start.special.kind());
            }
        }
    }

    /// Entries for a root set's exports that live elsewhere, and for what it brings along by a rule:
    /// nothing else would pull them.
    pub fn pull(&mut self, s: usize) {
        let objects = self.objects;
        let analysis = objects.analysis;
        let own = objects.partition.own_of(s);
        let named = self
            .set
            .is_some_and(|set| objects.partition.names_hub(set, s));
        if let Some(hub) = objects.partition.hub(s).filter(|_| named) {
            if objects.partition.brings(analysis, s) {
                let start = start_of(analysis, hub);
                self.place(hub, start.offset, start.special.kind());
            }
            return;
        }
        let together = !objects.partition.is_split(s);
        for &(name, _, _) in &analysis.reached[s].roots {
            if together && (own == self.set || self.set.is_none()) {
                let kind = self.kind_in(s, name);
                let bytes = analysis.graph.name(name);
                if !self.defined.contains_key(bytes) {
                    self.by_name(name, Need::plain(kind));
                }
            }
        }
        for &class in &objects.partition.forced[s] {
            if self.position(class).is_none() {
                if objects.partition.grouped[class.index()] {
                    self.by_group(class);
                } else {
                    let start = start_of(analysis, class);
                    self.place(class, start.offset, start.special.kind());
                }
            }
        }
        for &name in objects.imports.asked(s) {
            if !self.defined.contains_key(analysis.graph.name(name)) {
                self.by_name(name, Need::plain(self.kind_in(s, name)));
            }
        }
        for demand in &analysis.demands[s] {
            match *demand {
                Demand::Name(name) | Demand::Need(name) => {
                    let kind = self.kind_in(s, name);
                    let bytes = analysis.graph.name(name);
                    if self.defined.contains_key(bytes) {
                        continue;
                    }
                    if let OutTarget::Undefined(at) = self.by_name(name, Need::plain(kind)) {
                        let kept = matches!(demand, Demand::Need(_));
                        self.undefined[at as usize].kept |= kept;
                    }
                    self.common(s, name);
                }
                Demand::Set(member) => {
                    if !self.bring(member as usize) {
                        for root in &analysis.sets[member as usize].roots {
                            let kind = self.kind_in(s, root.name);
                            let bytes = analysis.graph.name(root.name);
                            if !self.defined.contains_key(bytes) {
                                self.by_name(root.name, Need::plain(kind));
                            }
                        }
                    }
                }
            }
        }
    }

    /// Pulls the object of a member's contested definitions, by a name that no other object has; says whether
    /// there is one.
    pub(super) fn bring(&mut self, member: usize) -> bool {
        let objects = self.objects;
        let partition = objects.partition;
        if let Some(class) = partition.anchor(member) {
            if self.set != Some(partition.set_of[class.index()]) {
                let start = start_of(objects.analysis, class);
                self.elsewhere(class, start.offset, start.special.kind());
            }
            return true;
        }
        let Some(home) = partition.named_home(member) else {
            return false;
        };
        if self.set != Some(home) {
            let mut need = Need::plain(SymbolKind::NoType);
            need.visibility = Visibility::Hidden;
            self.needed(Cow::Owned(objects.home_name(home)), need);
        }
        true
    }

    /// Entries for what somebody needs when it is too late: see [`early`](super::early).
    pub fn ask_early(&mut self, set: SetId) {
        let objects = self.objects;
        let analysis = objects.analysis;
        let s = objects.partition.plugins(set).next().unwrap_or(0);
        for name in objects.partition.early(set) {
            if !self.defined.contains_key(analysis.graph.name(name)) {
                let kind = self.kind_in(s, name);
                self.by_name(name, Need::plain(kind));
            }
        }
    }

    /// Says of names that weak externals of the members declare what they stand for, where that is here and contested: the
    /// first that a linker reads decides for all, whether its own member refers to the name or not.
    pub fn say_defaults(&mut self, classes: &[ClassId]) {
        let objects = self.objects;
        if objects.defaults.is_empty() {
            return;
        }
        let graph = &objects.analysis.graph;
        for (at, &class) in (0..).zip(classes) {
            let (s, _, node) = objects.node(class);
            let weak = objects.defaults.get(&(node.object, node.atom));
            for &symbol in weak.into_iter().flatten() {
                let file = graph.file(node.object);
                let default = file.fallback(symbol);
                let there = default.and_then(|d| Some((d, file.symbols.get(d as usize)?)));
                let Some((
                    default,
                    &Symbol {
                        definition: Definition::Atom { offset, .. },
                        kind,
                        ..
                    },
                )) = there
                else {
                    continue;
                };
                let library = objects.analysis.sets[s].library();
                let is_contested = |name| objects.analysis.contested.is(library, name);
                if !graph
                    .name_of(node.object, default)
                    .is_some_and(is_contested)
                {
                    continue;
                }
                let Some(name) = graph.name_of(node.object, symbol) else {
                    continue;
                };
                let to = EdgeTarget::Symbol(symbol);
                let need = self.need(s, node.object, to, name, true);
                if self.defined.contains_key(graph.name(name)) {
                    continue;
                }
                let instead = OutTarget::Atom {
                    atom: at,
                    offset,
                    kind,
                };
                if let OutTarget::Undefined(at) = self.by_name(name, need) {
                    let entry = &mut self.undefined[at as usize];
                    entry.fallback.get_or_insert(instead);
                }
            }
        }
    }

    /// Pulls a group that stays one, by a name that it defines.
    fn by_group(&mut self, class: ClassId) {
        let (_, _, node) = self.objects.node(class);
        let graph = &self.objects.analysis.graph;
        let file = graph.file(node.object);
        let Some(group) = file.atoms[node.atom as usize].group else {
            return;
        };
        let atoms = file
            .groups
            .get(group as usize)
            .map_or(&[][..], |g| &g.atoms);
        let name = atoms.iter().find_map(|&atom| {
            let mut symbols = file.symbols_of(atom);
            symbols.find_map(|(s, symbol)| Some((graph.name_of(node.object, s)?, symbol.kind)))
        });
        if let Some((name, kind)) = name
            && let OutTarget::Undefined(at) = self.by_name(name, Need::plain(kind))
        {
            self.undefined[at as usize].kept |= self.objects.included.contains(&class);
        }
    }

    /// Symbols that are numbers, of the root sets that this object stands for.
    pub fn values(&self) -> Vec<OutValue<'a>> {
        let Some(set) = self.set else {
            return Vec::new();
        };
        let of = self.objects.valued[set.index()].iter();
        let mut values: Vec<OutValue<'a>> = of.flat_map(|&s| self.values_of(s as usize)).collect();
        let partition = self.objects.partition;
        let mut members = partition.plugins(set);
        if members.any(|s| partition.named_home(s) == Some(set)) {
            values.push(OutValue {
                name: Cow::Owned(self.objects.home_name(set)),
                value: 0,
                size: 0,
                kind: SymbolKind::NoType,
                native: 0,
                visibility: Visibility::Hidden,
                weak: false,
            });
        }
        values
    }

    pub fn values_of(&self, s: usize) -> Vec<OutValue<'a>> {
        let analysis = self.objects.analysis;
        analysis.reached[s]
            .values
            .iter()
            .map(|&(name, value)| {
                let found = analysis.resolution(s).symbol(&analysis.graph, name);
                let symbol =
                    found.and_then(|(o, i)| analysis.graph.file(o).symbols.get(i as usize));
                OutValue {
                    name: Cow::Borrowed(analysis.graph.name(name)),
                    value,
                    size: symbol.map_or(0, |s| s.size),
                    kind: symbol.map_or(SymbolKind::NoType, |s| s.kind),
                    native: symbol.map_or(0, |s| s.native),
                    visibility: symbol.map_or(Visibility::Default, |s| s.visibility),
                    weak: symbol.is_some_and(|s| s.binding == Binding::Weak),
                }
            })
            .collect()
    }
}
