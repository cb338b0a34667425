//! How far each root set is taken apart: by export, by block, or not at all.

use std::collections::{HashMap, HashSet};

use foldhash::fast::FixedState;
use rayon::prelude::*;

use super::bounds;
use super::partition::rule_kept;
use super::pieces::Walk;
use crate::analysis::blocks::Blocks;
use crate::analysis::graph::{NameId, ObjectId};
use crate::analysis::identity::atoms::ClassId;
use crate::analysis::{Analysis, RootKind};
use crate::format;
use crate::input::LibraryId;
use crate::protocol::request::Granularity;

/// Root sets with more exports than this are split without a look at what each needs.
const HANDFUL: usize = 8;

/// One of few exports is worth its own object where it needs less than these hundredths of all.
const MOST: u64 = 80;

/// In the number of a part: where that of the tables begins whose bounds it needs.
const TABLES_AT: u32 = 34;

/// How far a root set is taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// Not at all.
    Whole,
    /// What it exports for another library's sake stands apart, by block, and what needs bounds of other tables.
    Implicit,
    /// By block: exports that come along with each other, whatever is called, and need the bounds of the same tables.
    Blocks,
    /// By export.
    Exports,
}

/// The blocks of each library where they count: where a root set's exports lie in several members, or the library
/// is one of `more`.
#[must_use]
pub fn blocks(analysis: &Analysis<'_>, more: &[bool]) -> Vec<Option<Blocks>> {
    let mut several = more.to_vec();
    for (set, reached) in analysis.sets.iter().zip(&analysis.reached) {
        let roots = reached.roots.iter();
        let mut members = roots.map(|r| reached.nodes[r.1 as usize].object);
        let first = members.next();
        if set.kind == RootKind::Exports && members.any(|m| Some(m) != first) {
            several[set.library().index()] = true;
        }
    }
    let several = several.into_par_iter().enumerate();
    several
        .map(|(l, wanted)| wanted.then(|| analysis.blocks(LibraryId(l as u32))))
        .collect()
}

/// How far each root set is taken apart.
#[must_use]
pub fn cuts(
    analysis: &Analysis<'_>,
    granularity: Granularity,
    blocks: &[Option<Blocks>],
) -> Vec<Cut> {
    let wanted = |s: usize| match granularity {
        Granularity::Plugin => Cut::Implicit,
        Granularity::Export => Cut::Exports,
        Granularity::Auto if !analysis.is_alone() && pays(analysis, s) => Cut::Exports,
        Granularity::Auto => Cut::Blocks,
    };
    let exported: HashSet<NameId, FixedState> = match format::ties_tables(analysis.format) {
        true => analysis.exports.iter().flatten().copied().collect(),
        false => HashSet::default(),
    };
    // The linker makes such a pointer to what is linked anyway: it pulls nothing.
    let imports_its_own = |s: usize| {
        let graph = &analysis.graph;
        let mut names = analysis.reached[s].externals().into_iter();
        names.any(|name| {
            let target = format::import_target(analysis.format, graph.name(name));
            let target = target.and_then(|target| graph.find_name(target));
            target.is_some_and(|t| exported.contains(&t))
        })
    };
    let sets = analysis.sets.iter().enumerate();
    sets.map(|(s, set)| {
        if set.kind != RootKind::Exports || own_roots(analysis, s).len() < 2 {
            return Cut::Whole;
        }
        let cut = wanted(s);
        let several = || {
            let parts = parts(analysis, s, cut, blocks);
            parts.iter().any(|p| p.part != parts[0].part)
        };
        match several() && (exported.is_empty() || !imports_its_own(s)) {
            true => cut,
            false => Cut::Whole,
        }
    })
    .collect()
}

/// An export of a root set that is taken apart.
pub struct Part {
    /// What may be taken alone.
    pub part: u64,
    pub node: u32,
    pub class: ClassId,
    pub member: ObjectId,
    /// Its block, where the root set has several.
    pub block: Option<u32>,
}

/// The exports of a root set, by what each is part of.
#[must_use]
pub fn parts(analysis: &Analysis<'_>, s: usize, cut: Cut, blocks: &[Option<Blocks>]) -> Vec<Part> {
    let reached = &analysis.reached[s];
    let library = analysis.sets[s].library();
    let blocks = blocks.get(library.index()).and_then(Option::as_ref);
    let implicit: HashSet<NameId> = match cut {
        Cut::Implicit => analysis.implicit(library).iter().copied().collect(),
        _ => HashSet::new(),
    };
    let together = |block: Option<u32>, member: ObjectId| match block {
        Some(block) => u64::from(block),
        None => u64::from(member.0) + (1 << 32),
    };
    let mut parts: Vec<Part> = Vec::with_capacity(reached.roots.len());
    // What has exports that were asked for.
    let mut asked: HashSet<u64> = HashSet::new();
    for &(name, node, _) in &reached.roots {
        let member = reached.nodes[node as usize].object;
        let block = blocks.and_then(|b| b.of(member));
        if cut == Cut::Implicit && !implicit.contains(&name) {
            asked.insert(together(block, member));
        }
        parts.push(Part {
            part: 0,
            node,
            class: analysis.classes.class_of[s][node as usize],
            member,
            block,
        });
    }
    let by_tables = matches!(cut, Cut::Implicit | Cut::Blocks);
    let tables = by_tables.then(|| bounds::asked(&analysis.graph, reached));
    let tables = tables.flatten();
    let mut of_tables: HashMap<u64, u64, FixedState> = HashMap::default();
    for part in &mut parts {
        let own = together(part.block, part.member);
        part.part = match cut {
            Cut::Whole => 0,
            Cut::Implicit if asked.contains(&own) => 0,
            Cut::Implicit | Cut::Blocks => own + 1,
            Cut::Exports => u64::from(part.class.0),
        };
        if let Some(tables) = &tables {
            let next = of_tables.len() as u64;
            let asked = of_tables.entry(tables[part.node as usize]).or_insert(next);
            part.part |= *asked << TABLES_AT;
        }
    }
    let first = parts.first().map(|p| p.block);
    if parts.iter().all(|p| Some(p.block) == first) {
        parts.iter_mut().for_each(|p| p.block = None);
    }
    parts.sort_by_key(|p| (p.part, p.class));
    parts
}

/// Nodes of a root set's exports, each atom once.
fn own_roots(analysis: &Analysis<'_>, s: usize) -> Vec<u32> {
    let mut roots: Vec<u32> = analysis.reached[s].roots.iter().map(|r| r.1).collect();
    roots.sort_unstable();
    roots.dedup();
    roots
}

/// Does some program need much less than all of the root set? Of many exports some always does.
fn pays(analysis: &Analysis<'_>, s: usize) -> bool {
    let reached = &analysis.reached[s];
    let roots = own_roots(analysis, s);
    if roots.len() > HANDFUL {
        return true;
    }
    let mut kept: Vec<u32> = rule_kept(reached).collect();
    let mut always = Walk::new(reached);
    always.follow(&mut kept);
    let size = |met: &[bool]| -> u64 {
        let nodes = reached.nodes.iter().zip(met).filter(|(_, met)| **met);
        let atoms =
            nodes.map(|(node, _)| &analysis.graph.file(node.object).atoms[node.atom as usize]);
        // What has no contents may claim any size, and costs none.
        atoms.filter(|a| !a.zero_fill).map(|a| a.size).sum()
    };
    let all = size(&vec![true; reached.nodes.len()]);
    roots.iter().any(|&root| {
        let mut walk = always.clone();
        walk.follow(&mut vec![root]);
        size(&walk.met) < all / 100 * MOST
    })
}
