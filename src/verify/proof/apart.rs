//! What was two in one library is two in the result: variables, entries of tables, and whatever a program may
//! tell apart by its address.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use foldhash::fast::FixedState;

use super::{Checked, fault};
use crate::analysis::graph::Graph;
use crate::analysis::identity::atoms::ClassId;
use crate::analysis::reach::Node;
use crate::error::Diagnostic;
use crate::format::model::{Binding, ObjectFile, ToldBy};

impl Checked<'_, '_, '_, '_, '_> {
    pub(super) fn apart(&self) -> Vec<Diagnostic> {
        let analysis = self.proof.analysis;
        let graph = &analysis.graph;
        let mut faults = Vec::new();
        for (reached, classes) in analysis.reached.iter().zip(&analysis.classes.class_of) {
            let mut known: HashMap<ClassId, Node, FixedState> = HashMap::default();
            for (&node, &class) in reached.nodes.iter().zip(classes) {
                let first = match known.entry(class) {
                    Entry::Vacant(slot) => *slot.insert(node),
                    Entry::Occupied(slot) => *slot.get(),
                };
                if first != node && !may_be_one(graph, first, node) {
                    let section = graph.file(node.object).atoms[node.atom as usize].section;
                    faults.push(fault("two things of one library became one").symbol(section));
                }
            }
        }
        faults
    }
}

/// May two places of one library be one in the result?
fn may_be_one(graph: &Graph<'_>, a: Node, b: Node) -> bool {
    let (one, two) = (graph.file(a.object), graph.file(b.object));
    let (Some(x), Some(y)) = (
        one.atoms.get(a.atom as usize),
        two.atoms.get(b.atom as usize),
    ) else {
        return false;
    };
    if a.object != b.object && signature(one, a).is_some_and(|s| signature(two, b) == Some(s)) {
        return true;
    }
    let rust = graph.is_rust(a.object) && graph.is_rust(b.object);
    let named = one.symbols_of(a.atom).any(|(_, s)| {
        !s.name.is_empty()
            && (rust || s.binding != Binding::Local)
            && two.symbols_of(b.atom).any(|(_, t)| t.name == s.name)
    });
    let written = x.writable || x.tls || y.writable || y.tls;
    let counts = x.counts_by_itself() || y.counts_by_itself();
    let by_contents = x.told_by == ToldBy::Contents && y.told_by == ToldBy::Contents;
    !written && (named || !counts && (rust || by_contents))
}

fn signature<'d>(file: &ObjectFile<'d>, node: Node) -> Option<&'d [u8]> {
    let group = file.atoms.get(node.atom as usize)?.group?;
    let group = file.groups.get(group as usize)?;
    group.comdat.then_some(group.signature)
}
