//! Flags for rustc that a request adds to the user's own: to every crate through cargo, or by the compiler
//! wrapper to the workspace's own crates alone.

use std::ffi::{OsStr, OsString};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use toml::Value;

use super::cargo::Opened;
use crate::error::{Code, Diagnostic, Result};

/// The flags for the workspace's own crates, each after the other with [`SEPARATOR`] between. What begins so is
/// part of what sccache looks a compilation up by.
pub const LOCAL: &str = "CARGO_DRAGONFIRE_LOCAL_RUSTFLAGS";
/// Folders of the packages that they are for, likewise.
pub const LOCAL_OF: &str = "DRAGONFIRE_RUSTC_LOCAL_OF";

/// As in `CARGO_ENCODED_RUSTFLAGS`.
const SEPARATOR: &str = "\u{1f}";

/// Adds the request's `rustflags` behind the user's. cargo takes flags from one place alone, the first that has
/// some: the environment, the target's configuration, the build's. All that it may take get ours.
///
/// # Errors
/// `request-invalid` for a flag that cannot be joined to those that are configured as one text.
pub fn add(opened: &Opened<'_>, command: &mut Command) -> Result<Vec<String>> {
    let flags = &opened.cargo.request.rustflags;
    if flags.is_empty() {
        return Ok(Vec::new());
    }
    let ours = flags.join(SEPARATOR);
    if let Some(own) = opened.cargo.variable("CARGO_ENCODED_RUSTFLAGS") {
        let parts = [own, ours].into_iter().filter(|p| !p.is_empty());
        let all: Vec<String> = parts.collect();
        command.env("CARGO_ENCODED_RUSTFLAGS", all.join(SEPARATOR));
        return Ok(Vec::new());
    }
    if let Some(own) = opened.cargo.variable("RUSTFLAGS") {
        let own = own.split_whitespace().map(str::to_owned);
        let all: Vec<String> = own.chain([ours]).collect();
        command.env("CARGO_ENCODED_RUSTFLAGS", all.join(SEPARATOR));
        return Ok(Vec::new());
    }
    let list = Value::Array(flags.iter().map(|f| f.as_str().into()).collect());
    let mut arguments = Vec::new();
    let mut texts = Vec::new();
    // cargo joins lists; a text takes the place of one.
    let mut configure = |key: &str, configured: Option<&serde_json::Value>| {
        let value = match configured.and_then(serde_json::Value::as_str) {
            Some(own) => {
                texts.push(key.to_owned());
                Value::String(format!("{own} {}", flags.join(" ")))
            }
            None => list.clone(),
        };
        arguments.extend(["--config".to_owned(), format!("{key}.rustflags={value}")]);
    };
    configure("build", opened.config.pointer("/build/rustflags"));
    let targets = opened.config.get("target").and_then(|t| t.as_object());
    let with_flags = targets
        .into_iter()
        .flatten()
        .filter(|(_, settings)| settings.get("rustflags").is_some());
    let target = opened.target();
    let mut named = false;
    for (key, settings) in with_flags {
        named |= target.as_ref() == Some(key);
        let flags = settings.get("rustflags");
        configure(&format!("target.{}", Value::String(key.clone())), flags);
    }
    // The variable is joined to what is configured for this target.
    if let Some(target) = target.filter(|_| !named) {
        let upper = target.to_uppercase().replace(['-', '.'], "_");
        let variable = format!("CARGO_TARGET_{upper}_RUSTFLAGS");
        if opened.cargo.variable(&variable).is_some() {
            configure(&format!("target.{}", Value::String(target)), None);
        }
    }
    let spaced = flags.iter().find(|f| f.contains(char::is_whitespace));
    if let (Some(flag), Some(key)) = (spaced, texts.first()) {
        let message = format!(
            "the flag `{flag}` cannot be added to `{key}.rustflags`, which is one text in cargo's configuration"
        );
        return Err(Diagnostic::new(Code::RequestInvalid, message)
            .hint("write `rustflags` there as a list")
            .into());
    }
    Ok(arguments)
}

/// Tells the compiler wrapper of the request's `local_rustflags`.
pub fn tell_wrapper(opened: &Opened<'_>, command: &mut Command) {
    let flags = &opened.cargo.request.local_rustflags;
    if flags.is_empty() {
        command.env_remove(LOCAL);
    } else {
        command.env(LOCAL, flags.join(SEPARATOR));
    }
    let members = opened.members.workspace_packages();
    let folders: Vec<&str> = members
        .iter()
        .filter_map(|p| p.manifest_path.parent())
        .map(|folder| folder.as_str())
        .collect();
    command.env(LOCAL_OF, folders.join(SEPARATOR));
}

/// In the wrapper: a compilation of one of the workspace's own crates.
pub struct Local {
    flags: Option<String>,
    /// rustc's list of what the crate was made of.
    dep_info: Option<PathBuf>,
}

impl Local {
    /// `None` for crates of others, and for what runs while building: build scripts and procedural macros.
    pub fn find(arguments: &[OsString]) -> Option<Self> {
        let folder = std::env::var("CARGO_MANIFEST_DIR").ok()?;
        let folders = std::env::var(LOCAL_OF).ok()?;
        if !folders.split(SEPARATOR).any(|f| f == folder) {
            return None;
        }
        let arguments = expanded(arguments);
        let name = value(&arguments, "--crate-name")?;
        let runs_here = value(&arguments, "--crate-type").is_some_and(|t| t == "proc-macro");
        if name.starts_with("build_script_") || runs_here {
            return None;
        }
        let extra = arguments
            .iter()
            .find_map(|a| a.trim_start_matches("-C").strip_prefix("extra-filename="));
        let dep_info = value(&arguments, "--out-dir")
            .map(|dir| Path::new(dir).join(format!("{name}{}.d", extra.unwrap_or_default())));
        Some(Self {
            flags: std::env::var(LOCAL).ok().filter(|f| !f.is_empty()),
            dep_info,
        })
    }

    pub fn flags(&self) -> impl Iterator<Item = &str> {
        self.flags.iter().flat_map(|f| f.split(SEPARATOR))
    }

    /// After a compilation: cargo does not know these flags, but it builds again where a variable changed that
    /// rustc says a crate has read.
    pub fn record(&self) -> std::io::Result<()> {
        let Some(path) = self.dep_info.as_ref().filter(|p| p.is_file()) else {
            return Ok(());
        };
        let mut file = std::fs::OpenOptions::new().append(true).open(path)?;
        match &self.flags {
            Some(flags) => {
                let flags = flags.replace('\\', "\\\\").replace('\n', "\\n");
                writeln!(file, "\n# env-dep:{LOCAL}={flags}")
            }
            None => writeln!(file, "\n# env-dep:{LOCAL}"),
        }
    }
}

/// The arguments as text; a file of arguments holds one a line.
fn expanded(arguments: &[OsString]) -> Vec<String> {
    let mut all = Vec::new();
    for argument in arguments.iter().filter_map(|a| OsStr::to_str(a)) {
        match argument.strip_prefix('@').map(std::fs::read_to_string) {
            Some(Ok(text)) => all.extend(text.lines().map(str::to_owned)),
            _ => all.push(argument.to_owned()),
        }
    }
    all
}

/// What follows an option, behind it or after `=`.
fn value<'a>(arguments: &'a [String], option: &str) -> Option<&'a str> {
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        if argument == option {
            return rest.next().map(String::as_str);
        }
        let after = argument.strip_prefix(option);
        if let Some(value) = after.and_then(|a| a.strip_prefix('=')) {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_found_in_either_form() {
        let all: Vec<String> = ["--crate-name", "a", "--out-dir=/x", "-C"]
            .map(str::to_owned)
            .into();
        assert_eq!(value(&all, "--crate-name"), Some("a"));
        assert_eq!(value(&all, "--out-dir"), Some("/x"));
        assert_eq!(value(&all, "--crate-type"), None);
    }
}
