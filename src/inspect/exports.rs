//! Which of a library's visible symbols are exports, and which leak.

use super::crates;
use super::providers;
use super::survey::LibrarySurvey;
use crate::input::Inputs;
use crate::protocol::inspection::{Leaked, LeakedBy};

/// How many leaked symbols are listed.
const LISTED: usize = 50;

/// What a library shows.
#[derive(Debug, Default)]
pub struct Shown {
    pub exports: Vec<String>,
    pub leaked: Leaked,
}

/// Sorts a library's visible symbols into exports, which are `names` (sorted), and leaks.
#[must_use]
pub fn shown(inputs: &Inputs<'_>, survey: &LibrarySurvey<'_>, names: &[&[u8]]) -> Shown {
    let mut shown = Shown::default();
    let mut leaked: Vec<(bool, String)> = Vec::new();
    let mut by_crate: Vec<(&str, u64)> = Vec::new();
    for (bytes, definition) in &survey.defined {
        let export = names.binary_search(bytes).is_ok();
        if !definition.visible && !export {
            continue;
        }
        let name = String::from_utf8_lossy(bytes);
        let kind = inputs.member(definition.member).kind;
        let bare = providers::undecorated(kind, &name).to_owned();
        if export {
            shown.exports.push(bare);
            continue;
        }
        let mangled = crates::of_symbol(bytes).is_some() || name.contains("7___rustc");
        match by_crate.iter_mut().find(|(k, _)| *k == definition.krate) {
            Some((_, count)) => *count += 1,
            None => by_crate.push((definition.krate, 1)),
        }
        leaked.push((mangled, bare));
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
    shown
}
