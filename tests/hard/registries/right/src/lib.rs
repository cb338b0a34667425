//! One of two plugins that fill a shared registry, and one of its own.

use hard_reg_shared::{self as shared, Entry};
use linkme::distributed_slice;
use std::sync::atomic::{AtomicI32, Ordering};

#[distributed_slice(shared::PARTS)]
static FIRST: fn() -> i32 = first;

#[distributed_slice(shared::PARTS)]
static SECOND: fn() -> i32 = || 200;

fn first() -> i32 {
    100
}

inventory::submit! { Entry(100) }

/// This plugin's own.
#[distributed_slice]
static OWN_RIGHT: [&i32];

#[distributed_slice(OWN_RIGHT)]
static RIGHT_ONE: &i32 = &100;

#[distributed_slice(OWN_RIGHT)]
static RIGHT_TWO: &i32 = &200;

/// Nobody adds to this one.
#[distributed_slice]
static EMPTY_RIGHT: [i32];

struct Mine(i32);

inventory::collect!(Mine);

inventory::submit! { Mine(200) }

static STARTED: AtomicI32 = AtomicI32::new(0);

#[ctor::ctor]
fn before_main() {
    STARTED.fetch_add(100, Ordering::SeqCst);
}

/// Sum over the shared section registry.
#[unsafe(no_mangle)]
pub extern "C" fn hard_right_parts() -> i32 {
    shared::parts()
}

/// Sum over the shared registry of constructors.
#[unsafe(no_mangle)]
pub extern "C" fn hard_right_entries() -> i32 {
    shared::entries()
}

/// Sum over the plugin's own section registries.
#[unsafe(no_mangle)]
pub extern "C" fn hard_right_own() -> i32 {
    OWN_RIGHT.iter().copied().sum::<i32>() + EMPTY_RIGHT.len() as i32
}

/// Sum over the plugin's own registry of constructors.
#[unsafe(no_mangle)]
pub extern "C" fn hard_right_mine() -> i32 {
    inventory::iter::<Mine>.into_iter().map(|mine| mine.0).sum()
}

#[unsafe(no_mangle)]
pub extern "C" fn hard_right_started() -> i32 {
    STARTED.load(Ordering::SeqCst)
}
