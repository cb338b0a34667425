//! What a COFF object says about itself as a whole, and how several objects' words join.

use std::collections::BTreeSet;

use foldhash::{HashSet, HashSetExt};
use object::pe;

use crate::error::{Code, Diagnostic, Result};
use crate::format::ObjectTraits;

/// Traits of a COFF object.
#[derive(Debug, Clone, Default)]
pub struct CoffTraits<'d> {
    pub machine: u16,
    /// Value of `@feat.00`, where the object has one.
    pub features: Option<u32>,
    /// Words of `.drectve` that hold for what is left of the object.
    pub directives: Vec<&'d [u8]>,
    /// Symbols that DLLs made of the object export or not, and the words that say so.
    pub exports: Vec<(&'d [u8], Vec<u8>)>,
}

/// Bits of `@feat.00` (PE/COFF, "The .sxdata section"; LLVM's `COFF::Feat00Flags`) that promise a
/// table of symbols in the object: guarded calls, guarded exception continuations. We do not write
/// those tables, so the program must not believe them complete.
const WITH_TABLES: u32 = 0x0800 | 0x4000;

/// What a written object says.
#[derive(Debug, Default)]
pub(super) struct JoinedTraits {
    pub machine: u16,
    pub features: Option<u32>,
    /// Each once, as they come: libraries are searched in this order.
    pub directives: Vec<Vec<u8>>,
    /// The same of single symbols, sorted.
    pub exports: BTreeSet<(Vec<u8>, Vec<u8>)>,
}

pub(super) fn join(all: &[ObjectTraits<'_>]) -> Result<JoinedTraits> {
    let mut joined = JoinedTraits::default();
    let mut known: HashSet<&[u8]> = HashSet::new();
    for (at, traits) in all.iter().enumerate() {
        let own = &traits.coff;
        if at == 0 {
            joined.machine = own.machine;
            joined.features = own.features;
        }
        if joined.machine != own.machine {
            return Err(Diagnostic::new(
                Code::MixedFormats,
                "objects of different machines cannot be joined",
            )
            .into());
        }
        joined.features = match (joined.features, own.features) {
            (Some(a), Some(b)) => Some(a & b & !WITH_TABLES),
            _ => None,
        };
        let words = own.directives.iter().filter(|word| known.insert(word));
        joined.directives.extend(words.map(|word| word.to_vec()));
        let exports = own.exports.iter();
        let exports = exports.map(|(symbol, word)| (symbol.to_vec(), word.clone()));
        joined.exports.extend(exports);
    }
    Ok(joined)
}

/// The machine of these traits.
pub(super) fn machine(traits: &JoinedTraits) -> pe::Machine {
    pe::Machine(traits.machine)
}
