//! Copies of inline functions, variables and templates that differ: the linker takes the first that it meets, so
//! members that hold them must be met as before.

use foldhash::{HashMap, HashMapExt};

use super::graph::Symbols;
use crate::analysis::graph::{Graph, ObjectId};
use crate::analysis::identity::copies::Copies;
use crate::analysis::identity::members::MemberClasses;
use crate::error::Result;
use crate::input::Inputs;
use crate::protocol::event::Steps;

/// Names of which copies differ, and the classes that hold them, where one of these `moves`.
pub fn unlike<'d>(
    inputs: &Inputs<'d>,
    classes: &MemberClasses,
    symbols: &[Symbols<'d>],
    moves: impl Fn(u32) -> bool,
) -> Result<Vec<(&'d [u8], Vec<u32>)>> {
    let mut definers: HashMap<&'d [u8], Vec<u32>> = HashMap::new();
    for (class, of) in (0u32..).zip(symbols) {
        for definition in &of.vague {
            let list = definers.entry(definition.name).or_default();
            if list.last() != Some(&class) {
                list.push(class);
            }
        }
    }
    definers.retain(|_, list| list.len() > 1 && list.iter().any(|&class| moves(class)));
    if definers.is_empty() {
        return Ok(Vec::new());
    }
    let mut graph = Graph::new(inputs, classes, &Steps::untold())?;
    let object_of = |graph: &Graph<'_>, class: u32| {
        let member = classes.representatives.get(class as usize)?;
        *graph.object_of.get(member.index())?
    };
    let all = definers.values().flatten();
    let mut objects: Vec<ObjectId> = all.filter_map(|&c| object_of(&graph, c)).collect();
    objects.sort_unstable();
    objects.dedup();
    graph.take_apart(inputs, &objects)?;
    let mut copies = Copies::new(&graph, &objects);
    let mut unlike: Vec<_> = definers.into_iter().collect();
    unlike.sort_unstable();
    unlike.retain(|(name, list)| {
        let own = list.iter().filter_map(|&class| object_of(&graph, class));
        copies.differ(name, own)
    });
    Ok(unlike)
}
