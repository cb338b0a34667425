//! What is said of exports that are asked for and not there, or there and not asked for.

use super::{Defined, Wish};
use crate::error::{Code, Diagnostic};
use crate::nearest::nearest;
use crate::protocol::response::{ExportsBy, ExportsFound};

/// How many names a message lists.
const LISTED: usize = 5;

/// How many of a crate's.
const OF_A_CRATE: usize = 3;

impl Wish {
    /// `exports nothing that matches …`.
    fn failure(&self) -> String {
        let text = self.text();
        match self {
            Self::Pattern(_) => format!("nothing that matches `{text}`"),
            Self::Preset(..) => format!("nothing of the preset `{text}`"),
            Self::Crate(_) => format!("nothing of a crate `{text}`"),
        }
    }
}

impl Defined<'_, '_> {
    /// With a hint where that is wanted: it compares the wish with all names.
    pub(super) fn unmatched_in_entry(&self, wish: &Wish, hinted: bool) -> Diagnostic {
        let message = format!("the library `{}` exports {}", self.library, wish.failure());
        if hinted {
            unmatched(wish, message, &[*self])
        } else {
            Diagnostic::new(Code::ManifestExportUnmatched, message)
        }
    }

    pub(super) fn none_of<'w>(&self, wishes: impl Iterator<Item = &'w Wish> + Clone) -> Diagnostic {
        let first = wishes.clone().next();
        let texts: Vec<&str> = wishes.map(Wish::text).collect();
        let message = format!(
            "the library `{}` defines none of its exports: {}",
            self.library,
            listed(&texts, LISTED)
        );
        match first {
            Some(first) => unmatched(first, message, &[*self]),
            None => Diagnostic::new(Code::ManifestExportUnmatched, message),
        }
    }

    /// Nothing is said of the library's exports, and nothing is found.
    pub(super) fn no_api(&self) -> Diagnostic {
        let candidates = self.candidates();
        let name_them = "name the exported functions with --exports or in the manifest's `exports`";
        if candidates.is_empty() {
            let message = format!(
                "the library `{}` shows no function to programs of C",
                self.library
            );
            return Diagnostic::new(Code::ExportsNotFound, message).hint(name_them);
        }
        let crates = candidates.iter().take(LISTED).map(|(krate, names)| {
            let names = names.iter().map(|n| String::from_utf8_lossy(n));
            let texts: Vec<String> = names.clone().map(String::from).collect();
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            let whose = match krate.is_empty() {
                true => "C objects".to_owned(),
                false => format!("`{krate}`"),
            };
            format!("{whose} ({}: {})", names.len(), listed(&texts, OF_A_CRATE))
        });
        let message = format!(
            "the crate `{}` itself shows no function to programs of C; other parts of the library `{}` \
             do: {}",
            self.root,
            self.library,
            crates.collect::<Vec<_>>().join(", ")
        );
        let named = candidates.iter().find(|(krate, _)| !krate.is_empty());
        let hint = match named {
            Some((krate, _)) => {
                format!(
                    "say whose API it is with --exports-of {krate} or the manifest's `exports_of`, or {name_them}"
                )
            }
            None => name_them.to_owned(),
        };
        Diagnostic::new(Code::ExportsNotFound, message).hint(hint)
    }
}

/// No library has what is asked of all. With a hint where that is wanted.
pub(super) fn in_all(wish: &Wish, libraries: &[Defined<'_, '_>], hinted: bool) -> Diagnostic {
    let message = format!("no library exports {}", wish.failure());
    let message = message.replace("exports nothing", "exports anything");
    if hinted {
        unmatched(wish, message, libraries)
    } else {
        Diagnostic::new(Code::ManifestExportUnmatched, message)
    }
}

/// A warning of what looks like API and is no export.
pub(super) fn left_out(
    library: &Defined<'_, '_>,
    names: &[&[u8]],
    exports: usize,
    found: &ExportsFound,
) -> Option<Diagnostic> {
    if names.is_empty() {
        return None;
    }
    let texts: Vec<String> = names
        .iter()
        .take(LISTED)
        .map(|n| String::from_utf8_lossy(n).into_owned())
        .collect();
    let shown = texts.join(", ");
    let more = match names.len() > texts.len() {
        true => ", …",
        false => "",
    };
    let (verb, hint) = match names.len() {
        1 => ("looks", "export it too if programs call it"),
        _ => ("look", "export them too if programs call them"),
    };
    let place = match found.by {
        ExportsBy::Api => " in other parts of the library",
        _ => "",
    };
    let message = format!(
        "`{}` exports {exports} symbols; {} more {verb} like API{place}: {shown}{more}",
        library.library,
        names.len()
    );
    Some(
        Diagnostic::new(Code::ExportsLeftOut, message)
            .hint(format!("{hint}: --exports, --exports-of")),
    )
}

pub(super) fn listed(texts: &[&str], limit: usize) -> String {
    let shown = texts.get(..limit).unwrap_or(texts).join(", ");
    match texts.len() > limit {
        true => format!("{shown}, …"),
        false => shown,
    }
}

fn unmatched(wish: &Wish, message: String, libraries: &[Defined<'_, '_>]) -> Diagnostic {
    let diagnostic = Diagnostic::new(Code::ManifestExportUnmatched, message);
    let near = match wish {
        Wish::Pattern(pattern) => {
            if let Some(hidden) = hidden(pattern, libraries) {
                return diagnostic.symbol(pattern.text.as_bytes()).hint(hidden);
            }
            near_names(pattern, libraries)
        }
        Wish::Preset(..) => Vec::new(),
        Wish::Crate(krate) => {
            let mut crates: Vec<&str> = libraries.iter().map(|l| l.root).collect();
            let others = libraries.iter().flat_map(Defined::candidates);
            crates.extend(others.map(|(krate, _)| krate).filter(|k| !k.is_empty()));
            crates.sort_unstable();
            crates.dedup();
            let near: Vec<String> = nearest(krate, crates.iter().copied())
                .into_iter()
                .map(|k| format!("`{k}`"))
                .collect();
            if near.is_empty() {
                return diagnostic.hint(format!(
                    "crates with functions for C: {}",
                    listed(&crates, LISTED)
                ));
            }
            near
        }
    };
    let diagnostic = match wish {
        Wish::Pattern(pattern) => diagnostic.symbol(pattern.text.as_bytes()),
        _ => diagnostic,
    };
    let hint = match (near.is_empty(), wish) {
        (false, Wish::Crate(_)) => format!("the nearest crates are {}", near.join(", ")),
        (false, _) => format!("the nearest symbols are {}", near.join(", ")),
        _ => "name the exported functions with --exports or in the manifest's `exports`".to_owned(),
    };
    diagnostic.hint(hint)
}

/// What a glob would match if hidden symbols were meant by globs.
fn hidden(pattern: &super::Pattern, libraries: &[Defined<'_, '_>]) -> Option<String> {
    if !pattern.is_glob() {
        return None;
    }
    let symbols = libraries
        .iter()
        .flat_map(|l| l.symbols.iter().map(|s| (l.bare(s.name), s.visible)));
    let mut names: Vec<String> = symbols
        .filter(|(bare, visible)| !visible && pattern.matches(bare))
        .map(|(bare, _)| String::from_utf8_lossy(bare).into_owned())
        .collect();
    names.sort_unstable();
    names.dedup();
    let texts: Vec<&str> = names.iter().map(String::as_str).collect();
    (!texts.is_empty()).then(|| {
        format!(
            "only hidden symbols match ({}), and globs leave those out: give their exact names",
            listed(&texts, OF_A_CRATE)
        )
    })
}

/// Names that the pattern may have been meant for; of a glob, its beginning counts.
fn near_names(pattern: &super::Pattern, libraries: &[Defined<'_, '_>]) -> Vec<String> {
    let symbols = libraries
        .iter()
        .flat_map(|l| l.symbols.iter().map(|s| l.bare(s.name)));
    let mut names: Vec<&str> = symbols
        .filter_map(|n| std::str::from_utf8(n).ok())
        // Mangled names are nobody's entry point, and there are a hundred thousand of them.
        .filter(|n| !n.starts_with("_Z") && !n.starts_with("_R") && n.len() < 200)
        .collect();
    names.sort_unstable();
    names.dedup();
    let head = match pattern.is_glob() && pattern.prefix.len() > 2 {
        true => pattern.prefix.as_str(),
        false => "",
    };
    let near: Vec<&str> = match head {
        "" => nearest(&pattern.text, names.iter().copied()),
        head => {
            let heads = names.iter().map(|n| n.get(..head.len()).unwrap_or(n));
            let mut heads: Vec<&str> = heads.collect();
            heads.dedup();
            let near = nearest(head, heads).into_iter();
            let of_head = |h: &str| names.iter().find(|n| n.starts_with(h)).copied();
            near.filter_map(of_head).collect()
        }
    };
    near.into_iter().map(|n| format!("`{n}`")).collect()
}
