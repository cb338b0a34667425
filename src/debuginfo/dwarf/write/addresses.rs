//! The table of addresses (DWARF 5, 7.27): each once an object, for scopes that begin at one place.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use super::bytes::{Bytes, FixTo};

/// Addresses in order of first use.
#[derive(Debug, Default)]
pub(super) struct Addresses {
    index_of: HashMap<(u32, u64), u64, FixedState>,
    all: Vec<(u32, u64)>,
}

/// Bytes of the table's header: units say where its first address is.
pub(super) const HEADER: u64 = 8;

impl Addresses {
    pub fn index(&mut self, section: u32, offset: u64) -> u64 {
        let fresh = self.all.len() as u64;
        let index = *self.index_of.entry((section, offset)).or_insert(fresh);
        if index == fresh {
            self.all.push((section, offset));
        }
        index
    }

    pub fn write(&self, address_size: u8) -> Bytes {
        let mut out = Bytes::default();
        if self.all.is_empty() {
            return out;
        }
        let begun = out.begin();
        out.u16(5);
        out.u8(address_size);
        out.u8(0);
        for &(section, offset) in &self.all {
            out.fix(address_size, FixTo::Code { section, offset });
        }
        out.end(begun);
        out
    }
}
