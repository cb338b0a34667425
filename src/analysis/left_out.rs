//! What a result does not have: members that a program may take though nobody refers to them, and that no export
//! brings along; and tables that are not carried over.

use foldhash::{HashSet, HashSetExt};

use super::Analysis;
use super::graph::ObjectId;
use crate::error::{Code, Diagnostic};
use crate::format;
use crate::input::{Inputs, LibraryId};

/// How many members are named.
const SHOWN: usize = 5;

/// Warnings for Objective-C's classes and categories: with `-ObjC` a linker takes the members of a library
/// that hold them.
#[must_use]
pub fn warnings(inputs: &Inputs<'_>, analysis: &Analysis<'_>) -> Vec<Diagnostic> {
    let pulled: HashSet<ObjectId> = (0..analysis.sets.len())
        .flat_map(|s| &analysis.resolution(s).pulled)
        .map(|p| p.object)
        .collect();
    let mut warnings = Vec::new();
    for library in &inputs.libraries {
        let left: Vec<String> = library
            .member_ids()
            .filter(|m| {
                let object = analysis.graph.object_of[m.index()];
                object.is_some_and(|o| !pulled.contains(&o))
            })
            .map(|m| inputs.member(m))
            .filter(|m| format::is_taken_for_a_runtime(m.kind, m.data))
            .map(|m| String::from_utf8_lossy(m.name).into_owned())
            .collect();
        if left.is_empty() {
            continue;
        }
        let more = match left.len().saturating_sub(SHOWN) {
            0 => String::new(),
            n => format!(" and {n} more"),
        };
        let names = left[..left.len().min(SHOWN)].join(", ");
        warnings.push(
            Diagnostic::new(
                Code::RuntimeMembersLeftOut,
                format!(
                    "no export needs these members, which linkers take with -ObjC: {names}{more}"
                ),
            )
            .file(library.path)
            .hint("export what refers to them, or a class that they define (OBJC_CLASS_$_…)"),
        );
    }
    warnings.extend(tables(inputs, analysis));
    warnings
}

/// One warning for each library that has a table which is not carried over.
fn tables(inputs: &Inputs<'_>, analysis: &Analysis<'_>) -> Vec<Diagnostic> {
    let mut warnings: Vec<Diagnostic> = Vec::new();
    let mut told: HashSet<LibraryId> = HashSet::new();
    for (set, reached) in analysis.sets.iter().zip(&analysis.reached) {
        let mut left = reached.nodes.iter().filter_map(|node| {
            let left = format::left_out(&analysis.graph.file(node.object).traits)?;
            Some((node.object, left))
        });
        let Some((object, (section, who))) = left.next() else {
            continue;
        };
        if told.insert(set.library()) {
            let member = inputs.member(analysis.graph.member_of[object.index()]);
            let what = format!("this table is not carried over: {who} does not see the library's");
            warnings.push(
                Diagnostic::new(Code::TableLeftOut, format!("{what} functions"))
                    .file(inputs.library(set.library()).path)
                    .member(member.name)
                    .symbol(section)
                    .hint("use the dedup strategy where it is needed"),
            );
        }
    }
    warnings
}
