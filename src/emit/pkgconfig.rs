//! pkg-config files: new ones for static libraries, and repairs to those that cargo-c wrote.
//!
//! The order on a link line is plugin libraries, workspace library, native libraries. pkg-config puts
//! a package before the packages that it requires, so each plugin requires the workspace library, and
//! the workspace library requires what two plugins require: only that can anything in it need. Our own
//! files speak of static libraries alone; so everything stands in the public fields, and `--libs`
//! gives the same with `--static` and without. Files of cargo-c serve a shared library as well, whose
//! users need no workspace library: there it goes to `Requires.private`, and so it does in ours where
//! the request says that shared libraries are installed too.

use std::borrow::Cow;

use camino::{Utf8Path, Utf8PathBuf};

use super::link_args::linker_args;
use super::places::{below, folder};
use super::{MetadataFile, Placed, Subject, native};
use crate::error::{Code, Diagnostic, Error, Result};
use crate::format::Format;
use crate::protocol::request::Metadata;
use crate::protocol::response::{FileKind, Plugin};
use crate::workspace::without_leak;

/// Everything that a .pc file says.
#[derive(Debug, Default)]
struct Package<'a> {
    name: &'a str,
    description: &'a str,
    version: &'a str,
    libdir: String,
    /// Folder of headers, where there are any.
    include: Option<String>,
    requires: Vec<String>,
    requires_private: Vec<String>,
    libs: Vec<String>,
    libs_private: Vec<String>,
}

/// A .pc file to patch, and the plugin it is for.
struct Existing<'a> {
    path: &'a Utf8Path,
    text: String,
    plugin: &'a Plugin,
    placed: Placed<'a>,
}

pub(super) fn files(subject: &Subject<'_>, metadata: &Metadata) -> Result<Vec<MetadataFile>> {
    if !metadata.pkg_config && metadata.patch_pkg_config.is_empty() {
        return Ok(Vec::new());
    }
    let existing = existing(subject, metadata)?;
    let dirs = Dirs::new(subject, metadata);
    let workspace = subject.placed_workspace(metadata);
    let workspace_name = workspace.map(|(name, _)| name);
    let mut files = Vec::new();
    for (plugin, placed) in subject.placed(metadata) {
        if let Some(old) = existing.iter().find(|e| e.plugin.library == plugin.library) {
            let installed = metadata.installed_pkg_config_dir.as_deref();
            let pc_dir = installed.unwrap_or_else(|| folder(old.path));
            let libdir = below("${pcfiledir}", pc_dir, old.placed.libdir);
            files.push(MetadataFile {
                kind: FileKind::PkgConfig,
                path: old.path.to_owned(),
                contents: patched(&old.text, &plugin.library, &libdir, workspace_name),
            });
        } else if metadata.pkg_config {
            let mut package = plugin_package(plugin, placed, workspace_name, &dirs);
            if let Some(beside) = metadata.beside.get(&plugin.library) {
                let first = with_beside(subject, placed, beside, workspace.map(|w| w.1));
                package.libs.splice(..1, [first]);
            }
            let include = metadata.include_dir.as_ref();
            package.include = include.map(|i| below("${pcfiledir}", &dirs.installed_plugins, i));
            let package = if metadata.pkg_config_private {
                package.with_private()
            } else {
                package
            };
            files.push(package.file(&dirs.plugins));
        }
    }
    if let Some((name, placed)) = workspace {
        let requires: Vec<Vec<String>> = subject
            .plugins
            .iter()
            .map(|plugin| {
                let old = existing.iter().find(|e| e.plugin.library == plugin.library);
                let mut requires = plugin.pkg_config_requires.clone();
                requires.extend(old.map(|e| required(&e.text)).unwrap_or_default());
                // A file that was patched before.
                requires.retain(|module| module != name);
                requires
            })
            .collect();
        let versions = subject.plugins.iter().filter_map(|p| p.version.clone());
        let old_versions = existing.iter().filter_map(|e| field(&e.text, "Version"));
        let version = metadata.workspace_version.clone();
        let version = version.or_else(|| versions.chain(old_versions).next());
        let mut libs = vec![library_flag(placed)];
        libs.extend(native::dash_l(&workspace_natives(subject, &existing)));
        libs.extend(linker_args(subject));
        let package = Package {
            name,
            description: metadata
                .workspace_description
                .as_deref()
                .unwrap_or("What the Rust plugins of a workspace share"),
            version: version.as_deref().unwrap_or("0"),
            libdir: below("${pcfiledir}", &dirs.installed_workspace, placed.libdir),
            requires: in_two(&requires),
            libs,
            ..Package::default()
        };
        files.push(package.file(&dirs.workspace));
    }
    Ok(files)
}

/// Folders of .pc files: where we write them, and where programs will find them.
struct Dirs {
    plugins: Utf8PathBuf,
    installed_plugins: Utf8PathBuf,
    workspace: Utf8PathBuf,
    installed_workspace: Utf8PathBuf,
}

impl Dirs {
    fn new(subject: &Subject<'_>, metadata: &Metadata) -> Self {
        let beside = metadata.patch_pkg_config.first().map(|p| folder(p));
        let plugins = match (&metadata.pkg_config_dir, beside) {
            (Some(dir), _) => dir.clone(),
            (None, Some(dir)) => dir.to_owned(),
            (None, None) => subject.dir.join("pkgconfig"),
        };
        let installed = metadata.installed_pkg_config_dir.clone();
        let workspace = metadata.workspace_pkg_config_dir.clone();
        Self {
            // A folder of its own is also where it is installed, unless that is said.
            installed_workspace: metadata
                .installed_workspace_pkg_config_dir
                .clone()
                .or_else(|| workspace.clone())
                .or_else(|| installed.clone())
                .unwrap_or_else(|| plugins.clone()),
            workspace: workspace.unwrap_or_else(|| plugins.clone()),
            installed_plugins: installed.unwrap_or_else(|| plugins.clone()),
            plugins,
        }
    }
}

fn plugin_package<'a>(
    plugin: &'a Plugin,
    placed: Placed<'_>,
    workspace: Option<&str>,
    dirs: &Dirs,
) -> Package<'a> {
    let mut libs = vec![library_flag(placed)];
    libs.extend(native::dash_l(&plugin.native_static_libs));
    let workspace = workspace.map(str::to_owned);
    Package {
        name: &plugin.library,
        // pkg-config refuses a package without one.
        description: plugin.description.as_deref().unwrap_or(&plugin.library),
        version: plugin.version.as_deref().unwrap_or("0"),
        libdir: below("${pcfiledir}", &dirs.installed_plugins, placed.libdir),
        requires: workspace
            .into_iter()
            .chain(plugin.pkg_config_requires.iter().cloned())
            .collect(),
        libs,
        ..Package::default()
    }
}

fn library_flag(placed: Placed<'_>) -> String {
    match placed.link_name() {
        Some(name) => format!("-L${{libdir}} -l{name}"),
        None => format!("${{libdir}}/{}", quoted(placed.file_name())),
    }
}

/// The plugin and what needs it and it needs. Linkers of the GNU kind read an archive once, so they are told of
/// the circle, of which what plugins share is a part; others look again.
fn with_beside(
    subject: &Subject<'_>,
    placed: Placed<'_>,
    beside: &[String],
    workspace: Option<Placed<'_>>,
) -> String {
    let mut flags = vec![library_flag(placed)];
    if placed.link_name().is_some() {
        flags.extend(beside.iter().map(|name| format!("-l{name}")));
    } else {
        let suffix = placed.path.extension().unwrap_or("lib");
        flags.extend(
            beside
                .iter()
                .map(|n| format!("${{libdir}}/{}", quoted(&format!("{n}.{suffix}")))),
        );
    }
    if subject.format == Format::MachO || subject.is_msvc() {
        return flags.join(" ");
    }
    let shared = workspace.and_then(|w| w.link_name());
    flags.extend(shared.map(|name| format!("-l{name}")));
    format!("-Wl,--start-group {} -Wl,--end-group", flags.join(" "))
}

/// What at least two plugins require, in order of first mention.
fn in_two(requires: &[Vec<String>]) -> Vec<String> {
    let module = |r: &String| r.split_whitespace().next().unwrap_or_default().to_owned();
    let mut seen: Vec<String> = Vec::new();
    let mut found = Vec::new();
    for requirement in requires.iter().flatten() {
        let name = module(requirement);
        if seen.contains(&name) {
            continue;
        }
        let users = requires
            .iter()
            .filter(|r| r.iter().any(|r| module(r) == name));
        if users.count() > 1 {
            found.push(requirement.clone());
        }
        seen.push(name);
    }
    found
}

/// As [`Subject::workspace_natives`], also from .pc files where the request tells of none.
fn workspace_natives(subject: &Subject<'_>, existing: &[Existing<'_>]) -> Vec<String> {
    if subject
        .plugins
        .iter()
        .any(|p| !p.native_static_libs.is_empty())
    {
        return subject.workspace_natives();
    }
    let lists: Vec<Vec<String>> = existing
        .iter()
        .map(|e| words(&field(&e.text, "Libs.private").unwrap_or_default()))
        .collect();
    native::shared(lists.iter().map(Vec::as_slice))
}

impl Package<'_> {
    /// All but the library itself in the private fields.
    fn with_private(mut self) -> Self {
        self.requires_private = std::mem::take(&mut self.requires);
        self.libs_private = self.libs.split_off(self.libs.len().min(1));
        self
    }

    fn file(&self, dir: &Utf8Path) -> MetadataFile {
        MetadataFile {
            kind: FileKind::PkgConfig,
            path: dir.join(format!("{}.pc", self.name)),
            contents: self.render(),
        }
    }

    fn render(&self) -> String {
        let mut text = format!(
            "libdir={}\n\nName: {}\nDescription: {}\nVersion: {}\n",
            quoted(&self.libdir),
            self.name,
            one_line(self.description),
            self.version,
        );
        if !self.requires.is_empty() {
            text += &format!("Requires: {}\n", self.requires.join(", "));
        }
        if !self.requires_private.is_empty() {
            text += &format!("Requires.private: {}\n", self.requires_private.join(", "));
        }
        text += &format!("Libs: {}\n", self.libs.join(" "));
        if !self.libs_private.is_empty() {
            text += &format!("Libs.private: {}\n", self.libs_private.join(" "));
        }
        if let Some(include) = &self.include {
            text += &format!("Cflags: -I{}\n", quoted(include));
        }
        text
    }
}

/// pkg-config splits values like a shell does, and takes `#` for a comment.
fn quoted(value: &str) -> String {
    let mut quoted = String::new();
    let mut rest = value.strip_prefix("${pcfiledir}");
    if rest.is_some() {
        quoted.push_str("${pcfiledir}");
    }
    for c in rest.take().unwrap_or(value).chars() {
        match c {
            ' ' | '#' | '\'' | '"' | '\\' => quoted.extend(['\\', c]),
            '$' => quoted.push_str("$$"),
            c => quoted.push(c),
        }
    }
    quoted
}

fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").replace('#', "\\#").replace("${", "$${")
}

/// Reads the .pc files to patch and finds the plugin of each.
fn existing<'a>(subject: &Subject<'a>, metadata: &'a Metadata) -> Result<Vec<Existing<'a>>> {
    let mut found = Vec::new();
    let mut errors = Vec::new();
    for path in &metadata.patch_pkg_config {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(e) => {
                let code = if e.kind() == std::io::ErrorKind::NotFound {
                    Code::InputNotFound
                } else {
                    Code::InputUnreadable
                };
                let message = format!("cannot read the .pc file: {e}");
                errors.push(Diagnostic::new(code, message).file(path));
                continue;
            }
        };
        let mut placed = subject.placed(metadata);
        match placed.find(|(p, _)| describes(path, &text, &p.library)) {
            Some((plugin, placed)) => found.push(Existing {
                path,
                text,
                plugin,
                placed,
            }),
            None => errors.push(
                Diagnostic::new(
                    Code::RequestInvalid,
                    "this .pc file names none of the plugin libraries",
                )
                .file(path)
                .hint("name only .pc files of the libraries of this request"),
            ),
        }
    }
    Error::all(errors)?;
    Ok(found)
}

/// Fills in what .pc files tell of plugins of which only the library is given. Files that cannot be
/// read are for [`files`] to complain of.
pub(super) fn complete(plugins: &mut [Plugin], metadata: &Metadata) {
    for path in &metadata.patch_pkg_config {
        let Ok(text) = std::fs::read_to_string(path) else {
            continue;
        };
        let mut plugins = plugins.iter_mut();
        let Some(plugin) = plugins.find(|p| describes(path, &text, &p.library)) else {
            continue;
        };
        if plugin.native_static_libs.is_empty() {
            let native = field(&text, "Libs.private").unwrap_or_default();
            plugin.native_static_libs = without_leaks(&native);
        }
        plugin.version = plugin.version.take().or_else(|| field(&text, "Version"));
        plugin.description = plugin
            .description
            .take()
            .or_else(|| field(&text, "Description"));
    }
}

/// Whether the .pc file at `path` is that of `library`.
fn describes(path: &Utf8Path, text: &str, library: &str) -> bool {
    let flags = words(&field(text, "Libs").unwrap_or_default());
    path.file_stem() == Some(library) || flags.iter().any(|f| f.strip_prefix("-l") == Some(library))
}

/// The value of a field, with continued lines joined.
fn field(text: &str, name: &str) -> Option<String> {
    lines(text)
        .iter()
        .find_map(|line| value(line, name))
        .map(|value| value.trim().to_owned())
}

fn value<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let (key, value) = line.split_once(':')?;
    (key.trim() == name).then_some(value)
}

/// Lines, those that end in a backslash joined with the next.
fn lines(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut continues = false;
    for line in text.lines() {
        let (part, more) = match line.strip_suffix('\\') {
            Some(part) => (part, true),
            None => (line, false),
        };
        match lines.last_mut() {
            Some(last) if continues => last.push_str(part),
            _ => lines.push(part.to_owned()),
        }
        continues = more;
    }
    lines
}

fn words(value: &str) -> Vec<String> {
    value.split_whitespace().map(str::to_owned).collect()
}

/// The modules of `Requires` and `Requires.private`, each with its version where it has one.
fn required(text: &str) -> Vec<String> {
    let mut modules: Vec<String> = Vec::new();
    for name in ["Requires", "Requires.private"] {
        let value = field(text, name).unwrap_or_default().replace(',', " ");
        let mut words = value.split_whitespace();
        while let Some(word) = words.next() {
            match (word, modules.last_mut()) {
                ("<" | ">" | "=" | "!=" | "<=" | ">=", Some(module)) => {
                    module.push_str(&format!(" {word} {}", words.next().unwrap_or_default()));
                }
                _ => modules.push(word.to_owned()),
            }
        }
    }
    modules
}

/// The .pc file with the workspace library required, the library's folder right, and without what
/// rustc leaks.
fn patched(text: &str, library: &str, libdir: &str, workspace: Option<&str>) -> String {
    let mut out: Vec<String> = Vec::new();
    let mut requires_private = None;
    for line in lines(text) {
        let line = if let Some(flags) = value(&line, "Libs") {
            format!("Libs: {}", right_folder(flags, library, libdir))
        } else if let Some(flags) = value(&line, "Libs.private") {
            format!("Libs.private: {}", without_leaks(flags).join(" "))
        } else {
            if value(&line, "Requires.private").is_some() {
                requires_private = Some(out.len());
            }
            line
        };
        out.push(line.trim_end().to_owned());
    }
    if let Some(workspace) = workspace {
        let old = requires_private.and_then(|at| out.get_mut(at));
        match old {
            Some(line) => {
                let modules = value(line, "Requires.private").unwrap_or_default().trim();
                let has = modules
                    .split([',', ' ', '\t'])
                    .any(|module| module == workspace);
                if modules.is_empty() {
                    *line = format!("Requires.private: {workspace}");
                } else if !has {
                    // First: it comes before the libraries that it needs.
                    *line = format!("Requires.private: {workspace}, {modules}");
                }
            }
            None => out.push(format!("Requires.private: {workspace}")),
        }
    }
    out.join("\n") + "\n"
}

/// `-L` of the installation's own folders gives way to the one where the library is.
fn right_folder(flags: &str, library: &str, libdir: &str) -> String {
    let own = |flag: &str| {
        [
            "-L${libdir}",
            "-L${exec_prefix}",
            "-L${prefix}",
            "-L${pcfiledir}",
        ]
        .iter()
        .any(|start| flag.starts_with(start))
    };
    let mut flags = without_leaks(flags);
    flags.retain(|flag| !own(flag));
    let at = flags
        .iter()
        .position(|f| f.strip_prefix("-l") == Some(library));
    flags.insert(at.unwrap_or(0), format!("-L{}", quoted(libdir)));
    flags.join(" ")
}

fn without_leaks(flags: &str) -> Vec<String> {
    let flags = words(flags);
    let clean = flags.iter().filter_map(|flag| without_leak(flag));
    clean.map(Cow::into_owned).collect()
}
