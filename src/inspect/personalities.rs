//! Personality routines that the code of libraries names, where a program holds a limited number of them.

use std::collections::BTreeSet;

use rayon::prelude::*;

use crate::format;
use crate::input::Inputs;

/// Their names. One that is local to its member is named with it: no other is the same.
#[must_use]
pub fn find(inputs: &Inputs<'_>) -> BTreeSet<String> {
    if format::max_personalities(inputs.format()).is_none() {
        return BTreeSet::new();
    }
    inputs
        .members
        .par_iter()
        .flat_map_iter(|member| {
            let found = format::personalities(member.kind, member.data);
            found.into_iter().map(move |(name, local)| {
                let name = String::from_utf8_lossy(name);
                match local {
                    true => format!("{name} of {}", String::from_utf8_lossy(member.name)),
                    false => name.into_owned(),
                }
            })
        })
        .collect()
}
