//! Sets of root sets.

/// A bit for each root set.
pub type Bits = Vec<u64>;

/// The bits that are set, ascending.
pub(super) fn ones(bits: &[u64]) -> impl Iterator<Item = usize> + '_ {
    bits.iter().enumerate().flat_map(|(w, &word)| {
        (0..64)
            .filter(move |b| word >> b & 1 != 0)
            .map(move |b| w * 64 + b)
    })
}

pub(super) fn bits_of(sets: impl Iterator<Item = usize>, words: usize) -> Bits {
    let mut bits = vec![0; words];
    for s in sets {
        bits[s / 64] |= 1 << (s % 64);
    }
    bits
}
