//! Which symbols a library exports: what the manifest and the request say, else what it is found to be.
//!
//! Three sources say it, for every library or for one: patterns of names ([`patterns`]), presets
//! ([`presets`]), and crates whose C API is meant. Where none speaks of a library, the entry points of a
//! GStreamer plugin are its exports if it has any, else its own C API ([`api`]).
//!
//! What must match:
//! - everything in a library's entry matches a symbol of that library;
//! - everything said for all libraries matches a symbol of some library;
//! - every library has at least one export.
//!
//! A glob never takes a hidden symbol; an exact name does, for static programs.

pub mod api;
mod entries;
mod names;
mod patterns;
pub mod presets;
mod unmatched;

use foldhash::HashSet;
use rayon::prelude::*;

use crate::error::{Code, Diagnostic, Error, Result};
use crate::manifest::{Manifest, PluginEntry};
use crate::protocol::response::{ExportsBy, ExportsFound};
use api::Symbol;
use entries::Entries;
pub use names::NameRules;
use patterns::Pattern;
pub use patterns::check_pattern;
use presets::Preset;

/// `gstjson` -> `json`; what has no leading `gst` stays as it is.
#[must_use]
pub fn plugin_name(library: &str) -> &str {
    match library.strip_prefix("gst") {
        Some(rest) if !rest.is_empty() => rest,
        _ => library,
    }
}

/// A library and the global symbols it defines.
#[derive(Debug, Clone, Copy)]
pub struct Defined<'a, 'n> {
    /// Library name without prefix and suffix.
    pub library: &'a str,
    /// Its Cargo package, where known.
    pub package: Option<&'a str>,
    pub symbols: &'a [Symbol<'n>],
    /// What the format puts before names of C.
    pub decoration: &'static [u8],
    /// The crate that the library was made of; empty where it is none of Rust.
    pub root: &'a str,
    /// All of its crates are the package's own business: it was built from a workspace.
    pub whole: bool,
    /// Names of C that some member refers to.
    pub used: &'a HashSet<&'n [u8]>,
}

/// What a request says of exports, besides the manifest.
#[derive(Debug, Clone, Copy, Default)]
pub struct Asked<'a> {
    pub patterns: &'a [String],
    pub presets: &'a [Preset],
    /// Crates whose C API is exported.
    pub crates: &'a [String],
}

impl Asked<'_> {
    /// Is nothing asked for?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty() && self.presets.is_empty() && self.crates.is_empty()
    }
}

/// The exports of a run.
#[derive(Debug, Default)]
pub struct Selected<'n> {
    /// By library: names as in the symbol tables, sorted, each once.
    pub exports: Vec<Vec<&'n [u8]>>,
    /// By library: how they were chosen.
    pub found: Vec<ExportsFound>,
    pub warnings: Vec<Diagnostic>,
}

/// One thing that is said of exports.
#[derive(Debug, Clone)]
enum Wish {
    Pattern(Pattern),
    Preset(Preset, Vec<Pattern>),
    Crate(String),
}

impl Wish {
    fn text(&self) -> &str {
        match self {
            Self::Pattern(pattern) => &pattern.text,
            Self::Preset(preset, _) => preset.name(),
            Self::Crate(krate) => krate,
        }
    }
}

/// Wishes of one library, each with its place among those for all; `None`: the library's entry.
type Wishes = Vec<(Option<usize>, Wish)>;

/// The rules of a run, for all its libraries.
#[derive(Debug, Clone)]
pub struct ExportRules<'a> {
    manifest: Option<&'a Manifest>,
    entries: Entries<'a>,
    asked: Asked<'a>,
}

impl<'a> ExportRules<'a> {
    /// `asked` is the request's, besides the manifest's.
    #[must_use]
    pub fn new(manifest: Option<&'a Manifest>, asked: Asked<'a>) -> Self {
        Self {
            manifest,
            entries: Entries::new(manifest.map_or(&[], |m| &m.plugins)),
            asked,
        }
    }

    /// Is the API of crates meant, besides what libraries are found to have?
    #[must_use]
    pub fn speak_of_crates(&self) -> bool {
        let named = |m: &Manifest| {
            !m.exports_of.is_empty() || m.plugins.iter().any(|e| !e.exports_of.is_empty())
        };
        !self.asked.crates.is_empty() || self.manifest.is_some_and(named)
    }

    /// The manifest's entry for a library.
    #[must_use]
    pub fn entry(&self, library: &str, package: Option<&str>) -> Option<&'a PluginEntry> {
        self.entries.find(library, package)
    }

    /// A library's name as it stands for `{plugin}`.
    #[must_use]
    pub fn plugin(&self, library: &'a str, package: Option<&str>) -> &'a str {
        let entry = self.entry(library, package);
        entry
            .and_then(|e| e.plugin.as_deref())
            .unwrap_or_else(|| plugin_name(library))
    }

    /// What is said of one library.
    fn wishes(&self, library: &'a str, package: Option<&str>) -> Result<Wishes> {
        let manifest = self.manifest;
        let plugin = self.plugin(library, package);
        let mut wishes = Wishes::new();
        let patterns = manifest.map_or(&[][..], |m| &m.exports).iter();
        for text in patterns.chain(self.asked.patterns) {
            wishes.push((Some(wishes.len()), pattern(text, plugin)?));
        }
        let presets = manifest.map_or(&[][..], |m| &m.preset).iter();
        for &given in presets.chain(self.asked.presets) {
            wishes.push((Some(wishes.len()), preset(given, plugin)?));
        }
        let crates = manifest.map_or(&[][..], |m| &m.exports_of).iter();
        for krate in crates.chain(self.asked.crates) {
            wishes.push((Some(wishes.len()), Wish::Crate(krate.replace('-', "_"))));
        }
        let Some(entry) = self.entry(library, package) else {
            return Ok(wishes);
        };
        for text in &entry.exports {
            wishes.push((None, pattern(text, plugin)?));
        }
        for &given in &entry.preset {
            wishes.push((None, preset(given, plugin)?));
        }
        for krate in &entry.exports_of {
            wishes.push((None, Wish::Crate(krate.replace('-', "_"))));
        }
        Ok(wishes)
    }

    /// The exports of every library of `libraries`.
    ///
    /// # Errors
    /// `manifest-export-unmatched`, with the nearest symbols, for what must match and does not;
    /// `exports-not-found` where nothing is said and nothing is found.
    pub fn select<'n>(&self, libraries: &[Defined<'a, 'n>]) -> Result<Selected<'n>> {
        let mut errors = Vec::new();
        let mut selected = Selected::default();
        // What is said for all, and whether it matched in any.
        let mut everyone: Vec<(Wish, bool)> = Vec::new();
        let taken: Vec<Result<Taken<'n>>> = libraries
            .par_iter()
            .map(|library| self.take(library))
            .collect();
        for (library, taken) in libraries.iter().zip(taken) {
            let taken = taken?;
            let before = errors.len();
            for ((everyones, wish), matched) in &taken.wishes {
                match everyones {
                    Some(at) => match everyone.get_mut(*at) {
                        Some(known) => known.1 |= matched,
                        None => everyone.push((wish.clone(), *matched)),
                    },
                    None if !matched => {
                        errors.push(library.unmatched_in_entry(wish, errors.len() < HINTED));
                    }
                    None => {}
                }
            }
            if !taken.only_crates && taken.names.is_empty() && errors.len() == before {
                errors.push(library.none_of(taken.wishes.iter().map(|((_, w), _)| w)));
            }
            errors.extend(taken.not_found);
            selected.exports.push(taken.names);
            selected.found.push(taken.found);
            selected.warnings.extend(taken.warning);
        }
        if errors.is_empty() {
            let unmatched = everyone.iter().filter(|(_, matched)| !matched);
            let told = unmatched.enumerate();
            errors
                .extend(told.map(|(n, (wish, _))| unmatched::in_all(wish, libraries, n < HINTED)));
        }
        Error::all(errors)?;
        Ok(selected)
    }

    /// What is meant of one library.
    fn take<'n>(&self, library: &Defined<'a, 'n>) -> Result<Taken<'n>> {
        let mut chosen = Chosen::new(library);
        let wishes = self.wishes(library.library, library.package)?;
        let wishes: Vec<_> = wishes
            .into_iter()
            .map(|said| {
                let matched = chosen.take(&said.1);
                (said, matched)
            })
            .collect();
        // A crate's API is meant besides the library's own.
        let only_crates = wishes.iter().all(|((_, w), _)| matches!(w, Wish::Crate(_)));
        let not_found = match only_crates {
            true => chosen.find()?,
            false => None,
        };
        let (names, found, warning) = chosen.finish();
        Ok(Taken {
            wishes,
            only_crates,
            not_found,
            names,
            found,
            warning,
        })
    }

    /// What one library exports, as far as can be told: nothing must match.
    ///
    /// # Errors
    /// `manifest-invalid` for a pattern that is no glob.
    pub fn shown<'n>(&self, library: &Defined<'a, 'n>) -> Result<(Vec<&'n [u8]>, ExportsFound)> {
        let mut chosen = Chosen::new(library);
        let wishes = self.wishes(library.library, library.package)?;
        for (_, wish) in &wishes {
            chosen.take(wish);
        }
        if wishes.iter().all(|(_, w)| matches!(w, Wish::Crate(_))) {
            chosen.find()?;
        }
        let (names, found, _) = chosen.finish();
        Ok((names, found))
    }
}

/// What is exported of one library.
struct Taken<'n> {
    /// Each with whether it meant anything here.
    wishes: Vec<((Option<usize>, Wish), bool)>,
    only_crates: bool,
    /// Nothing is said, and nothing was found.
    not_found: Option<Diagnostic>,
    names: Vec<&'n [u8]>,
    found: ExportsFound,
    warning: Option<Diagnostic>,
}

/// `{plugin}` expanded.
fn pattern(text: &str, plugin: &str) -> Result<Wish> {
    Pattern::new(text.replace("{plugin}", plugin)).map(Wish::Pattern)
}

fn preset(preset: Preset, plugin: &str) -> Result<Wish> {
    let patterns = preset.patterns().iter();
    let patterns = patterns.map(|text| Pattern::new(text.replace("{plugin}", plugin)));
    Ok(Wish::Preset(preset, patterns.collect::<Result<_>>()?))
}

/// The exports of one library, as they are chosen.
struct Chosen<'a, 'd, 'n> {
    library: &'a Defined<'d, 'n>,
    /// How many patterns were looked for.
    looked: usize,
    /// Names without decoration, sorted, from the first pattern on that is one of many.
    sorted: Vec<(&'n [u8], &'d Symbol<'n>)>,
    names: Vec<&'n [u8]>,
    found: ExportsFound,
}

impl<'a, 'd, 'n> Chosen<'a, 'd, 'n> {
    fn new(library: &'a Defined<'d, 'n>) -> Self {
        Self {
            library,
            looked: 0,
            sorted: Vec::new(),
            names: Vec::new(),
            found: ExportsFound::default(),
        }
    }

    /// Takes what a wish means; says whether it means anything here.
    fn take(&mut self, wish: &Wish) -> bool {
        let before = self.names.len();
        match wish {
            Wish::Pattern(pattern) => {
                self.matching(pattern);
                self.found.patterns |= self.names.len() > before;
            }
            Wish::Preset(preset, patterns) => {
                for pattern in patterns {
                    self.matching(pattern);
                }
                if self.names.len() > before {
                    self.found.presets.push(*preset);
                    if preset.has_own_natives() {
                        self.names.extend(self.library.own_natives());
                    }
                }
            }
            Wish::Crate(krate) => {
                let api = self.library.api_of(krate);
                self.names.extend(api.names);
                self.found.crates.extend(api.crates);
            }
        }
        self.names.len() > before
    }

    fn matching(&mut self, pattern: &Pattern) {
        let library = self.library;
        let bare = |s: &'d Symbol<'n>| Some((s.name.strip_prefix(library.decoration)?, s));
        let all = library.symbols.iter().filter_map(bare);
        let is = |(bare, s): &(&[u8], &Symbol<'n>)| {
            (s.visible || !pattern.is_glob()) && pattern.matches(bare)
        };
        self.looked += 1;
        if self.looked <= FEW {
            self.names.extend(all.filter(is).map(|(_, s)| s.name));
            return;
        }
        if self.sorted.is_empty() {
            self.sorted = all.collect();
            self.sorted.sort_unstable_by_key(|(bare, _)| *bare);
        }
        let near = pattern.near(&self.sorted).iter().filter(|s| is(s));
        self.names.extend(near.map(|(_, s)| s.name));
    }

    /// Finds the exports of a library of which nothing is said; gives an error where there are none.
    fn find(&mut self) -> Result<Option<Diagnostic>> {
        let plugin = plugin_name(self.library.library);
        if self.take(&preset(Preset::Gstreamer, plugin)?) {
            self.found.by = ExportsBy::EntryPoints;
            return Ok(None);
        }
        let api = self.library.api();
        if api.names.is_empty() {
            // What was asked for of other crates is enough.
            let none = self.names.is_empty();
            return Ok(none.then(|| self.library.no_api()));
        }
        self.names.extend(api.names);
        self.found.crates.extend(api.crates);
        self.found.by = match self.found.crates.is_empty() {
            true => ExportsBy::Library,
            false => ExportsBy::Api,
        };
        if self.names.iter().any(|n| is_of_cxx(n)) {
            self.take(&preset(Preset::Cxx, plugin)?);
        }
        Ok(None)
    }

    fn finish(self) -> (Vec<&'n [u8]>, ExportsFound, Option<Diagnostic>) {
        let (mut names, mut found) = (self.names, self.found);
        names.sort_unstable();
        names.dedup();
        found.crates.sort_unstable();
        found.crates.dedup();
        let warning = match found.by {
            ExportsBy::Asked | ExportsBy::EntryPoints => {
                let left = self.library.left_out(&names);
                unmatched::left_out(self.library, &left, names.len(), &found)
            }
            ExportsBy::Api => {
                let left = self.library.not_found(&names);
                unmatched::left_out(self.library, &left, names.len(), &found)
            }
            ExportsBy::Library | ExportsBy::Program => None,
        };
        (names, found, warning)
    }
}

/// Does the name carry the mark of a cxx bridge?
fn is_of_cxx(name: &[u8]) -> bool {
    name.windows(11).any(|w| w == b"cxxbridge1$")
}

/// So many patterns are looked for in all symbols; sorting these pays for more.
const FEW: usize = 16;

/// How many errors of one kind have a hint that compares names, and how many names a hint lists: who made more
/// slips made one.
const HINTED: usize = 20;

/// Refuses entries of the manifest that speak of none of the libraries at hand.
///
/// # Errors
/// `manifest-entry-unknown`.
pub fn check_entries(manifest: &Manifest, libraries: &[(String, Option<String>)]) -> Result<()> {
    let unknown = Entries::new(&manifest.plugins).unknown(libraries);
    let mut names: Vec<&str> = libraries.iter().map(|(l, _)| l.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let errors = unknown.into_iter().enumerate().map(|(n, entry)| {
        let (what, name) = entry.subject();
        let error = Diagnostic::new(
            Code::ManifestEntryUnknown,
            format!("the manifest speaks of the {what} `{name}`, and no library is of it"),
        );
        if n >= HINTED {
            return error;
        }
        let all = || unmatched::listed(&names, HINTED);
        let near = crate::nearest::did_you_mean(name, names.iter().copied());
        error.hint(near.unwrap_or_else(|| format!("the libraries are {}", all())))
    });
    Error::all(errors.collect())
}

#[cfg(test)]
mod tests;
