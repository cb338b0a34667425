//! Registries that plugins fill without any code running or any reference: the linker gathers them.

pub use inventory;
pub use linkme;
use linkme::distributed_slice;

/// Gathered by section name.
#[distributed_slice]
pub static PARTS: [fn() -> i32];

#[distributed_slice(PARTS)]
static SHARED_PART: fn() -> i32 = shared_part;

fn shared_part() -> i32 {
    1
}

/// Gathered by functions that run before main.
pub struct Entry(pub i32);

inventory::collect!(Entry);

inventory::submit! { Entry(1) }

#[inline(never)]
pub fn parts() -> i32 {
    PARTS.iter().map(|part| part()).sum()
}

#[inline(never)]
pub fn entries() -> i32 {
    inventory::iter::<Entry>
        .into_iter()
        .map(|entry| entry.0)
        .sum()
}
