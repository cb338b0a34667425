//! Personality routines of what lives, where a program holds a limited number of them.

use std::collections::BTreeSet;

use super::Analysis;
use super::reach::{Reached, Target};
use crate::error::{Code, Diagnostic};
use crate::format;

/// A warning where the libraries' live code has more personality routines than a program can hold.
#[must_use]
pub fn too_many(analysis: &Analysis<'_>) -> Option<Diagnostic> {
    let limit = format::max_personalities(analysis.format)?;
    let found: BTreeSet<String> = analysis
        .reached
        .iter()
        .flat_map(|reached| of_set(analysis, reached))
        .collect();
    warning(&found, limit)
}

/// The same of names found elsewhere.
#[must_use]
pub fn warning(found: &BTreeSet<String>, limit: usize) -> Option<Diagnostic> {
    let names: Vec<&str> = found.iter().map(String::as_str).collect();
    (names.len() > limit).then(|| {
        Diagnostic::new(
            Code::TooManyPersonalities,
            format!(
                "{} personality routines, where a program's compact unwind table holds {limit}: {}",
                names.len(),
                names.join(", ")
            ),
        )
        .hint("put the users of one language into a dynamic library of their own")
    })
}

fn of_set(analysis: &Analysis<'_>, reached: &Reached) -> BTreeSet<String> {
    let graph = &analysis.graph;
    let mut found = BTreeSet::new();
    for (n, node) in reached.nodes.iter().enumerate() {
        let file = graph.file(node.object);
        let entries = file.unwind_of(node.atom);
        if entries.is_empty() {
            continue;
        }
        let mut targets = reached.targets_of(n as u32).iter();
        let _ = targets
            .by_ref()
            .take(file.edges_of(node.atom).len())
            .count();
        for entry in entries {
            let header = &file.unwind_headers[entry.header as usize];
            let own = targets.by_ref().take(entry.edges.len()).zip(&entry.edges);
            let mut named: Vec<Target> = own
                .filter(|(_, e)| Some(e.offset) == entry.personality_at)
                .map(|(t, _)| *t)
                .collect();
            named.extend(targets.by_ref().take(header.edges.len()));
            for target in named {
                let name = match target {
                    Target::External { name, .. } | Target::Vague { name, .. } => graph.name(name),
                    Target::Node { node, .. } => {
                        let to = reached.nodes[node as usize];
                        let symbols = graph.file(to.object).symbols_of(to.atom);
                        symbols.map(|(_, s)| s.name).next().unwrap_or_default()
                    }
                    _ => continue,
                };
                found.insert(String::from_utf8_lossy(name).into_owned());
            }
        }
    }
    found
}
