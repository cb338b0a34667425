//! Constructors of one library that run in another order than linked as built: said, for C++ programs may
//! build on it.
//!
//! Linkers join constructors in the order in which objects are pulled. In one output object that is the order of
//! the members that they come from, and objects stand in an archive in the order of the members of their exports; but
//! objects are pulled whole, so what stands between two of one object's and went to another object comes before
//! or after both, and what several libraries share comes last.

use std::collections::BTreeMap;

use foldhash::{HashSet, HashSetExt};

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
        let library = analysis.sets[s].library();
        for (node, class) in reached.nodes.iter().zip(&analysis.classes.class_of[s]) {
            let atom = &analysis.graph.file(node.object).atoms[node.atom as usize];
            if atom.keep != Some(KeepRule::InitArray) || analysis.graph.is_verbatim(node.object) {
                continue;
            }
            let Some(place) = analysis.place(library, node.object) else {
                continue;
            };
            let set = partition.set_of[class.index()];
            let key = (library, atom.section);
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
        // Several root sets of a library may have one.
        list.dedup();
        let at = |set| {
            (
                partition.library(analysis, set).is_none(),
                partition.rank(set),
            )
        };
        let Some((later, earlier)) = torn(&list, at) else {
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

/// In the order of places: the first that goes back to a set after another one's, and what it passes; else the first
/// whose set stands before the set of the one before it, and that one. `at` is where on the line and in its archive
/// a set's object stands.
fn torn<P: Ord>(list: &[Run], at: impl Fn(SetId) -> P) -> Option<(ObjectId, ObjectId)> {
    let mut seen = HashSet::new();
    let pairs = || list.windows(2).filter(|pair| pair[0].2 != pair[1].2);
    let named = |pair: &[Run]| (pair[1].1, pair[0].1);
    let back = pairs().find(|pair| {
        seen.insert(pair[0].2);
        seen.contains(&pair[1].2)
    });
    back.or_else(|| pairs().find(|pair| at(pair[1].2) < at(pair[0].2)))
        .map(named)
}
