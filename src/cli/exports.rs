//! Exports for people: the names, and in a sentence how they were found.

use std::fmt::Write as _;

use crate::protocol::response::{ExportsBy, ExportsFound, Plugin, Response};

/// How many libraries a sentence names.
const NAMED: usize = 6;

/// The names, one a line; of several libraries each under its file's name.
#[must_use]
pub fn names(response: &Response) -> String {
    let mut text = String::new();
    let several = response.plugins.len() > 1;
    for (at, plugin) in response.plugins.iter().enumerate() {
        if several {
            let gap = if at > 0 { "\n" } else { "" };
            let _ = writeln!(text, "{gap}{}:", plugin.file_name);
        }
        for name in &plugin.exports {
            let _ = writeln!(text, "{name}");
        }
    }
    text
}

/// How many exports each library has and who says so; libraries alike share a line.
#[must_use]
pub fn found(plugins: &[Plugin]) -> String {
    let mut groups: Vec<(usize, &ExportsFound, Vec<&str>)> = Vec::new();
    for plugin in plugins {
        let Some(found) = &plugin.exports_found else {
            continue;
        };
        let count = plugin.exports.len();
        let alike = groups
            .iter_mut()
            .find(|(n, how, _)| *n == count && *how == found);
        match alike {
            Some((_, _, names)) => names.push(&plugin.library),
            None => groups.push((count, found, vec![&plugin.library])),
        }
    }
    let mut text = String::new();
    for (count, how, names) in groups {
        let shown = names.get(..NAMED).unwrap_or(&names).join(", ");
        let more = match names.len().saturating_sub(NAMED) {
            0 => String::new(),
            n => format!(" and {n} more"),
        };
        let noun = if count == 1 { "export" } else { "exports" };
        let each = if names.len() > 1 { " each" } else { "" };
        let _ = writeln!(
            text,
            "{shown}{more}: {count} {noun}{each}: {}",
            how_found(how)
        );
    }
    text
}

/// `C API of crate rustls_ffi`.
#[must_use]
pub fn how_found(found: &ExportsFound) -> String {
    let of_crates = match found.crates.as_slice() {
        [] => None,
        [one] => Some(format!("C API of crate {one}")),
        several => Some(format!("C API of crates {}", several.join(", "))),
    };
    let presets: Vec<&str> = found.presets.iter().map(|p| p.name()).collect();
    let of_presets = match presets.as_slice() {
        [] => None,
        [one] => Some(format!("preset {one}")),
        several => Some(format!("presets {}", several.join(", "))),
    };
    match found.by {
        ExportsBy::EntryPoints => "entry points of a GStreamer plugin".to_owned(),
        ExportsBy::Program => "what the program leaves undefined".to_owned(),
        ExportsBy::Library => "all that it shows, nothing in it is Rust's".to_owned(),
        ExportsBy::Asked | ExportsBy::Api => {
            let patterns = found.patterns.then(|| "as asked for".to_owned());
            let asked = patterns.filter(|_| found.by == ExportsBy::Asked);
            let all: Vec<String> = asked
                .into_iter()
                .chain(of_presets)
                .chain(of_crates)
                .collect();
            all.join(", ")
        }
    }
}
