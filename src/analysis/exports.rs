//! What each library defines and whose it is, and which of it is exported.

use std::collections::BTreeSet;

use foldhash::{HashSet, HashSetExt};
use rayon::prelude::*;

use crate::analysis::runtime_names::{is_intrinsic, keeps_its_name};
use crate::error::{Code, Diagnostic, Result};
use crate::exports::api::{Owner, Symbol};
use crate::exports::{Defined, ExportRules, Selected};
use crate::format::{self, GlobalKind, MemberKind};
use crate::input::crates::{self, Naming, Origin, UNKNOWN};
use crate::input::{Inputs, Library, Member};
use crate::protocol::response::{ExportsBy, ExportsFound, Plugin};

/// Crates that come with the compiler. Those that std itself depends on show nothing.
const STD: [&str; 9] = [
    "std",
    "core",
    "alloc",
    "proc_macro",
    "test",
    "panic_abort",
    "panic_unwind",
    "unwind",
    "compiler_builtins",
];

/// The global symbols of a library.
#[derive(Default)]
pub struct Symbols<'d> {
    pub defined: Vec<Symbol<'d>>,
    /// Names of C that some member refers to.
    used: HashSet<&'d [u8]>,
    root: &'d str,
}

/// The names that each library defines.
pub fn defined_names<'d>(inputs: &Inputs<'d>) -> Result<Vec<Vec<&'d [u8]>>> {
    let of = |library: &Library<'d>| {
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
    };
    inputs.libraries.par_iter().map(of).collect()
}

/// The symbols of a library. `built` is the crate that it was built of, where that is known.
///
/// # Errors
/// `object-malformed`.
pub fn symbols<'d>(
    inputs: &Inputs<'d>,
    library: &Library<'d>,
    built: Option<&str>,
) -> Result<Symbols<'d>> {
    let archive_root = crates::root(inputs, library);
    let optimised = link_time_optimisation(inputs, library);
    let mut root = archive_root.unwrap_or_default();
    let mut defined = Vec::new();
    let mut used = HashSet::new();
    let mut naming = Naming::default();
    for id in library.member_ids() {
        let member = inputs.member(id);
        let krate = naming.of(member.kind, member.name);
        let is_root = match (optimised, built) {
            // One unit has all crates, and any crate's name.
            (Lto::Fat, _) => !STD.contains(&krate),
            (_, Some(built)) => krate == built,
            (_, None) => Some(krate) == archive_root,
        };
        if is_root && built == Some(krate) {
            root = krate;
        }
        if format::is_import(member.kind, member.data) {
            continue;
        }
        let native = crates::of_member(member.name) == Origin::Native;
        let owner = match (native, archive_root) {
            (_, None) => Owner::Library,
            // rustc puts no objects of others there: the archive was put together by somebody.
            (true, _) if krate == UNKNOWN || is_behind_all(krate, member) => Owner::RootNative,
            (false, _) if is_root => Owner::Root,
            (false, _) if STD.contains(&krate) => Owner::Std,
            (false, _) => Owner::Crate(krate),
            // All objects of other languages come last then.
            (true, _) if optimised != Lto::None => Owner::Native(""),
            (true, _) if is_root => Owner::RootNative,
            (true, _) if STD.contains(&krate) => Owner::Std,
            (true, _) => Owner::Native(krate),
        };
        let format = inputs.format();
        let decoration = format::decoration(member.kind);
        let mangled = |name: &[u8]| {
            let bare = name.strip_prefix(decoration).unwrap_or(name);
            bare.starts_with(b"_ZN") || bare.starts_with(b"_R")
        };
        format::for_each_global(member.kind, member.data, &mut |g| {
            if g.kind.is_definition() {
                defined.push(Symbol {
                    name: g.name,
                    visible: g.visibility.is_outside(),
                    vague: g.kind == GlobalKind::Vague,
                    // A crate's own items have the names that it gives them.
                    runtime: keeps_its_name(format, g.name)
                        || !matches!(owner, Owner::Root | Owner::Crate(_)) && is_intrinsic(g.name),
                    owner,
                });
            } else if !mangled(g.name) {
                used.insert(g.name);
            }
        })
        .map_err(|e| e.in_member(member.name).in_file(library.path))?;
    }
    Ok(Symbols {
        defined,
        used,
        root,
    })
}

/// Is it a member behind those of the crate that comes last, and none of that crate's own objects? Those have a
/// digest before their names, or nothing but names that are reserved for compilers.
fn is_behind_all(krate: &str, member: &Member<'_>) -> bool {
    let digest = |(first, _): (&[u8], &[u8])| {
        first.ends_with(b"-") && first[..16].iter().all(u8::is_ascii_hexdigit)
    };
    if krate != "compiler_builtins" || member.name.split_at_checked(17).is_some_and(digest) {
        return false;
    }
    let decoration = format::decoration(member.kind);
    let mut own = false;
    let looked = format::for_each_global(member.kind, member.data, &mut |g| {
        let bare = g.name.strip_prefix(decoration).unwrap_or(g.name);
        own |= g.kind.is_definition() && g.visibility.is_outside() && !bare.starts_with(b"__");
    });
    looked.is_ok() && own
}

/// How the crates of a library were optimised together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lto {
    None,
    Thin,
    Fat,
}

/// Fat optimisation makes one unit of all crates but the compiler's builtins, which take no part. Thin
/// optimisation makes units of its own of every crate's, whose names have the ending twice.
fn link_time_optimisation(inputs: &Inputs<'_>, library: &Library<'_>) -> Lto {
    let mut thin = false;
    for id in library.member_ids() {
        let name = inputs.member(id).name;
        if matches!(
            crates::of_member(name),
            Origin::Crate("core") | Origin::Shim("core")
        ) {
            return match thin || is_twice_a_unit(name) {
                true => Lto::Thin,
                false => Lto::None,
            };
        }
        thin |= is_twice_a_unit(name);
    }
    Lto::Fat
}

fn is_twice_a_unit(name: &[u8]) -> bool {
    name.windows(8).any(|w| w == b".rcgu.o.")
}

/// What the libraries' format puts before names of C.
pub fn decoration(inputs: &Inputs<'_>) -> &'static [u8] {
    let kinds = inputs.members.iter().map(|m| m.kind);
    let object = kinds
        .into_iter()
        .find(|k| matches!(k, MemberKind::Object(..)));
    object.map_or(b"", format::decoration)
}

/// The symbols of each library.
///
/// # Errors
/// `object-malformed`.
pub fn all_symbols<'d>(inputs: &Inputs<'d>, plugins: &[Plugin]) -> Result<Vec<Symbols<'d>>> {
    let libraries = inputs.libraries.par_iter().enumerate();
    let of = |(at, library): (usize, &Library<'d>)| {
        let built = plugins.get(at).and_then(|p| p.crate_name.as_deref());
        symbols(inputs, library, built)
    };
    libraries.map(of).collect()
}

/// What the rules know of a library.
#[must_use]
pub fn define<'a, 'd>(
    library: &'a Library<'d>,
    plugin: Option<&'a Plugin>,
    symbols: &'a Symbols<'d>,
    decoration: &'static [u8],
) -> Defined<'a, 'd> {
    Defined {
        library: &library.name,
        package: plugin.and_then(|p| p.package.as_deref()),
        symbols: &symbols.defined,
        decoration,
        root: symbols.root,
        whole: plugin.is_some_and(|p| p.crate_name.is_some()),
        used: &symbols.used,
    }
}

/// What a program takes of each library: of its `needs`, what the library is the first to define.
///
/// # Errors
/// `exports-not-found` where no library defines any of them.
pub fn select_used<'d>(
    inputs: &Inputs<'d>,
    plugins: &[Plugin],
    needs: &BTreeSet<Vec<u8>>,
) -> Result<Selected<'d>> {
    let symbols = all_symbols(inputs, plugins)?;
    let mut selected = Selected::default();
    let mut served: HashSet<&[u8]> = HashSet::new();
    for of_library in &symbols {
        let defined = of_library.defined.iter();
        let mut names: Vec<&[u8]> = defined
            .filter(|s| !s.runtime && needs.contains(s.name))
            .map(|s| s.name)
            .filter(|name| !served.contains(name))
            .collect();
        names.sort_unstable();
        names.dedup();
        served.extend(&names);
        selected.exports.push(names);
        selected.found.push(ExportsFound {
            by: ExportsBy::Program,
            ..ExportsFound::default()
        });
    }
    if served.is_empty() && !inputs.libraries.is_empty() {
        return Err(Diagnostic::new(
            Code::ExportsNotFound,
            "the program takes nothing from these libraries",
        )
        .hint("`used_by` names the objects and libraries that call them; what is looked up at run time is not seen")
        .into());
    }
    Ok(selected)
}

/// The exported symbols of each library.
///
/// # Errors
/// Those of [`ExportRules::select`].
pub fn select_exports<'d>(
    inputs: &Inputs<'d>,
    plugins: &[Plugin],
    rules: &ExportRules<'_>,
) -> Result<Selected<'d>> {
    let symbols = all_symbols(inputs, plugins)?;
    let decoration = decoration(inputs);
    let defined: Vec<Defined<'_, 'd>> = inputs
        .libraries
        .iter()
        .zip(&symbols)
        .enumerate()
        .map(|(at, (library, symbols))| define(library, plugins.get(at), symbols, decoration))
        .collect();
    rules.select(&defined)
}
