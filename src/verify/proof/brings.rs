//! Proves that a program which calls an export links the constructors that it links with the library as built, no
//! more and no fewer, whichever of the contested names are the program's own, and no other definition of a contested
//! name, where all of them are the program's own or none. So it must be where the program holds copies of the inline
//! functions and templates that members ask for.
//!
//! Constructors run in every member that is pulled, and pulling is by name: what an export pulls is walked on the
//! symbol tables of the library as it was, and on those that were written. Of the objects that define the export (a
//! template that many members have) the first is pulled. Neither the plan's root sets nor the
//! analysis' resolutions play a part, only which name each member defines and asks for.

use std::collections::{BTreeMap, BTreeSet};

use foldhash::{HashMap, HashSet, HashSetExt};
use rayon::prelude::*;

use super::{Checked, fault};
use crate::analysis::graph::{Graph, NameId, ObjectId};
use crate::analysis::identity::atoms::ClassId;
use crate::analysis::reach::Cause;
use crate::error::Diagnostic;
use crate::format::GlobalKind;
use crate::format::model::{AtomIndex, Definition, KeepRule};
use crate::input::{Inputs, LibraryId};

/// Exports of a library that are tried, spread over all.
const SAMPLE: usize = 48;

/// Contested names that are tried as the program's own one by one, besides all and none.
const SINGLE: usize = 8;

/// Global symbols that are looked at for one library; after that it is enough.
const STEPS: usize = 20_000_000;

/// Who defines a name in what a linker searches.
#[derive(Clone, Copy)]
enum Definer {
    Nobody,
    One(ObjectId),
    /// The first of them. Whether it is pulled depends on what is linked when the name is looked for.
    Several(ObjectId),
    /// Which one is pulled depends on the linker, or on the other libraries.
    Unsure,
}

/// What a linker searches.
struct Shelf<'g, 'd> {
    graph: &'g Graph<'d>,
    /// The first object that defines a name.
    first: Box<dyn Fn(NameId) -> Option<ObjectId> + 'g>,
    several: HashSet<NameId>,
    commons: HashSet<NameId>,
    /// What is defined as one of many equal copies.
    vague: HashSet<NameId>,
    /// By name: what some library defines.
    anywhere: &'g [bool],
}

impl<'g, 'd> Shelf<'g, 'd> {
    fn new(
        graph: &'g Graph<'d>,
        objects: impl Iterator<Item = ObjectId>,
        first: Box<dyn Fn(NameId) -> Option<ObjectId> + 'g>,
        anywhere: &'g [bool],
    ) -> Self {
        let mut several = HashSet::default();
        let mut commons = HashSet::default();
        let mut vague = HashSet::default();
        for object in objects {
            let globals = graph.globals[object.index()].iter();
            for global in globals.filter(|g| g.kind.is_definition()) {
                // Nobody else defines Rust's names.
                if global.kind == GlobalKind::Vague && !graph.is_rust(object) {
                    vague.insert(global.name);
                }
                // Some linkers pull a definition for a common, or another's.
                if global.kind == GlobalKind::Common {
                    commons.insert(global.name);
                } else if first(global.name) != Some(object) {
                    several.insert(global.name);
                }
            }
        }
        Self {
            graph,
            first,
            several,
            commons,
            vague,
            anywhere,
        }
    }

    fn definer(&self, name: NameId) -> Definer {
        match (self.first)(name) {
            None if self.anywhere.get(name.index()) == Some(&true) => Definer::Unsure,
            None => Definer::Nobody,
            Some(_) if self.commons.contains(&name) => Definer::Unsure,
            Some(first) if self.several.contains(&name) => Definer::Several(first),
            Some(object) => Definer::One(object),
        }
    }

    /// What is pulled for a name, if `theirs` are the program's own; `None` where linkers need not agree on that.
    fn pulled(
        &self,
        name: NameId,
        theirs: &HashSet<NameId>,
        steps: &mut usize,
    ) -> Option<BTreeSet<ObjectId>> {
        let mut pulled = BTreeSet::new();
        let mut waiting = vec![name];
        // Names that several define, and who is pulled for them unless another is linked by then.
        let mut unsure = Vec::new();
        // What the object that is pulled first defines, nobody looks for.
        let mut there = HashSet::default();
        while let Some(asked) = waiting.pop() {
            if theirs.contains(&asked) || there.contains(&asked) {
                continue;
            }
            let first = pulled.is_empty();
            let object = match self.definer(asked) {
                Definer::Unsure => return None,
                Definer::Several(object) if !first => {
                    unsure.push(object);
                    continue;
                }
                Definer::One(object) | Definer::Several(object) => object,
                Definer::Nobody => continue,
            };
            if !pulled.insert(object) {
                continue;
            }
            let globals = &self.graph.globals[object.index()];
            *steps += globals.len();
            let needed = globals.iter().filter(|g| g.kind.pulls(self.graph.format));
            waiting.extend(needed.map(|g| g.name));
            waiting.extend(self.graph.needs(object));
            waiting.extend(self.graph.pulls(object));
            if first {
                let defined = globals.iter().filter(|g| g.kind.is_definition());
                there.extend(defined.map(|g| g.name));
            }
        }
        unsure.iter().all(|o| pulled.contains(o)).then_some(pulled)
    }

    /// The names that objects ask for and that a program may hold a copy of.
    fn asked_copies(&self, objects: &BTreeSet<ObjectId>) -> Vec<NameId> {
        let globals = objects.iter().flat_map(|o| &self.graph.globals[o.index()]);
        let asked = globals.filter(|g| g.kind.pulls(self.graph.format));
        let copies = asked.map(|g| g.name).filter(|n| self.vague.contains(n));
        copies.collect()
    }

    /// The names that objects ask for or define, of those that `wanted` says.
    fn names(&self, objects: &BTreeSet<ObjectId>, wanted: impl Fn(NameId) -> bool) -> Vec<NameId> {
        let globals = objects.iter().flat_map(|o| &self.graph.globals[o.index()]);
        let mut names: Vec<NameId> = globals.map(|g| g.name).filter(|&n| wanted(n)).collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

/// Constructors of members, and where they were written.
#[derive(Default)]
struct Constructors {
    /// As they were: by library and member, the classes of each.
    classes: HashMap<(LibraryId, ObjectId), BTreeSet<(AtomIndex, ClassId)>>,
    members: HashMap<ClassId, BTreeSet<(LibraryId, ObjectId)>>,
    /// By written object.
    written: HashMap<ObjectId, Vec<ClassId>>,
}

impl<'w> Checked<'_, '_, '_, 'w, '_> {
    /// What does not hold. `libraries` is how many there are besides the workspace library.
    pub(super) fn brings(
        &self,
        written: &Inputs<'w>,
        graph: &Graph<'w>,
        libraries: usize,
    ) -> Vec<Diagnostic> {
        let analysis = self.proof.analysis;
        let constructors = self.members_constructors();
        let mut anywhere = vec![false; analysis.graph.names.len()];
        let objects = analysis.offers.iter().flat_map(|offer| offer.objects());
        for global in objects.flat_map(|o| &analysis.graph.globals[o.index()]) {
            anywhere[global.name.index()] |= global.kind.is_definition();
        }
        let libraries: Vec<LibraryId> = (0..libraries as u32).map(LibraryId).collect();
        let faults = libraries
            .par_iter()
            .map(|&library| {
                self.brought_by_exports(written, graph, library, &constructors, &anywhere)
            })
            .collect::<Vec<_>>();
        faults.into_iter().flatten().collect()
    }

    fn members_constructors(&self) -> Constructors {
        let analysis = self.proof.analysis;
        let mut all = Constructors::default();
        let sets = analysis.sets.iter().zip(&analysis.reached);
        for ((set, reached), classes) in sets.zip(&analysis.classes.class_of) {
            let causes = reached.causes.iter().zip(&reached.nodes).zip(classes);
            for ((cause, &node), &class) in causes {
                if *cause != Cause::Pulled(KeepRule::InitArray) {
                    continue;
                }
                let atom = &analysis.graph.file(node.object).atoms[node.atom as usize];
                // Of groups one is linked, from whichever member comes first.
                if atom.group.is_some() {
                    continue;
                }
                for &library in &set.libraries {
                    let member = (library, node.object);
                    let classes = all.classes.entry(member).or_default();
                    classes.insert((node.atom, class));
                    all.members.entry(class).or_default().insert(member);
                }
            }
        }
        for &class in all.members.keys() {
            for (object, _) in self.places.get(&class).into_iter().flatten() {
                all.written.entry(*object).or_default().push(class);
            }
        }
        all
    }

    fn brought_by_exports(
        &self,
        written: &Inputs<'w>,
        graph: &Graph<'w>,
        library: LibraryId,
        constructors: &Constructors,
        anywhere: &[bool],
    ) -> Vec<Diagnostic> {
        let analysis = self.proof.analysis;
        let mut faults = Vec::new();
        if analysis.is_undivided(library) {
            return faults;
        }
        let offer = &analysis.offers[library.index()];
        let objects = offer.objects();
        let first = Box::new(|name| offer.definer(name));
        let before = Shelf::new(&analysis.graph, objects.iter().copied(), first, anywhere);
        let workspace = LibraryId(written.libraries.len().saturating_sub(1) as u32);
        let members = [library, workspace].into_iter();
        let members = members.flat_map(|l| written.library(l).member_ids());
        let objects: Vec<ObjectId> = members.filter_map(|m| graph.object_of[m.index()]).collect();
        let mut first: HashMap<NameId, ObjectId> = HashMap::default();
        for &object in &objects {
            let globals = graph.globals[object.index()].iter();
            for global in globals.filter(|g| g.kind.is_definition()) {
                first.entry(global.name).or_insert(object);
            }
        }
        let first = Box::new(move |name| first.get(&name).copied());
        let after = Shelf::new(graph, objects.into_iter(), first, &[]);
        let is_contested = |name| analysis.contested.is(library, name);
        let there = |name: NameId| graph.find_name(analysis.graph.name(name));
        let exports = &analysis.exports[library.index()];
        let step = exports.len().div_ceil(SAMPLE).max(1);
        // Where exports are copies themselves, it is said that a program's own bring more along.
        let warned = exports.iter().any(|name| before.vague.contains(name));
        let mut steps = 0;
        for &export in exports.iter().step_by(step) {
            let Some(name) = there(export) else { continue };
            let alone = before.pulled(export, &HashSet::new(), &mut steps);
            let Some(alone) = alone else { continue };
            let contested = before.names(&alone, |n| n != export && is_contested(n));
            // More of them pull less: where all of them pull the same constructors as none, so do some.
            let all: HashSet<NameId> = contested.iter().copied().collect();
            let least = before.pulled(export, &all, &mut steps);
            let runs = |o: &&ObjectId| constructors.classes.contains_key(&(library, **o));
            let same = least.is_some_and(|l| l.iter().filter(runs).eq(alone.iter().filter(runs)));
            let single = contested.iter().take(SINGLE).map(|&n| vec![n]);
            let copies = match warned {
                true => Vec::new(),
                false => before.asked_copies(&alone),
            };
            // What is isolated is the library's own, whatever the program has.
            let isolated = |&n: &NameId| analysis.vague.isolates(analysis.graph.name(n));
            let copies: Vec<NameId> = copies.into_iter().filter(|n| !isolated(n)).collect();
            let more = (!copies.is_empty()).then(|| [contested.clone(), copies].concat());
            let modes = [Vec::new(), contested.clone()].into_iter().chain(more);
            let modes = modes.chain(single.filter(|_| contested.len() > 1 && !same));
            for (mode, theirs) in modes.enumerate() {
                let own: HashSet<NameId> = theirs.iter().copied().collect();
                let theirs: HashSet<NameId> = theirs.into_iter().filter_map(there).collect();
                let built = before.pulled(export, &own, &mut steps);
                let result = after.pulled(name, &theirs, &mut steps);
                if let (Some(built), Some(result)) = (built, result) {
                    let what = self
                        .other_constructors(library, &built, &result, constructors)
                        .or_else(|| self.other_needs(&built, &result, graph))
                        .map(str::to_owned);
                    // Exports that ask for different names of a member in which nothing runs are one set.
                    let what = what.or_else(|| {
                        let other = self.other_definitions(library, &built, &result, graph);
                        other.filter(|_| mode < 2)
                    });
                    let name = analysis.graph.name(export);
                    faults.extend(what.map(|what| fault(what).symbol(name)));
                }
                if steps > STEPS {
                    return faults;
                }
            }
        }
        faults
    }

    /// `built` are the members that an export pulls as built, `result` the written objects.
    fn other_constructors(
        &self,
        library: LibraryId,
        built: &BTreeSet<ObjectId>,
        result: &BTreeSet<ObjectId>,
        constructors: &Constructors,
    ) -> Option<&'static str> {
        let as_built = |class: &ClassId| {
            let mut members = constructors.members[class].iter();
            members.any(|(l, member)| *l == library && built.contains(member))
        };
        let mut written = result.iter().filter_map(|o| constructors.written.get(o));
        if !written.all(|classes| classes.iter().all(as_built)) {
            return Some("an export brings along a constructor that it does not pull as built");
        }
        let places = |class: ClassId| self.places.get(&class).into_iter().flatten();
        let own = built
            .iter()
            .filter_map(|&o| constructors.classes.get(&(library, o)));
        for classes in own {
            let mut there: BTreeMap<AtomIndex, bool> = BTreeMap::new();
            for &(atom, class) in classes {
                let written = places(class).next().is_none();
                let written = written || places(class).any(|(o, _)| result.contains(o));
                *there.entry(atom).or_default() |= written;
            }
            if there.values().any(|there| !there) {
                return Some("an export does not bring along a constructor that it pulls as built");
            }
        }
        None
    }

    fn other_definitions(
        &self,
        library: LibraryId,
        built: &BTreeSet<ObjectId>,
        result: &BTreeSet<ObjectId>,
        graph: &Graph<'w>,
    ) -> Option<String> {
        let analysis = self.proof.analysis;
        let own = built.iter();
        let own = own.flat_map(|o| analysis.contested.defined_by(&analysis.graph, library, *o));
        let own: HashSet<NameId> = own.collect();
        let defined = result.iter().flat_map(|o| &graph.globals[o.index()]);
        let mut defined = defined
            // Whoever refers to a common has one.
            .filter(|g| g.kind.is_definition() && g.kind != GlobalKind::Common)
            .filter_map(|g| analysis.graph.find_name(graph.name(g.name)))
            .filter(|&name| analysis.contested.is(library, name));
        let other = defined.find(|name| !own.contains(name))?;
        let other = String::from_utf8_lossy(analysis.graph.name(other));
        let what = "an export brings along a contested definition that it does not pull as built";
        Some(format!("{what}: `{other}`"))
    }

    /// Linkers that collect sections drop a group that objects only need without referring to it, where none says so.
    fn other_needs(
        &self,
        built: &BTreeSet<ObjectId>,
        result: &BTreeSet<ObjectId>,
        graph: &Graph<'w>,
    ) -> Option<&'static str> {
        let before = &self.proof.analysis.graph;
        let needs = built.iter().flat_map(|&o| before.needs(o));
        let mut wanted: HashSet<NameId> = needs
            .filter_map(|n| graph.find_name(before.name(n)))
            .collect();
        if wanted.is_empty() {
            return None;
        }
        for name in result.iter().flat_map(|&o| graph.needs(o)) {
            wanted.remove(&name);
        }
        let is_group = |object: ObjectId, position: usize| {
            let file = graph.file(object);
            let symbol = graph.global_symbol(object, position as u32);
            let symbol = symbol.and_then(|s| file.symbols.get(s as usize));
            symbol.is_some_and(|symbol| match symbol.definition {
                Definition::Atom { atom, .. } => file.atoms[atom as usize].group.is_some(),
                _ => false,
            })
        };
        let lost = result.iter().any(|&o| {
            let mut globals = graph.globals[o.index()].iter().enumerate();
            !graph.is_verbatim(o)
                && globals.any(|(at, g)| {
                    g.kind.is_definition() && wanted.contains(&g.name) && is_group(o, at)
                })
        });
        lost.then_some("an export does not keep what a member that it pulls asks to be kept")
    }
}
