//! Which debug information goes with which class, read for what lives.

use std::collections::HashMap;

use foldhash::fast::FixedState;
use rayon::prelude::*;

use super::partition::Partition;
use crate::analysis::Analysis;
use crate::analysis::graph::ObjectId;
use crate::analysis::identity::atoms::ClassId;
use crate::debuginfo::ObjectDebug;
use crate::error::{Code, Diagnostic};
use crate::format;
use crate::input::Inputs;
use crate::protocol::request::Debug;

/// Debug information of a run's live code.
#[derive(Default)]
pub struct DebugLines {
    objects: HashMap<ObjectId, ObjectDebug, FixedState>,
    /// By class: the atom that is its code.
    chosen: Vec<Option<(ObjectId, u32)>>,
    pub warnings: Vec<Diagnostic>,
}

impl DebugLines {
    /// Reads what `wanted` asks for; with `None`, lines where the libraries' own code has any.
    #[must_use]
    pub fn new(
        inputs: &Inputs<'_>,
        analysis: &Analysis<'_>,
        partition: &Partition,
        wanted: Option<Debug>,
    ) -> Self {
        let mut out = Self::default();
        if wanted == Some(Debug::Strip) {
            return out;
        }
        let member = |o: ObjectId| inputs.member(analysis.graph.member_of[o.index()]);
        let full = wanted == Some(Debug::Full);
        let (chosen, live) = choose(analysis, partition, full);
        let mut objects: Vec<(ObjectId, Vec<bool>)> = live.into_iter().collect();
        objects.sort_unstable_by_key(|o| o.0);
        let has_own = |(o, _): &(ObjectId, Vec<bool>)| {
            let member = member(*o);
            format::debug::has_own(member.kind, member.data)
        };
        if wanted.is_none() && !objects.par_iter().any(has_own) {
            return out;
        }
        // Debug sections are a quarter of the inputs, and what is read for them is not looked at again.
        inputs.release();
        let read: Vec<(ObjectId, Result<Option<ObjectDebug>, String>)> = objects
            .into_par_iter()
            .with_max_len(1)
            .map(|(o, live)| {
                let member = member(o);
                let file = analysis.graph.file(o);
                let read = format::debug::read_debug(member.kind, member.data, file, live, full);
                (o, read)
            })
            .collect();
        inputs.release();
        let (mut split, mut without) = (None, false);
        for (o, read) in read {
            let member = member(o);
            match read {
                Ok(Some(debug)) => {
                    if debug.split {
                        split = split.or(Some(member));
                    }
                    // Of CodeView nobody has more: said once.
                    let said = debug.own_way && std::mem::replace(&mut without, true);
                    if let Some(why) = debug.reduced.as_ref().filter(|_| !said) {
                        out.warnings.push(
                            Diagnostic::new(
                                Code::DebugInfoReduced,
                                format!("variables and types are left out, lines are kept: {why}"),
                            )
                            .member(member.name)
                            .file(inputs.library(member.library).path),
                        );
                    }
                    out.objects.insert(o, debug);
                }
                Ok(None) => {}
                Err(why) => out.warnings.push(
                    Diagnostic::new(
                        Code::DebugInfoUnreadable,
                        format!("debug information cannot be read and is left out: {why}"),
                    )
                    .member(member.name)
                    .file(inputs.library(member.library).path),
                ),
            }
        }
        // An output object has it in one way: that of most.
        let own = out.objects.values().filter(|d| d.own_way).count();
        let most = own > out.objects.len() - own;
        if own != 0 && own != out.objects.len() {
            let mut dropped: Vec<ObjectId> = out
                .objects
                .iter()
                .filter(|(_, d)| d.own_way != most)
                .map(|d| *d.0)
                .collect();
            dropped.sort_unstable();
            for o in &dropped {
                out.objects.remove(o);
            }
            out.warnings.extend(dropped.first().map(|&o| {
                Diagnostic::new(
                    Code::DebugInfoUnreadable,
                    "debug information is left out where most objects have another kind of it",
                )
                .member(member(o).name)
                .file(inputs.library(member(o).library).path)
            }));
        }
        if let Some(member) = split {
            out.warnings.push(
                Diagnostic::new(
                    Code::DebugInfoElsewhere,
                    "debug information is split off into files of its own (.dwo, .dwp): what these \
                     say is left out, lines are kept",
                )
                .member(member.name)
                .file(inputs.library(member.library).path)
                .hint("build with `-C split-debuginfo=off`"),
            );
        }
        out.chosen = chosen;
        out
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// What is known of the class, and the atom that it is known of.
    #[must_use]
    pub fn of(&self, class: ClassId) -> Option<(&ObjectDebug, u32)> {
        let (object, atom) = (*self.chosen.get(class.index())?)?;
        Some((self.objects.get(&object)?, atom))
    }
}

type Live = HashMap<ObjectId, Vec<bool>, FixedState>;

/// For each class of code its first atom, in input order, whose object has debug information; with `full` of
/// data too.
fn choose(
    analysis: &Analysis<'_>,
    partition: &Partition,
    full: bool,
) -> (Vec<Option<(ObjectId, u32)>>, Live) {
    let mut chosen: Vec<Option<(ObjectId, u32)>> = vec![None; analysis.classes.first.len()];
    let mut live = Live::default();
    let mut written = vec![false; chosen.len()];
    for set in 0..partition.classes.len() as u32 {
        for class in partition.written(super::partition::SetId(set)) {
            written[class.index()] = true;
        }
    }
    for (reached, classes) in analysis.reached.iter().zip(&analysis.classes.class_of) {
        for (node, class) in reached.nodes.iter().zip(classes) {
            let at = class.index();
            if chosen[at].is_some() || !written[at] || analysis.graph.is_verbatim(node.object) {
                continue;
            }
            let file = analysis.graph.file(node.object);
            let code = file.atoms[node.atom as usize].code;
            if !file.debug_told || !(code || full) {
                continue;
            }
            chosen[at] = Some((node.object, node.atom));
            let live = live
                .entry(node.object)
                .or_insert_with(|| vec![false; file.atoms.len()]);
            live[node.atom as usize] = true;
        }
    }
    (chosen, live)
}
