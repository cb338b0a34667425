//! Code that link-time optimisation folds into every library on its own.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

/// Words counted in threads, with a panic in one of them.
pub fn work(text: &str) -> i32 {
    let words: Vec<String> = text.split(' ').map(str::to_owned).collect();
    let counts: HashMap<String, i32> = thread::spawn(move || {
        let mut counts = HashMap::new();
        for word in words {
            *counts.entry(word).or_insert(0) += 1;
        }
        counts
    })
    .join()
    .expect("counting");
    let caught = catch_unwind(AssertUnwindSafe(|| {
        *counts.get("missing").expect("no such word")
    }));
    counts.values().max().copied().unwrap_or(0) + 10 * i32::from(caught.is_err())
}
