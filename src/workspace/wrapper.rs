//! Generates a workspace of static libraries around plugins that declare none, in the target
//! directory: one package a plugin, whose library has the plugin's name and depends on the plugin.
//!
//! It keeps what the user's workspace says about the build: lock file, patches, profiles, resolver.
//! Nothing of the user's is edited. A generated workspace is complete or absent: its folder is named
//! after its contents and appears by one rename.

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};
use cargo_metadata::{DependencyKind, Package};
use toml::{Table, Value};

use super::cargo::Opened;
use super::discover::Found;
use super::features::{self, Other};
use super::lock::{self, Lock};
use super::profile;
use crate::error::{Code, Diagnostic, Result};
use crate::protocol::request::Workspace;

/// A generated workspace.
#[derive(Debug)]
pub struct Wrapper {
    pub folder: Utf8PathBuf,
    /// Cargo.toml files of its packages, one a plugin, in the same order.
    pub manifests: Vec<Utf8PathBuf>,
}

/// Where everything goes that only the wrapper's build makes.
#[must_use]
pub fn target_dir(target_dir: &Utf8Path) -> Utf8PathBuf {
    target_dir.join("dragonfire")
}

/// Makes the workspace for `plugins`, lock file included.
///
/// # Errors
/// `request-invalid` for features that no plugin has, `lock-would-change`, `output-unwritable`, and
/// cargo's.
pub fn generate(opened: &Opened<'_>, root_toml: &Table, plugins: &[Found]) -> Result<Wrapper> {
    let request = opened.cargo.request;
    let locked = request.locked || request.frozen;
    let mut files: BTreeMap<String, String> = BTreeMap::new();
    let names = names(opened, plugins);
    let features = features::find(opened, plugins)?;
    for ((plugin, name), asked) in plugins.iter().zip(&names).zip(&features.asked) {
        let mut table = member(opened.root(), request, plugin, name, &asked.own)?;
        for other in &asked.others {
            if let Some(package) = features.packages.get(other.package) {
                depend(&mut table, opened.root(), package, other)?;
            }
        }
        files.insert(format!("{name}/Cargo.toml"), print(&table)?);
        // Without std of its own: a plugin without std has its own panic handler.
        let source =
            "//! A plugin as a static library.\n#![no_std]\nextern crate plugin as _;\n".to_owned();
        files.insert(format!("{name}/lib.rs"), source);
    }
    files.insert(
        "Cargo.toml".to_owned(),
        print(&root(opened, root_toml, plugins, &names)?)?,
    );

    let user_lock = user_lock(opened, locked)?;
    let mut digest = blake3::Hasher::new();
    for (name, text) in files.iter().chain([(&"Cargo.lock".to_owned(), &user_lock)]) {
        for part in [name, text] {
            digest.update(&(part.len() as u64).to_le_bytes());
            digest.update(part.as_bytes());
        }
    }
    let digest = digest.finalize().to_hex();
    let parent = target_dir(&opened.target_dir()?).join("wrapper");
    let folder = parent.join(digest.get(..16).unwrap_or_default());
    if !folder.is_dir() {
        write(opened, &parent, &folder, &files, &user_lock)?;
    }
    if locked {
        check_lock(opened, &folder, &names)?;
    }
    Ok(Wrapper {
        manifests: names
            .iter()
            .map(|n| folder.join(n).join("Cargo.toml"))
            .collect(),
        folder,
    })
}

/// The names of the packages, which none of the workspace's has.
fn names(opened: &Opened<'_>, plugins: &[Found]) -> Vec<String> {
    let members = opened.members.packages.iter().map(|p| &p.name);
    let all = members.chain(plugins.iter().map(|p| &p.package.name));
    let mut taken: BTreeSet<String> = all.map(ToString::to_string).collect();
    let names = plugins.iter().map(|plugin| {
        let mut name = format!("{}-dragonfire", plugin.package.name);
        while !taken.insert(name.clone()) {
            name += "-wrapper";
        }
        name
    });
    names.collect()
}

fn print(table: &Table) -> Result<String> {
    toml::to_string(table).map_err(|e| {
        Diagnostic::new(
            Code::Internal,
            format!("cannot print a generated Cargo.toml: {e}"),
        )
        .into()
    })
}

fn unwritable(path: &Utf8Path, error: &std::io::Error) -> Diagnostic {
    let code = match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Code::OutputDiskFull,
        _ => Code::OutputUnwritable,
    };
    Diagnostic::new(
        code,
        format!("cannot write the generated workspace: {error}"),
    )
    .file(path)
}

/// Writes everything beside `folder`, lets cargo complete the lock file, and renames.
fn write(
    opened: &Opened<'_>,
    parent: &Utf8Path,
    folder: &Utf8Path,
    files: &BTreeMap<String, String>,
    user_lock: &str,
) -> Result<()> {
    std::fs::create_dir_all(parent).map_err(|e| unwritable(parent, &e))?;
    let temporary = tempfile::Builder::new()
        .prefix(".new-")
        .tempdir_in(parent)
        .map_err(|e| unwritable(parent, &e))?;
    let Some(place) = Utf8Path::from_path(temporary.path()) else {
        return Err(Diagnostic::new(Code::Internal, "a path is not UTF-8").into());
    };
    let all = files
        .iter()
        .map(|(n, t)| (n.as_str(), t.as_str()))
        .chain([("Cargo.lock", user_lock)]);
    for (name, text) in all.filter(|(_, text)| !text.is_empty()) {
        let path = place.join(name);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|e| unwritable(folder, &e))?;
        }
        std::fs::write(&path, text).map_err(|e| unwritable(&path, &e))?;
    }
    complete_lock(opened, place)?;
    match std::fs::rename(place, folder) {
        // Another run made the same one at the same time.
        Err(_) if folder.is_dir() => Ok(()),
        result => result.map_err(|e| unwritable(folder, &e).into()),
    }
}

/// Adds the wrapper packages to the lock file of the workspace in `folder`, and drops what only
/// others of the user's packages need.
fn complete_lock(opened: &Opened<'_>, folder: &Utf8Path) -> Result<()> {
    let manifest = folder.join("Cargo.toml");
    let mut args = opened.platform_args();
    args.extend(["--manifest-path", manifest.as_str()].map(str::to_owned));
    if opened.cargo.request.offline || opened.cargo.request.frozen {
        args.push("--offline".to_owned());
    }
    opened.cargo.metadata(&args).map(drop)
}

/// The text of the user's lock file; cargo makes it where it is missing, as any build would.
fn user_lock(opened: &Opened<'_>, locked: bool) -> Result<String> {
    let path = opened.root().join("Cargo.lock");
    if !path.is_file() {
        if locked {
            return Err(
                Diagnostic::new(Code::LockWouldChange, "there is no lock file to keep to")
                    .file(path)
                    .hint("run `cargo generate-lockfile`, or build without --locked")
                    .into(),
            );
        }
        let manifest = opened.root().join("Cargo.toml");
        let mut args = vec!["generate-lockfile", "--manifest-path", manifest.as_str()];
        args.extend(opened.cargo.network_args());
        opened.cargo.capture(&args)?;
    }
    std::fs::read_to_string(&path).map_err(|e| {
        Diagnostic::new(
            Code::InputUnreadable,
            format!("cannot read the lock file: {e}"),
        )
        .file(&path)
        .into()
    })
}

fn check_lock(opened: &Opened<'_>, folder: &Utf8Path, own: &[String]) -> Result<()> {
    let path = opened.root().join("Cargo.lock");
    let own_lock = Lock::read(&folder.join("Cargo.lock"))?;
    let (Some(own_lock), Some(user)) = (own_lock, Lock::read(&path)?) else {
        return Err(
            Diagnostic::new(Code::LockWouldChange, "there is no lock file")
                .file(&path)
                .into(),
        );
    };
    let new = own_lock.beyond(&user, own);
    if new.is_empty() {
        Ok(())
    } else {
        Err(lock::would_change(&path, &new).into())
    }
}

/// The generated root manifest.
fn root(opened: &Opened<'_>, user: &Table, plugins: &[Found], names: &[String]) -> Result<Table> {
    let mut workspace = Table::new();
    workspace.insert("members".to_owned(), strings(names));
    workspace.insert("resolver".to_owned(), resolver(user).into());
    let mut table = Table::new();
    table.insert("workspace".to_owned(), workspace.into());
    if let Some(features) = user.get("cargo-features") {
        table.insert("cargo-features".to_owned(), features.clone());
    }
    if let Some(Value::Table(profiles)) = user.get("profile") {
        let local = local_packages(opened, plugins);
        let others = opened.members.packages.iter();
        let others: Vec<&str> = others
            .map(|p| p.name.as_str())
            .filter(|name| !local.iter().any(|p| p.name.as_str() == *name))
            .collect();
        table.insert(
            "profile".to_owned(),
            profile::as_outsiders(profiles, &local, &others).into(),
        );
    }
    for key in ["patch", "replace"] {
        if let Some(Value::Table(overrides)) = user.get(key) {
            let mut overrides = overrides.clone();
            rebase_paths(&mut overrides, opened.root());
            table.insert(key.to_owned(), overrides.into());
        }
    }
    Ok(table)
}

/// The resolver version that the user's workspace has.
fn resolver(user: &Table) -> String {
    let text = |table: Option<&Value>, key: &str| {
        table
            .and_then(|t| t.get(key))
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    let workspace = user.get("workspace");
    let package = user.get("package");
    if let Some(resolver) = text(workspace, "resolver").or_else(|| text(package, "resolver")) {
        return resolver;
    }
    // A virtual workspace has the oldest; a root package's edition decides else.
    let edition = package
        .and_then(|p| p.get("edition"))
        .and_then(|e| match e {
            Value::String(e) => Some(e.clone()),
            _ => text(workspace.and_then(|w| w.get("package")), "edition"),
        });
    match edition.as_deref() {
        None | Some("2015" | "2018") => "1",
        Some("2021") => "2",
        Some(_) => "3",
    }
    .to_owned()
}

/// Makes the `path` of every patch absolute.
fn rebase_paths(table: &mut Table, root: &Utf8Path) {
    for (key, value) in table.iter_mut() {
        match value {
            Value::String(path) if key == "path" => *path = root.join(&*path).into_string(),
            Value::Table(inner) => rebase_paths(inner, root),
            _ => {}
        }
    }
}

/// The members that the plugins are or depend on.
fn local_packages<'o>(opened: &'o Opened<'_>, plugins: &'o [Found]) -> Vec<&'o Package> {
    let mut all: Vec<&Package> = plugins
        .iter()
        .filter(|p| p.member)
        .map(|p| &p.package)
        .collect();
    let mut next = 0;
    while let Some(package) = all.get(next).copied() {
        next += 1;
        let kinds = [DependencyKind::Normal, DependencyKind::Build];
        for dependency in package
            .dependencies
            .iter()
            .filter(|d| kinds.contains(&d.kind))
        {
            let Some(path) = &dependency.path else {
                continue;
            };
            let member = opened
                .members
                .packages
                .iter()
                .find(|p| p.manifest_path.parent() == Some(path.as_path()));
            if let Some(member) = member
                && !all.iter().any(|p| p.id == member.id)
            {
                all.push(member);
            }
        }
    }
    all
}

/// The generated manifest of one wrapper package.
fn member(
    root: &Utf8Path,
    request: &Workspace,
    plugin: &Found,
    name: &str,
    features: &BTreeSet<String>,
) -> Result<Table> {
    let mut dependency = source(root, &plugin.package)?;
    dependency.insert("package".to_owned(), plugin.package.name.as_str().into());
    if request.no_default_features {
        dependency.insert("default-features".to_owned(), false.into());
    }
    if !features.is_empty() {
        let features: Vec<String> = features.iter().cloned().collect();
        dependency.insert("features".to_owned(), strings(&features));
    }
    let mut dependencies = Table::new();
    dependencies.insert("plugin".to_owned(), dependency.into());

    let mut package = Table::new();
    package.insert("name".to_owned(), name.into());
    package.insert(
        "version".to_owned(),
        plugin.package.version.to_string().into(),
    );
    package.insert("edition".to_owned(), "2021".into());
    package.insert("publish".to_owned(), false.into());

    let mut lib = Table::new();
    lib.insert("name".to_owned(), plugin.plugin.library.as_str().into());
    lib.insert("path".to_owned(), "lib.rs".into());
    lib.insert("crate-type".to_owned(), strings(&["staticlib".to_owned()]));

    let mut table = Table::new();
    table.insert("package".to_owned(), package.into());
    table.insert("lib".to_owned(), lib.into());
    table.insert("dependencies".to_owned(), dependencies.into());
    Ok(table)
}

/// Lets the wrapper package depend on what the plugin depends on, for a feature of it: cargo unites the features
/// of all that depend on a package.
fn depend(table: &mut Table, root: &Utf8Path, package: &Package, other: &Other) -> Result<()> {
    let place = match &other.platform {
        Some(platform) => inner(inner(table, "target")?, platform)?,
        None => table,
    };
    let dependencies = inner(place, "dependencies")?;
    // Two of one name are told by their versions.
    let alias = format!("{}-{}", package.name, package.version).replace(['.', '+'], "-");
    if !dependencies.contains_key(&alias) {
        let mut dependency = source(root, package)?;
        dependency.insert("package".to_owned(), package.name.as_str().into());
        dependency.insert("default-features".to_owned(), false.into());
        dependency.insert("features".to_owned(), strings(&[]));
        dependencies.insert(alias.clone(), dependency.into());
    }
    if let Some(Value::Array(features)) = inner(dependencies, &alias)?.get_mut("features") {
        features.push(other.feature.as_str().into());
    }
    Ok(())
}

/// The table within, made where there is none.
fn inner<'t>(table: &'t mut Table, key: &str) -> Result<&'t mut Table> {
    let value = table.entry(key).or_insert_with(|| Table::new().into());
    value.as_table_mut().ok_or_else(|| {
        let message = format!("`{key}` of a generated Cargo.toml is no table");
        Diagnostic::new(Code::Internal, message).into()
    })
}

/// How a manifest names this very package: cargo must find the same source as in the lock file.
fn source(root: &Utf8Path, package: &Package) -> Result<Table> {
    let mut table = Table::new();
    let Some(source) = package.source.as_ref().map(|s| s.repr.as_str()) else {
        let folder = package.manifest_path.parent().unwrap_or(root);
        table.insert("path".to_owned(), folder.as_str().into());
        return Ok(table);
    };
    if let Some(git) = source.strip_prefix("git+") {
        let (url, _) = git.split_once('#').unwrap_or((git, ""));
        let (url, query) = url.split_once('?').unwrap_or((url, ""));
        table.insert("git".to_owned(), url.into());
        for (key, value) in query.split('&').filter_map(|p| p.split_once('=')) {
            if ["branch", "tag", "rev"].contains(&key) {
                table.insert(key.to_owned(), unescape(value).into());
            }
        }
        return Ok(table);
    }
    table.insert("version".to_owned(), format!("={}", package.version).into());
    let default = package.source.as_ref().is_some_and(|s| s.is_crates_io());
    if let Some(index) = source.strip_prefix("registry+")
        && !default
    {
        table.insert("registry-index".to_owned(), index.into());
    } else if source.starts_with("sparse+") && !default {
        table.insert("registry-index".to_owned(), source.into());
    }
    Ok(table)
}

/// `%2F` -> `/`.
fn unescape(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        let code = tail
            .get(..2)
            .filter(|_| first == b'%')
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match code {
            Some(code) => {
                bytes.push(code);
                rest = tail.get(2..).unwrap_or_default();
            }
            None => bytes.push(first),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn strings(list: &[String]) -> Value {
    Value::Array(list.iter().map(|s| s.as_str().into()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Table {
        text.parse().unwrap()
    }

    #[test]
    fn resolvers() {
        for (text, expected) in [
            ("[workspace]\nresolver = '2'", "2"),
            ("[workspace]", "1"),
            ("[package]\nedition = '2021'", "2"),
            ("[package]\nedition = '2024'\nresolver = '1'", "1"),
            ("[package]\nedition = '2018'", "1"),
            (
                "[package]\nedition.workspace = true\n[workspace.package]\nedition = '2024'",
                "3",
            ),
        ] {
            assert_eq!(resolver(&table(text)), expected, "{text}");
        }
    }

    #[test]
    fn patch_paths() {
        let mut patches =
            table("[crates-io]\na = { path = '../a' }\nb = { path = '/b' }\nc = { git = 'path' }");
        rebase_paths(&mut patches, Utf8Path::new("/w"));
        assert_eq!(patches["crates-io"]["a"]["path"].as_str(), Some("/w/../a"));
        assert_eq!(patches["crates-io"]["b"]["path"].as_str(), Some("/b"));
        assert_eq!(patches["crates-io"]["c"]["git"].as_str(), Some("path"));
    }

    #[test]
    fn escapes() {
        assert_eq!(unescape("a%2Fb%"), "a/b%");
        assert_eq!(unescape("%zz"), "%zz");
    }
}
