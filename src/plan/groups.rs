//! Groups of which the final linker must see one: what it may take from another library instead.
//!
//! A group stays one for a symbol that is joined by name or exported, or for what lives without being
//! referred to: constructors, and elements of tables that others read. The others are taken apart: what
//! several libraries hold of them is one by its contents, as everything else is.

use std::collections::BTreeSet;

use foldhash::{HashMap, HashMapExt, HashSet, HashSetExt};

use super::partition::Export;
use crate::analysis::Analysis;
use crate::analysis::graph::{NameId, ObjectId};
use crate::analysis::identity::atoms::ClassId;
use crate::analysis::reach::{Node, Target};
use crate::format::model::{AtomIndex, Binding, KeepRule};

/// A group of an object.
type GroupId = (ObjectId, u32);

/// By class: is it part of a group that stays one?
pub(super) fn stay(analysis: &Analysis<'_>, exports: &[Export]) -> Vec<bool> {
    let groups: Vec<Option<GroupId>> = (0..analysis.classes.first.len() as u32)
        .map(|class| group_of(analysis, ClassId(class)))
        .collect();
    if groups.iter().all(Option::is_none) {
        return vec![false; groups.len()];
    }
    let exported: HashSet<(ObjectId, AtomIndex)> = exports
        .iter()
        .map(|e| {
            let node = first_node(analysis, e.class);
            (node.object, node.atom)
        })
        .collect();
    let placed = placed(analysis, &groups);
    let mut known: HashMap<GroupId, bool> = HashMap::new();
    let mut stay: Vec<bool> = groups
        .iter()
        .map(|group| {
            group.is_some_and(|group| {
                *known
                    .entry(group)
                    .or_insert_with(|| stays(analysis, group, &exported, &placed))
            })
        })
        .collect();
    // What belongs to one function goes wherever that is copied.
    let grouped = |class: &usize| stay[*class];
    let with_them: Vec<usize> = (0..stay.len())
        .filter(grouped)
        .flat_map(|class| {
            let (s, n) = analysis.classes.first[class];
            let targets = analysis.reached[s as usize].targets_of(n).iter();
            targets.filter_map(move |target| match *target {
                Target::Node { node, .. } => {
                    let to = analysis.classes.class_of[s as usize][node as usize];
                    let node = first_node(analysis, to);
                    let atom = &analysis.graph.file(node.object).atoms[node.atom as usize];
                    atom.of_one_function.then_some(to.index())
                }
                _ => None,
            })
        })
        .collect();
    for class in with_them {
        stay[class] = true;
    }
    stay
}

fn stays(
    analysis: &Analysis<'_>,
    (object, group): GroupId,
    exported: &HashSet<(ObjectId, AtomIndex)>,
    placed: &HashSet<GroupId>,
) -> bool {
    let graph = &analysis.graph;
    let file = graph.file(object);
    let Some(g) = file.groups.get(group as usize).filter(|g| g.comdat) else {
        return false;
    };
    let mut by_name = false;
    let mut by_being = false;
    for &atom in &g.atoms {
        let a = &file.atoms[atom as usize];
        by_being |= matches!(
            a.keep,
            Some(KeepRule::InitArray | KeepRule::Retained | KeepRule::Note)
        ) || a.registry.is_some_and(|r| analysis.registries.is_open(r));
        by_name |= exported.contains(&(object, atom));
        for (s, symbol) in file.symbols_of(atom) {
            // Another library's is another thing, which must not replace this one.
            if symbol.binding != Binding::Local && analysis.vague.is_apart(symbol.name) {
                return false;
            }
            let name = graph.name_of(object, s);
            by_name |= name.is_some_and(|n| analysis.vague.meets(graph, object, atom, n));
        }
    }
    by_name || (by_being && !placed.contains(&(object, group)))
}

/// Groups that something outside of them refers to by place: another library's group of the signature
/// cannot stand in for one of them. (AddressSanitizer makes such for local variables.)
fn placed(analysis: &Analysis<'_>, groups: &[Option<GroupId>]) -> HashSet<GroupId> {
    let mut placed = HashSet::new();
    for (&(s, n), own) in analysis.classes.first.iter().zip(groups) {
        for target in analysis.reached[s as usize].targets_of(n) {
            if let Target::Node { node, .. } | Target::Fallback { node, .. } = *target {
                let to = analysis.classes.class_of[s as usize][node as usize];
                let to = groups[to.index()];
                placed.extend(to.filter(|to| *own != Some(*to)));
            }
        }
    }
    placed
}

/// Names that the classes of groups define.
pub(super) fn names<'d>(analysis: &Analysis<'d>, grouped: &[bool]) -> BTreeSet<&'d [u8]> {
    let graph = &analysis.graph;
    let classes = grouped.iter().enumerate().filter(|(_, grouped)| **grouped);
    classes
        .flat_map(|(class, _)| names_of(analysis, ClassId(class as u32)))
        .map(|name| graph.name(name))
        .collect()
}

/// Does the member of the class `from` refer to names of another's group, and have none of its own? `known` are the
/// names that members define, as far as they were asked for.
pub(super) fn asks_for(
    analysis: &Analysis<'_>,
    from: ClassId,
    to: ClassId,
    known: &mut HashMap<ObjectId, HashSet<NameId>>,
) -> bool {
    let object = first_node(analysis, from).object;
    let own = known.entry(object).or_insert_with(|| {
        let globals = analysis.graph.globals[object.index()].iter();
        let defined = globals.filter(|g| g.kind.is_definition());
        defined.map(|g| g.name).collect()
    });
    !names_of(analysis, to).any(|name| own.contains(&name))
}

/// Names that the class defines.
pub(super) fn names_of<'a>(
    analysis: &'a Analysis<'_>,
    class: ClassId,
) -> impl Iterator<Item = NameId> + 'a {
    let graph = &analysis.graph;
    let node = first_node(analysis, class);
    let own = graph.file(node.object).symbols_of(node.atom);
    own.filter_map(move |(s, _)| graph.name_of(node.object, s))
}

/// Classes of groups by whose names a linker may pull another group.
pub(super) fn met_by_name(analysis: &Analysis<'_>, grouped: &[bool]) -> HashSet<ClassId> {
    let mut by_name: HashMap<NameId, Vec<ClassId>> = HashMap::new();
    for (class, _) in grouped.iter().enumerate().filter(|(_, grouped)| **grouped) {
        let class = ClassId(class as u32);
        for name in names_of(analysis, class) {
            by_name.entry(name).or_default().push(class);
        }
    }
    let several = by_name.into_values().filter(|classes| classes.len() > 1);
    several.flatten().collect()
}

fn first_node(analysis: &Analysis<'_>, class: ClassId) -> Node {
    let (s, n) = analysis.classes.first[class.index()];
    analysis.reached[s as usize].nodes[n as usize]
}

fn group_of(analysis: &Analysis<'_>, class: ClassId) -> Option<GroupId> {
    let node = first_node(analysis, class);
    let atom = &analysis.graph.file(node.object).atoms[node.atom as usize];
    atom.group.map(|g| (node.object, g))
}
