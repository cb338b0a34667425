//! Builds plugins as static libraries in one cargo invocation: shared dependencies then have the same
//! features, and so the same code, in every library.
//!
//! Which way: `cargo build` on the user's workspace where that makes the static libraries, else on a
//! generated one ([`super::wrapper`]), or cargo-c where asked for. Files and native libraries come
//! from cargo's messages.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::process::Command;

use camino::{Utf8Path, Utf8PathBuf};
use cargo_metadata::diagnostic::DiagnosticLevel;
use cargo_metadata::{Artifact, CrateType, Message};
use toml::Table;

use super::cargo::{self, Opened, absolute};
use super::discover::Found;
use super::wrapper::{self, Wrapper};
use super::{Built, depinfo, flags, native_libs, profile, rustc};
use crate::error::{Code, Diagnostic, Result};
use crate::protocol::event::{Event, Events, Unit};
use crate::protocol::request::Builder;

/// How the libraries are built.
enum Way {
    /// `cargo build`, as the user would.
    Plain,
    /// The same in a folder of our own. cargo gives a library that is a dynamic one too no name of its own for each
    /// compiler wrapper: what the user built before would be taken for ours.
    Apart,
    Wrapper(Wrapper),
    CargoC,
}

/// Builds `plugins`.
///
/// # Errors
/// Those of [`super::build`].
pub fn build(opened: &Opened<'_>, plugins: Vec<Found>, events: &dyn Events) -> Result<Built> {
    let root_toml = read_root_toml(opened)?;
    let way = choose(opened, &root_toml, &plugins)?;
    let mut command = opened.cargo.command(&arguments(opened, &way, &plugins)?);
    let added = flags::add(opened, &mut command)?;
    command.args(added).args(&opened.cargo.request.cargo_flags);
    // cargo tells how far it is where it thinks that there is a terminal.
    for (name, value) in [
        ("CARGO_TERM_PROGRESS_WHEN", "always"),
        ("CARGO_TERM_PROGRESS_WIDTH", "100"),
    ] {
        if opened.cargo.variable(name).is_none() {
            command.env(name, value);
        }
    }
    if opened.cargo.request.no_lto {
        // Not `off`: crates are optimised each by itself as where a profile says nothing.
        command.env(profile::lto_variable(opened), "false");
    }
    compiler_wrapper(opened, &way, &mut command)?;
    let outcome = run(opened, &mut command, events)?;
    let mut built = collect(opened, &way, plugins, outcome)?;
    if built.plugins.len() > 1
        && let Some(lto) = profile::lto(opened, &root_toml)
    {
        built.warnings.push(optimised(opened, lto));
    }
    Ok(built)
}

/// The warning that the libraries will have little in common.
fn optimised(opened: &Opened<'_>, lto: &str) -> Diagnostic {
    let message = format!(
        "the profile `{}` asks for {lto} link-time optimisation: each library gets a std and dependencies of its \
         own, unlike the others'",
        profile::name(opened),
    );
    Diagnostic::new(Code::LinkTimeOptimised, message)
        .file(opened.root().join("Cargo.toml"))
        .hint("`--no-lto` (`no_lto`, NO_LTO) turns it off for this build")
}

fn read_root_toml(opened: &Opened<'_>) -> Result<Table> {
    let path = opened.root().join("Cargo.toml");
    let text = std::fs::read_to_string(&path).map_err(|e| {
        Diagnostic::new(
            Code::InputUnreadable,
            format!("cannot read the manifest: {e}"),
        )
        .file(&path)
    })?;
    text.parse().map_err(|e: toml::de::Error| {
        Diagnostic::new(
            Code::CargoFailed,
            format!("cannot read the manifest: {}", e.message()),
        )
        .file(&path)
        .into()
    })
}

fn choose(opened: &Opened<'_>, root_toml: &Table, plugins: &[Found]) -> Result<Way> {
    let builder = opened.cargo.request.builder;
    if builder == Builder::CargoC {
        opened
            .cargo
            .capture(&["cbuild", "--version"])
            .map_err(|e| match e.code() {
                Code::CargoFailed => {
                    Diagnostic::new(Code::CargoNotFound, "`cargo cbuild` is not installed")
                        .hint("install cargo-c, or ask for the builder `wrapper`")
                        .into()
                }
                _ => e,
            })?;
        return Ok(Way::CargoC);
    }
    let all = |test: fn(&Found) -> bool| plugins.iter().all(test);
    // cargo ignores link-time optimisation for a library that is an rlib too, and links the other
    // crate types besides: the generated packages are spared both.
    let better = all(Found::is_dependable)
        && (plugins.iter().any(Found::is_linked_too) || profile::lto(opened, root_toml).is_some());
    if builder == Builder::Auto && all(Found::is_static) && !better {
        return Ok(match plugins.iter().any(Found::is_linked_too) {
            true => Way::Apart,
            false => Way::Plain,
        });
    }
    if let Some(alone) = plugins.iter().find(|p| !p.is_dependable()) {
        return Err(Diagnostic::new(
            Code::NoStaticLibrary,
            format!(
                "the package `{}` makes only a static library, and not all plugins do: cargo \
                 cannot build them together",
                alone.package.name
            ),
        )
        .file(&alone.package.manifest_path)
        .hint("add \"rlib\" to the crate-type of its [lib]")
        .into());
    }
    wrapper::generate(opened, root_toml, plugins).map(Way::Wrapper)
}

fn arguments(opened: &Opened<'_>, way: &Way, plugins: &[Found]) -> Result<Vec<String>> {
    let request = opened.cargo.request;
    let mut args: Vec<String> = Vec::new();
    let mut add = |list: &[&str]| args.extend(list.iter().map(|a| (*a).to_owned()));
    let target_dir = opened.target_dir()?;
    let folder = match way {
        Way::Apart | Way::Wrapper(_) => wrapper::target_dir(&target_dir),
        Way::Plain | Way::CargoC => target_dir.clone(),
    };
    match way {
        Way::Plain | Way::Apart | Way::CargoC => {
            match way {
                Way::CargoC => add(&["cbuild"]),
                _ => add(&["build", "--lib"]),
            }
            let manifest = opened.root().join("Cargo.toml");
            add(&["--manifest-path", manifest.as_str()]);
            for plugin in plugins {
                let spec = format!("{}@{}", plugin.package.name, plugin.package.version);
                add(&["--package", &spec]);
            }
            add(&["--target-dir", folder.as_str()]);
            if !request.features.is_empty() {
                add(&["--features", &request.features.join(",")]);
            }
            if request.all_features {
                add(&["--all-features"]);
            }
            if request.no_default_features {
                add(&["--no-default-features"]);
            }
        }
        Way::Wrapper(wrapper) => {
            let manifest = wrapper.folder.join("Cargo.toml");
            add(&["build", "--manifest-path", manifest.as_str()]);
            add(&["--target-dir", folder.as_str()]);
        }
    }
    if folder != target_dir {
        // Placeholders must not reach a build directory that the user's builds share. A variable would reach every
        // cargo that a build script runs.
        let value = toml::Value::String(folder.into_string());
        add(&["--config", &format!("build.build-dir={value}")]);
    }
    add(&["--message-format", "json"]);
    add(&["--profile", profile::name(opened)]);
    if let Some(target) = request.target() {
        // A target of one's own is a file; cargo runs elsewhere.
        if target.ends_with(".json") {
            add(&["--target", absolute(Utf8Path::new(target))?.as_str()]);
        } else {
            add(&["--target", target]);
        }
    }
    if let Some(jobs) = request.jobs {
        add(&["--jobs", &jobs.to_string()]);
    }
    add(&opened.cargo.network_args());
    Ok(args)
}

/// Puts this program before rustc.
fn compiler_wrapper(opened: &Opened<'_>, way: &Way, command: &mut Command) -> Result<()> {
    let own = std::env::current_exe().map_err(|e| {
        Diagnostic::new(
            Code::Internal,
            format!("cannot find this program's own file: {e}"),
        )
    })?;
    let (place, mode, next) = match way {
        // Own target directory: nothing else is built there, so nothing is built without us.
        Way::Wrapper(_) => (
            "RUSTC_WRAPPER",
            rustc::PRINT_AND_SKIP_CDYLIB,
            opened.program(
                &["RUSTC_WRAPPER", "CARGO_BUILD_RUSTC_WRAPPER"],
                "build.rustc-wrapper",
            ),
        ),
        // cargo-c reads rustc's notes itself, and keeps them.
        Way::CargoC if opened.cargo.request.local_rustflags.is_empty() => return Ok(()),
        Way::CargoC => {
            return Err(Diagnostic::new(
                Code::RequestInvalid,
                "cargo-c takes no flags for the workspace's own crates alone",
            )
            .hint("use `rustflags`, or another builder than `cargo-c`")
            .into());
        }
        // Shared with the user's own builds: cargo keeps apart what this wrapper compiled.
        Way::Plain | Way::Apart => (
            "RUSTC_WORKSPACE_WRAPPER",
            rustc::PRINT,
            opened.program(
                &[
                    "RUSTC_WORKSPACE_WRAPPER",
                    "CARGO_BUILD_RUSTC_WORKSPACE_WRAPPER",
                ],
                "build.rustc-workspace-wrapper",
            ),
        ),
    };
    command.env(place, own).env(rustc::MODE, mode);
    flags::tell_wrapper(opened, command);
    match next {
        Some(next) => command.env(rustc::NEXT, next),
        None => command.env_remove(rustc::NEXT),
    };
    Ok(())
}

/// What cargo said.
#[derive(Default)]
struct Outcome {
    /// Static libraries by the Cargo.toml of their package.
    libraries: BTreeMap<Utf8PathBuf, StaticLibrary>,
    /// Cargo.toml files of local packages.
    manifests: Vec<Utf8PathBuf>,
}

struct StaticLibrary {
    path: Utf8PathBuf,
    native: Option<String>,
}

fn run(opened: &Opened<'_>, command: &mut Command, events: &dyn Events) -> Result<Outcome> {
    let mut child = opened.cargo.spawn(command)?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let mut outcome = Outcome::default();
    let mut notes: BTreeMap<String, String> = BTreeMap::new();
    let mut errors = String::new();
    let progress = std::thread::scope(|scope| {
        let progress = scope.spawn(|| {
            let mut all: Vec<String> = Vec::new();
            for line in pieces(stderr) {
                if let Some((done, total)) = progress_of(&line) {
                    let unit = Unit::Crates;
                    events.emit(Event::Progress { done, total, unit });
                    continue;
                }
                events.emit(Event::Message { text: line.clone() });
                all.push(line);
            }
            all
        });
        for line in lines(stdout) {
            match serde_json::from_str(&line) {
                Ok(Message::CompilerArtifact(artifact)) => outcome.take(artifact, &notes),
                Ok(Message::CompilerMessage(message)) => {
                    let text = &message.message.message;
                    if let Some(note) = text.strip_prefix(native_libs::NOTE) {
                        notes.insert(message.package_id.repr.clone(), note.to_owned());
                        continue;
                    }
                    if text.starts_with("link against the following native artifacts") {
                        continue;
                    }
                    let rendered = message.message.rendered.unwrap_or_else(|| text.clone());
                    if matches!(
                        message.message.level,
                        DiagnosticLevel::Error | DiagnosticLevel::Ice
                    ) {
                        errors.push_str(&rendered);
                    }
                    events.emit(Event::Message {
                        text: rendered.trim_end().to_owned(),
                    });
                }
                _ => {}
            }
        }
        progress.join().unwrap_or_default()
    });
    let status = child
        .wait()
        .map_err(|e| Diagnostic::new(Code::CargoFailed, format!("cannot wait for cargo: {e}")))?;
    if status.success() {
        return Ok(outcome);
    }
    // rustc's errors, then cargo's own and those of build scripts, without the progress lines.
    let from = progress
        .iter()
        .position(|l| l.starts_with("error"))
        .unwrap_or_else(|| progress.len().saturating_sub(20));
    errors.push_str(&progress.get(from..).unwrap_or_default().join("\n"));
    if status.code().is_none() {
        // Killed: cargo itself could say nothing.
        errors.push_str(&format!("\ncargo ended by {status}"));
    }
    let mut failed = cargo::failed("cargo build", &errors);
    for diagnostic in &mut failed.0 {
        diagnostic.shown = true;
    }
    Err(failed)
}

/// Lines of a stream that need not be UTF-8, also those that a carriage return ends for the next to replace them;
/// such a one that is empty is none.
fn pieces(stream: Option<impl Read>) -> impl Iterator<Item = String> {
    let mut stream = stream.map(BufReader::new);
    std::iter::from_fn(move || {
        let stream = stream.as_mut()?;
        let mut piece = Vec::new();
        loop {
            let buffer = stream.fill_buf().ok()?;
            if buffer.is_empty() {
                return (!piece.is_empty()).then_some(piece);
            }
            let end = buffer.iter().position(|b| *b == b'\n' || *b == b'\r');
            let (part, used) = match end {
                Some(end) => (buffer.get(..end)?, end + 1),
                None => (buffer, buffer.len()),
            };
            piece.extend_from_slice(part);
            let replaced = end.is_some_and(|e| buffer.get(e) == Some(&b'\r'));
            stream.consume(used);
            if end.is_some() && !(replaced && piece.is_empty()) {
                return Some(piece);
            }
        }
    })
    .map(|piece| String::from_utf8_lossy(&piece).trim_end().to_owned())
}

/// How far cargo is, from its `Building [==>   ] 3/8: names`.
fn progress_of(line: &str) -> Option<(u64, u64)> {
    let (before, after) = line.split_once("] ")?;
    if !before.contains("Building") || !before.contains('[') {
        return None;
    }
    let (done, rest) = after.split_once('/')?;
    let digits = rest
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(rest.len());
    Some((done.parse().ok()?, rest.get(..digits)?.parse().ok()?))
}

/// Lines of a stream that need not be UTF-8.
fn lines(stream: Option<impl Read>) -> impl Iterator<Item = String> {
    let stream = stream.map(BufReader::new).into_iter();
    stream.flat_map(|s| s.split(b'\n')).map_while(|line| {
        let line = line.ok()?;
        Some(String::from_utf8_lossy(&line).trim_end().to_owned())
    })
}

impl Outcome {
    fn take(&mut self, artifact: Artifact, notes: &BTreeMap<String, String>) {
        let manifest = artifact.manifest_path.clone();
        if artifact.package_id.repr.starts_with("path+") && !self.manifests.contains(&manifest) {
            self.manifests.push(manifest.clone());
        }
        if !artifact.target.crate_types.contains(&CrateType::StaticLib)
            || artifact.target.is_example()
        {
            return;
        }
        // A target's files are those of all its crate types.
        let library = artifact.filenames.iter().find(|f| {
            let name = f.file_name().unwrap_or_default();
            (name.ends_with(".a") && !name.ends_with(".dll.a"))
                || (name.ends_with(".lib") && !name.ends_with(".dll.lib"))
        });
        if let Some(path) = library {
            self.libraries.insert(
                manifest,
                StaticLibrary {
                    path: path.clone(),
                    native: notes.get(&artifact.package_id.repr).cloned(),
                },
            );
        }
    }
}

fn collect(
    opened: &Opened<'_>,
    way: &Way,
    plugins: Vec<Found>,
    mut outcome: Outcome,
) -> Result<Built> {
    let mut built = Built {
        target: opened.target(),
        ..Built::default()
    };
    let generated = match way {
        Way::Wrapper(wrapper) => Some(wrapper.folder.as_path()),
        Way::Plain | Way::Apart | Way::CargoC => None,
    };
    for (i, found) in plugins.into_iter().enumerate() {
        let manifest = match way {
            Way::Wrapper(wrapper) => wrapper.manifests.get(i),
            Way::Plain | Way::Apart | Way::CargoC => Some(&found.package.manifest_path),
        };
        let Some(library) = manifest.and_then(|m| outcome.libraries.remove(m)) else {
            return Err(Diagnostic::new(
                Code::NoStaticLibrary,
                format!(
                    "cargo made no static library of the package `{}`",
                    found.package.name
                ),
            )
            .file(&found.package.manifest_path)
            .into());
        };
        let native = match way {
            Way::CargoC => cargo_c_note(&found, &library.path),
            Way::Plain | Way::Apart | Way::Wrapper(_) => library.native,
        };
        let mut plugin = found.plugin;
        plugin.bytes_before = std::fs::metadata(&library.path).map_or(0, |m| m.len());
        match &native {
            Some(note) => plugin.native_static_libs = native_libs::clean(note),
            None => built.warnings.push(
                Diagnostic::new(
                    Code::CargoFailed,
                    "the compiler did not say which native libraries this library needs",
                )
                .file(&library.path)
                .hint("a compiler wrapper may have dropped rustc's notes"),
            ),
        }
        built.inputs.extend(depinfo::read(&library.path)?);
        plugin.path = Some(library.path);
        built.plugins.push(plugin);
    }
    built.inputs.append(&mut outcome.manifests);
    built.inputs.extend(depinfo::settings(opened.root()));
    built
        .inputs
        .retain(|path| generated.is_none_or(|folder| !path.starts_with(folder)));
    built.inputs.sort();
    built.inputs.dedup();
    Ok(built)
}

/// The native libraries that cargo-c found, from the .pc file that it writes beside the library.
fn cargo_c_note(found: &Found, library: &Utf8Path) -> Option<String> {
    let settings = &found.package.metadata["capi"]["pkg_config"];
    let set = [&settings["filename"], &settings["name"]];
    let names = set.into_iter().filter_map(|v| v.as_str());
    names
        .chain([found.plugin.library.as_str(), found.crate_name.as_str()])
        .find_map(|name| {
            let text =
                std::fs::read_to_string(library.with_file_name(format!("{name}.pc"))).ok()?;
            native_libs::note_of_pkg_config(&text).map(str::to_owned)
        })
}

#[cfg(test)]
mod tests {
    use super::{pieces, progress_of};

    #[test]
    fn cargos_progress_is_told_from_its_words() {
        let text = "   Compiling a v1.0.0\n    Building [=>   ] 1/8: a, b   \r   Compiling c v1.0.0 (/w/[x] 1/2)\n\
                    \nerror: no\n    Building [====>] 8/8\r\r    Finished";
        let all: Vec<String> = pieces(Some(text.as_bytes())).collect();
        assert_eq!(
            all,
            [
                "   Compiling a v1.0.0",
                "    Building [=>   ] 1/8: a, b",
                "   Compiling c v1.0.0 (/w/[x] 1/2)",
                "",
                "error: no",
                "    Building [====>] 8/8",
                "    Finished"
            ]
        );
        let told: Vec<_> = all.iter().filter_map(|l| progress_of(l)).collect();
        assert_eq!(told, [(1, 8), (8, 8)]);
    }
}
