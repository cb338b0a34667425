//! Which shared members can move, given that linkers read the plugin libraries before the workspace
//! library. See the parent's description.

use std::borrow::Cow;
use std::collections::BTreeMap;

use foldhash::{HashMap, HashMapExt, HashSet};

use super::asks;
use super::copies;
use super::graph::{Graph, Id, Symbols};
use crate::analysis::exports::decoration;
use crate::analysis::identity::members::MemberClasses;
use crate::error::Result;
use crate::format::Ask;
use crate::input::Inputs;

/// Why shared classes stay, in the order in which they are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// Another class defines this symbol too.
    DoublyDefined,
    /// Its copy of this symbol differs from another class's.
    UnlikeCopies,
    /// Its symbol has a version.
    Versioned,
    /// A library that has no definition of this symbol needs it.
    NeededElsewhere,
    /// It adds to this section's sequence, as other classes do.
    Ordered,
    /// It needs this symbol of a class that stays.
    Needs,
    /// It needs this symbol, and with it members of one library whose order counts.
    NeedsOrdered,
}

/// A class, and the symbol or section that tells why.
type Held<'d> = (u32, Cow<'d, [u8]>);

/// What moves.
#[derive(Debug, Default)]
pub struct Order<'d> {
    /// By class: it moves to the workspace library.
    pub moves: Vec<bool>,
    /// By class that stays: what to ask for in it, sorted.
    pub asks: HashMap<u32, Vec<Ask<'d>>>,
    /// Shared classes that stay, each with a symbol or section that tells why.
    pub held: BTreeMap<Why, Vec<Held<'d>>>,
}

impl<'d> Order<'d> {
    pub fn moves(&self, class: u32) -> bool {
        self.moves.get(class as usize).copied().unwrap_or(false)
    }

    /// Lets a class stay.
    pub fn hold(&mut self, class: u32, why: Why, what: impl Into<Cow<'d, [u8]>>) {
        if let Some(moves) = self.moves.get_mut(class as usize)
            && std::mem::take(moves)
        {
            self.held.entry(why).or_default().push((class, what.into()));
        }
    }
}

/// By class: the libraries that hold it, in order.
pub struct Holders(Vec<Vec<u32>>);

impl Holders {
    fn new(inputs: &Inputs<'_>, classes: &MemberClasses) -> Self {
        let mut holders = vec![Vec::new(); classes.len()];
        for (member, &class) in inputs.members.iter().zip(&classes.class_of) {
            if let Some(holders) = holders.get_mut(class as usize)
                && holders.last() != Some(&member.library.0)
            {
                holders.push(member.library.0);
            }
        }
        Self(holders)
    }

    fn of(&self, class: u32) -> &[u32] {
        self.0.get(class as usize).map_or(&[], Vec::as_slice)
    }

    /// The classes of a list of which another is in one of the same libraries.
    fn together(&self, list: &[u32]) -> Vec<u32> {
        let mut count: HashMap<u32, u32> = HashMap::new();
        for library in list.iter().flat_map(|class| self.of(*class)) {
            *count.entry(*library).or_default() += 1;
        }
        let meets = |class: &u32| self.of(*class).iter().any(|l| count.get(l) > Some(&1));
        list.iter().copied().filter(meets).collect()
    }
}

/// Decides what moves.
///
/// # Errors
/// `object-malformed`, of members whose copies of inline functions are compared.
pub fn decide<'d>(
    inputs: &Inputs<'d>,
    classes: &MemberClasses,
    symbols: &[Symbols<'d>],
) -> Result<Order<'d>> {
    let graph = Graph::new(symbols, decoration(inputs));
    let holders = Holders::new(inputs, classes);
    let mut order = Order {
        moves: holders.0.iter().map(|of| of.len() > 1).collect(),
        ..Order::default()
    };
    for (class, of) in (0u32..).zip(symbols) {
        if of.opaque
            && let Some(moves) = order.moves.get_mut(class as usize)
        {
            *moves = false;
        }
        if let Some(name) = of.versioned {
            order.hold(class, Why::Versioned, name);
        }
    }
    let mut ordered = Vec::new();
    for (name, list) in copies::unlike(inputs, classes, symbols, |c| order.moves(c))? {
        ordered.extend(holders.together(&list));
        for class in list {
            order.hold(class, Why::UnlikeCopies, name);
        }
    }
    hold_needed_elsewhere(&graph, &holders, &mut order);
    ordered.extend(hold_contested(&graph, &holders, &mut order));
    ordered.extend(hold_sequences(symbols, &holders, &mut order));
    hold_above(&graph, ordered, &mut order);
    hold_late(&graph, &holders, &mut order);
    asks::add(&graph, &mut order);
    for held in order.held.values_mut() {
        held.sort_unstable();
    }
    Ok(order)
}

/// Holds what defines contested symbols; gives the classes that do so within one library.
fn hold_contested<'d>(graph: &Graph<'_, 'd>, holders: &Holders, order: &mut Order<'d>) -> Vec<u32> {
    let mut together = Vec::new();
    for id in graph.ids().filter(|id| graph.is_contested(*id)) {
        together.extend(holders.together(graph.definers(id)));
        for class in graph.definers(id) {
            order.hold(*class, Why::DoublyDefined, graph.name(id));
        }
    }
    together
}

/// Holds what defines symbols that a library needs and does not define: its program has them from what comes with
/// the system, behind the workspace library, or from another of the libraries. A Rust name is one thing.
fn hold_needed_elsewhere<'d>(graph: &Graph<'_, 'd>, holders: &Holders, order: &mut Order<'d>) {
    for id in graph.ids().filter(|&id| graph.is_public(graph.name(id))) {
        let definers = graph.definers(id);
        if !definers.iter().any(|d| order.moves(*d)) {
            continue;
        }
        let own: HashSet<u32> = definers
            .iter()
            .flat_map(|d| holders.of(*d))
            .copied()
            .collect();
        let mut users = graph.users(id).iter().flat_map(|user| holders.of(*user));
        if users.any(|library| !own.contains(library)) {
            for class in definers {
                order.hold(*class, Why::NeededElsewhere, graph.name(id));
            }
        }
    }
}

/// Holds what adds to sequences that other classes add to; gives the classes that do so within one
/// library.
fn hold_sequences<'d>(
    symbols: &[Symbols<'d>],
    holders: &Holders,
    order: &mut Order<'d>,
) -> Vec<u32> {
    let mut sequences: BTreeMap<&Cow<'d, [u8]>, Vec<u32>> = BTreeMap::new();
    for (class, of) in (0u32..).zip(symbols) {
        for key in &of.ordered {
            let sequence = sequences.entry(key).or_default();
            if sequence.last() != Some(&class) {
                sequence.push(class);
            }
        }
    }
    let mut together = Vec::new();
    for (key, sequence) in sequences.iter().filter(|(_, s)| s.len() > 1) {
        together.extend(holders.together(sequence));
        for class in sequence {
            order.hold(*class, Why::Ordered, Cow::clone(key));
        }
    }
    together
}

/// Holds all from where `ordered` classes are pulled. Early asking would pull these in another order.
fn hold_above<'d>(graph: &Graph<'_, 'd>, ordered: Vec<u32>, order: &mut Order<'d>) {
    let mut seen_class = vec![false; graph.symbols.len()];
    let mut seen = vec![false; graph.len()];
    let mut queue = ordered;
    while let Some(class) = queue.pop() {
        let first = seen_class.get_mut(class as usize);
        if first.is_none_or(|seen| std::mem::replace(seen, true)) {
            continue;
        }
        for &id in graph.defined(class) {
            let first = seen.get_mut(id as usize);
            if first.is_none_or(|seen| std::mem::replace(seen, true)) {
                continue;
            }
            for &user in graph.users(id) {
                order.hold(user, Why::NeedsOrdered, graph.name(id));
                queue.push(user);
            }
        }
    }
}

/// Holds what would need a member that stays once the plugin libraries are past, and whose users
/// cannot ask for that earlier, or might not be those that pull it.
fn hold_late<'d>(graph: &Graph<'_, 'd>, holders: &Holders, order: &mut Order<'d>) {
    let opaque = graph.symbols.iter().any(|s| s.opaque);
    let stays = |order: &Order<'_>, id: Id| {
        let definers = graph.definers(id);
        !definers.is_empty() && !definers.iter().any(|d| order.moves(*d))
    };
    let mut late = vec![false; graph.len()];
    let mut late_class = vec![false; graph.symbols.len()];
    let mut queue: Vec<Id> = graph.ids().rev().filter(|id| stays(order, *id)).collect();
    while let Some(id) = queue.pop() {
        let first = late.get_mut(id as usize);
        if first.is_none_or(|late| std::mem::replace(late, true)) {
            continue;
        }
        for &user in graph.users(id) {
            if !order.moves(user) {
                continue;
            }
            let ambiguous = stays(order, id) && graph.is_ambiguous(id);
            let first = late_class.get_mut(user as usize);
            let known = first.is_none_or(|late| std::mem::replace(late, true));
            let bad = || opaque || is_reached_by_others(graph, holders, user);
            if ambiguous || !known && bad() {
                order.hold(user, Why::Needs, graph.name(id));
            }
            if !known {
                queue.extend(graph.defined(user));
            }
        }
    }
}

/// Might a class be pulled, or not be pulled, by others than libraries' members which hold it too, and
/// to which symbols can be added?
fn is_reached_by_others(graph: &Graph<'_, '_>, holders: &Holders, class: u32) -> bool {
    let Some(of) = graph.symbols.get(class as usize) else {
        return true;
    };
    // A program asks for the name: no member of a library can ask for more. Or it defines the name
    // itself: then nothing more must be asked for.
    let mut defined = of.strong.iter().chain(&of.weak);
    if defined.any(|d| graph.is_public(d.name)) {
        return true;
    }
    let own = holders.of(class);
    graph
        .defined(class)
        .iter()
        .flat_map(|id| graph.users(*id))
        .any(|user| {
            // Else the member would be pulled from a later library, and what it needs be looked for from
            // there on.
            let elsewhere = holders
                .of(*user)
                .iter()
                .any(|l| own.binary_search(l).is_err());
            elsewhere
                || graph
                    .symbols
                    .get(*user as usize)
                    .is_none_or(|s| !s.amendable)
        })
}
