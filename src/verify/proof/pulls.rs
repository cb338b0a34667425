//! Proves that a program which calls an export links what lives for it, and nothing else of the plan's objects.
//!
//! Of each root set all exports together; of one that is taken apart by export, some of them one by one: what
//! lives for an export is walked again on what reach recorded, and what a linker pulls on the written symbol
//! tables.

use std::collections::BTreeSet;

use foldhash::{HashMap, HashSet};

use super::{Checked, fault};
use crate::analysis::Analysis;
use crate::analysis::blocks::Blocks;
use crate::analysis::graph::{Graph, NameId, ObjectId};
use crate::analysis::reach::Reached;
use crate::error::Diagnostic;
use crate::input::{Inputs, LibraryId, MemberId};
use crate::plan::early;
use crate::plan::partition::{SetId, rule_kept};
use crate::verify::Promises;

/// Exports of a root set that are tried one by one, spread over all.
const SAMPLE: usize = 48;

/// The objects that a linker finds by name: those of a library, then those of the workspace library.
struct Linker<'g, 'w> {
    graph: &'g Graph<'w>,
    definer: HashMap<NameId, ObjectId>,
    pulled: Vec<bool>,
    /// The workspace library's members.
    workspace: HashSet<MemberId>,
}

impl<'g, 'w> Linker<'g, 'w> {
    fn new(written: &Inputs<'w>, graph: &'g Graph<'w>, library: usize) -> Self {
        let workspace = written.libraries.len().saturating_sub(1);
        let mut definer: HashMap<NameId, ObjectId> = HashMap::default();
        for l in [library, workspace] {
            for member in written.library(LibraryId(l as u32)).member_ids() {
                let Some(object) = graph.object_of[member.index()] else {
                    continue;
                };
                for global in &graph.globals[object.index()] {
                    if global.kind.is_definition() {
                        definer.entry(global.name).or_insert(object);
                    }
                }
            }
        }
        Self {
            graph,
            definer,
            pulled: vec![false; graph.globals.len()],
            workspace: written
                .library(LibraryId(workspace as u32))
                .member_ids()
                .collect(),
        }
    }

    /// The objects pulled for these names, in order; marked until [`Self::clear`].
    fn pull(&mut self, names: impl Iterator<Item = NameId>) -> Vec<ObjectId> {
        let mut needed: Vec<NameId> = names.collect();
        let mut pulled = Vec::new();
        while let Some(name) = needed.pop() {
            let Some(&object) = self.definer.get(&name) else {
                continue;
            };
            if !std::mem::replace(&mut self.pulled[object.index()], true) {
                pulled.push(object);
                needed.extend(self.needed_by(object));
            }
        }
        pulled
    }

    /// Those of the objects that come for the sake of these names.
    fn asked_early(
        &self,
        pulled: &[ObjectId],
        names: &[(NameId, u32)],
    ) -> impl Iterator<Item = ObjectId> + use<'_, 'g, 'w> {
        let mut needed: Vec<NameId> = names.iter().map(|n| n.0).collect();
        let mut seen: HashSet<ObjectId> = HashSet::default();
        let is_pulled: HashSet<ObjectId> = pulled.iter().copied().collect();
        while let Some(name) = needed.pop() {
            let object = self.definer.get(&name).filter(|o| is_pulled.contains(o));
            if let Some(&object) = object.filter(|&&o| seen.insert(o)) {
                needed.extend(self.needed_by(object));
            }
        }
        seen.into_iter()
    }

    fn needed_by(&self, object: ObjectId) -> impl Iterator<Item = NameId> + '_ {
        let globals = self.graph.globals[object.index()].iter();
        let needs = globals.filter(|g| g.kind.pulls(self.graph.format));
        needs.map(|g| g.name)
    }

    /// What pulled objects of the workspace library need of a library before it, and no object of such a library
    /// asks for. `provided` is what these define.
    fn asked_late(&self, pulled: &[ObjectId], provided: &HashSet<&[u8]>) -> Option<Diagnostic> {
        let (shared, own): (Vec<ObjectId>, Vec<ObjectId>) = pulled
            .iter()
            .partition(|o| self.workspace.contains(&self.graph.member_of[o.index()]));
        let elsewhere = |name: &NameId| {
            !self.definer.contains_key(name) && provided.contains(self.graph.name(*name))
        };
        let mut needed = shared
            .into_iter()
            .flat_map(|o| self.needed_by(o))
            .filter(elsewhere)
            .peekable();
        needed.peek()?;
        let asked: HashSet<NameId> = own.into_iter().flat_map(|o| self.needed_by(o)).collect();
        let name = needed.find(|name| !asked.contains(name))?;
        let what = "what the workspace library needs of a library before it is asked for too late";
        Some(fault(what).symbol(self.graph.name(name)))
    }

    fn clear(&mut self, pulled: &[ObjectId]) {
        for object in pulled {
            self.pulled[object.index()] = false;
        }
    }
}

/// What later libraries need of a library's members, which were there with those that anything had pulled.
struct Late {
    blocks: Blocks,
    /// As written, with the block of the member.
    names: Vec<(NameId, u32)>,
}

impl Late {
    fn new(
        analysis: &Analysis<'_>,
        library: LibraryId,
        wanted: &BTreeSet<NameId>,
        linker: &Linker<'_, '_>,
    ) -> Option<Self> {
        if wanted.is_empty() {
            return None;
        }
        let blocks = analysis.blocks(library);
        let resolution = &analysis.resolutions[library.index()];
        let names = wanted.iter().filter_map(|&name| {
            let block = blocks.of(resolution.definition(name)?.object)?;
            let name = linker.graph.find_name(analysis.graph.name(name))?;
            // What the workspace library defines comes last anyway.
            let object = linker.definer.get(&name)?;
            let member = linker.graph.member_of[object.index()];
            (!linker.workspace.contains(&member)).then_some((name, block))
        });
        let names = names.collect();
        Some(Self { blocks, names })
    }

    /// The first name that one of the members would have brought along, and that nothing pulled defines.
    fn left_out(
        &self,
        linker: &Linker<'_, '_>,
        members: impl Iterator<Item = ObjectId>,
    ) -> Option<Diagnostic> {
        let mut along = members.filter_map(|m| self.blocks.along(m));
        let name = along.find_map(|along| {
            let brought = |block: u32| along[block as usize / 64] >> (block % 64) & 1 != 0;
            let pulled = |name| {
                linker
                    .definer
                    .get(name)
                    .is_some_and(|o| linker.pulled[o.index()])
            };
            let mut own = self.names.iter().filter(|(_, block)| brought(*block));
            own.find(|(name, _)| !pulled(name))
        })?;
        let what = "an export does not bring along what a later library needs of its member";
        Some(fault(what).symbol(linker.graph.name(name.0)))
    }
}

/// Nodes that are met, with those of all walks before.
struct Walk<'r> {
    reached: &'r Reached,
    met: Vec<bool>,
}

impl Walk<'_> {
    /// Walks on from `from`; returns what is new.
    fn follow(&mut self, from: impl Iterator<Item = u32>) -> Vec<u32> {
        let mut waiting: Vec<u32> = from.collect();
        let mut fresh = Vec::new();
        while let Some(node) = waiting.pop() {
            if std::mem::replace(&mut self.met[node as usize], true) {
                continue;
            }
            fresh.push(node);
            waiting.extend(self.reached.neighbours(node));
        }
        fresh
    }
}

impl<'w> Checked<'_, '_, '_, 'w, '_> {
    pub(super) fn pulls(
        &self,
        written: &Inputs<'w>,
        graph: &Graph<'w>,
        promises: &Promises<'_>,
    ) -> Vec<Diagnostic> {
        let analysis = self.proof.analysis;
        let mut faults = Vec::new();
        let wanted = early::wanted(analysis);
        let provided: HashSet<&[u8]> = written
            .libraries
            .iter()
            .take(promises.libraries.len())
            .flat_map(|library| library.member_ids())
            .filter_map(|member| graph.object_of[member.index()])
            .flat_map(|object| &graph.globals[object.index()])
            .filter(|g| g.kind.is_definition())
            .map(|g| graph.name(g.name))
            .collect();
        for (library, wanted) in wanted.iter().enumerate().take(promises.libraries.len()) {
            let mut linker = Linker::new(written, graph, library);
            faults.extend(self.imports(written, &linker, LibraryId(library as u32)));
            let late = Late::new(analysis, LibraryId(library as u32), wanted, &linker);
            for s in analysis.export_sets(LibraryId(library as u32)) {
                let roots = analysis.reached[s].roots.iter().map(|r| r.0);
                let names = roots.filter_map(|n| graph.find_name(analysis.graph.name(n)));
                let pulled = linker.pull(names);
                if !pulled.is_empty() {
                    let all = 0..analysis.reached[s].nodes.len() as u32;
                    faults.extend(self.left_out(s, &linker, all));
                    faults.extend(linker.asked_late(&pulled, &provided));
                }
                let reached = &analysis.reached[s];
                let members = reached
                    .roots
                    .iter()
                    .map(|r| reached.nodes[r.1 as usize].object);
                faults.extend(late.as_ref().and_then(|l| l.left_out(&linker, members)));
                linker.clear(&pulled);
                if self.proof.partition.is_split(s) {
                    faults.extend(self.one_by_one(written, s, &mut linker, late.as_ref()));
                }
            }
        }
        faults
    }

    /// A linker finds the library's own imports, and no other library's: a name may be of several DLLs.
    fn imports(
        &self,
        written: &Inputs<'w>,
        linker: &Linker<'_, 'w>,
        library: LibraryId,
    ) -> Vec<Diagnostic> {
        let analysis = self.proof.analysis;
        let graph = &analysis.graph;
        let sets = analysis.export_sets(library);
        let names: BTreeSet<NameId> = sets.flat_map(|s| analysis.reached[s].externals()).collect();
        let is_wrong = |&name: &NameId| {
            let own = analysis.offers[library.index()].definer(name);
            let own = own.filter(|&o| graph.is_verbatim(o));
            let own = own.map(|o| self.proof.inputs.member(graph.member_of[o.index()]).data);
            let there = linker.graph.find_name(graph.name(name));
            let there = there.and_then(|n| linker.definer.get(&n)).copied();
            let import = there.filter(|&o| linker.graph.is_verbatim(o));
            let import = import.map(|o| written.member(linker.graph.member_of[o.index()]).data);
            match (own, import) {
                (Some(own), Some(import)) => own != import,
                (Some(_), None) => there.is_none(),
                (None, import) => import.is_some(),
            }
        };
        let wrong = names.into_iter().filter(is_wrong);
        let what = "a reference leads to another import than that of its library";
        wrong
            .map(|name| fault(what).symbol(graph.name(name)))
            .collect()
    }

    /// What of these nodes stands only in objects that are not pulled.
    fn left_out(
        &self,
        s: usize,
        linker: &Linker<'_, 'w>,
        nodes: impl Iterator<Item = u32>,
    ) -> Option<Diagnostic> {
        let analysis = self.proof.analysis;
        let mut nodes = nodes.filter(|&n| {
            let class = analysis.classes.class_of[s][n as usize];
            let mut places = self.places.get(&class).into_iter().flatten().peekable();
            places.peek().is_some() && !places.any(|(o, _)| linker.pulled[o.index()])
        });
        let node = analysis.reached[s].nodes[nodes.next()? as usize];
        let file = analysis.graph.file(node.object);
        let section = file.atoms[node.atom as usize].section;
        let what = "what an export needs is in an object that it does not pull";
        Some(fault(what).symbol(section))
    }

    /// Some exports of a root set, each as if a program called it alone.
    fn one_by_one(
        &self,
        written: &Inputs<'w>,
        s: usize,
        linker: &mut Linker<'_, 'w>,
        late: Option<&Late>,
    ) -> Vec<Diagnostic> {
        let analysis = self.proof.analysis;
        let partition = self.proof.partition;
        let reached = &analysis.reached[s];
        let classes = &analysis.classes.class_of[s];
        let mut walk = Walk {
            reached,
            met: vec![false; reached.nodes.len()],
        };
        // By written object: made of atoms that exports pull; or else of which members' definitions.
        let mut made = vec![false; linker.graph.globals.len()];
        let mut homes: HashMap<ObjectId, SetId> = HashMap::default();
        for (object, read) in self.proof.made.iter().zip(&self.read_of) {
            let set = object.atoms.first().map(|a| partition.set_of[a.0.index()]);
            let own = |&set: &SetId| {
                !partition.is_home(set) && partition.plugins(set).any(|other| other == s)
            };
            if let Some(read) = read.and_then(|r| self.objects.get(r)) {
                made[read.id.index()] = set.as_ref().is_some_and(own);
                homes.extend(set.filter(|&s| partition.is_home(s)).map(|s| (read.id, s)));
            }
        }
        // Members whose definitions stand with the root set's atoms.
        for part in (0..analysis.sets.len()).filter(|&m| partition.is_part(m)) {
            if partition.owner(part) == s {
                for class in &analysis.classes.class_of[part] {
                    for (object, _) in self.places.get(class).into_iter().flatten() {
                        made[object.index()] = false;
                    }
                }
            }
        }
        // What lives whatever is called: by rules, and what no export refers to.
        walk.follow(reached.roots.iter().map(|r| r.1));
        let mut always: Vec<u32> = (0..reached.nodes.len() as u32)
            .filter(|&n| !walk.met[n as usize])
            .collect();
        always.extend(rule_kept(reached));
        walk.met.fill(false);
        let always = walk.follow(always.into_iter());
        // What a program takes together.
        let mut together: HashMap<u64, Vec<u32>> = HashMap::default();
        let mut part_of: HashMap<u32, u64> = HashMap::default();
        for &(node, part) in partition.parts(s) {
            together.entry(part).or_default().push(node);
            part_of.insert(node, part);
        }
        let mut faults = Vec::new();
        let mut used = vec![false; linker.graph.globals.len()];
        let step = reached.roots.len().div_ceil(SAMPLE).max(1);
        for &(name, node, _) in reached.roots.iter().step_by(step) {
            let Some(own_name) = linker.graph.find_name(analysis.graph.name(name)) else {
                continue;
            };
            let mut own = walk.follow(std::iter::once(node));
            let pulled = linker.pull(std::iter::once(own_name));
            let live = always.iter().chain(&own).copied();
            let left_out = self.left_out(s, linker, live);
            let of = |d: Diagnostic| d.member(analysis.graph.name(name));
            faults.extend(left_out.map(of));
            // What is taken together stands together.
            let part = part_of.get(&node).and_then(|part| together.get(part));
            own.extend(walk.follow(part.into_iter().flatten().copied()));
            let live = || always.iter().chain(&own).copied();
            let member = reached.nodes[node as usize].object;
            faults.extend(late.and_then(|l| l.left_out(linker, std::iter::once(member))));
            let places = |n: u32| self.places.get(&classes[n as usize]).into_iter().flatten();
            for (object, _) in live().flat_map(places) {
                used[object.index()] = true;
            }
            // Members that come along need what they need.
            let members = pulled.iter().filter_map(|o| homes.get(o));
            for member in members.flat_map(|&set| partition.plugins(set)) {
                for class in &analysis.classes.class_of[member] {
                    for (object, _) in self.places.get(class).into_iter().flatten() {
                        used[object.index()] = true;
                    }
                }
            }
            if let Some(late) = late {
                linker
                    .asked_early(&pulled, &late.names)
                    .for_each(|o| used[o.index()] = true);
            }
            // A group's name is pulled from whichever copy of it the linker meets first.
            let copied = partition.grouped[classes[node as usize].index()];
            let idle = |o: &&ObjectId| made[o.index()] && !used[o.index()];
            if let Some(object) = pulled.iter().find(idle).filter(|_| !copied) {
                let member = written.member(linker.graph.member_of[object.index()]);
                let what = "an export pulls an object of which it needs nothing";
                let fault = fault(what).symbol(analysis.graph.name(name));
                faults.push(fault.member(member.name));
            }
            used.fill(false);
            linker.clear(&pulled);
            for node in own {
                walk.met[node as usize] = false;
            }
        }
        faults
    }
}
