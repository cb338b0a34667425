//! The addresses that an object's debug information is read with, and back from them to atoms.

use super::CodeRange;

/// Where the code of an object lies in the addresses that its debug information speaks of.
#[derive(Debug, Default)]
pub struct Places {
    /// By atom: its address; `None` for what is no code or too large.
    starts: Vec<Option<u64>>,
    /// (start, end, atom), sorted and apart.
    spans: Vec<(u64, u64, u32)>,
    live: Vec<bool>,
}

/// The first address given out: those below stand for "nowhere", as linkers' tombstones do.
const FIRST: u64 = 0x1000;

impl Places {
    /// Gives addresses to the atoms of a format whose sections have none. `sizes` tells each atom's size in
    /// bytes where debug information may speak of it.
    #[must_use]
    pub fn invent(sizes: impl Iterator<Item = Option<u64>>, live: Vec<bool>) -> Self {
        let mut next = FIRST;
        let at = sizes
            .map(|size| {
                let size = size.filter(|s| *s < u64::from(u32::MAX))?;
                let start = next;
                // An address at an atom's end is not the next one's.
                next = next.checked_add(size + 1)?.checked_next_multiple_of(16)?;
                Some((start, size))
            })
            .collect();
        Self::new(at, live)
    }

    /// Takes over the addresses (and sizes in bytes) that atoms have in their file.
    #[must_use]
    pub fn new(at: Vec<Option<(u64, u64)>>, live: Vec<bool>) -> Self {
        let mut spans: Vec<(u64, u64, u32)> = at
            .iter()
            .enumerate()
            .filter_map(|(atom, at)| {
                let (start, size) = (*at)?;
                let end = start.checked_add(size)?;
                (size < u64::from(u32::MAX)).then_some((start, end, atom as u32))
            })
            .collect();
        spans.sort_unstable();
        // Broken files may have some upon each other.
        let mut last = 0;
        spans.retain(|s| {
            let apart = s.0 >= last;
            if apart {
                last = s.1;
            }
            apart
        });
        Self {
            starts: at.iter().map(|a| a.map(|a| a.0)).collect(),
            spans,
            live,
        }
    }

    /// The atom's address.
    #[must_use]
    pub fn start(&self, atom: u32) -> Option<u64> {
        self.starts.get(atom as usize).copied().flatten()
    }

    /// By atom.
    #[must_use]
    pub fn live(&self) -> &[bool] {
        &self.live
    }

    /// The pieces of live atoms that `begin..end` covers, in order of addresses.
    pub fn pieces(&self, begin: u64, end: u64) -> impl Iterator<Item = CodeRange> + '_ {
        let first = self.spans.partition_point(|s| s.1 <= begin);
        self.spans[first..]
            .iter()
            .take_while(move |s| s.0 < end)
            .filter(|s| self.live.get(s.2 as usize).copied().unwrap_or(false))
            .map(move |&(start, stop, atom)| CodeRange {
                atom,
                start: (begin.max(start) - start) as u32,
                end: (end.min(stop).max(start) - start) as u32,
            })
            .filter(|piece| piece.start < piece.end)
    }

    /// The live atom that an address is in, or at whose end it is, and the offset there.
    #[must_use]
    pub fn at(&self, address: u64) -> Option<(u32, u32)> {
        let after = self.spans.partition_point(|s| s.0 <= address);
        let &(start, end, atom) = self.spans.get(after.checked_sub(1)?)?;
        let live = self.live.get(atom as usize).copied().unwrap_or(false);
        (live && address <= end).then_some((atom, (address - start) as u32))
    }

    /// Does any live atom lie in `begin..end`?
    #[must_use]
    pub fn touches(&self, begin: u64, end: u64) -> bool {
        self.pieces(begin, end).next().is_some()
    }
}
