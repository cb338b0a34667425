//! What each library defines, and which of it is exported.

use rayon::prelude::*;

use crate::error::Result;
use crate::exports::{Defined, ExportRules};
use crate::format::{self, MemberKind};
use crate::input::Inputs;
use crate::protocol::response::Plugin;

/// The symbols that each library defines.
pub fn defined_names<'d>(inputs: &Inputs<'d>) -> Result<Vec<Vec<&'d [u8]>>> {
    inputs
        .libraries
        .par_iter()
        .map(|library| {
            let mut names = Vec::new();
            for member in library.member_ids().map(|m| inputs.member(m)) {
                format::for_each_global(member.kind, member.data, &mut |g| {
                    if g.kind.is_definition() {
                        names.push(g.name);
                    }
                })
                .map_err(|e| e.in_member(member.name).in_file(library.path))?;
            }
            Ok(names)
        })
        .collect()
}

/// What the libraries' format puts before names of C.
pub fn decoration(inputs: &Inputs<'_>) -> &'static [u8] {
    let kinds = inputs.members.iter().map(|m| m.kind);
    let object = kinds
        .into_iter()
        .find(|k| matches!(k, MemberKind::Object(..)));
    object.map_or(b"", format::decoration)
}

/// The exported symbols of each library.
pub fn select_exports<'d>(
    inputs: &Inputs<'d>,
    plugins: &[Plugin],
    rules: &ExportRules<'_>,
) -> Result<Vec<Vec<&'d [u8]>>> {
    let symbols = defined_names(inputs)?;
    let defined: Vec<Defined<'_, 'd>> = inputs
        .libraries
        .iter()
        .zip(plugins)
        .zip(&symbols)
        .map(|((library, plugin), names)| Defined {
            library: &library.name,
            package: plugin.package.as_deref(),
            names,
            decoration: decoration(inputs),
        })
        .collect();
    rules.select(&defined)
}
