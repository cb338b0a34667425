//! Which of a library's visible symbols are exports, and which leak.

use super::crates;
use super::providers;
use super::survey::LibrarySurvey;
use crate::error::Result;
use crate::exports::ExportRules;
use crate::input::{Inputs, Library};
use crate::protocol::inspection::{Leaked, LeakedBy};

/// How many leaked symbols are listed.
const LISTED: usize = 50;

/// What a library shows.
#[derive(Debug, Default)]
pub struct Shown {
    pub exports: Vec<String>,
    pub guessed: bool,
    pub leaked: Leaked,
}

/// Sorts a library's visible symbols into exports and leaks. `patterns_given`: somebody named
/// patterns; else those of a GStreamer plugin hold where they match anything, and otherwise what
/// the library's own crate shows unmangled.
///
/// # Errors
/// `manifest-invalid` for a pattern that is no glob.
pub fn shown(
    inputs: &Inputs<'_>,
    library: &Library<'_>,
    package: Option<&str>,
    survey: &LibrarySurvey<'_>,
    rules: &ExportRules<'_>,
    patterns_given: bool,
) -> Result<Shown> {
    let patterns = rules.for_plugin(&library.name, package)?;
    let visible: Vec<Visible<'_>> = survey
        .defined
        .iter()
        .filter(|(_, definition)| definition.visible)
        .map(|(name, definition)| {
            let name = String::from_utf8_lossy(name);
            let kind = inputs.member(definition.member).kind;
            Visible {
                bare: providers::undecorated(kind, &name).to_owned(),
                mangled: crates::of_symbol(name.as_bytes()).is_some() || name.contains("7___rustc"),
                krate: definition.krate,
            }
        })
        .collect();
    let own = library.name.replace('-', "_");
    let matched = |v: &Visible<'_>| patterns.matches(v.bare.as_bytes());
    let guess = !patterns_given && !visible.iter().any(matched);
    let mut shown = Shown {
        guessed: !patterns_given,
        ..Shown::default()
    };
    let mut leaked: Vec<(bool, String)> = Vec::new();
    let mut by_crate: Vec<(&str, u64)> = Vec::new();
    for symbol in visible {
        let export = if guess {
            !symbol.mangled && symbol.krate == own && !runtime_name(&symbol.bare)
        } else {
            matched(&symbol)
        };
        if export {
            shown.exports.push(symbol.bare);
            continue;
        }
        match by_crate.iter_mut().find(|(k, _)| *k == symbol.krate) {
            Some((_, count)) => *count += 1,
            None => by_crate.push((symbol.krate, 1)),
        }
        leaked.push((symbol.mangled, symbol.bare));
    }
    shown.exports.sort_unstable();
    leaked.sort_unstable();
    by_crate.sort_unstable_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    shown.leaked = Leaked {
        count: leaked.len() as u64,
        by_crate: by_crate
            .into_iter()
            .map(|(krate, count)| LeakedBy {
                krate: krate.to_owned(),
                count,
            })
            .collect(),
        symbols: leaked
            .into_iter()
            .take(LISTED)
            .map(|(_, symbol)| symbol)
            .collect(),
    };
    Ok(shown)
}

/// A symbol that others can see.
struct Visible<'d> {
    /// Undecorated.
    bare: String,
    mangled: bool,
    krate: &'d str,
}

/// What rustc puts into every library's own objects.
fn runtime_name(name: &str) -> bool {
    name.starts_with("__rust") || name == "rust_eh_personality" || name.starts_with("DW.ref.")
}
