//! Universes: libraries whose Rust runtime resolves differently share no atom at all.
//!
//! Memory of one `#[global_allocator]` must not be freed by another, and std's hidden statics (panic
//! hook, current thread, output capture) must not be common to two panic strategies or two stds.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use memchr::memmem::Finder;

use crate::analysis::graph::{Graph, NameId, ObjectId};
use crate::analysis::identity::entity::digest_anywhere;
use crate::analysis::resolve::{DefinitionSite, Resolution};
use crate::format::model::Definition;

/// Runtime names whose definition decides, without the mangling around them.
const DECIDING: &[&[u8]] = &[
    b"__rust_alloc",
    b"__rust_dealloc",
    b"__rust_realloc",
    b"__rust_alloc_zeroed",
    b"__rust_alloc_error_handler",
    b"__rust_alloc_error_handler_should_panic",
    b"__rg_alloc",
    b"__rg_dealloc",
    b"__rg_realloc",
    b"__rg_alloc_zeroed",
    b"__rg_oom",
    b"__rdl_alloc",
    b"__rdl_dealloc",
    b"__rust_start_panic",
    b"__rust_panic_cleanup",
    b"rust_begin_unwind",
    b"rust_eh_personality",
];

/// The crate of rustc's own items, in the v0 mangling.
static CRATE: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"_7___rust"));

/// Names of the allocator shim: every library has its own copy of it, so contents count, not files.
fn is_shim(name: &[u8]) -> bool {
    name.starts_with(b"__rust_alloc")
        || name.starts_with(b"__rust_dealloc")
        || name.starts_with(b"__rust_realloc")
}

/// `_RNvCs…_7___rustc12___rust_alloc` and `__rust_alloc` -> `__rust_alloc`; `None` for names that decide nothing.
#[must_use]
pub fn plain_name(name: &[u8]) -> Option<&'static [u8]> {
    // Nearly all names are of the older mangling, which these never had.
    if name.starts_with(b"_ZN") || name.starts_with(b"__ZN") {
        return None;
    }
    let tail = match CRATE.find(name) {
        Some(at) => {
            // v0: after the crate `__rustc` a decimal length, `_` where the name begins so.
            let rest = name.get(at + 10..)?;
            let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
            let rest = rest.get(digits..)?;
            if DECIDING.contains(&rest) {
                rest
            } else {
                rest.strip_prefix(b"_").unwrap_or(rest)
            }
        }
        None => name,
    };
    // Mach-O puts an underscore before names that are not mangled.
    let bare = tail.strip_prefix(b"_");
    DECIDING
        .iter()
        .copied()
        .find(|d| *d == tail || Some(*d) == bare)
}

/// By library: the definitions of the names that decide. A name of another std's mangling is another runtime: the
/// plain name is the key.
#[must_use]
pub fn deciding(
    graph: &Graph<'_>,
    resolutions: &[Resolution],
) -> Vec<BTreeMap<&'static [u8], DefinitionSite>> {
    let mut names: Vec<(NameId, &'static [u8])> = Vec::new();
    for (id, name) in graph.names.iter().enumerate() {
        if let Some(plain) = plain_name(name) {
            names.push((NameId(id as u32), plain));
        }
    }
    let sites = |resolution: &Resolution| {
        let sites = names.iter();
        sites
            .filter_map(|(id, plain)| Some((*plain, resolution.definition(*id)?)))
            .collect()
    };
    resolutions.iter().map(sites).collect()
}

/// The universe of each library, numbered from 0 in library order.
#[must_use]
pub fn universes(graph: &Graph<'_>, resolutions: &[Resolution]) -> Vec<u32> {
    let mut known: Vec<BTreeMap<&'static [u8], [u8; 32]>> = Vec::new();
    let mut result = Vec::with_capacity(resolutions.len());
    for sites in deciding(graph, resolutions) {
        let mut own = BTreeMap::new();
        for (plain, site) in sites {
            let value = if is_shim(plain) {
                shim_digest(graph, site.object, site.position)
            } else {
                *blake3::hash(&site.object.0.to_le_bytes()).as_bytes()
            };
            own.insert(plain, value);
        }
        let found = known.iter().position(|k| {
            own.iter()
                .all(|(name, value)| k.get(name).is_none_or(|v| v == value))
        });
        match found {
            Some(at) => {
                known[at].extend(own);
                result.push(at as u32);
            }
            None => {
                known.push(own);
                result.push(known.len() as u32 - 1);
            }
        }
    }
    result
}

fn shim_digest(graph: &Graph<'_>, object: ObjectId, position: u32) -> [u8; 32] {
    let file = graph.file(object);
    let definition = graph
        .global_symbol(object, position)
        .and_then(|s| file.symbols.get(s as usize))
        .map(|s| s.definition);
    match definition {
        Some(Definition::Atom { atom, .. }) => digest_anywhere(file, atom),
        Some(Definition::Absolute(v)) => *blake3::hash(&v.to_le_bytes()).as_bytes(),
        _ => [0; 32],
    }
}

#[cfg(test)]
mod tests {
    use super::plain_name;

    #[test]
    fn finds_the_runtime_names_in_any_mangling() {
        let v0 = b"_RNvCsfLfy6EI15iL_7___rustc12___rust_alloc";
        assert_eq!(plain_name(v0), Some(&b"__rust_alloc"[..]));
        let zeroed = b"_RNvCsfLfy6EI15iL_7___rustc19___rust_alloc_zeroed";
        assert_eq!(plain_name(zeroed), Some(&b"__rust_alloc_zeroed"[..]));
        let begin = b"_RNvCsfLfy6EI15iL_7___rustc17rust_begin_unwind";
        assert_eq!(plain_name(begin), Some(&b"rust_begin_unwind"[..]));
        assert_eq!(
            plain_name(b"rust_eh_personality"),
            Some(&b"rust_eh_personality"[..])
        );
        assert_eq!(plain_name(b"malloc"), None);
    }
}
