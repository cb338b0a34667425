//! Which definition each name has within one library: a simulation of what a linker does with it.
//!
//! The pull model, written down once:
//! - A member is pulled when it is the first, in index order, to define a name that is needed and that
//!   nothing pulled defines yet. Only strong undefined symbols need; weak ones do not (gABI, "Symbol
//!   Table").
//! - GNU ld walks through the index again and again: of the members that are needed, the next one
//!   behind the last pulled comes first. Of several that define one name it takes that one, other linkers the
//!   first: here the first is taken, and said where that matters. The order of pulling is the order of constructors; Apple's linker
//!   sorts what it pulled by its place in the archive (ld64, `File::Ordinal`), and so does Zig's.
//! - Names that an object needs without referring to them pull as strong undefined symbols do. What is to
//!   be taken for a name that nobody defines pulls when that is known: the final linker does it.
//! - Among pulled members strong beats common beats weak and vague; the first of equals wins.
//! - Of several COMDAT groups with one signature the first pulled is linked, the others contribute
//!   nothing, constructors included. COFF may ask for the largest instead.
//! - A pulled member brings all it has: its constructors run, also where only dead code needed it.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::analysis::graph::{Graph, NameId, ObjectId};
use crate::error::{Code, Diagnostic, Error, Result};
use crate::format::model::{AtomIndex, Definition, SymbolIndex};
use crate::format::{self, GlobalKind};
use crate::input::{Inputs, LibraryId};

/// A definition: the object, and the position among its globals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DefinitionSite {
    pub object: ObjectId,
    pub position: u32,
}

/// A member that a linker takes from the library.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pulled {
    pub object: ObjectId,
    /// The name it was pulled for.
    pub reason: NameId,
}

const NONE: u32 = u32::MAX;

/// What a library offers: its symbol index.
#[derive(Debug)]
pub struct Offer {
    pub library: LibraryId,
    /// By name: the first member that defines it, as an object.
    first: Vec<u32>,
    /// By name: places of the members that define it strongly as well, behind the first.
    more: HashMap<NameId, Vec<u32>, foldhash::fast::FixedState>,
    /// By object: its place in the order of the index.
    rank: Vec<u32>,
    /// By place.
    order: Vec<ObjectId>,
    /// Do linkers walk through the index, from what they pulled last?
    walked: bool,
    /// By object: its place among the members, where that is the order of constructors.
    member: Option<Vec<u32>>,
}

impl Offer {
    #[must_use]
    pub fn new(inputs: &Inputs<'_>, graph: &Graph<'_>, library: LibraryId) -> Self {
        let order = objects_in_index_order(inputs, graph, library);
        let mut first = vec![NONE; graph.names.len()];
        let mut rank = vec![NONE; graph.member_of.len()];
        let mut more: HashMap<NameId, Vec<u32>, _> = HashMap::default();
        for (place, object) in order.iter().enumerate() {
            let slot = &mut rank[object.index()];
            if *slot == NONE {
                *slot = place as u32;
            }
            for global in &graph.globals[object.index()] {
                let slot = &mut first[global.name.index()];
                if *slot == NONE && global.kind.is_definition() {
                    *slot = object.0;
                } else if global.kind == GlobalKind::Defined && *slot != object.0 {
                    more.entry(global.name).or_default().push(place as u32);
                }
            }
        }
        let member = format::constructors_by_member(graph.format).then(|| {
            let mut member = vec![NONE; graph.member_of.len()];
            let members = inputs.library(library).members.clone();
            for (place, id) in members.enumerate() {
                let object = graph.object_of[id as usize];
                let slot = object.and_then(|o| member.get_mut(o.index()));
                if let Some(slot) = slot.filter(|s| **s == NONE) {
                    *slot = place as u32;
                }
            }
            member
        });
        Self {
            library,
            first,
            more,
            rank,
            order,
            walked: graph.format == format::Format::Elf,
            member,
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

    /// The member that GNU ld pulls for `name` where it has come to `cursor`, if another one than
    /// [`Offer::definer`]: it goes on behind what it pulled last.
    fn definer_behind(&self, name: NameId, cursor: u32) -> Option<ObjectId> {
        let places = self.more.get(&name)?;
        if !self.walked || self.rank(self.definer(name)?) >= cursor {
            return None;
        }
        let place = places.get(places.partition_point(|&p| p < cursor))?;
        self.order.get(*place as usize).copied()
    }

    /// The library's objects in the order of its symbol index.
    #[must_use]
    pub fn objects(&self) -> &[ObjectId] {
        &self.order
    }

    /// Place of an object in that order.
    #[must_use]
    pub fn rank(&self, object: ObjectId) -> u32 {
        self.rank.get(object.index()).copied().unwrap_or(NONE)
    }
}

/// Where names are defined: a row for all names, or a map where few are.
#[derive(Debug)]
enum Sites {
    All(Vec<u32>),
    Few(HashMap<NameId, u32, foldhash::fast::FixedState>),
}

impl Sites {
    fn get(&self, name: NameId) -> Option<usize> {
        let at = match self {
            Self::All(row) => row.get(name.index()).copied(),
            Self::Few(map) => map.get(&name).copied(),
        };
        at.filter(|&at| at != NONE).map(|at| at as usize)
    }

    fn set(&mut self, name: NameId, site: u32) {
        match self {
            Self::All(row) => {
                if let Some(slot) = row.get_mut(name.index()) {
                    *slot = site;
                }
            }
            Self::Few(map) => {
                map.insert(name, site);
            }
        }
    }
}

/// A COMDAT group of an object.
pub type GroupId = (ObjectId, u32);

/// What one library's symbols resolve to, for one set of roots.
#[derive(Debug)]
pub struct Resolution {
    pub library: LibraryId,
    /// In pulling order.
    pub pulled: Vec<Pulled>,
    /// Those that only contested names lead to, which the program may have: whoever asks for the names
    /// brings them.
    pub(super) apart: HashSet<ObjectId, foldhash::fast::FixedState>,
    /// Places in the order of constructors.
    place_of: HashMap<ObjectId, u32, foldhash::fast::FixedState>,
    /// By name: index into `sites`.
    site_of: Sites,
    sites: Vec<DefinitionSite>,
    /// Groups that are not linked, and what is linked in their place.
    losers: HashMap<GroupId, GroupId>,
    conflicts: Vec<Diagnostic>,
    /// Names for which GNU ld pulls another member than is pulled here, and that member.
    disputed: Vec<(NameId, ObjectId)>,
}

fn strength(kind: GlobalKind) -> u8 {
    match kind {
        GlobalKind::Defined => 3,
        GlobalKind::Common => 2,
        GlobalKind::WeakDefined | GlobalKind::Vague => 1,
        GlobalKind::Undefined | GlobalKind::WeakUndefined => 0,
    }
}

impl Resolution {
    /// Prepares a library: nothing is pulled yet. `many` says that most of it will be.
    #[must_use]
    pub fn new(graph: &Graph<'_>, library: LibraryId, many: bool) -> Self {
        Self {
            library,
            pulled: Vec::new(),
            apart: HashSet::default(),
            place_of: HashMap::default(),
            site_of: if many {
                Sites::All(vec![NONE; graph.names.len()])
            } else {
                Sites::Few(HashMap::default())
            },
            sites: Vec::new(),
            losers: HashMap::new(),
            conflicts: Vec::new(),
            disputed: Vec::new(),
        }
    }

    /// The definition among pulled members.
    #[must_use]
    pub fn definition(&self, name: NameId) -> Option<DefinitionSite> {
        self.sites.get(self.site_of.get(name)?).copied()
    }

    /// The symbol that defines the name among pulled members.
    #[must_use]
    pub fn symbol(&self, graph: &Graph<'_>, name: NameId) -> Option<(ObjectId, SymbolIndex)> {
        let site = self.definition(name)?;
        Some((
            site.object,
            graph.global_symbol(site.object, site.position)?,
        ))
    }

    #[must_use]
    pub fn is_pulled(&self, object: ObjectId) -> bool {
        self.place_of.contains_key(&object)
    }

    /// The members that are linked for the roots, whoever else defines contested names.
    pub fn along(&self) -> impl Iterator<Item = ObjectId> + '_ {
        let pulled = self.pulled.iter().map(|p| p.object);
        pulled.filter(|object| !self.apart.contains(object))
    }

    /// Where in the order of constructors the object comes.
    #[must_use]
    pub fn place(&self, object: ObjectId) -> Option<u32> {
        self.place_of.get(&object).copied()
    }

    /// What is linked in place of this group; `None` where it is linked itself.
    #[must_use]
    pub fn winner(&self, group: GroupId) -> Option<GroupId> {
        self.losers.get(&group).copied()
    }

    /// Is the atom part of a group that is not linked?
    #[must_use]
    pub fn is_discarded(&self, graph: &Graph<'_>, object: ObjectId, atom: AtomIndex) -> bool {
        if self.losers.is_empty() {
            return false;
        }
        let atom = graph.file(object).atoms.get(atom as usize);
        atom.and_then(|a| a.group)
            .is_some_and(|g| self.losers.contains_key(&(object, g)))
    }

    /// Names that GNU ld takes from another member, which is not pulled: the name, and that member.
    pub fn disputed(&self) -> impl Iterator<Item = (NameId, ObjectId)> + '_ {
        let disputed = self.disputed.iter().copied();
        disputed.filter(|&(_, other)| !self.is_pulled(other))
    }

    /// Refuses a program that no linker would take.
    ///
    /// # Errors
    /// `conflicting-definitions` where two pulled members define one name strongly.
    pub fn check(&self) -> Result<()> {
        Error::all(self.conflicts.clone())
    }

    /// Pulls what `roots` need, and what that needs, to the end. May be called again with more.
    pub fn pull(
        &mut self,
        inputs: &Inputs<'_>,
        graph: &Graph<'_>,
        offer: &Offer,
        roots: impl IntoIterator<Item = NameId>,
    ) {
        let missing: Vec<NameId> = roots.into_iter().collect();
        self.pull_missing(inputs, graph, offer, missing);
    }

    /// Pulls an object for one of its own contested names, and what it needs.
    pub fn pull_member(
        &mut self,
        inputs: &Inputs<'_>,
        graph: &Graph<'_>,
        offer: &Offer,
        object: ObjectId,
    ) {
        let mut missing = Vec::new();
        let own = graph.globals[object.index()].iter();
        let reason = own
            .filter(|g| g.kind.is_definition())
            .map(|g| g.name)
            .next()
            .unwrap_or(NameId(NONE));
        self.take(offer, object, reason);
        self.add(inputs, graph, object, &mut missing);
        self.pull_missing(inputs, graph, offer, missing);
    }

    fn pull_missing(
        &mut self,
        inputs: &Inputs<'_>,
        graph: &Graph<'_>,
        offer: &Offer,
        mut missing: Vec<NameId>,
    ) {
        let mut cursor = 0u32;
        // Members that are needed, by place, with the names they are needed for.
        let mut waiting: BTreeMap<u32, Vec<NameId>> = BTreeMap::new();
        loop {
            for name in missing.drain(..) {
                if self.site_of.get(name).is_none()
                    && let Some(object) = offer.definer(name)
                {
                    let other = offer.definer_behind(name, cursor);
                    self.disputed.extend(other.map(|o| (name, o)));
                    waiting.entry(offer.rank(object)).or_default().push(name);
                }
            }
            let next = waiting
                .range(cursor..)
                .next()
                .or_else(|| waiting.iter().next());
            let Some((&place, _)) = next else { break };
            let names = waiting.remove(&place).unwrap_or_default();
            cursor = place + 1;
            // Something else that was pulled meanwhile may define them all.
            let reason = names
                .into_iter()
                .find(|&name| self.site_of.get(name).is_none());
            let (Some(reason), Some(&object)) = (reason, offer.order.get(place as usize)) else {
                continue;
            };
            if self.take(offer, object, reason) {
                self.add(inputs, graph, object, &mut missing);
            }
        }
    }

    /// Marks the object pulled; false where it was.
    fn take(&mut self, offer: &Offer, object: ObjectId, reason: NameId) -> bool {
        if self.is_pulled(object) {
            return false;
        }
        let member = offer.member.as_ref().and_then(|m| m.get(object.index()));
        let place = member.copied().unwrap_or(self.pulled.len() as u32);
        self.place_of.insert(object, place);
        self.pulled.push(Pulled { object, reason });
        true
    }

    /// Takes the definitions of a pulled object; what it needs is appended to `missing`.
    fn add(
        &mut self,
        inputs: &Inputs<'_>,
        graph: &Graph<'_>,
        object: ObjectId,
        missing: &mut Vec<NameId>,
    ) {
        missing.extend(graph.needs(object));
        for (position, global) in graph.globals[object.index()].iter().enumerate() {
            if !global.kind.is_definition() {
                if global.kind.pulls(graph.format) {
                    missing.push(global.name);
                }
                continue;
            }
            let site = DefinitionSite {
                object,
                position: position as u32,
            };
            let Some(at) = self.site_of.get(global.name) else {
                self.site_of.set(global.name, self.sites.len() as u32);
                self.sites.push(site);
                continue;
            };
            let Some(&old) = self.sites.get(at) else {
                continue;
            };
            let old_kind = graph.globals[old.object.index()][old.position as usize].kind;
            if strength(global.kind) > strength(old_kind) {
                self.sites[at] = site;
            } else if global.kind == GlobalKind::Defined
                && old_kind == GlobalKind::Defined
                && old.object != object
            {
                let member = |o: ObjectId| inputs.member(graph.member_of[o.index()]);
                self.conflicts.push(
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

    /// Decides which COMDAT groups are linked, once all pulled objects are taken apart.
    pub fn settle_groups(&mut self, graph: &Graph<'_>) {
        let mut winners: HashMap<&[u8], GroupId> = HashMap::new();
        let mut losers: HashMap<GroupId, GroupId> = HashMap::new();
        let mut replaced = false;
        for pulled in &self.pulled {
            let file = graph.file(pulled.object);
            for (at, group) in file.groups.iter().enumerate().filter(|(_, g)| g.comdat) {
                let own = (pulled.object, at as u32);
                let Some(first) = winners.get_mut(group.signature) else {
                    winners.insert(group.signature, own);
                    continue;
                };
                // LINK takes "any" and "largest" of one name for "largest".
                let largest = group.largest || is_largest(graph, *first);
                if largest && size(graph, own) > size(graph, *first) {
                    losers.insert(*first, own);
                    *first = own;
                    replaced = true;
                } else {
                    losers.insert(own, *first);
                }
            }
        }
        if replaced {
            // What lost to one that lost itself.
            let last = |mut g: GroupId, losers: &HashMap<GroupId, GroupId>| {
                while let Some(&next) = losers.get(&g) {
                    g = next;
                }
                g
            };
            let all: Vec<GroupId> = losers.keys().copied().collect();
            for group in all {
                let winner = last(group, &losers);
                losers.insert(group, winner);
            }
        }
        self.losers = losers;
        if !replaced {
            return;
        }
        // Names that the first of several groups defines belong to the one that is linked.
        for site in &mut self.sites {
            let Some(symbol) = graph
                .global_symbol(site.object, site.position)
                .and_then(|s| graph.file(site.object).symbols.get(s as usize))
            else {
                continue;
            };
            let Definition::Atom { atom, .. } = symbol.definition else {
                continue;
            };
            let group = graph.file(site.object).atoms[atom as usize].group;
            let Some(&(object, _)) = group.and_then(|g| self.losers.get(&(site.object, g))) else {
                continue;
            };
            let name = graph.globals[site.object.index()][site.position as usize].name;
            let position = graph.globals[object.index()]
                .iter()
                .position(|g| g.name == name && g.kind.is_definition());
            if let Some(position) = position {
                *site = DefinitionSite {
                    object,
                    position: position as u32,
                };
            }
        }
    }
}

fn is_largest(graph: &Graph<'_>, (object, group): GroupId) -> bool {
    let groups = &graph.file(object).groups;
    groups.get(group as usize).is_some_and(|g| g.largest)
}

/// Bytes of the group's leading atom.
fn size(graph: &Graph<'_>, (object, group): GroupId) -> u64 {
    let file = graph.file(object);
    let atoms = file
        .groups
        .get(group as usize)
        .map_or(&[][..], |g| &g.atoms);
    let first = atoms.first().and_then(|&a| file.atoms.get(a as usize));
    first.map_or(0, |a| a.size)
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
