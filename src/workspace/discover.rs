//! Finds the plugin packages of a workspace: those named, else those of the manifest, else every
//! member that makes a static library or has cargo-c metadata.

use camino::Utf8Path;
use cargo_metadata::{CrateType, Package, Target};
use serde_json::Value;

use super::cargo::Opened;
use super::lock::Lock;
use crate::error::{Code, Diagnostic, Error, Result};
use crate::exports::{Asked, ExportRules};
use crate::manifest::{Manifest, PluginEntry};
use crate::nearest::did_you_mean;
use crate::protocol::response::Plugin;

/// A plugin package.
#[derive(Debug, Clone)]
pub struct Found {
    pub package: Package,
    /// Its library target as rustc knows it.
    pub crate_name: String,
    /// Is it a member of the workspace, and not only something that members depend on?
    pub member: bool,
    pub crate_types: Vec<CrateType>,
    pub plugin: Plugin,
}

impl Found {
    fn has(&self, types: &[CrateType]) -> bool {
        self.crate_types.iter().any(|t| types.contains(t))
    }

    /// Does cargo make a static library of it, under the library's name?
    #[must_use]
    pub fn is_static(&self) -> bool {
        self.member && self.has(&[CrateType::StaticLib]) && self.plugin.library == self.crate_name
    }

    /// Can another package depend on its library?
    #[must_use]
    pub fn is_dependable(&self) -> bool {
        // Not a `dylib`: a static library is made of rlibs alone.
        self.has(&[CrateType::RLib, CrateType::Lib])
    }

    /// Does cargo link more than the static library when it builds it?
    #[must_use]
    pub fn is_linked_too(&self) -> bool {
        self.has(&[CrateType::CDyLib, CrateType::DyLib])
    }
}

/// The plugins of an open workspace, in the order that they are named.
///
/// # Errors
/// Those of [`super::discover`].
pub fn find(opened: &Opened<'_>, manifest: Option<&Manifest>) -> Result<Vec<Found>> {
    let asked = &opened.cargo.request.packages;
    let listed = manifest.map_or(&[][..], |m| &m.plugins);
    let of_entries = of_entries(opened, listed)?;
    let named: Vec<&str> = asked.iter().map(String::as_str).collect();
    let target = opened.target();
    let rules = ExportRules::new(manifest, Asked::default());
    let mut found: Vec<Found> = Vec::new();
    let mut errors = Vec::new();
    let packages = match (named.is_empty(), of_entries.is_empty()) {
        (false, _) => by_name(opened, &named)?,
        (true, false) => of_entries,
        (true, true) => candidates(opened)?,
    };
    for package in packages {
        if found.iter().any(|f| f.package.id == package.id) {
            continue;
        }
        let member = opened.members.workspace_members.contains(&package.id);
        match describe(package, member, target.as_deref(), &rules) {
            Ok(f) => found.push(f),
            Err(e) => errors.extend(e.0),
        }
    }
    errors.extend(duplicates(&found));
    Error::all(errors)?;
    Ok(found)
}

/// Every member that looks like a plugin.
fn candidates(opened: &Opened<'_>) -> Result<Vec<Package>> {
    let packages: Vec<Package> = opened
        .members
        .workspace_packages()
        .into_iter()
        .filter(|p| {
            library(p).is_some_and(|lib| {
                lib.crate_types.contains(&CrateType::StaticLib) || !p.metadata["capi"].is_null()
            })
        })
        .cloned()
        .collect();
    if packages.is_empty() {
        return Err(Diagnostic::new(
            Code::NoStaticLibrary,
            "no package of this workspace makes a static library",
        )
        .file(opened.root().join("Cargo.toml"))
        .hint(
            "name the plugin packages with --package or in the manifest, or give their [lib] \
             crate-type = [\"staticlib\", \"rlib\"]",
        )
        .into());
    }
    Ok(packages)
}

/// The packages that the manifest's entries name, in their order.
fn of_entries(opened: &Opened<'_>, entries: &[PluginEntry]) -> Result<Vec<Package>> {
    let mut found = Vec::new();
    let mut errors = Vec::new();
    for entry in entries {
        let own = match (&entry.library, &entry.package) {
            (Some(library), _) => by_library(opened, library).map_err(Error::from),
            (None, Some(package)) => by_name(opened, &[package]),
            (None, None) => continue,
        };
        match own {
            Ok(packages) => found.extend(packages),
            Err(e) => errors.extend(e.0),
        }
    }
    Error::all(errors)?;
    Ok(found)
}

/// The member that makes this library.
fn by_library(opened: &Opened<'_>, name: &str) -> Result<Vec<Package>, Diagnostic> {
    let members = opened.members.workspace_packages().into_iter();
    let mut libraries: Vec<(String, &Package)> = members
        .filter_map(|p| Some((library_name(p, library(p)?), p)))
        .collect();
    if let Some((_, package)) = libraries.iter().find(|(own, _)| own == name) {
        return Ok(vec![(*package).clone()]);
    }
    libraries.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    let names: Vec<&str> = libraries.iter().map(|(own, _)| own.as_str()).collect();
    let hint = did_you_mean(name, names.iter().copied())
        .unwrap_or_else(|| format!("its libraries are {}", names.join(", ")));
    Err(Diagnostic::new(
        Code::ManifestEntryUnknown,
        format!("no member of this workspace makes the library `{name}`"),
    )
    .file(opened.root().join("Cargo.toml"))
    .hint(hint))
}

/// What a package's library is called: cargo-c lets it have another name than the crate.
fn library_name(package: &Package, lib: &Target) -> String {
    match package.metadata["capi"]["library"]["name"].as_str() {
        Some(name) if !name.is_empty() => name.to_owned(),
        _ => lib.name.replace('-', "_"),
    }
}

/// The packages of these names (`name`, `name@version` or a pattern of names): members, else what members depend on.
fn by_name(opened: &Opened<'_>, names: &[&str]) -> Result<Vec<Package>> {
    let members = &opened.members.packages;
    let mut outside: Option<Vec<Package>> = None;
    let mut found = Vec::new();
    let mut errors = Vec::new();
    for name in names {
        if let Some(package) = members.iter().find(|p| is_named(p, name)) {
            found.push(package.clone());
            continue;
        }
        // As cargo has it: a pattern is for members alone.
        let pattern = globset::Glob::new(name).ok();
        let pattern = pattern.filter(|_| name.contains(['*', '?', '[']));
        if let Some(pattern) = pattern.map(|p| p.compile_matcher()) {
            let before = found.len();
            let matching = members.iter().filter(|p| pattern.is_match(p.name.as_str()));
            found.extend(matching.cloned());
            if found.len() == before {
                errors.push(not_found(opened, name, None));
            }
            continue;
        }
        // The lock file knows without the network what members depend on.
        let bare = name.split('@').next().unwrap_or(name);
        let lock = Lock::read(&opened.root().join("Cargo.lock"))?;
        if let Some(lock) = &lock
            && !lock.packages.iter().any(|p| p.name == bare)
        {
            errors.push(not_found(opened, name, Some(lock)));
            continue;
        }
        if outside.is_none() {
            outside = Some(dependencies(opened)?);
        }
        let mut matching = outside.iter().flatten().filter(|p| is_named(p, name));
        match (matching.next(), matching.next()) {
            (Some(package), None) => found.push(package.clone()),
            (Some(one), Some(other)) => errors.push(
                Diagnostic::new(
                    Code::PackageNotFound,
                    format!("this workspace depends on several packages named `{name}`"),
                )
                .file(opened.root().join("Cargo.toml"))
                .hint(format!(
                    "name one of them: {name}@{} or {name}@{}",
                    one.version, other.version
                )),
            ),
            (None, _) => errors.push(not_found(opened, name, lock.as_ref())),
        }
    }
    Error::all(errors)?;
    Ok(found)
}

/// All packages of the dependency graph for the target.
fn dependencies(opened: &Opened<'_>) -> Result<Vec<Package>> {
    let manifest = opened.root().join("Cargo.toml");
    let mut args = opened.platform_args();
    args.extend(["--manifest-path", manifest.as_str()].map(str::to_owned));
    args.extend(opened.cargo.network_args().into_iter().map(str::to_owned));
    Ok(opened.cargo.metadata(&args)?.packages)
}

fn is_named(package: &Package, name: &str) -> bool {
    match name.split_once('@') {
        Some((name, version)) => {
            package.name.as_str() == name && package.version.to_string() == version
        }
        None => package.name.as_str() == name,
    }
}

fn not_found(opened: &Opened<'_>, name: &str, lock: Option<&Lock>) -> Diagnostic {
    let members = opened.members.packages.iter().map(|p| p.name.as_str());
    let locked = lock.map_or(&[][..], |l| &l.packages);
    let known: Vec<&str> = members
        .clone()
        .chain(locked.iter().map(|p| p.name.as_str()))
        .collect();
    let hint = did_you_mean(name, known).unwrap_or_else(|| {
        let mut names: Vec<&str> = members.collect();
        names.sort_unstable();
        names.truncate(20);
        format!("its members are {}", names.join(", "))
    });
    Diagnostic::new(
        Code::PackageNotFound,
        format!("this workspace has no package `{name}` and depends on none"),
    )
    .file(opened.root().join("Cargo.toml"))
    .hint(hint)
}

/// The library target, also of a package that makes no rlib.
fn library(package: &Package) -> Option<&Target> {
    let types = [
        CrateType::Lib,
        CrateType::RLib,
        CrateType::DyLib,
        CrateType::CDyLib,
        CrateType::StaticLib,
    ];
    package.targets.iter().find(|t| {
        !t.is_example() && !t.is_test() && t.crate_types.iter().any(|c| types.contains(c))
    })
}

fn describe(
    package: Package,
    member: bool,
    target: Option<&str>,
    rules: &ExportRules<'_>,
) -> Result<Found> {
    let none = |what: &str| {
        Diagnostic::new(
            Code::NoStaticLibrary,
            format!("the package `{}` {what}", package.name),
        )
        .file(&package.manifest_path)
        .hint("give its [lib] crate-type = [\"staticlib\", \"rlib\"] or [\"cdylib\", \"rlib\"]")
    };
    let Some(lib) = library(&package) else {
        return Err(none("has no library that could be linked").into());
    };
    let crate_name = lib.name.replace('-', "_");
    let capi = &package.metadata["capi"];
    let library = library_name(&package, lib);
    let found = Found {
        plugin: Plugin {
            file_name: file_name(&library, target),
            plugin: rules
                .plugin(&library, Some(package.name.as_str()))
                .to_owned(),
            package: Some(package.name.to_string()),
            version: Some(package.version.to_string()),
            description: package.description.clone(),
            manifest_path: Some(package.manifest_path.clone()),
            pkg_config_requires: pkg_config_requires(capi),
            library,
            crate_name: Some(crate_name.clone()),
            ..Plugin::default()
        },
        crate_types: lib.crate_types.clone(),
        crate_name,
        member,
        package: package.clone(),
    };
    if !found.is_static() && !found.is_dependable() {
        return Err(none("makes neither a static library nor one that could be wrapped").into());
    }
    Ok(found)
}

/// The file of a static library on a target.
#[must_use]
pub fn file_name(library: &str, target: Option<&str>) -> String {
    let target = target.unwrap_or_default();
    if target.ends_with("-msvc") || target.ends_with("-uefi") {
        format!("{library}.lib")
    } else {
        format!("lib{library}.a")
    }
}

/// `requires` and `requires_private` of cargo-c's metadata, one module each.
fn pkg_config_requires(capi: &Value) -> Vec<String> {
    let mut modules: Vec<String> = Vec::new();
    for field in ["requires", "requires_private"] {
        let value = &capi["pkg_config"][field];
        let texts: Vec<&str> = match value {
            Value::String(text) => vec![text],
            Value::Array(list) => list.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        for module in texts.iter().flat_map(|t| t.split(',')).map(str::trim) {
            if !module.is_empty() && !modules.iter().any(|m| m == module) {
                modules.push(module.to_owned());
            }
        }
    }
    modules
}

/// Plugins that would take each other's place.
fn duplicates(found: &[Found]) -> Vec<Diagnostic> {
    let mut errors = Vec::new();
    for (i, f) in found.iter().enumerate() {
        let before = found.get(..i).unwrap_or_default();
        let same = |what: &str, name: &str, first: &Found| {
            Diagnostic::new(
                Code::ManifestDuplicatePlugin,
                format!(
                    "the packages `{}` and `{}` both make the {what} `{name}`",
                    first.package.name, f.package.name
                ),
            )
            .file(Utf8Path::new(&f.package.manifest_path))
        };
        if let Some(first) = before.iter().find(|b| b.plugin.library == f.plugin.library) {
            errors.push(
                same("library", &f.plugin.library, first)
                    .hint("give one of them another [lib] name, or leave one out"),
            );
        } else if let Some(first) = before.iter().find(|b| b.plugin.plugin == f.plugin.plugin) {
            errors.push(
                same("plugin", &f.plugin.plugin, first)
                    .hint("give one of them another `plugin` name in the manifest"),
            );
        }
    }
    errors
}
