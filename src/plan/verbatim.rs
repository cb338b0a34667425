//! Members that stay as they are: the imports of DLLs that live code reaches.
//!
//! A linker pulls them by name, so where they lie costs a program nothing: what one plugin alone
//! imports stays in its library, the rest is in the workspace library, each once.

use std::collections::{BTreeMap, BTreeSet};

use super::{OutputMember, OutputSet};
use crate::analysis::Analysis;
use crate::analysis::graph::{NameId, ObjectId};
use crate::format;
use crate::input::{Inputs, LibraryId};

/// Who needs what of the imports.
#[derive(Debug, Default)]
pub struct Imports {
    /// By object: the root sets that reach it.
    users: BTreeMap<ObjectId, BTreeSet<usize>>,
    /// Names that some member defines.
    names: BTreeSet<NameId>,
    /// By library: names that its stubs need and no library has.
    missing: BTreeMap<LibraryId, BTreeSet<Vec<u8>>>,
}

impl Imports {
    #[must_use]
    pub fn new(inputs: &Inputs<'_>, analysis: &Analysis<'_>) -> Self {
        let mut imports = Self::default();
        for (set, reached) in analysis.reached.iter().enumerate() {
            for name in reached.externals() {
                if let Some((library, object)) = provider(analysis, set, name) {
                    imports.names.insert(name);
                    imports.add(inputs, analysis, set, library, object);
                }
            }
        }
        imports
    }

    /// Does a member of the set provide this external?
    #[must_use]
    pub fn provide(&self, name: NameId) -> bool {
        self.names.contains(&name)
    }

    /// Names that the imports of a library need and no library has.
    pub fn missing(&self, library: LibraryId) -> impl Iterator<Item = &[u8]> {
        self.missing
            .get(&library)
            .into_iter()
            .flatten()
            .map(Vec::as_slice)
    }

    /// The object, and what it needs of its own library's imports.
    fn add(
        &mut self,
        inputs: &Inputs<'_>,
        analysis: &Analysis<'_>,
        set: usize,
        library: usize,
        object: ObjectId,
    ) {
        let graph = &analysis.graph;
        let offer = &analysis.offers[library];
        let mut left = vec![object];
        while let Some(object) = left.pop() {
            if !self.users.entry(object).or_default().insert(set) {
                continue;
            }
            let member = inputs.member(graph.member_of[object.index()]);
            let mut needed: Vec<NameId> = graph.globals[object.index()]
                .iter()
                .filter(|g| g.kind == format::GlobalKind::Undefined)
                .map(|g| g.name)
                .collect();
            if let Some(name) = format::import_needs(member.kind, member.data) {
                match graph.find_name(&name) {
                    Some(id) if offer.definer(id).is_some() => needed.push(id),
                    _ => {
                        let owner = analysis.sets[set].library();
                        self.missing.entry(owner).or_default().insert(name);
                    }
                }
            }
            let definers = needed.into_iter().filter_map(|n| offer.definer(n));
            left.extend(definers.filter(|&o| graph.is_verbatim(o)));
        }
    }

    /// Adds the members to the libraries that keep them.
    pub fn place<'d>(
        &self,
        inputs: &Inputs<'d>,
        analysis: &Analysis<'d>,
        output: &mut OutputSet<'d>,
    ) {
        for (object, users) in &self.users {
            let member = inputs.member(analysis.graph.member_of[object.index()]);
            let made = OutputMember {
                name: member.name.into(),
                data: member.data.into(),
                symbols: Vec::new(),
            };
            let libraries: BTreeSet<usize> = users
                .iter()
                .flat_map(|&s| analysis.sets[s].libraries.iter().map(|l| l.index()))
                .collect();
            let own = users.iter().all(|&s| analysis.sets[s].libraries.len() < 2);
            match libraries.first() {
                _ if analysis.is_alone() => {
                    for &library in &libraries {
                        output.libraries[library].members.push(made.clone());
                    }
                }
                Some(&library) if own && libraries.len() == 1 => {
                    output.libraries[library].members.push(made);
                }
                _ => output.workspace.members.push(made),
            }
        }
    }
}

/// The first library, and its member, that imports `name` for a root set.
fn provider(analysis: &Analysis<'_>, set: usize, name: NameId) -> Option<(usize, ObjectId)> {
    let own = analysis.sets[set].library().index();
    (0..analysis.offers.len())
        .filter(|&l| !analysis.is_alone() || l == own)
        .find_map(|l| {
            let object = analysis.offers[l].definer(name)?;
            analysis.graph.is_verbatim(object).then_some((l, object))
        })
}
