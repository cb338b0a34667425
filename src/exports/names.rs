//! What the manifest says of names that are no exports.

use std::collections::BTreeSet;

use super::patterns::{AnyOf, Pattern};
use crate::error::Result;
use crate::manifest::Manifest;

/// What the manifest says of names that are no exports.
#[derive(Debug, Clone, Default)]
pub struct NameRules {
    keep: AnyOf,
    keep_vague: AnyOf,
    public: AnyOf,
    isolate: AnyOf,
    /// What the one program defines itself, as in the symbol tables.
    met: BTreeSet<Vec<u8>>,
    /// What the format puts before names of C.
    decoration: &'static [u8],
}

impl NameRules {
    /// # Errors
    /// `manifest-invalid` for a pattern that is none.
    pub fn new(manifest: Option<&Manifest>, decoration: &'static [u8]) -> Result<Self> {
        let Some(manifest) = manifest else {
            return Ok(Self::default());
        };
        let all = |list: &[String]| -> Result<AnyOf> {
            let patterns = list.iter().map(|text| Pattern::new(text.clone()));
            Ok(AnyOf::new(patterns.collect::<Result<Vec<_>>>()?))
        };
        Ok(Self {
            keep: all(&manifest.keep)?,
            keep_vague: all(&manifest.keep_vague)?,
            public: all(&manifest.public)?,
            isolate: all(&manifest.isolate)?,
            met: BTreeSet::new(),
            decoration,
        })
    }

    /// The one program defines these names itself: which definition serves is left to the final linker.
    pub fn meet(&mut self, names: BTreeSet<Vec<u8>>) {
        self.met = names;
    }

    fn any(&self, list: &AnyOf, name: &[u8]) -> bool {
        !list.is_empty() && list.matches(name.strip_prefix(self.decoration).unwrap_or(name))
    }

    /// Is there anything that [`Self::keeps`] would say yes to?
    #[must_use]
    pub fn keeps_any(&self) -> bool {
        !self.keep.is_empty()
    }

    /// Does what has this name, a symbol or a section, live with its member?
    #[must_use]
    pub fn keeps(&self, name: &[u8]) -> bool {
        self.any(&self.keep, name)
    }

    /// Does this vague function stay one with the program's?
    #[must_use]
    pub fn keeps_vague(&self, name: &[u8]) -> bool {
        self.any(&self.keep_vague, name)
    }

    /// Is the name left to the final linker, whatever it is?
    #[must_use]
    pub fn publishes(&self, name: &[u8]) -> bool {
        self.met.contains(name) || self.any(&self.public, name)
    }

    /// Does each library keep its own of this name, made to meet or not?
    #[must_use]
    pub fn isolates(&self, name: &[u8]) -> bool {
        self.any(&self.isolate, name)
    }
}
