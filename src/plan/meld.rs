//! The strategies on atoms: `meld` (all libraries together) and `prelink` (one by one).
//!
//! Both are the same plan; prelink shares nothing between libraries, so that every reach set is one
//! library's.

use std::borrow::Cow;

use foldhash::{HashMap, HashMapExt};
use rayon::prelude::*;

use super::objects::Objects;
use super::partition::{Partition, SetId};
use super::verbatim::Imports;
use super::{MadeObject, OutputLibrary, OutputMember, OutputSet};
use crate::analysis::graph::NameId;
use crate::analysis::identity::atoms::ClassId;
use crate::analysis::{Analysis, disputed, left_out, personalities, tables};
use crate::error::{Code, Diagnostic, Error, Result};
use crate::format;
use crate::format::output::Written;
use crate::input::{Inputs, LibraryId};
use crate::protocol::event::{Events, Steps, Unit};

/// Plans and writes the output objects of an analysis.
///
/// # Errors
/// `conflicting-definitions`, and those of [`format::write_object`].
pub fn plan<'d>(
    inputs: &Inputs<'d>,
    objects: &Objects<'_, 'd>,
    events: &dyn Events,
) -> Result<OutputSet<'d>> {
    let (analysis, partition) = (objects.analysis, objects.partition);
    refuse_clashes(inputs, analysis, partition)?;
    let format = inputs.format();
    let imports = &objects.imports;
    let sets: Vec<SetId> = (0..partition.classes.len() as u32).map(SetId).collect();
    let names = names(inputs, objects, &sets);
    // Biggest first keeps both cores busy; the results go back in order.
    let mut by_size = sets.clone();
    by_size.sort_by_key(|s| std::cmp::Reverse(partition.classes[s.index()].len()));
    let atoms = |set: &SetId| partition.classes[set.index()].len() as u64;
    let steps = Steps::new(events, Unit::Atoms, sets.iter().map(atoms).sum());
    let mut written: Vec<(SetId, Result<Written>)> = by_size
        .par_iter()
        .with_max_len(1)
        .map(|&set| {
            let object = objects.object(set, &names[set.index()]);
            let written = format::write_object(format, &object);
            steps.add(atoms(&set));
            (set, written)
        })
        .collect();
    written.sort_by_key(|(set, _)| partition.rank(*set));

    let mut output = OutputSet {
        warnings: analysis
            .warnings
            .iter()
            .cloned()
            .chain(personalities::too_many(analysis))
            .chain(left_out::warnings(inputs, analysis))
            .chain(tables::warnings(inputs, analysis))
            .chain(disputed::warnings(inputs, analysis))
            .chain(objects.debug.warnings.iter().cloned())
            .collect(),
        reach_sets: Some(sets.len() as u64),
        met: partition
            .met_names(analysis)
            .into_iter()
            .map(<[u8]>::to_vec)
            .collect(),
        hidden: analysis
            .hidden_exports()
            .into_iter()
            .map(<[u8]>::to_vec)
            .collect(),
        ..OutputSet::default()
    };
    output.workspace.name = objects.workspace_library.to_owned();
    let libraries = inputs.libraries.par_iter().enumerate();
    let libraries = libraries.map(|(at, l)| describe(inputs, analysis, imports, at, &l.name));
    output.libraries = libraries.collect();
    let mut errors = Vec::new();
    for (set, written) in written {
        let written = match written {
            Ok(b) => b,
            Err(e) => {
                errors.extend(e.0);
                continue;
            }
        };
        let library = partition.library(analysis, set);
        let target = match library {
            Some(library) => &mut output.libraries[library.index()],
            None => &mut output.workspace,
        };
        let name = names[set.index()].clone();
        target.members.push(OutputMember {
            symbols: Vec::new(),
            name: Cow::Owned(name.into_bytes()),
            data: Cow::Owned(written.bytes),
        });
        let classes: Vec<ClassId> = partition.written(set).collect();
        let again = written.copies.iter();
        let again = again.map(|&(atom, place)| (classes[atom as usize], Some(place)));
        let first = classes.iter().copied().zip(written.places);
        output.made.push(MadeObject {
            library,
            member: target.members.len() - 1,
            atoms: first.chain(again).collect(),
            debug: written.debug,
        });
    }
    Error::all(errors)?;
    for (s, set) in analysis.sets.iter().enumerate() {
        let library = &mut output.libraries[set.library().index()];
        let placed = partition.own_of(s).is_some() || partition.homes.contains_key(&s);
        let apart = partition.is_split(s) && !library.members.is_empty();
        if placed || partition.is_part(s) || (apart && analysis.reached[s].values.is_empty()) {
            continue;
        }
        if let Some(object) = objects.empty_object(s) {
            let name = format!("{}-{}.o", library.name, library.members.len());
            library.members.push(OutputMember {
                symbols: Vec::new(),
                name: Cow::Owned(name.into_bytes()),
                data: Cow::Owned(format::write_object(format, &object)?.bytes),
            });
        }
    }
    imports.place(inputs, analysis, &mut output);
    if partition.has_bounds {
        output.linker_args.extend(
            format::registry_link_args(format)
                .iter()
                .map(|a| (*a).to_owned()),
        );
    }
    Ok(output)
}

/// What each set's object is called in its archive.
fn names(inputs: &Inputs<'_>, objects: &Objects<'_, '_>, sets: &[SetId]) -> Vec<String> {
    let workspace = objects.workspace_library;
    let mut written = vec![0; inputs.libraries.len() + 1];
    sets.iter()
        .map(|&set| {
            let library = objects.partition.library(objects.analysis, set);
            let at = library.map_or(inputs.libraries.len(), LibraryId::index);
            let name = inputs.libraries.get(at).map_or(workspace, |l| &l.name);
            let number = written[at];
            written[at] += 1;
            format!("{name}-{number}.o")
        })
        .collect()
}

/// Two plugins may export one name only when it is one thing: else one of them would lose it.
fn refuse_clashes(
    inputs: &Inputs<'_>,
    analysis: &Analysis<'_>,
    partition: &Partition,
) -> Result<()> {
    let mut first: HashMap<NameId, LibraryId> = HashMap::new();
    if !partition.clashes.is_empty() {
        for (at, names) in analysis.exports.iter().enumerate() {
            for &name in names {
                first.entry(name).or_insert(LibraryId(at as u32));
            }
        }
    }
    let refused = |&(name, set): &(NameId, usize)| {
        let own = inputs.library(analysis.sets[set].library());
        let other = first.get(&name).map(|&id| inputs.library(id));
        let other = other.map_or("another", |l| l.name.as_str());
        let message = format!(
            "`{other}` and `{}` export different things under this name: every program would get `{other}`'s",
            own.name
        );
        Diagnostic::new(Code::ConflictingDefinitions, message)
            .file(own.path)
            .symbol(analysis.graph.name(name))
            .hint("export it from one of them only: name their exports in the manifest")
    };
    Error::all(partition.clashes.iter().map(refused).collect())
}

fn describe<'d>(
    inputs: &Inputs<'d>,
    analysis: &Analysis<'d>,
    imports: &Imports,
    at: usize,
    name: &str,
) -> OutputLibrary<'d> {
    let graph = &analysis.graph;
    let text = |n: NameId| graph.name(n).to_vec();
    let mut exports: Vec<Vec<u8>> = analysis.exports[at].iter().map(|&n| text(n)).collect();
    exports.sort();
    exports.dedup();
    let library = LibraryId(at as u32);
    let mut externals: Vec<Vec<u8>> = analysis
        .externals(library)
        .into_iter()
        .filter(|&n| !imports.provide(library, n))
        .map(text)
        .collect();
    externals.extend(imports.missing(library).map(<[u8]>::to_vec));
    externals.sort();
    let resolution = &analysis.resolutions[at];
    let library = &inputs.libraries[at];
    let live = library
        .member_ids()
        .filter_map(|m| graph.object_of[m.index()])
        .filter(|&o| resolution.is_pulled(o))
        .count() as u64;
    OutputLibrary {
        restore: None,
        name: name.to_owned(),
        members: Vec::new(),
        members_kept: live,
        members_moved: 0,
        debug_bytes_removed: library
            .member_ids()
            .map(|m| inputs.member(m))
            .map(|m| format::debug::debug_bytes(m.kind, m.data))
            .sum(),
        exports,
        externals,
        exports_said: false,
    }
}
