//! Members that stay as they are: the imports of DLLs that live code reaches.
//!
//! A linker pulls them by name, so where they lie costs a program nothing: what one plugin alone
//! imports stays in its library, the rest is in the workspace library, each once. Two DLLs may export one
//! name, and a program may have it from elsewhere: a library's references go to its own imports. Imports whose
//! names mean something else to another library stay with each library that has them.

use std::collections::{BTreeMap, BTreeSet};

use foldhash::{HashSet, HashSetExt};

use super::{OutputMember, OutputSet};
use crate::analysis::graph::{NameId, ObjectId};
use crate::analysis::reach::Target;
use crate::analysis::{Analysis, Demand};
use crate::format;
use crate::input::{Inputs, LibraryId};

/// Who needs what of the imports.
#[derive(Debug, Default)]
pub struct Imports {
    /// By object: the libraries that keep it.
    users: BTreeMap<ObjectId, BTreeSet<LibraryId>>,
    /// By name, and by library that needs it: its own import of that name.
    needs: BTreeMap<NameId, BTreeMap<LibraryId, Option<ObjectId>>>,
    /// By object: the imports that need it.
    needed_by: BTreeMap<ObjectId, BTreeSet<ObjectId>>,
    /// Those that the workspace library must not have.
    apart: BTreeSet<ObjectId>,
    /// By root set: what its own library's object asks for. The workspace library, which linkers may read last,
    /// does not have it, or the linker makes it of what is there anyway.
    asked: Vec<Vec<NameId>>,
    /// By library: names that its stubs need and no library has.
    missing: BTreeMap<LibraryId, BTreeSet<Vec<u8>>>,
}

impl Imports {
    #[must_use]
    pub fn new(inputs: &Inputs<'_>, analysis: &Analysis<'_>) -> Self {
        let mut imports = Self::default();
        if format::has_imports(analysis.format) {
            let mut needs: BTreeSet<(LibraryId, NameId)> = BTreeSet::new();
            for (s, set) in analysis.sets.iter().enumerate() {
                for name in needed(analysis, s) {
                    needs.extend(set.libraries.iter().map(|&library| (library, name)));
                }
            }
            let mut elsewhere: HashSet<NameId> = HashSet::new();
            for (library, name) in needs {
                if !imports.need(inputs, analysis, library, name) {
                    elsewhere.insert(name);
                }
            }
            imports.find_apart();
            let sets = 0..analysis.sets.len();
            imports.asked = sets
                .map(|s| imports.asks(analysis, s, &elsewhere))
                .collect();
        }
        imports
    }

    /// Does a member of the library's own provide this external?
    #[must_use]
    pub fn provide(&self, library: LibraryId, name: NameId) -> bool {
        let own = self.needs.get(&name).and_then(|by| by.get(&library));
        own.is_some_and(Option::is_some)
    }

    /// Names that the imports of a library need and no library has.
    pub fn missing(&self, library: LibraryId) -> impl Iterator<Item = &[u8]> {
        self.missing
            .get(&library)
            .into_iter()
            .flatten()
            .map(Vec::as_slice)
    }

    /// What the object of a root set asks for, that the workspace library's objects may need on its behalf.
    #[must_use]
    pub fn asked(&self, s: usize) -> &[NameId] {
        self.asked.get(s).map_or(&[], Vec::as_slice)
    }

    /// Notes that the library needs the name; false where another library's import serves it.
    fn need(
        &mut self,
        inputs: &Inputs<'_>,
        analysis: &Analysis<'_>,
        library: LibraryId,
        name: NameId,
    ) -> bool {
        let definer = |l: LibraryId| analysis.offers[l.index()].definer(name);
        let is_import = |&object: &ObjectId| analysis.graph.is_verbatim(object);
        let own = definer(library).filter(is_import);
        self.needs.entry(name).or_default().insert(library, own);
        if let Some(object) = own {
            self.keep(inputs, analysis, library, object);
            return true;
        }
        if definer(library).is_some() {
            return true;
        }
        // They link together today.
        let mut others = analysis.offers.iter().map(|o| o.library);
        let other = others.find_map(|l| Some((l, definer(l).filter(is_import)?)));
        if let Some((l, object)) = other {
            self.keep(inputs, analysis, l, object);
            self.apart.insert(object);
        }
        other.is_none()
    }

    /// The library keeps the object, and what it needs of the library's imports.
    fn keep(
        &mut self,
        inputs: &Inputs<'_>,
        analysis: &Analysis<'_>,
        library: LibraryId,
        object: ObjectId,
    ) {
        let graph = &analysis.graph;
        let offer = &analysis.offers[library.index()];
        let mut left = vec![object];
        while let Some(object) = left.pop() {
            if !self.users.entry(object).or_default().insert(library) {
                continue;
            }
            let member = inputs.member(graph.member_of[object.index()]);
            let globals = graph.globals[object.index()].iter();
            let mut names: Vec<NameId> = globals
                .filter(|g| g.kind == format::GlobalKind::Undefined)
                .map(|g| g.name)
                .collect();
            if let Some(name) = format::import_needs(member.kind, member.data) {
                match graph.find_name(&name) {
                    Some(id) if offer.definer(id).is_some() => names.push(id),
                    _ => {
                        self.missing.entry(library).or_default().insert(name);
                    }
                }
            }
            for name in names {
                let own = offer.definer(name).filter(|&o| graph.is_verbatim(o));
                self.needs.entry(name).or_default().insert(library, own);
                if let Some(needed) = own {
                    self.needed_by.entry(needed).or_default().insert(object);
                    left.push(needed);
                }
            }
        }
    }

    /// Imports of names of which libraries that need them have different ones, or none, and what needs those:
    /// a linker that reads an archive once would look for them among what is past.
    fn find_apart(&mut self) {
        for by in self.needs.values() {
            let mut all = by.values();
            let first = all.next().copied().flatten();
            if all.any(|own| *own != first) {
                self.apart.extend(by.values().flatten());
            }
        }
        let mut waiting: Vec<ObjectId> = self.apart.iter().copied().collect();
        while let Some(object) = waiting.pop() {
            let users = self.needed_by.get(&object).into_iter().flatten();
            let fresh: Vec<ObjectId> = users.copied().filter(|u| self.apart.insert(*u)).collect();
            waiting.extend(fresh);
        }
    }

    fn asks(&self, analysis: &Analysis<'_>, s: usize, elsewhere: &HashSet<NameId>) -> Vec<NameId> {
        let set = &analysis.sets[s];
        let graph = &analysis.graph;
        let externals = analysis.reached[s].externals().into_iter();
        externals
            .filter_map(|name| {
                let own = self.needs.get(&name).and_then(|by| by.get(&set.library()));
                match own.copied().flatten() {
                    Some(object) => self.apart.contains(&object).then_some(name),
                    None if elsewhere.contains(&name) => Some(name),
                    // The linker makes a pointer to what is linked; nobody refers to that by its name.
                    None => {
                        let target = format::import_target(analysis.format, graph.name(name))?;
                        let target = graph.find_name(target)?;
                        let site = analysis.resolution(s).definition(target)?;
                        let own = analysis.exports[set.library().index()].contains(&target);
                        (own && !graph.is_verbatim(site.object)).then_some(target)
                    }
                }
            })
            .collect()
    }

    /// Adds the members to the libraries that keep them.
    pub fn place<'d>(
        &self,
        inputs: &Inputs<'d>,
        analysis: &Analysis<'d>,
        output: &mut OutputSet<'d>,
    ) {
        for (object, libraries) in &self.users {
            let member = inputs.member(analysis.graph.member_of[object.index()]);
            let made = OutputMember {
                name: member.name.into(),
                data: member.data.into(),
                symbols: Vec::new(),
            };
            let own = analysis.is_alone() || libraries.len() == 1 || self.apart.contains(object);
            if own {
                for library in libraries {
                    output.libraries[library.index()].members.push(made.clone());
                }
            } else {
                output.workspace.members.push(made);
            }
        }
    }
}

/// Names that the linker may look for on behalf of a root set: those of live references, weak ones too, of
/// what comes along, and what its members say to take for names that nobody defines.
fn needed(analysis: &Analysis<'_>, s: usize) -> BTreeSet<NameId> {
    let mut names = BTreeSet::new();
    for target in &analysis.reached[s].targets {
        match *target {
            Target::External { name, .. } | Target::Fallback { name, .. } => {
                names.insert(name);
            }
            Target::Either { name, other } => names.extend([name, other]),
            _ => {}
        }
    }
    names.extend(analysis.demands[s].iter().filter_map(|d| match *d {
        Demand::Name(name) | Demand::Need(name) => Some(name),
        Demand::Set(_) => None,
    }));
    let pulled = analysis.resolution(s).pulled.iter();
    names.extend(pulled.flat_map(|p| analysis.graph.alternates(p.object)));
    names
}
