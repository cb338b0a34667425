//! What crates' functions cost in debug information.

use std::collections::BTreeMap;

use super::live::{crate_of, node};
use crate::analysis::Analysis;
use crate::input::Inputs;
use crate::input::crates::{UNKNOWN, member_crates};
use crate::plan::OutputSet;
use crate::protocol::response::CrateBytes;

/// Shares out what each written library has of debug information (`bytes`: plugin libraries in input order, then
/// the workspace library) among the crates whose functions it is said of.
#[must_use]
pub fn by_library(
    inputs: &Inputs<'_>,
    analysis: &Analysis<'_>,
    set: &OutputSet<'_>,
    bytes: &[u64],
) -> Vec<Vec<CrateBytes>> {
    let mut said: Vec<BTreeMap<&str, u64>> = vec![BTreeMap::new(); bytes.len()];
    if bytes.iter().any(|b| *b > 0) {
        let members = member_crates(inputs);
        for made in &set.made {
            let at = made.library.map_or(inputs.libraries.len(), |l| l.index());
            let Some(said) = said.get_mut(at) else {
                continue;
            };
            for (&(class, _), &cost) in made.atoms.iter().zip(&made.debug) {
                if cost == 0 {
                    continue;
                }
                let node = node(analysis, class.index());
                let krate = node.and_then(|n| crate_of(analysis, &members, n));
                *said.entry(krate.unwrap_or(UNKNOWN)).or_default() += cost;
            }
        }
    }
    said.iter()
        .zip(bytes)
        .map(|(said, &bytes)| shares(said, bytes))
        .collect()
}

/// Parts of `bytes` in proportion to what was said; they add up to it.
fn shares(said: &BTreeMap<&str, u64>, bytes: u64) -> Vec<CrateBytes> {
    let all: u128 = said.values().map(|&s| u128::from(s)).sum();
    if all == 0 {
        return Vec::new();
    }
    let upto = |part: u128| (u128::from(bytes) * part / all) as u64;
    let mut before = 0;
    let mut out: Vec<CrateBytes> = said
        .iter()
        .map(|(krate, &part)| {
            let start = upto(before);
            before += u128::from(part);
            CrateBytes {
                krate: (*krate).to_owned(),
                bytes: upto(before) - start,
            }
        })
        .collect();
    sort(&mut out);
    out
}

fn sort(all: &mut [CrateBytes]) {
    all.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.krate.cmp(&b.krate)));
}

/// Adds `more` crates to `all`.
pub fn join(all: &mut Vec<CrateBytes>, more: impl IntoIterator<Item = CrateBytes>) {
    let mut sums: BTreeMap<String, u64> = BTreeMap::new();
    for CrateBytes { krate, bytes } in all.drain(..).chain(more) {
        *sums.entry(krate).or_default() += bytes;
    }
    all.extend(
        sums.into_iter()
            .map(|(krate, bytes)| CrateBytes { krate, bytes }),
    );
    sort(all);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_add_up() {
        let said = BTreeMap::from([("a", 1), ("b", 1), ("c", 5)]);
        let parts = shares(&said, 1000);
        assert_eq!(parts.iter().map(|p| p.bytes).sum::<u64>(), 1000);
        assert_eq!((parts[0].krate.as_str(), parts[0].bytes), ("c", 715));
        let mut all = parts.clone();
        join(&mut all, parts);
        assert_eq!(all.iter().map(|p| p.bytes).sum::<u64>(), 2000);
        assert_eq!(all.len(), 3);
        assert!(shares(&BTreeMap::new(), 7).is_empty());
    }
}
