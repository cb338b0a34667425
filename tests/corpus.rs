//! The seeds of the fuzz targets, and a bounded number of mutations of each: no panic, no partial
//! output. The same code as the targets of tests/fuzz runs on them.

#[path = "fuzz/attempts.rs"]
mod attempts;

use std::fs;
use std::panic::catch_unwind;
use std::path::Path;

/// A small generator, so that a failure can be run again.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }

    fn mutate(&mut self, seed: &[u8]) -> Vec<u8> {
        let mut bytes = seed.to_vec();
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len());
            let length = [1, 1, 2, 4, 8][self.below(5)];
            let field = bytes.iter_mut().skip(at).take(length);
            match self.below(5) {
                0 => field.for_each(|b| *b ^= 1 << (at % 8)),
                1 => field.for_each(|b| *b = 0),
                2 => field.for_each(|b| *b = 0xff),
                3 => {
                    let value = self.next().to_le_bytes();
                    field.zip(value).for_each(|(b, v)| *b = v);
                }
                _ if self.below(4) == 0 => bytes.truncate(at),
                _ => {
                    // A part in another's place: offsets that were right, elsewhere.
                    let from = self.below(bytes.len());
                    let part: Vec<u8> = bytes.iter().skip(from).take(length).copied().collect();
                    let field = bytes.iter_mut().skip(at);
                    field.zip(part).for_each(|(b, v)| *b = v);
                }
            }
        }
        bytes
    }
}

/// Tries every seed of a target, and `mutations` of each.
fn try_all(target: &str, attempt: fn(&[u8]), mutations: usize) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus");
    let mut seeds: Vec<_> = fs::read_dir(folder.join(target))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    seeds.sort();
    assert!(seeds.len() > 3, "no seeds of {target}");
    let mut random = Random(0x5eed_c0a9_0500);
    for path in seeds {
        let seed = fs::read(&path).unwrap();
        for round in 0..=mutations {
            let bytes = match round {
                0 => seed.clone(),
                _ => random.mutate(&seed),
            };
            if catch_unwind(|| attempt(&bytes)).is_err() {
                let kept = std::env::temp_dir().join(format!("dragonfire-{target}-{round}"));
                fs::write(&kept, &bytes).unwrap();
                panic!("{}, mutation {round}: {}", path.display(), kept.display());
            }
        }
    }
}

#[test]
fn archives() {
    try_all("archive", attempts::archive, 2000);
}

#[test]
fn objects() {
    try_all("object", attempts::object, 2000);
}

#[test]
fn meld() {
    try_all("pipeline", attempts::pipeline, 150);
}

#[test]
fn dedup() {
    try_all("dedup", attempts::dedup, 150);
}

#[test]
fn seeds_are_few_and_small() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus");
    let sizes = fs::read_dir(folder).unwrap().flat_map(|target| {
        let files = fs::read_dir(target.unwrap().path()).unwrap();
        files.map(|file| file.unwrap().metadata().unwrap().len())
    });
    assert!(sizes.sum::<u64>() < 200_000);
}
