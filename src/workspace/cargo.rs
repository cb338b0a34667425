//! Runs cargo for a workspace: which program, from where, with which environment; reads its
//! metadata and configuration.

use std::ffi::OsString;
use std::io::ErrorKind;
use std::process::{Child, Command, Output, Stdio};

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};
use cargo_metadata::{Metadata, MetadataCommand};
use serde_json::Value;

use super::rustc;
use crate::error::{Code, Diagnostic, Error, Result};
use crate::protocol::request::Workspace;

/// cargo, ready to run in the workspace's root, so that its `.cargo/config.toml` holds.
#[derive(Debug)]
pub struct Cargo<'w> {
    program: OsString,
    folder: Utf8PathBuf,
    pub request: &'w Workspace,
}

/// Variables that name compiler wrappers to cargo.
const WRAPPERS: [&str; 2] = ["RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER"];

/// Variables that name programs; cargo takes their paths from its own folder.
const PROGRAMS: [&str; 6] = [
    "RUSTC",
    "CARGO_BUILD_RUSTC",
    "RUSTC_WRAPPER",
    "CARGO_BUILD_RUSTC_WRAPPER",
    "RUSTC_WORKSPACE_WRAPPER",
    "CARGO_BUILD_RUSTC_WORKSPACE_WRAPPER",
];

/// A workspace that cargo has read.
#[derive(Debug)]
pub struct Opened<'w> {
    pub cargo: Cargo<'w>,
    /// Of the members alone: nothing has been resolved.
    pub members: Metadata,
    /// cargo's merged configuration; null where this cargo does not tell.
    pub config: Value,
}

impl<'w> Opened<'w> {
    /// # Errors
    /// `input-not-found`, `cargo-not-found`, `cargo-failed`.
    pub fn open(request: &'w Workspace) -> Result<Self> {
        let manifest = manifest_path(request)?;
        let mut cargo = Cargo {
            program: program(request),
            folder: manifest
                .parent()
                .map_or_else(|| Utf8PathBuf::from("/"), Utf8Path::to_owned),
            request,
        };
        let members = cargo.metadata(&["--no-deps", "--manifest-path", manifest.as_str()])?;
        cargo.folder.clone_from(&members.workspace_root);
        let config = cargo.config();
        Ok(Self {
            cargo,
            members,
            config,
        })
    }

    #[must_use]
    pub fn root(&self) -> &Utf8Path {
        &self.members.workspace_root
    }

    /// Cargo.toml files of the workspace and its members.
    #[must_use]
    pub fn manifests(&self) -> Vec<Utf8PathBuf> {
        let members = self
            .members
            .packages
            .iter()
            .map(|p| p.manifest_path.clone());
        let mut all: Vec<_> = members.chain([self.root().join("Cargo.toml")]).collect();
        all.sort();
        all.dedup();
        all
    }

    /// The target directory: the request's, else cargo's.
    pub fn target_dir(&self) -> Result<Utf8PathBuf> {
        if let Some(dir) = &self.cargo.request.target_dir {
            return absolute(dir);
        }
        // From the folder that the request was made in, as cargo would there; it runs elsewhere.
        let variables = ["CARGO_TARGET_DIR", "CARGO_BUILD_TARGET_DIR"];
        match variables.iter().find_map(|v| self.cargo.variable(v)) {
            Some(dir) if !dir.is_empty() => absolute(Utf8Path::new(&dir)),
            _ => absolute(&self.members.target_directory),
        }
    }

    /// A setting that an environment variable or else cargo's configuration gives.
    #[must_use]
    pub fn setting(&self, variables: &[&str], config: &str) -> Option<String> {
        for name in variables {
            // `RUSTC_WRAPPER=` says that there is none, whatever is configured.
            if let Some(value) = self.cargo.variable(name) {
                return Some(value).filter(|v| !v.is_empty());
            }
        }
        match self.config.pointer(config)? {
            Value::String(s) => Some(s.clone()),
            Value::Bool(b) => Some(b.to_string()),
            // `build.target` may be a list.
            Value::Array(list) => list.first()?.as_str().map(str::to_owned),
            _ => None,
        }
    }

    /// A compiler wrapper that an environment variable or else cargo's configuration names, as a path from anywhere
    /// or a program on PATH.
    #[must_use]
    pub fn program(&self, variables: &[&str], key: &str) -> Option<String> {
        if variables.iter().any(|v| self.cargo.variable(v).is_some()) {
            return self.setting(variables, "").map(from_here);
        }
        let found = self.setting(&[], &format!("/{}", key.replace('.', "/")))?;
        Some(self.cargo.configured_program(key, found))
    }

    /// The target that cargo builds for: asked for, configured, or the host's.
    fn target_argument(&self) -> Option<String> {
        let asked = self.cargo.request.target().cloned();
        asked
            .or_else(|| self.setting(&["CARGO_BUILD_TARGET"], "/build/target"))
            .or_else(|| self.cargo.host())
    }

    /// Its triple.
    #[must_use]
    pub fn target(&self) -> Option<String> {
        let target = self.target_argument()?;
        // A target of one's own is named by its file.
        Some(match target.strip_suffix(".json") {
            Some(stem) => Utf8Path::new(stem).file_name().unwrap_or(stem).to_owned(),
            None => target,
        })
    }

    /// Arguments for `cargo metadata`, so that it wants no packages that only other targets need.
    #[must_use]
    pub fn platform_args(&self) -> Vec<String> {
        match self.target_argument() {
            Some(target) if !target.ends_with(".json") => {
                vec!["--filter-platform".to_owned(), target]
            }
            _ => Vec::new(),
        }
    }
}

impl Cargo<'_> {
    /// A command in the workspace's root.
    pub fn command<S: AsRef<str>>(&self, args: &[S]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(args.iter().map(AsRef::as_ref))
            .current_dir(&self.folder)
            .envs(&self.request.env)
            .stdin(Stdio::null());
        // What a run around this one set for its own cargo, and paths from the folder of the request.
        for name in [rustc::MODE, rustc::NEXT] {
            command.env_remove(name);
        }
        for name in PROGRAMS {
            match self.variable(name) {
                Some(value) => command.env(name, from_here(value)),
                None if std::env::var(name).is_ok() => command.env_remove(name),
                None => continue,
            };
        }
        // Meson and others call a compiler with arguments by that variable's name; cargo takes all for the name of
        // one program.
        if let Some(rustc) = self.variable("RUSTC")
            && let Some(words) = rustc::words(&rustc)
            && let Ok(own) = std::env::current_exe()
            && let Ok(words) = serde_json::to_string(&words)
        {
            command.env("RUSTC", own).env(rustc::COMMAND, words);
        }
        command
    }

    /// Starts `command`, which [`Self::command`] gave.
    ///
    /// # Errors
    /// `cargo-not-found`.
    pub fn spawn(&self, command: &mut Command) -> Result<Child> {
        command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|e| self.cannot_run(&e))
    }

    /// Runs `command` to its end.
    fn output(&self, command: &mut Command) -> Result<Output> {
        command.output().map_err(|e| self.cannot_run(&e))
    }

    /// What cargo prints; an error where it fails.
    ///
    /// # Errors
    /// `cargo-not-found`, `cargo-failed`, `lock-would-change`.
    pub fn capture<S: AsRef<str>>(&self, args: &[S]) -> Result<String> {
        let output = self.output(&mut self.command(args))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let what = args.first().map_or("", AsRef::as_ref);
        Err(failed(
            &format!("cargo {what}"),
            &String::from_utf8_lossy(&output.stderr),
        ))
    }

    /// # Errors
    /// As [`Self::capture`].
    pub fn metadata<S: AsRef<str>>(&self, args: &[S]) -> Result<Metadata> {
        let mut all = vec!["metadata", "--format-version", "1"];
        all.extend(args.iter().map(AsRef::as_ref));
        let json = self.capture(&all)?;
        MetadataCommand::parse(json.trim()).map_err(|e| {
            Diagnostic::new(
                Code::CargoFailed,
                format!("cannot read what cargo metadata prints: {e}"),
            )
            .into()
        })
    }

    /// Arguments about network and lock file, as the request has them.
    #[must_use]
    pub fn network_args(&self) -> Vec<&'static str> {
        let request = self.request;
        let flags = [
            (request.offline, "--offline"),
            (request.locked, "--locked"),
            (request.frozen, "--frozen"),
        ];
        flags.iter().filter(|f| f.0).map(|f| f.1).collect()
    }

    /// An environment variable as cargo will see it. Where a build script of our own build runs us again, the
    /// compiler wrapper is the one that we took the place of.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<String> {
        let get = |name: &str| {
            let own = self.request.env.get(name).cloned();
            own.or_else(|| std::env::var(name).ok())
        };
        let value = get(name)?;
        if WRAPPERS.contains(&name) && rustc::is_this_program(&value) {
            return get(rustc::NEXT).filter(|next| !next.is_empty());
        }
        Some(value)
    }

    /// The program that a key of cargo's configuration names. Its path is one from the folder around the
    /// `.cargo` where it is written.
    #[must_use]
    pub fn configured_program(&self, key: &str, value: String) -> String {
        if !is_path(&value) || Utf8Path::new(&value).is_absolute() {
            return value;
        }
        let args = ["-Zunstable-options", "config", "get", "--show-origin", key];
        let mut command = self.command(&args);
        command.env("RUSTC_BOOTSTRAP", "1");
        let text = self.output(&mut command).map(|o| o.stdout);
        let text = String::from_utf8(text.unwrap_or_default()).unwrap_or_default();
        let origin = text.trim().rsplit_once(" # ").map(|(_, file)| file);
        let folder = origin.and_then(|file| Utf8Path::new(file).parent()?.parent());
        folder.unwrap_or(&self.folder).join(value).into_string()
    }

    /// cargo's merged configuration. The command is not stable yet; what depends on it (LTO and
    /// compiler wrappers set in configuration files) has a sound default without it.
    fn config(&self) -> Value {
        let mut command =
            self.command(&["-Zunstable-options", "config", "get", "--format", "json"]);
        command.env("RUSTC_BOOTSTRAP", "1");
        match self.output(&mut command) {
            Ok(output) if output.status.success() => {
                serde_json::from_slice(&output.stdout).unwrap_or_default()
            }
            _ => Value::Null,
        }
    }

    /// The host's target triple.
    fn host(&self) -> Option<String> {
        let text = self.capture(&["-vV"]).ok()?;
        let line = text.lines().find_map(|l| l.strip_prefix("host: "))?;
        Some(line.trim().to_owned())
    }

    fn cannot_run(&self, error: &std::io::Error) -> Error {
        let program = self.program.to_string_lossy();
        let hint = if error.kind() == ErrorKind::NotFound {
            "install Rust, put cargo on PATH, or name it in the request's `workspace.cargo`"
        } else {
            "see that this file is a program you may run"
        };
        Diagnostic::new(
            Code::CargoNotFound,
            format!("cannot run `{program}`: {error}"),
        )
        .hint(hint)
        .into()
    }
}

/// The error for a cargo command that failed with `text` on stderr.
#[must_use]
pub fn failed(what: &str, text: &str) -> Error {
    let text = text.trim();
    let locked = ["--locked was passed", "--frozen was passed"];
    if locked.iter().any(|l| text.contains(l)) && text.contains("lock file") {
        return Diagnostic::new(
            Code::LockWouldChange,
            format!("Cargo.lock is missing or not up to date:\n{text}"),
        )
        .hint("run `cargo update --workspace`, or build without --locked")
        .into();
    }
    // rustc's words, or those of cargo for a file that is none.
    let unknown = [
        "could not find specification for target",
        "target specification file",
    ];
    if unknown.iter().any(|u| text.contains(u)) {
        return Diagnostic::new(
            Code::TargetUnknown,
            format!("rustc does not know the target:\n{text}"),
        )
        .hint("`rustc --print target-list` names those that it knows")
        .into();
    }
    Diagnostic::new(Code::CargoFailed, format!("`{what}` failed:\n{text}")).into()
}

/// `path` from the folder that the request was made in, without `..`: cargo leaves that out of the paths that it
/// tells of, by the names alone, which is another file where the name before it is a link.
pub fn absolute(path: &Utf8Path) -> Result<Utf8PathBuf> {
    let unusable = |e: std::io::Error| {
        Diagnostic::new(Code::RequestInvalid, format!("this is no usable path: {e}")).file(path)
    };
    let whole = camino::absolute_utf8(path).map_err(unusable)?;
    let mut tidy = Utf8PathBuf::new();
    for part in whole.components() {
        match part {
            Utf8Component::CurDir => {}
            Utf8Component::ParentDir => {
                if tidy.is_symlink() {
                    tidy = tidy.canonicalize_utf8().map_err(unusable)?;
                }
                tidy.pop();
            }
            part => tidy.push(part),
        }
    }
    Ok(tidy)
}

/// Does cargo take it for a path, and not for a program on PATH?
fn is_path(program: &str) -> bool {
    program.contains(['/', '\\'])
}

/// A program's path from the folder that the request was made in: cargo runs elsewhere.
fn from_here(program: String) -> String {
    let path = Utf8Path::new(&program);
    // A compiler with arguments is no path.
    if !is_path(&program) || path.is_absolute() || rustc::words(&program).is_some() {
        return program;
    }
    absolute(path).map_or(program, Utf8PathBuf::into_string)
}

fn manifest_path(request: &Workspace) -> Result<Utf8PathBuf> {
    let given = &request.manifest_path;
    let mut path = if given.as_str().is_empty() {
        absolute(Utf8Path::new("Cargo.toml"))?
    } else {
        absolute(given)?
    };
    if path.is_dir() {
        path.push("Cargo.toml");
    }
    if !path.is_file() {
        return Err(
            Diagnostic::new(Code::InputNotFound, "there is no such Cargo.toml")
                .file(path)
                .hint("give the workspace's Cargo.toml as manifest path")
                .into(),
        );
    }
    Ok(path)
}

fn program(request: &Workspace) -> OsString {
    let Some(given) = &request.cargo else {
        let own = request.env.get("CARGO").map(OsString::from);
        return own
            .or_else(|| std::env::var_os("CARGO"))
            .filter(|p| !p.is_empty())
            .unwrap_or_else(|| "cargo".into());
    };
    // cargo runs in another folder than ours.
    if given.components().count() > 1
        && let Ok(path) = absolute(given)
    {
        return path.into_os_string();
    }
    given.clone().into_os_string()
}
