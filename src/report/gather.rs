//! Fills in a report from what went in and what a strategy wrote.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::{LibraryBytes, Overlap, ReportData};
use crate::analysis::identity::members::MemberClasses;
use crate::format;
use crate::format::sections::SectionKind;
use crate::input::crates::Naming;
use crate::input::{Inputs, MemberId};
use crate::inspect::live::Live;
use crate::inspect::survey::{self, ARCHIVE, NameMap};
use crate::plan::{OutputLibrary, OutputSet};
use crate::protocol::inspection::{CrateSizes, Kinds};
use crate::protocol::melded::ReachSet;
use crate::protocol::response::CrateBytes;

/// What no crate's contents are in a library made of atoms: symbols, relocations, headers.
const LINKING: &str = "[linking]";

/// What was done, for the page. `sizes` are the files written: the plugin libraries', then the
/// workspace library's; `live` is what a plan on atoms keeps, `debug`
/// what of each written library's debug information is said of which crate.
#[must_use]
pub fn gather(
    strategy: &str,
    inputs: &Inputs<'_>,
    classes: &MemberClasses,
    set: &OutputSet<'_>,
    sizes: &[u64],
    live: Option<Live>,
    debug: &[Vec<CrateBytes>],
) -> ReportData {
    let plugins: Vec<String> = inputs.libraries.iter().map(|l| l.name.clone()).collect();
    let removed: u64 = set.libraries.iter().map(|l| l.debug_bytes_removed).sum();
    let outputs: Vec<(&OutputLibrary<'_>, bool)> = set
        .libraries
        .iter()
        .map(|library| (library, false))
        .chain([(&set.workspace, true)])
        .collect();
    let contents = live.as_ref().map(|live| live.outputs.as_slice());
    let after = outputs
        .par_iter()
        .enumerate()
        .map(|(index, (library, workspace))| {
            let bytes = sizes.get(index).copied().unwrap_or(0);
            let debug = debug.get(index).map_or(&[][..], Vec::as_slice);
            let crates = written(library, bytes, contents.and_then(|c| c.get(index)), debug);
            LibraryBytes {
                name: library.name.clone(),
                workspace: *workspace,
                bytes,
                crates,
            }
        })
        .collect();
    let melded = live.map(|live| live.melded).unwrap_or_default();
    let overlap = if melded.reach_sets.is_empty() {
        Overlap::from_sets("bytes of equal members", &plugins, &shared(inputs, classes))
    } else {
        Overlap::from_sets("bytes of live code and data", &plugins, &melded.reach_sets)
    };
    let mut notes = Vec::new();
    if removed > 0 {
        notes.push(format!(
            "{} of debug information were removed.",
            crate::inspect::render::size(removed)
        ));
    }
    ReportData {
        strategy: strategy.to_owned(),
        before: before(inputs),
        after,
        overlap,
        reach_sets: melded.reach_sets,
        costs: melded.plugins,
        biggest: melded.biggest,
        plugins,
        notes,
    }
}

fn before(inputs: &Inputs<'_>) -> Vec<LibraryBytes> {
    let members = survey::members(inputs);
    (0..inputs.libraries.len() as u32)
        .into_par_iter()
        .map(|id| {
            let id = crate::input::LibraryId(id);
            let library = inputs.library(id);
            let crates = survey::library(inputs, id, &members).by_crate;
            LibraryBytes {
                name: library.name.clone(),
                workspace: false,
                bytes: library.bytes,
                crates: sorted(crates),
            }
        })
        .collect()
}

/// A written library by crate: from its members' names and symbols, or from the plan's contents
/// where the members are made of many crates' atoms.
fn written(
    library: &OutputLibrary<'_>,
    bytes: u64,
    contents: Option<&Vec<CrateSizes>>,
    debug: &[CrateBytes],
) -> Vec<CrateSizes> {
    let mut naming = Naming::default();
    let mut crates: NameMap<&str, Kinds> = NameMap::default();
    let mut in_members = 0_u64;
    for member in &library.members {
        let kind = format::classify(&member.data);
        let krate = naming.of(kind, &member.name);
        in_members = in_members.saturating_add(member.data.len() as u64);
        for (krate, kinds) in survey::sizes(kind, &member.data, krate).0 {
            *crates.entry(krate).or_default() += kinds;
        }
    }
    let archive = Kinds {
        symbols: bytes.saturating_sub(in_members),
        ..Kinds::default()
    };
    let Some(contents) = contents else {
        *crates.entry(ARCHIVE).or_default() += archive;
        return sorted(crates);
    };
    let mut all = Kinds::default();
    for kinds in crates.values() {
        all += *kinds;
    }
    let mut crates: NameMap<&str, Kinds> = contents
        .iter()
        .map(|krate| (krate.krate.as_str(), krate.kinds))
        .collect();
    for krate in debug {
        let kinds = crates.entry(&krate.krate).or_default();
        kinds.add(SectionKind::Debug, krate.bytes);
    }
    let mut in_atoms = Kinds::default();
    for kinds in crates.values() {
        in_atoms += *kinds;
    }
    let mut linking = all.less(&in_atoms);
    linking += archive;
    *crates.entry(LINKING).or_default() += linking;
    sorted(crates)
}

fn sorted(crates: NameMap<&str, Kinds>) -> Vec<CrateSizes> {
    let mut sizes: Vec<CrateSizes> = crates
        .into_iter()
        .map(|(krate, kinds)| CrateSizes {
            krate: krate.to_owned(),
            bytes: kinds.total(),
            kinds,
            libraries: 1,
        })
        .filter(|krate| krate.bytes > 0)
        .collect();
    sizes.sort_unstable_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.krate.cmp(&b.krate)));
    sizes
}

/// Members by the libraries that hold them.
fn shared(inputs: &Inputs<'_>, classes: &MemberClasses) -> Vec<ReachSet> {
    let mut holders: Vec<Vec<u32>> = vec![Vec::new(); classes.len()];
    for (index, member) in inputs.members.iter().enumerate() {
        let class = classes.class(MemberId(index as u32)) as usize;
        if let Some(libraries) = holders.get_mut(class)
            && libraries.last() != Some(&member.library.0)
        {
            libraries.push(member.library.0);
        }
    }
    let mut sets: BTreeMap<Vec<u32>, ReachSet> = BTreeMap::new();
    for (libraries, first) in holders.into_iter().zip(&classes.representatives) {
        let set = sets.entry(libraries).or_default();
        set.atoms += 1;
        set.bytes += inputs.member(*first).data.len() as u64;
    }
    sets.into_iter()
        .map(|(libraries, mut set)| {
            set.plugins = libraries
                .iter()
                .map(|id| inputs.library(crate::input::LibraryId(*id)).name.clone())
                .collect();
            set
        })
        .collect()
}
