//! The commons (gABI `SHN_COMMON`; PE/COFF undefined symbols with a size) of what each library pulls.

use std::collections::BTreeMap;

use super::graph::{NameId, ObjectId};
use super::making::Making;
use super::{Common, RootSet};
use crate::format;
use crate::format::model::Definition;
use crate::input::LibraryId;

impl Making<'_, '_> {
    /// The commons of what each library pulls for any of its root sets.
    pub fn commons(&self, sets: &[RootSet]) -> Vec<BTreeMap<NameId, Common>> {
        let mut all: Vec<BTreeMap<NameId, Common>> = vec![BTreeMap::new(); self.offers.len()];
        for set in sets {
            let pulled = self.resolutions[set.resolution].pulled.iter();
            for object in pulled.map(|p| p.object) {
                self.commons_of(object, &set.libraries, &mut all);
            }
        }
        // What a program takes from a library for another one's sake.
        for (l, objects) in self.wanted.iter().enumerate() {
            for &object in objects {
                self.commons_of(object, &[LibraryId(l as u32)], &mut all);
            }
        }
        all
    }

    fn commons_of(
        &self,
        object: ObjectId,
        libraries: &[LibraryId],
        all: &mut [BTreeMap<NameId, Common>],
    ) {
        for (position, global) in self.graph.globals[object.index()].iter().enumerate() {
            if global.kind != format::GlobalKind::Common {
                continue;
            }
            let file = self.graph.file(object);
            let index = self.graph.global_symbol(object, position as u32);
            let Some((symbol_index, symbol)) =
                index.and_then(|s| Some((s, file.symbols.get(s as usize)?)))
            else {
                continue;
            };
            let Definition::Common { align } = symbol.definition else {
                continue;
            };
            let far = file.far_commons.binary_search(&symbol_index).is_ok();
            for library in libraries {
                let known = all[library.index()].entry(global.name).or_insert(Common {
                    size: 0,
                    align: 1,
                    far,
                    visibility: symbol.visibility,
                });
                known.far &= far;
                known.size = known.size.max(symbol.size);
                known.align = known.align.max(align);
                known.visibility = known.visibility.max(symbol.visibility);
            }
        }
    }
}
