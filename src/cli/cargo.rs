//! `cargo dragonfire …`: the same commands, about the workspace around the working directory and into its target
//! folder where nothing else is said.

use std::ffi::OsString;

use camino::{Utf8Path, Utf8PathBuf};

use crate::error::{Code, Diagnostic, Result};
use crate::protocol::request::Workspace;
use crate::workspace;

/// Commands that may be about a workspace; those in the second list write libraries.
const OF_A_WORKSPACE: [&str; 7] = [
    "discover", "build", "inspect", "dedup", "prelink", "meld", "why",
];
const WRITING: [&str; 3] = ["dedup", "prelink", "meld"];

/// The arguments of the program that cargo runs as `cargo-dragonfire dragonfire …`, as those of dragonfire.
///
/// # Errors
/// `input-not-found` where no Cargo.toml is around, and those of running cargo.
pub(super) fn arguments(mut given: Vec<OsString>) -> Result<Vec<OsString>> {
    if given.get(1).is_some_and(|a| a == "dragonfire") {
        given.remove(1);
    }
    let words: Vec<&str> = given.iter().skip(1).filter_map(|a| a.to_str()).collect();
    let has = |option: &str| {
        words.iter().any(|w| {
            let rest = w.strip_prefix(option);
            rest.is_some_and(|r| r.is_empty() || r.starts_with('='))
        })
    };
    // What all commands take may stand before the command.
    let at = match words.first() {
        Some(&"--color") => 2,
        Some(first) if first.starts_with("--color=") => 1,
        _ => 0,
    };
    let Some(command) = words.get(at) else {
        return Ok(given);
    };
    let libraries = names_libraries(&words);
    let helps = words
        .iter()
        .any(|w| ["-h", "--help", "-V", "--version"].contains(w));
    if !OF_A_WORKSPACE.contains(command) || libraries || helps || has("--symbol") {
        return Ok(given);
    }
    let writes = WRITING.contains(command) && !has("--out") && !has("--in-place");
    let mut more: Vec<OsString> = Vec::new();
    let value = |option: &str| {
        let at = words.iter().position(|w| w.starts_with(option))?;
        let own = words.get(at)?.strip_prefix(option)?;
        own.strip_prefix('=').or_else(|| words.get(at + 1).copied())
    };
    let manifest = match value("--manifest-path") {
        Some(path) => path.into(),
        None => {
            let found = around()?;
            more.extend(["--manifest-path".into(), found.as_os_str().to_owned()]);
            found
        }
    };
    if writes {
        let workspace = Workspace {
            manifest_path: manifest,
            target_dir: value("--target-dir").map(Utf8PathBuf::from),
            ..Workspace::default()
        };
        let out = workspace::target_dir(&workspace)?.join("dragonfire/lib");
        more.extend(["--out".into(), out.into_os_string()]);
    }
    // Before what may be a list of patterns.
    given.splice(at + 2..at + 2, more);
    Ok(given)
}

/// Are libraries given, and no workspace meant? Those of a program, for `--used-by`, are none.
fn names_libraries(words: &[&str]) -> bool {
    let mut of_program = false;
    words.iter().any(|word| {
        if word.starts_with('-') {
            of_program = *word == "--used-by";
            return false;
        }
        !of_program && (word.ends_with(".a") || word.ends_with(".lib"))
    })
}

/// The Cargo.toml of the working directory or the nearest folder above.
fn around() -> Result<Utf8PathBuf> {
    let here = camino::absolute_utf8(".").unwrap_or_default();
    let mut folders = here.ancestors().map(Utf8Path::to_owned);
    let found = folders.find(|f| f.join("Cargo.toml").is_file());
    found.map(|f| f.join("Cargo.toml")).ok_or_else(|| {
        Diagnostic::new(
            Code::InputNotFound,
            "there is no Cargo.toml in this folder nor above it",
        )
        .file(&here)
        .hint("go to the workspace, or name its Cargo.toml with --manifest-path")
        .into()
    })
}

#[cfg(test)]
mod tests {
    use super::names_libraries;

    #[test]
    fn a_programs_libraries_are_not_those_to_combine() {
        let of = |line: &str| names_libraries(&line.split(' ').collect::<Vec<_>>());
        assert!(of("meld liba.a"));
        assert!(of("meld --used-by m.o -- a.lib"));
        assert!(!of("meld --used-by m.o libapp.a --offline"));
        assert!(!of("meld --used-by=libapp.a"));
    }
}
