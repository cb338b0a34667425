//! Which pieces are joined because an archive member of their own would cost more than it saves.
//!
//! Every object costs headers, a symbol table, names and relocations that its neighbours could have settled.
//! What joining costs is what programs then pull and do not use: not only the bytes joined but all that these
//! need. So pieces are joined only where that is nothing:
//! - *into what it needs*: all else that the small piece brings along, the larger one brings along too. Whoever
//!   pulls the small one pulls the larger one anyway; whoever pulls the larger one pays the bytes of the small.
//! - *beside each other*: small pieces that bring along the same.
//!
//! Nor are exports of members joined that do not come along with each other anyway: a program may define one of
//! them itself. Only pieces of the same root sets are joined, and none that holds what lives without being referred to: no
//! program runs a constructor, and no plugin needs a symbol, that it did not without. Within these rules small
//! means ever more bytes, until what the objects cost is in proportion to what they hold.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;

use foldhash::fast::FixedState;

use super::bits::{Bits, ones};
use crate::analysis::components::components;
use crate::analysis::graph::NameId;
use crate::input::LibraryId;

/// What an object costs besides its contents, in bytes: measured on libraries of Rust and C.
const COST: u64 = 1100;

/// What each other object costs that it refers to: a symbol, its name, the relocation.
const EACH: u64 = 72;

/// What the objects may cost, in hundredths of what they hold, and what they may cost anyway, in bytes.
const SHARE: u64 = 22;
const FREE: u64 = 256 << 10;

/// A piece is small up to this share of what it brings along, in hundredths, but within two measures, in
/// bytes. Both are doubled until the objects do not cost too much.
const SMALL: u64 = 1;
const LEAST: u64 = 16;
const MOST: u64 = 256;
const DOUBLED: u32 = 7;

/// Bytes that all rows may have.
const ROWS: usize = 8 << 20;

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
    /// Blocks of whose exports it defines some, where its root set has several.
    pub defines: Vec<(LibraryId, u32)>,
    /// A bit for each block that its units bring along anyway, where that is known.
    pub along: Option<(LibraryId, Bits)>,
}

impl Piece {
    /// Do all of its units bring the block along?
    fn brings(&self, block: &(LibraryId, u32)) -> bool {
        self.defines.binary_search(block).is_ok()
            || self.along.as_ref().is_some_and(|(library, bits)| {
                let word = bits.get(block.1 as usize / 64).copied().unwrap_or(0);
                *library == block.0 && word >> (block.1 % 64) & 1 != 0
            })
    }

    fn fits(&self, other: &Self) -> bool {
        self.defines.iter().all(|block| other.brings(block))
            && other.defines.iter().all(|block| self.brings(block))
    }
}

/// By piece: itself, or what it is joined to (which is joined to nothing).
#[must_use]
pub fn join(mut pieces: Vec<Piece>) -> Vec<u32> {
    for piece in &mut pieces {
        sort(&mut piece.needs);
        piece.names.sort_unstable();
        piece.names.dedup();
        piece.defines.sort_unstable();
        piece.defines.dedup();
    }
    let mut joins = Joins {
        ends: (0..pieces.len() as u32).collect(),
        own: pieces.iter().map(|p| p.bytes).collect(),
        pieces,
    };
    let total: u64 = joins.own.iter().sum();
    for level in 0..=DOUBLED {
        for _ in 0..ROUNDS {
            if !joins.round(level) {
                break;
            }
        }
        if joins.cost() <= (total / 100 * SHARE).max(FREE) {
            break;
        }
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

/// A bit for each piece that is left and each name.
type Row = Box<[u64]>;

/// What each piece that is left brings along: all that it needs, and what that needs, itself left out.
struct Along {
    /// By piece: its column, and its row where it is left.
    column: Vec<u32>,
    rows: Vec<Row>,
    /// By column: the bytes of all that is brought along.
    bytes: Vec<u64>,
}

impl Along {
    fn row(&self, piece: u32) -> &Row {
        &self.rows[self.column[piece as usize] as usize]
    }

    /// Bytes of what the piece brings along.
    fn bytes(&self, piece: u32) -> u64 {
        self.bytes[self.column[piece as usize] as usize]
    }

    /// Does `larger` bring along, or is it, all that `smaller` brings along?
    fn covers(&self, larger: u32, smaller: u32) -> bool {
        let own = self.column[larger as usize] as usize;
        let rows = self.row(larger).iter().zip(self.row(smaller));
        rows.enumerate().all(|(word, (larger, smaller))| {
            let itself = if word == own / 64 { 1 << (own % 64) } else { 0 };
            smaller & !(larger | itself) == 0
        })
    }
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

    /// What the objects cost besides what they hold.
    fn cost(&self) -> u64 {
        let needs = |p: u32| self.pieces[p as usize].needs.len() as u64;
        self.left().map(|p| COST + needs(p) * EACH).sum()
    }

    /// Joins what may be joined; `false` where nothing was.
    fn round(&mut self, level: u32) -> bool {
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
        match self.along() {
            Some(along) => {
                let small = |joins: &Self, p| joins.small(level, p, along.bytes(p));
                let beside = self.beside(small, |_, p| along.row(p).clone());
                self.into(small, &along) || beside
            }
            None => {
                let small = |joins: &Self, p| joins.small(level, p, 0);
                self.beside(small, |joins, p| {
                    let piece = &joins.pieces[p as usize];
                    (piece.needs.clone(), piece.names.clone())
                })
            }
        }
    }

    /// `None` where there are too many pieces for rows.
    fn along(&self) -> Option<Along> {
        let left: Vec<u32> = self.left().collect();
        let mut names: Vec<NameId> = left
            .iter()
            .flat_map(|&p| self.pieces[p as usize].names.iter().copied())
            .collect();
        names.sort_unstable();
        names.dedup();
        let words = (left.len() + names.len()).div_ceil(64);
        if left.len() * words * 8 > ROWS {
            return None;
        }
        let mut column = vec![u32::MAX; self.pieces.len()];
        for (at, &p) in left.iter().enumerate() {
            column[p as usize] = at as u32;
        }
        let needs: Vec<Vec<u32>> = left
            .iter()
            .map(|&p| {
                let needs = self.pieces[p as usize].needs.iter();
                needs.map(|&n| column[n as usize]).collect()
            })
            .collect();
        let component = components(left.len(), |at| &needs[at]);
        // What is needed has a smaller number.
        let mut order: Vec<u32> = (0..left.len() as u32).collect();
        order.sort_by_key(|&at| component[at as usize]);
        let mut rows: Vec<Row> = vec![vec![0; words].into(); left.len()];
        for at in order {
            let mut row = std::mem::take(&mut rows[at as usize]);
            let mut set = |bit: usize| row[bit / 64] |= 1 << (bit % 64);
            for name in &self.pieces[left[at as usize] as usize].names {
                if let Ok(name) = names.binary_search(name) {
                    set(left.len() + name);
                }
            }
            for &need in &needs[at as usize] {
                set(need as usize);
            }
            for &need in &needs[at as usize] {
                let other = &rows[need as usize];
                row.iter_mut().zip(other.iter()).for_each(|(a, b)| *a |= b);
            }
            rows[at as usize] = row;
        }
        let size: Vec<u64> = left
            .iter()
            .map(|&p| self.pieces[p as usize].bytes)
            .collect();
        let bytes = rows
            .iter()
            .map(|row| ones(row).map_while(|at| size.get(at)).sum())
            .collect();
        Some(Along {
            column,
            rows,
            bytes,
        })
    }

    /// Up to how many bytes a piece that brings along so many is small.
    fn small(&self, level: u32, piece: u32, along: u64) -> u64 {
        let all = along + self.pieces[piece as usize].bytes;
        (all / 100 * SMALL).clamp(LEAST << level, MOST << level)
    }

    fn is_small(&self, piece: u32, small: u64) -> bool {
        let piece = &self.pieces[piece as usize];
        piece.bytes <= small && !piece.fixed
    }

    /// Pieces that bring along the same, in their order, until they are not small any more.
    fn beside<K: Hash + Eq>(
        &mut self,
        small: impl Fn(&Self, u32) -> u64,
        key: impl Fn(&Self, u32) -> K,
    ) -> bool {
        let mut open: HashMap<(u32, K), u32, FixedState> = HashMap::default();
        let left = self.left().filter(|&p| self.is_small(p, small(self, p)));
        let left: Vec<u32> = left.collect();
        let mut any = false;
        for p in left {
            let bytes = self.pieces[p as usize].bytes;
            let key = (self.pieces[p as usize].owners, key(self, p));
            match open.entry(key) {
                Entry::Vacant(entry) => {
                    entry.insert(p);
                }
                Entry::Occupied(mut entry) => {
                    let first = *entry.get();
                    if self.pieces[first as usize].bytes + bytes > small(self, p)
                        || !self.fit(p, first)
                    {
                        entry.insert(p);
                        continue;
                    }
                    self.add(p, first);
                    any = true;
                }
            }
        }
        any
    }

    /// Small pieces into one that they need.
    fn into(&mut self, small: impl Fn(&Self, u32) -> u64, along: &Along) -> bool {
        let mut any = false;
        let left: Vec<u32> = self.left().collect();
        for p in left {
            if !self.is_small(p, small(self, p)) {
                continue;
            }
            let piece = &self.pieces[p as usize];
            let mut best: Option<(u64, u32)> = None;
            for &need in &piece.needs {
                // Its row is that of what it was joined to this round.
                let to = self.end(need);
                let other = &self.pieces[to as usize];
                if to == p || other.owners != piece.owners {
                    continue;
                }
                let own = self.own[to as usize];
                let room = (own / 100 * GROWTH).max(small(self, to).min(own));
                let grown = other.bytes - own + piece.bytes;
                if grown <= room
                    && best.is_none_or(|(least, _)| grown < least)
                    && along.covers(to, p)
                    && self.fit(p, to)
                {
                    best = Some((grown, to));
                }
            }
            if let Some((_, to)) = best {
                self.add(p, to);
                any = true;
            }
        }
        any
    }

    /// Does whoever brings one of them along bring along all members of which the other has exports?
    fn fit(&self, piece: u32, other: u32) -> bool {
        self.pieces[piece as usize].fits(&self.pieces[other as usize])
    }

    fn add(&mut self, piece: u32, to: u32) {
        let bytes = self.pieces[piece as usize].bytes;
        let defines = std::mem::take(&mut self.pieces[piece as usize].defines);
        let along = self.pieces[piece as usize].along.take();
        let joined = &mut self.pieces[to as usize];
        joined.bytes += bytes;
        joined.defines.extend(defines);
        joined.defines.sort_unstable();
        joined.defines.dedup();
        joined.along = match (joined.along.take(), along) {
            (Some((library, mut bits)), Some((other, more))) if library == other => {
                bits.iter_mut().zip(more).for_each(|(a, b)| *a &= b);
                Some((library, bits))
            }
            _ => None,
        };
        self.ends[piece as usize] = to;
    }
}
