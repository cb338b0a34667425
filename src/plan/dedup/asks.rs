//! What members that stay ask for, on behalf of members that moved.

use super::graph::{Graph, Id};
use super::order::{Order, Why};

/// Steps to take for each edge of the graph before it is given up: members of one library ask for so
/// much then that they had better stay.
const STEPS: usize = 64;
const STEPS_AT_LEAST: usize = 1 << 20;

/// Adds to `order` what members that stay must ask for; where that is out of all proportion, lets
/// stay all that needs what stays.
pub fn add<'d>(graph: &Graph<'_, 'd>, order: &mut Order<'d>) {
    let late: Vec<Id> = graph
        .ids()
        .filter(|id| {
            let definers = graph.definers(*id);
            !definers.is_empty()
                && !definers.iter().any(|d| order.moves(*d))
                && graph.users(*id).iter().any(|u| order.moves(*u))
        })
        .collect();
    let edges: usize = graph.classes().map(|c| graph.needs(c).len()).sum();
    let mut steps = edges.saturating_mul(STEPS).max(STEPS_AT_LEAST);
    let mut search = Search {
        graph,
        order,
        of_class: vec![0; graph.symbols.len()],
        of_symbol: vec![0; graph.len()],
        asked: Vec::new(),
    };
    for chunk in late.chunks(u64::BITS as usize) {
        if !search.run(chunk, &mut steps) {
            hold_all(graph, &late, order);
            return;
        }
    }
    settle(graph, search.asked, order);
}

/// Finds for up to 64 symbols at once who has to ask for them.
struct Search<'g, 's, 'd> {
    graph: &'g Graph<'s, 'd>,
    order: &'g Order<'d>,
    /// By class that moves, and by symbol: which of the symbols it needs, by itself or through others
    /// that move.
    of_class: Vec<u64>,
    of_symbol: Vec<u64>,
    /// Classes that stay, each with a symbol.
    asked: Vec<(u32, Id)>,
}

impl Search<'_, '_, '_> {
    /// Adds to the set of a class that moves; whether that is news.
    fn grow(&mut self, class: u32, set: u64) -> bool {
        let Some(own) = self.of_class.get_mut(class as usize) else {
            return false;
        };
        let before = *own;
        *own |= set;
        *own != before
    }

    /// `false` where it takes too many steps.
    fn run(&mut self, chunk: &[Id], steps: &mut usize) -> bool {
        self.of_class.fill(0);
        self.of_symbol.fill(0);
        let mut queue: Vec<u32> = Vec::new();
        let mut staying: Vec<(u32, u64)> = Vec::new();
        for (bit, &id) in chunk.iter().enumerate() {
            for &user in self.graph.users(id) {
                if self.order.moves(user) && self.grow(user, 1 << bit) {
                    queue.push(user);
                }
            }
        }
        while let Some(class) = queue.pop() {
            let set = self.of_class.get(class as usize).copied().unwrap_or(0);
            for &id in self.graph.defined(class) {
                let Some(known) = self.of_symbol.get_mut(id as usize) else {
                    continue;
                };
                if *known | set == *known {
                    continue;
                }
                *known |= set;
                let users = self.graph.users(id);
                match steps.checked_sub(users.len()) {
                    Some(left) => *steps = left,
                    None => return false,
                }
                for &user in users {
                    if !self.order.moves(user) {
                        staying.push((user, set));
                    } else if self.grow(user, set) {
                        queue.push(user);
                    }
                }
            }
        }
        staying.sort_unstable();
        for same in staying.chunk_by(|a, b| a.0 == b.0) {
            let set = same.iter().fold(0, |all, (_, set)| all | set);
            let class = same.first().map_or(0, |s| s.0);
            let bits = (0..).zip(chunk).filter(|(bit, _)| set >> bit & 1 == 1);
            self.asked.extend(bits.map(|(_, id)| (class, *id)));
        }
        match steps.checked_sub(staying.len()) {
            Some(left) => *steps = left,
            None => return false,
        }
        self.asked.len() <= *steps
    }
}

fn settle<'d>(graph: &Graph<'_, 'd>, mut asked: Vec<(u32, Id)>, order: &mut Order<'d>) {
    asked.sort_unstable();
    // By symbol: the last class found to need or define it by itself, counted from one.
    let mut own = vec![0u32; graph.len()];
    for of in asked.chunk_by(|a, b| a.0 == b.0) {
        let class = of.first().map_or(0, |a| a.0);
        for id in graph.needs(class).iter().chain(graph.defined(class)) {
            if let Some(own) = own.get_mut(*id as usize) {
                *own = class + 1;
            }
        }
        let mut asks: Vec<_> = of
            .iter()
            .filter(|(_, id)| own.get(*id as usize) != Some(&(class + 1)))
            .map(|(_, id)| graph.ask(*id))
            .collect();
        asks.sort_unstable();
        if !asks.is_empty() {
            order.asks.insert(class, asks);
        }
    }
}

/// Lets stay all that needs one of the symbols, by itself or through others that move.
fn hold_all<'d>(graph: &Graph<'_, 'd>, late: &[Id], order: &mut Order<'d>) {
    let mut seen = vec![false; graph.len()];
    let mut queue = late.to_vec();
    while let Some(id) = queue.pop() {
        let first = seen.get_mut(id as usize);
        if first.is_none_or(|seen| std::mem::replace(seen, true)) {
            continue;
        }
        for &user in graph.users(id) {
            if order.moves(user) {
                order.hold(user, Why::Needs, graph.name(id));
                queue.extend(graph.defined(user));
            }
        }
    }
}
