//! Which of a library's members come along with which, whatever is live in them.
//!
//! Members that pull each other and have exports are a *block*: a program that takes one of its exports links all
//! of them. Exports of different blocks it may take apart, and define those itself that it does not take. Contested
//! names lead nowhere here: the program may have them.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use crate::analysis::components::components;
use crate::analysis::graph::{Graph, NameId, ObjectId};
use crate::analysis::resolve::{Offer, Resolution};

/// Of more blocks, or in more memory, it is not said which come along with which.
const MOST: usize = 4096;
const LIMIT: usize = 256 << 20;

const NONE: u32 = u32::MAX;

/// The pulled members of a library, and whom each pulls.
pub(super) struct Pulls {
    pub index: HashMap<ObjectId, u32, FixedState>,
    needs: Vec<Vec<u32>>,
    /// By pulled member; numbered so that what one needs has an equal or a smaller number.
    pub component: Vec<u32>,
    pub count: usize,
}

impl Pulls {
    /// `leads` says which names are followed.
    pub fn new(
        graph: &Graph<'_>,
        offer: &Offer,
        whole: &Resolution,
        leads: impl Fn(NameId) -> bool,
    ) -> Self {
        let pulled = whole.pulled.iter().enumerate();
        let index: HashMap<ObjectId, u32, FixedState> =
            pulled.map(|(at, p)| (p.object, at as u32)).collect();
        let needs: Vec<Vec<u32>> = whole
            .pulled
            .iter()
            .map(|pulled| {
                let mut to: Vec<u32> = graph.globals[pulled.object.index()]
                    .iter()
                    .filter(|g| g.kind.pulls(graph.format))
                    .map(|g| g.name)
                    .chain(graph.needs(pulled.object))
                    .filter(|&name| leads(name))
                    .filter_map(|name| {
                        let first = offer.definer(name).and_then(|o| index.get(&o));
                        let found = || whole.definition(name).and_then(|s| index.get(&s.object));
                        first.or_else(found).copied()
                    })
                    .collect();
                to.sort_unstable();
                to.dedup();
                to
            })
            .collect();
        let component = components(needs.len(), |at| &needs[at]);
        let count = component.iter().max().map_or(0, |&c| c as usize + 1);
        Self {
            index,
            needs,
            component,
            count,
        }
    }

    #[must_use]
    pub fn component_of(&self, object: ObjectId) -> Option<usize> {
        let at = *self.index.get(&object)?;
        Some(self.component[at as usize] as usize)
    }

    /// By component: the others that it needs, at first hand.
    fn next(&self) -> Vec<Vec<u32>> {
        let mut next: Vec<Vec<u32>> = vec![Vec::new(); self.count];
        for (at, needs) in self.needs.iter().enumerate() {
            let own = self.component[at];
            let others = needs.iter().map(|&to| self.component[to as usize]);
            next[own as usize].extend(others.filter(|&to| to != own));
        }
        for list in &mut next {
            list.sort_unstable();
            list.dedup();
        }
        next
    }

    /// Gives each component, of whose bits there are `words`, those of all that it needs.
    pub fn spread(&self, words: usize, bits: &mut [u64]) {
        for (c, next) in self.next().into_iter().enumerate() {
            for other in next {
                for w in 0..words {
                    bits[c * words + w] |= bits[other as usize * words + w];
                }
            }
        }
    }
}

/// The blocks of a library.
pub struct Blocks {
    pulls: Pulls,
    /// By component.
    block: Vec<u32>,
    count: usize,
    words: usize,
    /// By component: the blocks that it brings along, with its own; empty where that is not said.
    bits: Vec<u64>,
}

impl Blocks {
    /// Finds them. `exports` are those that are not contested.
    #[must_use]
    pub fn new(
        graph: &Graph<'_>,
        offer: &Offer,
        whole: &Resolution,
        exports: impl Iterator<Item = NameId>,
        leads: impl Fn(NameId) -> bool,
    ) -> Self {
        let pulls = Pulls::new(graph, offer, whole, leads);
        let mut block = vec![NONE; pulls.count];
        let mut count = 0;
        for name in exports {
            let site = whole.definition(name);
            let Some(c) = site.and_then(|site| pulls.component_of(site.object)) else {
                continue;
            };
            if block[c] == NONE {
                block[c] = count;
                count += 1;
            }
        }
        let count = count as usize;
        let words = count.div_ceil(64);
        let mut bits = Vec::new();
        if count <= MOST && words * 8 * pulls.count <= LIMIT {
            bits = vec![0u64; words * pulls.count];
            for (c, &block) in block.iter().enumerate().filter(|(_, b)| **b != NONE) {
                bits[c * words + block as usize / 64] |= 1 << (block % 64);
            }
            pulls.spread(words, &mut bits);
        }
        Self {
            pulls,
            block,
            count,
            words,
            bits,
        }
    }

    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// The block of a member that is part of one.
    #[must_use]
    pub fn of(&self, object: ObjectId) -> Option<u32> {
        let block = self.block[self.pulls.component_of(object)?];
        (block != NONE).then_some(block)
    }

    /// A bit for each block that comes along with the member; `None` where that is not known.
    #[must_use]
    pub fn along(&self, object: ObjectId) -> Option<&[u64]> {
        let c = self.pulls.component_of(object)?;
        self.bits.get(c * self.words..(c + 1) * self.words)
    }

    /// By member, the first of the `wanted` blocks that it leads to, besides its own: what these lead to is
    /// theirs to say.
    #[must_use]
    pub fn next(&self, wanted: &[bool]) -> Next<'_> {
        let is_wanted = |block: u32| wanted.get(block as usize).copied().unwrap_or(false);
        let mut first: Vec<Vec<u32>> = Vec::with_capacity(self.pulls.count);
        for next in self.pulls.next() {
            let mut own: Vec<u32> = Vec::new();
            for other in next {
                let block = self.block[other as usize];
                match is_wanted(block) {
                    true => own.push(block),
                    // What is needed has a smaller number.
                    false => own.extend(&first[other as usize]),
                }
            }
            own.sort_unstable();
            own.dedup();
            first.push(own);
        }
        Next {
            blocks: self,
            first,
        }
    }
}

/// See [`Blocks::next`].
pub struct Next<'b> {
    blocks: &'b Blocks,
    first: Vec<Vec<u32>>,
}

impl Next<'_> {
    #[must_use]
    pub fn of(&self, object: ObjectId) -> &[u32] {
        let component = self.blocks.pulls.component_of(object);
        component.map_or(&[], |c| &self.first[c])
    }
}
