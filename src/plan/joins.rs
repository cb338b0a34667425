//! Which pieces are joined because an archive member of their own would cost more than it saves.
//!
//! Every object costs headers, a symbol table, names and relocations that its neighbours could have settled.
//! What joining costs is what programs then pull and do not use: not only the bytes joined but all that these
//! need. So pieces are joined only where that is nothing:
//! - *into what it needs*: all else that the small piece needs, the larger one needs too. Whoever pulls the
//!   small one pulls the larger one anyway; whoever pulls the larger one pays the bytes of the small one.
//! - *beside each other*: small pieces that need the same.
//!
//! Only pieces of the same root sets are joined, and none that holds what lives without being referred to: no
//! program runs a constructor, and no plugin needs a symbol, that it did not without. Within these rules small
//! means ever more bytes, until what the objects cost is in proportion to what they hold.

use std::collections::{BTreeMap, HashMap};

use foldhash::fast::FixedState;

use crate::analysis::graph::NameId;

/// What an object costs besides its contents, in bytes: measured on libraries of Rust and C.
const COST: u64 = 1300;

/// What the objects may cost, in hundredths of what they hold.
const SHARE: u64 = 12;

/// The first measure of small, in bytes, and the last.
const SMALL: u64 = 512;
const NOT_SMALL: u64 = 32 << 10;

/// How often each measure is tried: what was joined may make more of them alike.
const ROUNDS: u32 = 8;

/// What a piece may grow by, in hundredths of its own bytes, however small the others are.
const GROWTH: u64 = 4;

/// Atoms that the same units reach.
#[derive(Debug, Default)]
pub struct Piece {
    pub bytes: u64,
    /// A number for its root sets.
    pub owners: u32,
    /// Holds what lives without being referred to.
    pub fixed: bool,
    /// Other pieces that it refers to.
    pub needs: Vec<u32>,
    /// Names that it leaves to the final linker.
    pub names: Vec<NameId>,
}

/// By piece: itself, or what it is joined to (which is joined to nothing).
#[must_use]
pub fn join(mut pieces: Vec<Piece>) -> Vec<u32> {
    for piece in &mut pieces {
        sort(&mut piece.needs);
        piece.names.sort_unstable();
        piece.names.dedup();
    }
    let mut joins = Joins {
        ends: (0..pieces.len() as u32).collect(),
        own: pieces.iter().map(|p| p.bytes).collect(),
        pieces,
    };
    let total: u64 = joins.own.iter().sum();
    let mut small = SMALL;
    loop {
        for _ in 0..ROUNDS {
            if !joins.round(small) {
                break;
            }
        }
        let left = joins.left().count() as u64;
        if left * COST <= total / 100 * SHARE || small >= NOT_SMALL {
            break;
        }
        small *= 2;
    }
    (0..joins.ends.len() as u32).map(|p| joins.end(p)).collect()
}

fn sort(list: &mut Vec<u32>) {
    list.sort_unstable();
    list.dedup();
}

struct Joins {
    pieces: Vec<Piece>,
    ends: Vec<u32>,
    /// By piece: the bytes that it began with.
    own: Vec<u64>,
}

impl Joins {
    fn end(&self, mut piece: u32) -> u32 {
        while self.ends[piece as usize] != piece {
            piece = self.ends[piece as usize];
        }
        piece
    }

    fn left(&self) -> impl Iterator<Item = u32> + '_ {
        (0..self.ends.len() as u32).filter(|&p| self.ends[p as usize] == p)
    }

    /// Joins what may be joined; `false` where nothing was.
    fn round(&mut self, small: u64) -> bool {
        for p in 0..self.pieces.len() {
            if self.ends[p] == p as u32 {
                let mut needs = std::mem::take(&mut self.pieces[p].needs);
                for need in &mut needs {
                    *need = self.end(*need);
                }
                needs.retain(|&n| n != p as u32);
                sort(&mut needs);
                self.pieces[p].needs = needs;
            }
        }
        let beside = self.beside(small);
        let into = self.into(small);
        beside || into
    }

    fn is_small(&self, piece: u32, small: u64) -> bool {
        let piece = &self.pieces[piece as usize];
        piece.bytes <= small && !piece.fixed
    }

    /// Pieces that need the same, in their order, until they are not small any more.
    fn beside(&mut self, small: u64) -> bool {
        let mut open: HashMap<(u32, Vec<u32>, Vec<NameId>), u32, FixedState> = HashMap::default();
        let mut joined = Vec::new();
        for p in self.left() {
            if !self.is_small(p, small) {
                continue;
            }
            let piece = &self.pieces[p as usize];
            let key = (piece.owners, piece.needs.clone(), piece.names.clone());
            joined.push((p, key));
        }
        let mut any = false;
        for (p, key) in joined {
            let bytes = self.pieces[p as usize].bytes;
            let first = *open.entry(key.clone()).or_insert(p);
            if first == p {
                continue;
            }
            if self.pieces[first as usize].bytes + bytes > small {
                open.insert(key, p);
                continue;
            }
            self.add(p, first);
            any = true;
        }
        any
    }

    /// Small pieces into one that they need.
    fn into(&mut self, small: u64) -> bool {
        let mut any = false;
        let candidates: Vec<u32> = self.left().filter(|&p| self.is_small(p, small)).collect();
        for p in candidates {
            if !self.is_small(p, small) {
                continue;
            }
            let piece = &self.pieces[p as usize];
            let mut fits: BTreeMap<u64, u32> = BTreeMap::new();
            for &need in &piece.needs {
                let to = self.end(need);
                if to == p {
                    continue;
                }
                let other = &self.pieces[to as usize];
                let own = self.own[to as usize];
                let room = (own / 100 * GROWTH).max(small.min(own));
                let grown = other.bytes - own + piece.bytes;
                let all = |n: &u32| {
                    let n = self.end(*n);
                    n == to || other.needs.binary_search(&n).is_ok()
                };
                if other.owners == piece.owners
                    && grown <= room
                    && piece.needs.iter().all(all)
                    && piece
                        .names
                        .iter()
                        .all(|n| other.names.binary_search(n).is_ok())
                {
                    fits.insert(grown, to);
                }
            }
            if let Some((_, &to)) = fits.first_key_value() {
                self.add(p, to);
                any = true;
            }
        }
        any
    }

    fn add(&mut self, piece: u32, to: u32) {
        let bytes = self.pieces[piece as usize].bytes;
        self.pieces[to as usize].bytes += bytes;
        self.ends[piece as usize] = to;
    }
}
