//! What a library has once it has once in the result: its variables and its constructors.
//!
//! An atom that is of several classes is written once for each. Of groups the final linker takes one, and so it
//! does of what goes by a weak name; any other variable would be two, and a constructor would run twice.
//!
//! So are inline functions, of which a program has one, at one address. Where a library's copies of one name differ,
//! they must go by that name; the final linker takes the first, and none of them may stand in the workspace library,
//! which comes last.

use std::collections::BTreeMap;

use foldhash::{HashMap, HashMapExt, HashSet, HashSetExt};
use rayon::prelude::*;

use super::written::At;
use super::{Checked, fault};
use crate::analysis::graph::ObjectId;
use crate::analysis::identity::atoms::ClassId;
use crate::analysis::reach::Node;
use crate::error::Diagnostic;
use crate::format::GlobalKind;
use crate::format::model::Binding;
use crate::format::ordered::sequence;
use crate::input::LibraryId;

impl Checked<'_, '_, '_, '_, '_> {
    pub(super) fn once(&self) -> Vec<Diagnostic> {
        let analysis = self.proof.analysis;
        let mut library_of: HashMap<ObjectId, Option<LibraryId>> = HashMap::new();
        for (made, read) in self.proof.made.iter().zip(&self.read_of) {
            if let Some(read) = read.and_then(|r| self.objects.get(r)) {
                library_of.insert(read.id, made.library);
            }
        }
        let objects = self.objects.iter().enumerate();
        let read_of: HashMap<ObjectId, usize> = objects.map(|(at, read)| (read.id, at)).collect();
        let mut of_library: BTreeMap<LibraryId, Vec<usize>> = BTreeMap::new();
        for (s, set) in analysis.sets.iter().enumerate() {
            for &library in &set.libraries {
                of_library.entry(library).or_default().push(s);
            }
        }
        let faults: Vec<Vec<Diagnostic>> = of_library
            .par_iter()
            .map(|(&library, sets)| {
                let mut faults = self.once_in(library, sets, &library_of, &read_of);
                faults.extend(self.unlike_copies(sets, &library_of));
                faults
            })
            .collect();
        faults.into_iter().flatten().collect()
    }

    /// Copies of a library that differ: one that no name leads to, or that is met too late.
    fn unlike_copies(
        &self,
        sets: &[usize],
        library_of: &HashMap<ObjectId, Option<LibraryId>>,
    ) -> Vec<Diagnostic> {
        let analysis = self.proof.analysis;
        let mut copies: Vec<(&[u8], ClassId)> = Vec::new();
        for &s in sets {
            let nodes = analysis.reached[s].nodes.iter();
            for (node, &class) in nodes.zip(&analysis.classes.class_of[s]) {
                let file = analysis.graph.file(node.object);
                let group = file.atoms[node.atom as usize].group;
                let comdat = group.and_then(|g| file.groups.get(g as usize));
                if !comdat.is_some_and(|g| g.comdat) || analysis.graph.is_rust(node.object) {
                    continue;
                }
                let symbols = file.symbols_of(node.atom);
                let names = symbols.filter(|(_, s)| s.binding != Binding::Local);
                copies.extend(names.map(|(_, symbol)| (symbol.name, class)));
            }
        }
        copies.sort_unstable();
        copies.dedup();
        let unlike = copies.chunk_by(|(a, _), (b, _)| a == b);
        let may_meet = |name| analysis.vague.may_meet(analysis.format, name);
        let unlike = unlike.filter(|own| own.len() > 1 && may_meet(own[0].0));
        let faults = unlike.filter_map(|own| {
            let what = if own.iter().any(|(_, class)| !self.is_by_name(*class)) {
                "what is one by this name became several for one library"
            } else if own
                .iter()
                .any(|(_, class)| self.is_late(*class, library_of))
            {
                "one of a library's unlike copies of this name is in the workspace library"
            } else {
                return None;
            };
            Some(fault(what).symbol(own.first()?.0))
        });
        faults.collect()
    }

    fn is_by_name(&self, class: ClassId) -> bool {
        self.proof.partition.grouped[class.index()]
    }

    /// The workspace library comes last.
    fn is_late(&self, class: ClassId, library_of: &HashMap<ObjectId, Option<LibraryId>>) -> bool {
        let places = self.places.get(&class).into_iter().flatten();
        places
            .filter_map(|(object, _)| library_of.get(object))
            .any(Option::is_none)
    }

    fn once_in(
        &self,
        library: LibraryId,
        sets: &[usize],
        library_of: &HashMap<ObjectId, Option<LibraryId>>,
        read_of: &HashMap<ObjectId, usize>,
    ) -> Vec<Diagnostic> {
        let analysis = self.proof.analysis;
        let mut known: HashSet<(Node, ClassId)> = HashSet::new();
        let mut written: HashMap<Node, HashSet<At>> = HashMap::new();
        for &s in sets {
            let nodes = analysis.reached[s].nodes.iter();
            for (&node, &class) in nodes.zip(&analysis.classes.class_of[s]) {
                if !self.is_one(node) || !known.insert((node, class)) {
                    continue;
                }
                let places = self.places.get(&class).into_iter().flatten();
                let ours = places.filter(|(object, _)| {
                    let of = library_of.get(object).copied().flatten();
                    of.is_none_or(|of| of == library)
                });
                written.entry(node).or_default().extend(ours);
            }
        }
        let mut twice: Vec<Node> = written
            .into_iter()
            .filter(|(node, places)| places.len() > 1 && !self.is_joined(*node, places, read_of))
            .map(|(node, _)| node)
            .collect();
        twice.sort_unstable();
        let faults = twice.into_iter().map(|node| {
            let section = analysis.graph.file(node.object).atoms[node.atom as usize].section;
            let member = analysis.graph.member_of[node.object.index()];
            let what = "a variable or a constructor was written twice for one library";
            fault(format!("{what} (of member {})", member.0)).symbol(section)
        });
        faults.collect()
    }

    /// Does the final linker take one of these places, by a weak name that each of them has?
    fn is_joined(
        &self,
        node: Node,
        places: &HashSet<At>,
        read_of: &HashMap<ObjectId, usize>,
    ) -> bool {
        let analysis = self.proof.analysis;
        if !GlobalKind::WeakUndefined.pulls(analysis.format) {
            return false;
        }
        let file = analysis.graph.file(node.object);
        let mut names = file.symbols_of(node.atom).filter(|&(at, symbol)| {
            let name = analysis.graph.name_of(node.object, at);
            symbol.binding == Binding::Weak
                && name.is_some_and(|name| analysis.is_own(node.object, name))
        });
        names.any(|(_, symbol)| {
            places.iter().all(|(object, place)| {
                let read = read_of.get(object).and_then(|&at| self.objects.get(at));
                let there = read.and_then(|r| Some((r, *r.symbols.get(&(*place, symbol.name))?)));
                let there = there.and_then(|(r, at)| r.file.symbols.get(at));
                there.is_some_and(|s| s.binding == Binding::Weak)
            })
        })
    }

    /// Would a program notice a second one?
    fn is_one(&self, node: Node) -> bool {
        let analysis = self.proof.analysis;
        let atom = &analysis.graph.file(node.object).atoms[node.atom as usize];
        let counts = |format| atom.writable || atom.tls || sequence(format, atom).is_some();
        atom.size > 0 && atom.group.is_none() && counts(analysis.format)
    }
}
