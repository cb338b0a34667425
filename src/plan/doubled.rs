//! Exports that several libraries' objects define, each its own copy of one member's definition.
//!
//! Linkers take the first library's member for all. What the second library's object has besides may be needed
//! too, and brings its copy along: they are written as weak ones, of which the first serves.

use foldhash::{HashMap, HashMapExt, HashSet, HashSetExt};

use super::partition::Export;
use crate::analysis::Analysis;
use crate::analysis::graph::NameId;
use crate::analysis::identity::atoms::ClassId;
use crate::format::Format;
use crate::input::LibraryId;

/// Their names. COFF has no weak definitions (a weak external stands for another symbol).
#[must_use]
pub(super) fn names(analysis: &Analysis<'_>, exports: &[Export]) -> HashSet<NameId> {
    let mut first: HashMap<NameId, (LibraryId, ClassId)> = HashMap::new();
    let mut doubled = HashSet::new();
    if analysis.format == Format::Coff {
        return doubled;
    }
    for export in exports {
        let library = analysis.sets[export.set].library();
        if analysis.contested.is(library, export.name) {
            continue;
        }
        let known = *first.entry(export.name).or_insert((library, export.class));
        if known.0 != library && known.1 != export.class {
            doubled.insert(export.name);
        }
    }
    doubled
}
