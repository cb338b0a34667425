//! Which shared members can move, given that linkers read the plugin libraries before the workspace
//! library, and what the members that stay must then ask for early. See the parent's description.

use std::collections::HashMap;

use crate::analysis::identity::members::MemberClasses;
use crate::input::Inputs;

/// Global symbols of a class of members.
#[derive(Debug, Default)]
pub struct Symbols<'d> {
    pub strong: Vec<&'d [u8]>,
    /// Weak and common definitions.
    pub weak: Vec<&'d [u8]>,
    /// Strong undefined ones: they pull members.
    pub needs: Vec<&'d [u8]>,
    /// Whether symbols can be added to its members.
    pub amendable: bool,
    /// Bitcode: what it needs, we cannot tell.
    pub opaque: bool,
}

/// What moves.
#[derive(Debug, Default)]
pub struct Order<'d> {
    /// By class: it moves to the workspace library.
    pub moves: Vec<bool>,
    /// By class that stays: undefined symbols to add to it, sorted.
    pub amend: HashMap<u32, Vec<&'d [u8]>>,
    /// Shared classes that stay because another class defines this symbol too.
    pub doubly_defined: Vec<(u32, &'d [u8])>,
    /// Shared classes that stay because they need this symbol of a member that stays.
    pub needs: Vec<(u32, &'d [u8])>,
}

/// A symbol that is looked for, by number.
type Id = u32;

type Ids<'d> = HashMap<&'d [u8], Id, foldhash::fast::FixedState>;

/// Who defines and needs what, by number.
struct Graph<'s, 'd> {
    symbols: &'s [Symbols<'d>],
    names: Vec<&'d [u8]>,
    /// By symbol: the classes that define it.
    definers: Vec<Vec<u32>>,
    /// By symbol: some definition of it is strong.
    strong: Vec<bool>,
    /// By symbol: the classes that need it.
    users: Vec<Vec<u32>>,
    /// By class: the symbols it needs that some class defines.
    needs: Vec<Vec<Id>>,
    /// By class: the symbols it defines that count.
    defined: Vec<Vec<Id>>,
}

impl<'s, 'd> Graph<'s, 'd> {
    fn new(symbols: &'s [Symbols<'d>]) -> Self {
        let mut graph = Self {
            symbols,
            names: Vec::new(),
            definers: Vec::new(),
            strong: Vec::new(),
            users: Vec::new(),
            needs: Vec::with_capacity(symbols.len()),
            defined: vec![Vec::new(); symbols.len()],
        };
        let mut ids = HashMap::default();
        for (class, of) in (0u32..).zip(symbols) {
            let mut needs = Vec::with_capacity(of.needs.len());
            for name in &of.needs {
                let id = graph.number(&mut ids, name);
                needs.push(id);
                if let Some(users) = graph.users.get_mut(id as usize) {
                    users.push(class);
                }
            }
            graph.needs.push(needs);
        }
        for (class, of) in (0u32..).zip(symbols) {
            for name in &of.strong {
                let id = graph.number(&mut ids, name);
                graph.define(id, class);
                if let Some(strong) = graph.strong.get_mut(id as usize) {
                    *strong = true;
                }
            }
        }
        // Weak definitions count where somebody looks for them, or has a strong one.
        for (class, of) in (0u32..).zip(symbols) {
            for name in &of.weak {
                if let Some(id) = ids.get(name) {
                    graph.define(*id, class);
                }
            }
        }
        for needs in &mut graph.needs {
            needs.retain(|id| {
                graph
                    .definers
                    .get(*id as usize)
                    .is_some_and(|d| !d.is_empty())
            });
        }
        graph
    }

    fn number(&mut self, ids: &mut Ids<'d>, name: &'d [u8]) -> Id {
        *ids.entry(name).or_insert_with(|| {
            self.names.push(name);
            self.users.push(Vec::new());
            self.definers.push(Vec::new());
            self.strong.push(false);
            (self.names.len() - 1) as Id
        })
    }

    fn define(&mut self, id: Id, class: u32) {
        let definers = self.definers.get_mut(id as usize);
        let defined = self.defined.get_mut(class as usize);
        if let (Some(definers), Some(defined)) = (definers, defined)
            && definers.last() != Some(&class)
        {
            definers.push(class);
            defined.push(id);
        }
    }

    fn name(&self, id: Id) -> &'d [u8] {
        self.names.get(id as usize).copied().unwrap_or_default()
    }

    /// Whether all definitions of a symbol are the same to programs: none is strong, so they do not
    /// clash, and a Rust name with its digest stands for one thing.
    fn is_one_thing(&self, id: Id) -> bool {
        self.strong.get(id as usize) == Some(&false) && has_digest(self.name(id))
    }

    fn definers(&self, id: Id) -> &[u32] {
        self.definers.get(id as usize).map_or(&[], Vec::as_slice)
    }

    fn users(&self, id: Id) -> &[u32] {
        self.users.get(id as usize).map_or(&[], Vec::as_slice)
    }

    fn needs(&self, class: u32) -> &[Id] {
        self.needs.get(class as usize).map_or(&[], Vec::as_slice)
    }
}

/// By class: whether two or more libraries hold it.
fn shared(inputs: &Inputs<'_>, classes: &MemberClasses) -> Vec<bool> {
    let mut shared = vec![false; classes.len()];
    for (member, &class) in inputs.members.iter().zip(&classes.class_of) {
        let first = classes.representatives.get(class as usize);
        if let (Some(&first), Some(shared)) = (first, shared.get_mut(class as usize)) {
            *shared |= inputs.member(first).library != member.library;
        }
    }
    shared
}

/// Decides what moves.
#[must_use]
pub fn decide<'d>(
    inputs: &Inputs<'d>,
    classes: &MemberClasses,
    symbols: &[Symbols<'d>],
) -> Order<'d> {
    let graph = Graph::new(symbols);
    let mut order = Order {
        moves: shared(inputs, classes),
        ..Order::default()
    };
    for (class, of) in symbols.iter().enumerate() {
        if of.opaque {
            stay(&mut order.moves, class as u32);
        }
    }
    hold_doubly_defined(&graph, &mut order);
    let late = loop {
        let late = Late::new(&graph, &order.moves);
        let held = late.cannot_move(&graph, &order.moves);
        if held.is_empty() {
            break late;
        }
        for (class, symbol) in held {
            stay(&mut order.moves, class);
            order.needs.push((class, symbol));
        }
    };
    order.amend = late.amend(&graph, &order.moves);
    order
}

fn is(moves: &[bool], class: u32) -> bool {
    moves.get(class as usize).copied().unwrap_or(false)
}

fn stay(moves: &mut [bool], class: u32) {
    if let Some(slot) = moves.get_mut(class as usize) {
        *slot = false;
    }
}

fn hold_doubly_defined<'d>(graph: &Graph<'_, 'd>, order: &mut Order<'d>) {
    for (id, definers) in (0..).zip(&graph.definers) {
        if definers.len() < 2 || graph.is_one_thing(id) {
            continue;
        }
        for &class in definers {
            if is(&order.moves, class) {
                stay(&mut order.moves, class);
                order.doubly_defined.push((class, graph.name(id)));
            }
        }
    }
}

/// For every class that moves, the symbols of members that stay which linking it needs, by itself or
/// through others that move. When the linker meets these needs, the plugin libraries are past.
struct Late {
    /// The late symbols; bits of the sets below.
    symbols: Vec<Id>,
    /// By class.
    sets: HashMap<u32, Vec<u64>>,
}

impl Late {
    fn new(graph: &Graph<'_, '_>, moves: &[bool]) -> Self {
        let mut bits: HashMap<Id, usize> = HashMap::new();
        let mut symbols = Vec::new();
        let mut direct: Vec<(u32, usize)> = Vec::new();
        for class in (0..graph.symbols.len() as u32).filter(|c| is(moves, *c)) {
            for &id in graph.needs(class) {
                let definers = graph.definers(id);
                if !definers.is_empty() && !definers.iter().any(|d| is(moves, *d)) {
                    let bit = *bits.entry(id).or_insert_with(|| {
                        symbols.push(id);
                        symbols.len() - 1
                    });
                    direct.push((class, bit));
                }
            }
        }
        let words = symbols.len().div_ceil(64);
        let mut sets: HashMap<u32, Vec<u64>> = HashMap::new();
        let mut queue = Vec::new();
        for (class, bit) in direct {
            let set = sets.entry(class).or_insert_with(|| vec![0; words]);
            if let Some(word) = set.get_mut(bit / 64) {
                *word |= 1 << (bit % 64);
            }
            queue.push(class);
        }
        // Whoever needs a class that moves needs what that needs.
        while let Some(class) = queue.pop() {
            let Some(set) = sets.get(&class).cloned() else {
                continue;
            };
            for id in defined(graph, class) {
                for &user in graph.users(id).iter().filter(|u| is(moves, **u)) {
                    let of_user = sets.entry(user).or_insert_with(|| vec![0; words]);
                    let before = of_user.clone();
                    of_user.iter_mut().zip(&set).for_each(|(a, b)| *a |= b);
                    if *of_user != before {
                        queue.push(user);
                    }
                }
            }
        }
        Self { symbols, sets }
    }

    fn members(&self, set: &[u64]) -> impl Iterator<Item = Id> {
        self.symbols.iter().enumerate().filter_map(|(bit, id)| {
            let word = set.get(bit / 64)?;
            (word >> (bit % 64) & 1 == 1).then_some(*id)
        })
    }

    /// Classes that move but must not, each with a late symbol of its own.
    fn cannot_move<'d>(&self, graph: &Graph<'_, 'd>, moves: &[bool]) -> Vec<(u32, &'d [u8])> {
        let opaque = graph.symbols.iter().any(|s| s.opaque);
        let mut held = Vec::new();
        for (&class, set) in &self.sets {
            let asked_by_programs = || {
                let of = graph.symbols.get(class as usize);
                of.is_some_and(|of| of.strong.iter().any(|s| !is_mangled(s)))
                    && defined(graph, class)
                        .any(|id| graph.users(id).is_empty() && !is_mangled(graph.name(id)))
            };
            // Who stays and needs it must be able to ask for what it needs.
            let cannot_ask = || {
                defined(graph, class).any(|id| {
                    let users = graph.users(id).iter();
                    users
                        .filter(|u| !is(moves, **u))
                        .filter_map(|u| graph.symbols.get(*u as usize))
                        .any(|user| !user.amendable)
                })
            };
            if (opaque || asked_by_programs() || cannot_ask())
                && let Some(id) = self.members(set).next()
            {
                held.push((class, graph.name(id)));
            }
        }
        held.sort_unstable();
        held
    }

    /// What members that stay must ask for, since members that move need it.
    fn amend<'d>(&self, graph: &Graph<'_, 'd>, moves: &[bool]) -> HashMap<u32, Vec<&'d [u8]>> {
        let mut amend: HashMap<u32, Vec<&'d [u8]>> = HashMap::new();
        for (&class, set) in &self.sets {
            for id in defined(graph, class) {
                for &user in graph.users(id).iter().filter(|u| !is(moves, **u)) {
                    let names = self.members(set).map(|id| graph.name(id));
                    amend.entry(user).or_default().extend(names);
                }
            }
        }
        amend.retain(|class, names| {
            names.sort_unstable();
            names.dedup();
            if let Some(of) = graph.symbols.get(*class as usize) {
                let own = [&of.needs, &of.strong, &of.weak];
                names.retain(|name| !own.iter().any(|list| list.contains(name)));
            }
            !names.is_empty()
        });
        amend
    }
}

/// The numbered symbols that a class defines.
fn defined<'g>(graph: &'g Graph<'_, '_>, class: u32) -> impl Iterator<Item = Id> + 'g {
    graph
        .defined
        .get(class as usize)
        .into_iter()
        .flatten()
        .copied()
}

/// Rust's names are not what programs in other languages ask for.
fn is_mangled(name: &[u8]) -> bool {
    let name = std::str::from_utf8(name).unwrap_or_default();
    rustc_demangle::try_demangle(name).is_ok()
}

/// A Rust name with the digest of its crate or of itself; C++ names of the same shape have none.
fn has_digest(name: &[u8]) -> bool {
    let name = std::str::from_utf8(name).unwrap_or_default();
    rustc_demangle::try_demangle(name).is_ok_and(|n| format!("{n}") != format!("{n:#}"))
}
