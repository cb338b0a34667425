//! Which definition each name has within one library: a simulation of what a linker does with it.
//!
//! A member is pulled when it is the first, in index order, to define a needed symbol; among pulled
//! members strong beats common beats weak, and the first of equals wins (gABI, "Symbol Table").

use std::collections::VecDeque;

use crate::analysis::graph::{Graph, NameId, ObjectId};
use crate::error::{Code, Diagnostic, Error, Result};
use crate::format::GlobalKind;
use crate::input::{Inputs, LibraryId};

/// A definition: the object, and the position among its globals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DefinitionSite {
    pub object: ObjectId,
    pub position: u32,
}

const NONE: u32 = u32::MAX;

/// What one library's symbols resolve to.
#[derive(Debug)]
pub struct Resolution {
    pub library: LibraryId,
    /// In pulling order.
    pub pulled: Vec<ObjectId>,
    is_pulled: Vec<bool>,
    /// By name: index into `sites`.
    site_of: Vec<u32>,
    sites: Vec<DefinitionSite>,
    /// By name: the first member that defines it, as an object.
    first: Vec<u32>,
}

fn strength(kind: GlobalKind) -> u8 {
    match kind {
        GlobalKind::Defined => 3,
        GlobalKind::Common => 2,
        GlobalKind::WeakDefined => 1,
        GlobalKind::Undefined | GlobalKind::WeakUndefined => 0,
    }
}

impl Resolution {
    /// Prepares a library: nothing is pulled yet.
    #[must_use]
    pub fn new(inputs: &Inputs<'_>, graph: &Graph<'_>, library: LibraryId) -> Self {
        let mut first = vec![NONE; graph.names.len()];
        for object in objects_in_index_order(inputs, graph, library) {
            for global in &graph.globals[object.index()] {
                let slot = &mut first[global.name.index()];
                if *slot == NONE && global.kind.is_definition() {
                    *slot = object.0;
                }
            }
        }
        Self {
            library,
            pulled: Vec::new(),
            is_pulled: vec![false; graph.member_of.len()],
            site_of: vec![NONE; graph.names.len()],
            sites: Vec::new(),
            first,
        }
    }

    /// The member that a linker would pull for `name`.
    #[must_use]
    pub fn definer(&self, name: NameId) -> Option<ObjectId> {
        self.first
            .get(name.index())
            .copied()
            .filter(|&o| o != NONE)
            .map(ObjectId)
    }

    /// Every name that some member defines.
    pub fn defined_names(&self) -> impl Iterator<Item = NameId> + '_ {
        (0..self.first.len() as u32)
            .map(NameId)
            .filter(|n| self.first[n.index()] != NONE)
    }

    /// The definition among pulled members.
    #[must_use]
    pub fn definition(&self, name: NameId) -> Option<DefinitionSite> {
        let site = *self.site_of.get(name.index())?;
        self.sites.get(site as usize).copied()
    }

    #[must_use]
    pub fn is_pulled(&self, object: ObjectId) -> bool {
        self.is_pulled.get(object.index()).copied().unwrap_or(false)
    }

    /// Pulls what `roots` need, and what that needs, to the end. May be called again with more.
    ///
    /// # Errors
    /// `conflicting-definitions` where two pulled members define one name strongly: no linker would
    /// take that either.
    pub fn pull(
        &mut self,
        inputs: &Inputs<'_>,
        graph: &Graph<'_>,
        roots: impl IntoIterator<Item = NameId>,
    ) -> Result<()> {
        let mut needed: VecDeque<NameId> = roots.into_iter().collect();
        let mut conflicts = Vec::new();
        while let Some(name) = needed.pop_front() {
            if self.site_of[name.index()] != NONE {
                continue;
            }
            let Some(object) = self.definer(name) else {
                continue;
            };
            if std::mem::replace(&mut self.is_pulled[object.index()], true) {
                continue;
            }
            self.pulled.push(object);
            for (position, global) in graph.globals[object.index()].iter().enumerate() {
                if !global.kind.is_definition() {
                    if global.kind == GlobalKind::Undefined {
                        needed.push_back(global.name);
                    }
                    continue;
                }
                let site = DefinitionSite {
                    object,
                    position: position as u32,
                };
                let slot = &mut self.site_of[global.name.index()];
                if *slot == NONE {
                    *slot = self.sites.len() as u32;
                    self.sites.push(site);
                    continue;
                }
                let old = &mut self.sites[*slot as usize];
                let old_kind = graph.globals[old.object.index()][old.position as usize].kind;
                if strength(global.kind) > strength(old_kind) {
                    *old = site;
                } else if global.kind == GlobalKind::Defined
                    && old_kind == GlobalKind::Defined
                    && old.object != object
                {
                    let member = |o: ObjectId| inputs.member(graph.member_of[o.index()]);
                    conflicts.push(
                        Diagnostic::new(
                            Code::ConflictingDefinitions,
                            format!(
                                "this symbol is also defined in {}",
                                String::from_utf8_lossy(member(old.object).name)
                            ),
                        )
                        .file(inputs.library(self.library).path)
                        .member(member(object).name)
                        .symbol(graph.name(global.name))
                        .hint("linkers refuse this library too: remove one of the definitions"),
                    );
                }
            }
        }
        Error::all(conflicts)
    }
}

/// The library's objects in the order of its symbol index (members no index names come last).
fn objects_in_index_order(
    inputs: &Inputs<'_>,
    graph: &Graph<'_>,
    library: LibraryId,
) -> Vec<ObjectId> {
    let lib = inputs.library(library);
    let members = lib.members.clone();
    let count = members.len();
    let mut seen = vec![false; count];
    let mut order = Vec::with_capacity(count);
    let indexed = lib.index.iter().map(|e| e.member);
    for at in indexed.chain(0..count) {
        if at >= count || std::mem::replace(&mut seen[at], true) {
            continue;
        }
        if let Some(object) = graph.object_of[members.start as usize + at] {
            order.push(object);
        }
    }
    order
}
