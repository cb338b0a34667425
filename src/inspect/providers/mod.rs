//! Who provides a symbol that a library needs, and how to link that.
//!
//! The knowledge is data: `rules` (names and prefixes, each with its reason) and [`tables`] (what
//! the C libraries, compilers and system DLLs define, written by `tables/generate.py`).

mod rules;
mod rules_apple;
mod rules_unix;
mod rules_windows;
pub mod tables;

use super::crates;
use crate::format::{Format, Machine, MemberKind};
use crate::protocol::inspection::{Environment, Provider, ProviderKind};
use rules::Rule;

impl ProviderKind {
    /// For people.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::CRuntime => "C runtime",
            Self::Libc => "libc",
            Self::Libm => "libm",
            Self::Libdl => "libdl",
            Self::Pthread => "threads",
            Self::Unwinder => "unwinder",
            Self::CompilerRuntime => "compiler runtime",
            Self::CxxRuntime => "C++ runtime",
            Self::SystemDll => "system DLL",
            Self::SystemLibrary => "system library",
            Self::Framework => "framework",
            Self::PkgConfig => "pkg-config",
            Self::GivenLibrary => "given library",
            Self::Linker => "linker",
            Self::Rust => "Rust",
            Self::Program => "program",
            Self::Foreign => "another system",
            Self::Unknown => "unknown",
        }
    }
}

impl Provider {
    fn new(kind: ProviderKind, name: &str, link: &[&str], why: &str) -> Self {
        Self {
            kind,
            name: name.to_owned(),
            link: link.iter().map(|&l| l.to_owned()).collect(),
            why: why.to_owned(),
        }
    }

    /// Another library of the set.
    #[must_use]
    pub fn given_library(library: &str) -> Self {
        Self::new(
            ProviderKind::GivenLibrary,
            library,
            &[],
            "another library of those given defines it: link both, this one first",
        )
    }

    fn with_reason(mut self, more: &str) -> Self {
        if !self.why.is_empty() {
            self.why.push_str("; ");
        }
        self.why.push_str(more);
        self
    }
}

/// A C name as the source has it: without the underscore that Mach-O puts in front, nor the
/// decoration of 32-bit Windows.
#[must_use]
pub fn undecorated(kind: MemberKind, name: &str) -> &str {
    match kind {
        MemberKind::Object(Format::MachO, _) => name.strip_prefix('_').unwrap_or(name),
        MemberKind::Object(Format::Coff, Machine::X86) | MemberKind::ImportStub(Machine::X86) => {
            without_stdcall(name.strip_prefix('_').unwrap_or(name))
        }
        _ => name,
    }
}

/// `CreateFileW@28` -> `CreateFileW`.
fn without_stdcall(name: &str) -> &str {
    match name.rsplit_once('@') {
        Some((bare, bytes)) if !bare.is_empty() && bytes.bytes().all(|b| b.is_ascii_digit()) => {
            bare
        }
        _ => name,
    }
}

/// Who of `environment` provides `symbol`; `None` where nobody there is known to.
#[must_use]
pub fn at_home(environment: Environment, symbol: &str) -> Option<Provider> {
    let symbol = without_version(environment, symbol);
    let symbol = import_pointer(environment, symbol).unwrap_or(symbol);
    let names = spellings(environment, symbol);
    names.iter().find_map(|name| known(environment, name))
}

/// `memcpy@GLIBC_2.14`, as nm and linkers print it, is `memcpy`.
fn without_version(environment: Environment, symbol: &str) -> &str {
    match symbol.split_once('@') {
        Some((bare, version))
            if environment.format() == Format::Elf
                && !bare.is_empty()
                && version.trim_start_matches('@').contains(['_', '.']) =>
        {
            bare
        }
        _ => symbol,
    }
}

/// Who provides `symbol` in `environment`. `symbol` may be as in a symbol table or in a linker's
/// message: decoration, `__imp_` and versions are understood.
#[must_use]
pub fn provider(environment: Environment, symbol: &str) -> Provider {
    let symbol = without_version(environment, symbol);
    if let Some(imported) = import_pointer(environment, symbol) {
        let inner = provider(environment, imported);
        return inner.with_reason(
            "__imp_ is its pointer in the import table: only an import library has it, never the \
             function's own static library",
        );
    }
    let names = spellings(environment, symbol);
    let known = |e: Environment| names.iter().find_map(|name| known(e, name));
    if let Some(provider) = known(environment) {
        return provider;
    }
    // Known, but elsewhere: an object built for another system is in the library.
    let mut others = Environment::KNOWN;
    others.sort_by_key(|other| other.format() != environment.format());
    for other in others {
        if other == environment || environment == Environment::OtherUnix {
            continue;
        }
        let Some(there) = known(other) else {
            continue;
        };
        // What one writes oneself, or installs, is at home anywhere.
        if matches!(there.kind, ProviderKind::PkgConfig | ProviderKind::Program) {
            return there;
        }
        return Provider {
            kind: ProviderKind::Foreign,
            name: format!("{} ({})", there.name, other.as_str()),
            link: Vec::new(),
            why: format!(
                "no library of {} has it, but {} of {} does: an object in the library was compiled \
                 for that system; build it for this one",
                environment.as_str(),
                there.name,
                other.as_str(),
            ),
        };
    }
    if environment == Environment::OtherUnix
        && let Some(mut provider) = known(Environment::LinuxGlibc)
    {
        provider.name = provider.kind.title().to_owned();
        return provider;
    }
    Provider::new(
        ProviderKind::Unknown,
        "",
        &[],
        "no table knows it: it belongs to a library of the program's own, or to a native library \
         that a -sys crate of the plugin links (see `cargo rustc -- --print native-static-libs`)",
    )
}

/// `__imp_X` and 32-bit Windows' `__imp__X`.
fn import_pointer(environment: Environment, symbol: &str) -> Option<&str> {
    (environment.format() == Format::Coff)
        .then(|| symbol.strip_prefix("__imp_"))
        .flatten()
        .filter(|rest| !rest.is_empty())
}

/// How a symbol may stand in the tables, likeliest first.
fn spellings(environment: Environment, symbol: &str) -> Vec<&str> {
    let mut names = Vec::with_capacity(4);
    let stripped = symbol.strip_prefix('_').filter(|s| !s.is_empty());
    match environment {
        // Linkers print `_pow`; symbol tables hold it; people may type `pow`.
        Environment::Apple => {
            names.extend(stripped);
            names.push(symbol);
            let variants = names.iter().filter_map(|n| n.split_once('$'));
            // `fopen$DARWIN_EXTSN`: a variant of the function.
            let variants: Vec<&str> = variants.map(|(n, _)| n).collect();
            names.extend(variants.into_iter().filter(|n| !n.is_empty()));
        }
        Environment::WindowsMsvc | Environment::WindowsGnu => {
            names.push(symbol);
            names.push(without_stdcall(symbol));
            names.extend(stripped);
            names.extend(stripped.map(without_stdcall));
        }
        _ => names.push(symbol),
    }
    names.dedup();
    names
}

/// Looks one spelling up: named exactly, in a table, by prefix; then as a mangled name.
fn known(environment: Environment, name: &str) -> Option<Provider> {
    let exact = |rule: &&Rule| rule.on.contains(&environment) && rule.names(name);
    if let Some(rule) = rules::all().find(exact) {
        return Some(rule.provider());
    }
    if let Some(provider) = tables::lookup(environment, name) {
        return Some(provider);
    }
    let by_prefix = rules::all()
        .filter(|rule| rule.on.contains(&environment))
        .filter_map(|rule| Some((rule.prefix_of(name)?, rule)))
        .max_by_key(|(length, _)| *length);
    if let Some((_, rule)) = by_prefix {
        return Some(rule.provider());
    }
    // `__rustc::__rust_alloc`, mangled.
    if name.starts_with("_R") && name.contains("7___rustc") {
        return rules::all()
            .find(|rule| rule.names("__rust_alloc"))
            .map(Rule::provider);
    }
    if crates::of_symbol(name.as_bytes()).is_some() {
        return Some(Provider::new(
            ProviderKind::Rust,
            "Rust code",
            &[],
            "a mangled Rust name: its crate is in no library given. Give the workspace library after \
             the plugin libraries; build plugins as crate-type staticlib, not rlib",
        ));
    }
    None
}

#[cfg(test)]
mod tests;
