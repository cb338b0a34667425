//! Constructors of one library that run in another order than linked as built: said, for C++ programs may
//! build on it.
//!
//! Linkers join constructors in the order in which objects are pulled. In one output object that is the order of
//! the members that they come from; but objects are pulled whole, so what stands between two of one object's
//! and went to another object comes before or after both.

use std::collections::{BTreeMap, HashSet};

use super::partition::{Partition, SetId};
use crate::analysis::Analysis;
use crate::analysis::graph::ObjectId;
use crate::error::{Code, Diagnostic};
use crate::format::model::KeepRule;
use crate::input::{Inputs, LibraryId};

/// A constructor: its place in the order, its member, and where it stands now.
type Run = (u32, ObjectId, SetId);

/// A warning for each library that has such constructors.
#[must_use]
pub fn warnings(
    inputs: &Inputs<'_>,
    analysis: &Analysis<'_>,
    partition: &Partition,
) -> Vec<Diagnostic> {
    // Sections with priorities in their names are sorted by these.
    let mut found: BTreeMap<(LibraryId, &[u8]), Vec<Run>> = BTreeMap::new();
    for (s, reached) in analysis.reached.iter().enumerate() {
        let resolution = analysis.resolution(s);
        for (node, class) in reached.nodes.iter().zip(&analysis.classes.class_of[s]) {
            let atom = &analysis.graph.file(node.object).atoms[node.atom as usize];
            if atom.keep != Some(KeepRule::InitArray) || analysis.graph.is_verbatim(node.object) {
                continue;
            }
            let Some(place) = resolution.place(node.object) else {
                continue;
            };
            let set = partition.set_of[class.index()];
            let key = (analysis.sets[s].library(), atom.section);
            found
                .entry(key)
                .or_default()
                .push((place, node.object, set));
        }
    }
    let mut out = Vec::new();
    let mut said = HashSet::new();
    for ((library, section), mut list) in found {
        list.sort_unstable();
        let Some((later, earlier)) = torn(&list) else {
            continue;
        };
        if !said.insert(library) {
            continue;
        }
        let name = |object: ObjectId| {
            let member = inputs.member(analysis.graph.member_of[object.index()]);
            String::from_utf8_lossy(member.name).into_owned()
        };
        out.push(
            Diagnostic::new(
                Code::ConstructorOrder,
                format!(
                    "constructors of {} in {} may run before those of {}, which come first as built",
                    name(later),
                    String::from_utf8_lossy(section),
                    name(earlier)
                ),
            )
            .file(inputs.library(library).path)
            .member(name(later).as_bytes())
            .hint("give them priorities where one needs the other, or use the dedup strategy"),
        );
    }
    out
}

/// In the order of places: the first that goes back to a set after another one's, and what it passes.
fn torn(list: &[(u32, ObjectId, SetId)]) -> Option<(ObjectId, ObjectId)> {
    let mut seen = HashSet::new();
    let mut last: Option<(ObjectId, SetId)> = None;
    for &(_, object, set) in list {
        match last {
            Some((_, before)) if before == set => {}
            Some((passed, _)) if seen.contains(&set) => return Some((object, passed)),
            _ => {}
        }
        seen.insert(set);
        last = Some((object, set));
    }
    None
}
