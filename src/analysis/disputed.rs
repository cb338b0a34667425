//! Names that two members of one library define, where linkers take different ones.

use std::collections::{BTreeMap, BTreeSet};

use super::Analysis;
use super::graph::{NameId, ObjectId};
use crate::error::{Code, Diagnostic};
use crate::input::{Inputs, LibraryId};

/// One warning for each library: a name, and both members.
#[must_use]
pub fn warnings(inputs: &Inputs<'_>, analysis: &Analysis<'_>) -> Vec<Diagnostic> {
    let mut found: BTreeMap<LibraryId, BTreeSet<(NameId, ObjectId, ObjectId)>> = BTreeMap::new();
    for resolution in &analysis.resolutions {
        let library = resolution.library;
        for (name, other) in resolution.disputed() {
            if let Some(site) = resolution.definition(name) {
                let own = found.entry(library).or_default();
                own.insert((name, site.object, other));
            }
        }
    }
    let member = |object: ObjectId| {
        let member = inputs.member(analysis.graph.member_of[object.index()]);
        String::from_utf8_lossy(member.name).into_owned()
    };
    let mut warnings = Vec::new();
    for (library, names) in found {
        let Some(&(name, taken, other)) = names.first() else {
            continue;
        };
        let more = match names.len() {
            1 => String::new(),
            n => format!(", as {} more names", n - 1),
        };
        warnings.push(
            Diagnostic::new(
                Code::DefinitionDisputed,
                format!(
                    "{} and {} define this symbol{more}: GNU ld would take that of {1}, other linkers and the \
                     result that of {0}",
                    member(taken),
                    member(other)
                ),
            )
            .file(inputs.library(library).path)
            .member(member(taken).as_bytes())
            .symbol(analysis.graph.name(name))
            .hint("remove one of the definitions"),
        );
    }
    warnings
}
