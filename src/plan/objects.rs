//! From the partition to the output objects: every edge of every atom gets its final target.

use std::borrow::Cow;
use std::collections::HashMap;

use super::partition::{Partition, SetId, rule_kept};
use crate::analysis::Analysis;
use crate::analysis::graph::{NameId, ObjectId};
use crate::analysis::identity::atoms::ClassId;
use crate::analysis::reach::{Found, Node, bound_stem, look_up};
use crate::format::ObjectTraits;
use crate::format::model::{Definition, Edge, EdgeTarget, SymbolKind};
use crate::format::output::{
    OutAtom, OutGlobal, OutObject, OutTarget, OutUnwind, Undefined, crossing_name,
};
use crate::protocol::request::Symbols;

/// What the objects of one run have in common.
pub struct Objects<'a, 'd> {
    pub analysis: &'a Analysis<'d>,
    pub partition: &'a Partition,
    pub symbols: Symbols,
    /// See [`OutObject::gnu_linkers`].
    pub gnu_linkers: bool,
    /// Part of every name that crosses objects.
    pub digest: String,
    /// By class: position in its object.
    position: Vec<u32>,
}

impl<'a, 'd> Objects<'a, 'd> {
    #[must_use]
    pub fn new(
        analysis: &'a Analysis<'d>,
        partition: &'a Partition,
        symbols: Symbols,
        gnu_linkers: bool,
        digest: String,
    ) -> Self {
        let mut position = vec![0; analysis.classes.first.len()];
        for list in &partition.classes {
            for (i, class) in list.iter().enumerate() {
                position[class.index()] = i as u32;
            }
        }
        Self {
            analysis,
            partition,
            symbols,
            gnu_linkers,
            digest,
            position,
        }
    }

    /// The object of a reach set.
    #[must_use]
    pub fn object(&self, set: SetId) -> OutObject<'a, 'd> {
        let classes = &self.partition.classes[set.index()];
        let mut builder = Builder {
            objects: self,
            set: Some(set),
            undefined: Vec::new(),
            known: HashMap::new(),
        };
        // Globals first: references by name need their positions.
        let globals: Vec<Vec<OutGlobal<'a>>> =
            classes.iter().map(|&c| self.globals_of(c)).collect();
        let atoms = classes
            .iter()
            .zip(&globals)
            .map(|(&class, own)| builder.atom(class, own.clone()))
            .collect();
        let own = self.partition.plugins(set).collect::<Vec<_>>();
        if let [plugin] = own[..] {
            builder.pull(plugin);
        }
        OutObject {
            atoms,
            undefined: builder.undefined,
            traits: self.traits_of(classes),
            symbols: self.symbols,
            gnu_linkers: self.gnu_linkers,
        }
    }

    /// The object of a plugin that has no atom of its own: it only pulls what it shares.
    #[must_use]
    pub fn empty_object(&self, plugin: usize) -> Option<OutObject<'a, 'd>> {
        let first = self.analysis.reached[plugin].nodes.first()?;
        let mut builder = Builder {
            objects: self,
            set: None,
            undefined: Vec::new(),
            known: HashMap::new(),
        };
        builder.pull(plugin);
        Some(OutObject {
            atoms: Vec::new(),
            undefined: builder.undefined,
            traits: vec![self.analysis.graph.file(first.object).traits.clone()],
            symbols: self.symbols,
            gnu_linkers: self.gnu_linkers,
        })
    }

    fn node(&self, class: ClassId) -> (usize, u32, Node) {
        let (s, n) = self.analysis.classes.first[class.index()];
        let node = self.analysis.reached[s as usize].nodes[n as usize];
        (s as usize, n, node)
    }

    fn traits_of(&self, classes: &[ClassId]) -> Vec<ObjectTraits<'d>> {
        let mut objects: Vec<ObjectId> = classes.iter().map(|&c| self.node(c).2.object).collect();
        objects.sort_unstable();
        objects.dedup();
        objects
            .into_iter()
            .map(|o| self.analysis.graph.file(o).traits.clone())
            .collect()
    }

    /// Name of the hidden global with this number.
    fn crossing_name(&self, number: u32) -> Cow<'a, [u8]> {
        let (class, offset) = self.partition.crossing[number as usize];
        if self.symbols == Symbols::Exports {
            return Cow::Owned(crossing_name(None, &self.digest, number));
        }
        let (_, _, node) = self.node(class);
        let file = self.analysis.graph.file(node.object);
        let original = file
            .symbols_of(node.atom)
            .filter(|(_, s)| {
                matches!(s.definition, Definition::Atom { offset: o, .. } if o == offset)
                    && !s.name.is_empty()
                    && !matches!(s.kind, SymbolKind::Section | SymbolKind::Mapping)
            })
            .max_by_key(|(i, s)| (s.binding, std::cmp::Reverse(*i)))
            .map_or(file.atoms[node.atom as usize].section, |(_, s)| s.name);
        Cow::Owned(crossing_name(Some(original), &self.digest, number))
    }

    /// Global symbols that the class defines: exports, then what other objects refer to.
    fn globals_of(&self, class: ClassId) -> Vec<OutGlobal<'a>> {
        let (_, _, node) = self.node(class);
        let file = self.analysis.graph.file(node.object);
        let symbol_at = |offset: u64, name: Option<&[u8]>| {
            file.symbols_of(node.atom)
                .map(|(_, s)| s)
                .filter(|s| {
                    s.kind != SymbolKind::Section
                        && s.kind != SymbolKind::Mapping
                        && matches!(s.definition, Definition::Atom { offset: o, .. } if o == offset)
                })
                .find(|s| name.is_none_or(|n| n == s.name))
        };
        let mut globals = Vec::new();
        for export in self.partition.exports.iter().filter(|e| e.class == class) {
            let name = self.analysis.graph.name(export.name);
            let symbol = symbol_at(export.offset, Some(name));
            let vague = file.atoms[node.atom as usize].group.is_some();
            globals.push(OutGlobal {
                name: Cow::Borrowed(name),
                offset: export.offset,
                size: symbol.map_or(0, |s| s.size),
                kind: symbol.map_or(SymbolKind::NoType, |s| s.kind),
                native: symbol.map_or(0, |s| s.native),
                visible: symbol.is_none_or(|s| s.default_visibility),
                weak: !vague
                    && symbol.is_some_and(|s| s.binding == crate::format::model::Binding::Weak),
            });
        }
        let from = self.partition.crossing.partition_point(|&(c, _)| c < class);
        for (i, &(c, offset)) in self.partition.crossing.iter().enumerate().skip(from) {
            if c != class {
                break;
            }
            let symbol = symbol_at(offset, None);
            globals.push(OutGlobal {
                name: self.crossing_name(i as u32),
                offset,
                size: symbol.map_or(0, |s| s.size),
                kind: symbol.map_or(SymbolKind::NoType, |s| s.kind),
                native: symbol.map_or(0, |s| s.native),
                visible: false,
                weak: false,
            });
        }
        globals
    }

    /// Name that a registry's section or bound has in the output: no other meld's mixes with it.
    fn registry_name(&self, set: usize, name: &[u8]) -> Vec<u8> {
        let universe = self.analysis.universes[set];
        let mut renamed = name.to_vec();
        renamed.extend_from_slice(format!("_{}_{universe}", self.digest).as_bytes());
        renamed
    }
}

/// One object in the making.
struct Builder<'o, 'a, 'd> {
    objects: &'o Objects<'a, 'd>,
    set: Option<SetId>,
    undefined: Vec<Undefined<'a>>,
    known: HashMap<Vec<u8>, u32>,
}

impl<'a, 'd> Builder<'_, 'a, 'd> {
    fn atom(&mut self, class: ClassId, globals: Vec<OutGlobal<'a>>) -> OutAtom<'a, 'd> {
        let objects = self.objects;
        let analysis = objects.analysis;
        let (s, n, node) = objects.node(class);
        let file = analysis.graph.file(node.object);
        let edges = file.edges_of(node.atom);
        let targets: Vec<OutTarget> = edges.iter().map(|e| self.target(s, node, e)).collect();
        // Kept atoms of the member stand behind the edges: they only have to be pulled.
        for extra in analysis.reached[s].targets_of(n).iter().skip(edges.len()) {
            if let crate::analysis::reach::Target::Node { node, .. } = extra {
                let class = analysis.classes.class_of[s][*node as usize];
                self.place(class, 0, SymbolKind::NoType);
            }
        }
        let unwind = file
            .unwind_of(node.atom)
            .iter()
            .map(|entry| {
                let header = &file.unwind_headers[entry.header as usize];
                OutUnwind {
                    entry: entry
                        .edges
                        .iter()
                        .map(|e| self.target(s, node, e))
                        .collect(),
                    header: header
                        .edges
                        .iter()
                        .map(|e| self.target(s, node, e))
                        .collect(),
                }
            })
            .collect();
        let own = &file.atoms[node.atom as usize];
        let section = own
            .registry
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
        }
    }

    /// Does live code of this root set's universe ask for the bounds of the registry?
    fn is_bound(&self, set: usize, stem: &[u8]) -> bool {
        let analysis = self.objects.analysis;
        let names: Vec<NameId> = [&b"__start_"[..], b"__stop_"]
            .iter()
            .filter_map(|prefix| analysis.graph.find_name(&[prefix, stem].concat()))
            .collect();
        let universe = analysis.universes[set];
        let reached = analysis.reached.iter().zip(&analysis.universes);
        reached
            .filter(|(_, u)| **u == universe)
            .any(|(r, _)| names.iter().any(|&n| r.binds(n)))
    }

    fn target(&mut self, s: usize, node: Node, edge: &Edge) -> OutTarget {
        let analysis = self.objects.analysis;
        let public = |n: NameId| analysis.is_public(s, n);
        let found = look_up(
            &analysis.graph,
            analysis.resolution(s),
            &public,
            node.object,
            edge.to,
        );
        match found {
            Found::Atom { node: to, offset } => match analysis.reached[s].find(to) {
                Some(n) => {
                    let class = analysis.classes.class_of[s][n as usize];
                    if let Some(target) = self.by_export(s, node.object, edge.to, class, offset) {
                        return target;
                    }
                    let kind = self.kind_of(s, node.object, edge.to);
                    self.place(class, offset, kind)
                }
                None => OutTarget::Nothing,
            },
            Found::External { name, weak } => {
                let kind = self.kind_of(s, node.object, edge.to);
                match self.own_global(s, name) {
                    Some(target) => target,
                    None => self.by_name(name, weak, kind),
                }
            }
            Found::Bound { name, weak } => {
                let stem = bound_stem(analysis.graph.name(name)).unwrap_or_default();
                if !self.is_bound(s, stem) {
                    return self.by_name(name, weak, SymbolKind::NoType);
                }
                let renamed = self.objects.registry_name(s, analysis.graph.name(name));
                self.needed(Cow::Owned(renamed), weak, true, SymbolKind::NoType)
            }
            Found::Absolute(value) => OutTarget::Absolute(value),
            Found::Nothing => OutTarget::Nothing,
        }
    }

    /// The kind of the symbol behind a reference.
    fn kind_of(&self, s: usize, object: ObjectId, to: EdgeTarget) -> SymbolKind {
        let EdgeTarget::Symbol(index) = to else {
            return SymbolKind::Section;
        };
        let analysis = self.objects.analysis;
        let graph = &analysis.graph;
        let own = graph.file(object).symbols.get(index as usize);
        if let Some(name) = graph.name_of(object, index)
            && let Some(site) = analysis.resolution(s).definition(name)
            && let Some(i) = graph.global_symbol(site.object, site.position)
            && let Some(symbol) = graph.file(site.object).symbols.get(i as usize)
        {
            return symbol.kind;
        }
        own.map_or(SymbolKind::NoType, |s| s.kind)
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
        let name = self.objects.analysis.graph.name_of(object, index)?;
        let export = self.objects.partition.export(s, name)?;
        if export.class != class || export.offset != offset {
            return None;
        }
        Some(match self.own_global(s, name) {
            Some(target) => target,
            None => self.by_name(name, false, SymbolKind::NoType),
        })
    }

    /// The export of this name, where this object defines it.
    fn own_global(&self, s: usize, name: NameId) -> Option<OutTarget> {
        let partition = self.objects.partition;
        let export = partition.export(s, name)?;
        if Some(partition.set_of[export.class.index()]) != self.set {
            return None;
        }
        let global = partition
            .exports
            .iter()
            .filter(|e| e.class == export.class)
            .position(|e| e.name == name)?;
        Some(OutTarget::Global {
            atom: self.objects.position[export.class.index()],
            global: global as u32,
        })
    }

    /// A place in this object, or a hidden global of another.
    fn place(&mut self, class: ClassId, offset: u64, kind: SymbolKind) -> OutTarget {
        let partition = self.objects.partition;
        if Some(partition.set_of[class.index()]) == self.set {
            return OutTarget::Atom {
                atom: self.objects.position[class.index()],
                offset,
                kind,
            };
        }
        match partition.crossing(class, offset) {
            Some(number) => {
                let name = self.objects.crossing_name(number);
                self.needed(name, false, true, kind)
            }
            None => OutTarget::Nothing,
        }
    }

    fn by_name(&mut self, name: NameId, weak: bool, kind: SymbolKind) -> OutTarget {
        let name = Cow::Borrowed(self.objects.analysis.graph.name(name));
        self.needed(name, weak, false, kind)
    }

    fn needed(
        &mut self,
        name: Cow<'a, [u8]>,
        weak: bool,
        hidden: bool,
        kind: SymbolKind,
    ) -> OutTarget {
        if let Some(&at) = self.known.get(&*name) {
            self.undefined[at as usize].weak &= weak;
            return OutTarget::Undefined(at);
        }
        let at = self.undefined.len() as u32;
        self.known.insert(name.to_vec(), at);
        self.undefined.push(Undefined {
            name,
            weak,
            hidden,
            kind,
        });
        OutTarget::Undefined(at)
    }

    /// Undefined entries for the plugin's exports that live elsewhere, and for what it keeps alive
    /// by a rule: nothing else would pull them.
    fn pull(&mut self, plugin: usize) {
        let analysis = self.objects.analysis;
        let reached = &analysis.reached[plugin];
        for &(name, _, _) in &reached.roots {
            let known = self.objects.partition.export(plugin, name).is_some();
            if known && self.own_global(plugin, name).is_none() {
                self.by_name(name, false, SymbolKind::NoType);
            }
        }
        for node in rule_kept(reached) {
            let class = analysis.classes.class_of[plugin][node as usize];
            if Some(self.objects.partition.set_of[class.index()]) != self.set {
                self.place(class, 0, SymbolKind::NoType);
            }
        }
    }
}
