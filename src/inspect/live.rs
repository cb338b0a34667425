//! What a plan on atoms keeps: live bytes by crate, reach set, plugin and output library.

use std::collections::BTreeSet;

use rayon::prelude::*;

use super::crates::{self, sorted_crates};
use super::survey::NameMap;
use crate::analysis::Analysis;
use crate::analysis::reach::Node;
use crate::error::demangled;
use crate::format::model::SymbolKind;
use crate::format::sections::{SectionKind, kind_of_atom, symbol_in_section_name};
use crate::format::{Format, MemberKind};
use crate::input::Inputs;
use crate::input::crates::{UNKNOWN, member_crates};
use crate::plan::partition::{Partition, SetId};
use crate::protocol::inspection::{CrateSizes, Kinds};
use crate::protocol::melded::{AtomSize, Melded, PluginCost, ReachSet};

/// How many of the biggest atoms are named.
const BIGGEST: usize = 100;

/// What a plan keeps.
#[derive(Debug, Default)]
pub struct Live {
    pub melded: Melded,
    /// Contents by crate, of each plugin library and then of the workspace library.
    pub outputs: Vec<Vec<CrateSizes>>,
}

/// One class of atoms.
struct Piece<'d> {
    krate: &'d str,
    kind: SectionKind,
    /// Contents, in the file.
    bytes: u64,
    /// Unwind entries of its functions.
    unwind: u64,
}

impl Piece<'_> {
    fn total(&self) -> u64 {
        self.bytes + self.unwind
    }

    fn add_to(&self, kinds: &mut Kinds) {
        kinds.add(self.kind, self.bytes);
        kinds.add(SectionKind::Unwind, self.unwind);
    }
}

/// Measures what a plan keeps; every atom counts once.
#[must_use]
pub fn live(inputs: &Inputs<'_>, analysis: &Analysis<'_>, partition: &Partition) -> Live {
    let member_crates = member_crates(inputs);
    let pieces: Vec<Piece<'_>> = (0..analysis.classes.first.len())
        .into_par_iter()
        .with_min_len(256)
        .map(|class| piece(inputs, analysis, &member_crates, class))
        .collect();
    let mut costs: Vec<PluginCost> = inputs
        .libraries
        .iter()
        .map(|library| PluginCost {
            plugin: library.name.clone(),
            ..PluginCost::default()
        })
        .collect();
    let mut reach_sets: Vec<ReachSet> = Vec::with_capacity(partition.classes.len());
    let mut outputs: Vec<NameMap<&str, Kinds>> =
        vec![NameMap::default(); inputs.libraries.len() + 1];
    let mut all: NameMap<&str, Kinds> = NameMap::default();
    for (index, classes) in partition.classes.iter().enumerate() {
        let set = SetId(index as u32);
        let home = partition.library(analysis, set).map(|l| l.index());
        let mut reach_set = ReachSet {
            plugins: partition
                .plugins(set)
                .map(|s| set_name(inputs, analysis, s))
                .collect(),
            ..ReachSet::default()
        };
        // Several root sets of one library are one plugin.
        reach_set.plugins.dedup();
        for class in classes {
            let Some(piece) = pieces.get(class.index()) else {
                continue;
            };
            reach_set.atoms += 1;
            reach_set.bytes += piece.total();
            piece.add_to(all.entry(piece.krate).or_default());
            let output = home.unwrap_or(inputs.libraries.len());
            if let Some(output) = outputs.get_mut(output) {
                piece.add_to(output.entry(piece.krate).or_default());
            }
        }
        let sets = partition.plugins(set).map(|s| &analysis.sets[s]);
        let plugins: BTreeSet<usize> = sets
            .filter(|s| s.member().is_none())
            .map(|s| s.library().index())
            .collect();
        for library in plugins {
            if let Some(cost) = costs.get_mut(library) {
                cost.alone += reach_set.bytes;
                if home == Some(library) {
                    cost.own += reach_set.bytes;
                }
            }
        }
        reach_sets.push(reach_set);
    }
    let melded = Melded {
        bytes: pieces.iter().map(Piece::total).sum(),
        atoms: pieces.len() as u64,
        crates: sorted_crates(all.into_iter().map(|(krate, kinds)| (krate, (kinds, 1)))),
        biggest: biggest(inputs, analysis, partition, &pieces),
        plugins: costs,
        reach_sets: {
            // Among equals the order of discovery stays.
            reach_sets.sort_by_key(|set| std::cmp::Reverse(set.bytes));
            reach_sets
        },
    };
    Live {
        melded,
        outputs: outputs
            .into_iter()
            .map(|crates| sorted_crates(crates.into_iter().map(|(k, kinds)| (k, (kinds, 1)))))
            .collect(),
    }
}

/// A plugin's library, or the contested name that is pulled by itself.
fn set_name(inputs: &Inputs<'_>, analysis: &Analysis<'_>, set: usize) -> String {
    let Some(root_set) = analysis.sets.get(set) else {
        return String::new();
    };
    let library = &inputs.library(root_set.library()).name;
    match (root_set.member(), root_set.roots.first()) {
        (Some(_), Some(root)) => {
            let name = String::from_utf8_lossy(analysis.graph.name(root.name)).into_owned();
            format!("[{name}]")
        }
        _ => library.clone(),
    }
}

/// The crate that an atom's symbol names, or its section's name, or its member's.
pub(super) fn crate_of<'d>(
    analysis: &Analysis<'d>,
    member_crates: &[&'d str],
    node: Node,
) -> Option<&'d str> {
    let file = analysis.graph.file(node.object);
    let by_symbol = file
        .symbols_of(node.atom)
        .find_map(|(_, symbol)| crates::of_symbol(symbol.name));
    let by_section = || {
        let section = file.atoms.get(node.atom as usize)?.section;
        symbol_in_section_name(section).and_then(crates::of_symbol)
    };
    let by_member = || {
        let member = analysis.graph.member_of.get(node.object.index())?;
        member_crates.get(member.index()).copied()
    };
    by_symbol.or_else(by_section).or_else(by_member)
}

pub(super) fn node(analysis: &Analysis<'_>, class: usize) -> Option<Node> {
    let (set, node) = analysis.classes.first.get(class)?;
    let reached = analysis.reached.get(*set as usize)?;
    reached.nodes.get(*node as usize).copied()
}

fn piece<'d>(
    inputs: &Inputs<'d>,
    analysis: &Analysis<'d>,
    member_crates: &[&'d str],
    class: usize,
) -> Piece<'d> {
    let nothing = Piece {
        krate: UNKNOWN,
        kind: SectionKind::Other,
        bytes: 0,
        unwind: 0,
    };
    let Some(node) = node(analysis, class) else {
        return nothing;
    };
    let file = analysis.graph.file(node.object);
    let Some(atom) = file.atoms.get(node.atom as usize) else {
        return nothing;
    };
    let member = analysis.graph.member_of.get(node.object.index()).copied();
    let format = member.map_or(Format::Elf, |m| match inputs.member(m).kind {
        MemberKind::Object(format, _) => format,
        _ => Format::Elf,
    });
    Piece {
        krate: crate_of(analysis, member_crates, node).unwrap_or(UNKNOWN),
        kind: kind_of_atom(format, atom),
        bytes: if atom.zero_fill {
            0
        } else {
            atom.data.len() as u64
        },
        unwind: file
            .unwind_of(node.atom)
            .iter()
            .map(|entry| entry.bytes.len() as u64)
            .sum(),
    }
}

fn biggest(
    inputs: &Inputs<'_>,
    analysis: &Analysis<'_>,
    partition: &Partition,
    pieces: &[Piece<'_>],
) -> Vec<AtomSize> {
    let mut order: Vec<usize> = (0..pieces.len()).collect();
    order.sort_by_key(|class| std::cmp::Reverse(pieces.get(*class).map_or(0, |p| p.bytes)));
    order
        .into_iter()
        .take(BIGGEST)
        .filter_map(|class| {
            let piece = pieces.get(class)?;
            let node = node(analysis, class)?;
            let file = analysis.graph.file(node.object);
            let atom = file.atoms.get(node.atom as usize)?;
            let section = String::from_utf8_lossy(atom.section).into_owned();
            let symbol = file.symbols_of(node.atom).find(|(_, symbol)| {
                !symbol.name.is_empty()
                    && !matches!(symbol.kind, SymbolKind::Section | SymbolKind::Mapping)
            });
            let name = match symbol {
                Some((_, symbol)) => {
                    let name = String::from_utf8_lossy(symbol.name).into_owned();
                    demangled(&name).unwrap_or(name)
                }
                None => section.clone(),
            };
            let set = partition.set_of.get(class)?;
            Some(AtomSize {
                name,
                krate: piece.krate.to_owned(),
                section,
                bytes: piece.bytes,
                plugins: partition
                    .plugins(*set)
                    .map(|s| set_name(inputs, analysis, s))
                    .collect(),
            })
        })
        .collect()
}
