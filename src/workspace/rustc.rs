//! This program in rustc's place: cargo runs it as a compiler wrapper, which adds to single
//! compilations what `cargo build` has no flag for.
//!
//! - A static library also prints the native libraries it needs (`--print native-static-libs`).
//! - A plugin that a generated wrapper package depends on is not linked as a `cdylib` besides:
//!   nobody wants that file, and linking it takes a linker for the target. cargo looks for it all the
//!   same, so a placeholder takes its place; that happens only in a target directory of our own.
//! - The workspace's own crates get the flags that are for them alone ([`super::flags`]).
//!
//! It also stands for a compiler that is a program with arguments (`RUSTC="rustc -C linker=cc"`), which cargo
//! cannot run.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use super::flags::Local;
use crate::protocol::request::OPERATIONS;

/// Set for cargo where this program is the compiler wrapper; the value says what it does.
pub const MODE: &str = "DRAGONFIRE_RUSTC";
/// The compiler wrapper that the user has set, to be run in turn.
pub const NEXT: &str = "DRAGONFIRE_RUSTC_NEXT";

/// The compiler that this program stands for: a JSON list of words.
pub const COMMAND: &str = "DRAGONFIRE_RUSTC_COMMAND";

/// Values of [`MODE`].
pub const PRINT: &str = "print";
pub const PRINT_AND_SKIP_CDYLIB: &str = "print+skip-cdylib";

/// What is set for cargo and says nothing to a compiler. Compiler caches take every variable of cargo's for an
/// input: with the folder in one of them, no two folders would share anything.
const FOR_CARGO: [&str; 3] = [
    "CARGO_BUILD_BUILD_DIR",
    "CARGO_TERM_PROGRESS_WHEN",
    "CARGO_TERM_PROGRESS_WIDTH",
];

/// Runs the compiler where cargo started this program as a compiler wrapper; the caller then exits
/// with the code. `None`: this is an ordinary run.
#[must_use]
pub fn take_over() -> Option<ExitCode> {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let first = arguments.first()?;
    let command = std::env::var(COMMAND).ok();
    let command: Option<Vec<String>> = command.and_then(|c| serde_json::from_str(&c).ok());
    // cargo names us as the compiler to ourselves as the wrapper.
    let wraps_itself = || std::env::current_exe().is_ok_and(|own| own.as_os_str() == first);
    if let Some(command) = command
        && !wraps_itself()
        && !is_subcommand(first)
    {
        return Some(stand_in(&command, &arguments));
    }
    let mode = std::env::var_os(MODE)?;
    let (rustc, arguments) = arguments.split_first()?;
    if !is_compiler(rustc) {
        return None;
    }
    Some(compile(rustc, arguments, mode == PRINT_AND_SKIP_CDYLIB))
}

/// Is this compiler wrapper the one that a run around this one gave to cargo? Whichever of our two programs, and
/// whichever copy, that was.
#[must_use]
pub fn is_this_program(program: &str) -> bool {
    let path = Path::new(program);
    let own = std::env::current_exe().and_then(|own| own.canonicalize());
    if own.is_ok_and(|own| path.canonicalize().is_ok_and(|path| path == own)) {
        return true;
    }
    let stem = path.file_stem().and_then(|s| s.to_str());
    std::env::var_os(MODE).is_some()
        && stem.is_some_and(|s| ["dragonfire", "cargo-dragonfire"].contains(&s))
}

/// The words of a compiler with arguments; `None` for what is one program, and for nothing.
#[must_use]
pub fn words(command: &str) -> Option<Vec<String>> {
    if !command.trim().contains(char::is_whitespace) || Path::new(command).is_file() {
        return None;
    }
    let mut words: Vec<String> = Vec::new();
    let mut quote = None;
    let mut within = false;
    for c in command.chars() {
        match quote {
            Some(q) if q == c => quote = None,
            None if c == '"' || c == '\'' => quote = Some(c),
            None if c.is_whitespace() => {
                within = false;
                continue;
            }
            _ => {
                if !within {
                    words.push(String::new());
                }
                if let Some(word) = words.last_mut() {
                    word.push(c);
                }
                within = true;
                continue;
            }
        }
        // Also of nothing but quotes.
        if !within {
            words.push(String::new());
            within = true;
        }
    }
    (words.len() > 1).then_some(words)
}

/// Runs the compiler that we stand for.
fn stand_in(command: &[String], arguments: &[OsString]) -> ExitCode {
    let Some((program, own)) = command.split_first() else {
        return ExitCode::from(101);
    };
    // rustc takes a target only once, and cargo knows which.
    let named = arguments
        .iter()
        .any(|a| a == "--target" || a.to_str().is_some_and(|a| a.starts_with("--target=")));
    let mut own = own.iter().peekable();
    let mut kept = Vec::new();
    while let Some(word) = own.next() {
        if named && word == "--target" {
            own.next();
        } else if !(named && word.starts_with("--target=")) {
            kept.push(word);
        }
    }
    run(Command::new(program).args(kept).args(arguments))
}

/// Runs a command to its end.
fn run(command: &mut Command) -> ExitCode {
    match command.status() {
        Ok(status) => exit_code(status),
        Err(e) => {
            eprintln!("error: cannot run {}: {e}", command.get_program().display());
            ExitCode::from(101)
        }
    }
}

fn exit_code(status: std::process::ExitStatus) -> ExitCode {
    let code = status.code().and_then(|c| u8::try_from(c).ok());
    ExitCode::from(code.unwrap_or(101))
}

/// Is the first argument the compiler to run? A build script may also run this program itself, with
/// the variable still set; and it may ask the compiler anything through the wrapper.
fn is_compiler(first: &OsString) -> bool {
    !is_subcommand(first) && !first.to_str().is_some_and(|first| first.starts_with('-'))
}

/// Is it one of this program's own commands?
fn is_subcommand(first: &OsString) -> bool {
    let commands = ["request", "schema", "completions", "man", "help"];
    first
        .to_str()
        .is_some_and(|first| OPERATIONS.contains(&first) || commands.contains(&first))
}

fn compile(rustc: &OsString, arguments: &[OsString], skip_cdylib: bool) -> ExitCode {
    let mut arguments = arguments.to_vec();
    let crate_types = crate_types(&arguments);
    // cargo asks for file names and configurations with an empty crate.
    let asks_only = arguments.first().is_some_and(|a| a == "-");
    let has = |name: &str| crate_types.iter().any(|(_, t)| t == name);
    let mut placeholders = Vec::new();
    let local = (!asks_only).then(|| Local::find(&arguments)).flatten();
    if let Some(local) = &local {
        arguments.extend(local.flags().map(OsString::from));
    }
    if !asks_only {
        if skip_cdylib && has("cdylib") && (has("rlib") || has("lib")) {
            placeholders = file_names(rustc, &arguments, &crate_types);
            if !placeholders.is_empty() {
                remove(&mut arguments, &crate_types, |t| t == "cdylib");
            }
        }
        if has("staticlib") || mentions_staticlib(&arguments) {
            arguments.extend(["--print".into(), "native-static-libs".into()]);
        }
    }
    let next = std::env::var_os(NEXT).filter(|n| !n.is_empty());
    // Ourselves after ourselves would never end.
    let next = next.filter(|n| !n.to_str().is_some_and(is_this_program));
    let mut command = match next {
        Some(next) => {
            let mut command = Command::new(next);
            command.arg(rustc);
            command
        }
        None => Command::new(rustc),
    };
    for name in FOR_CARGO {
        command.env_remove(name);
    }
    let status = match command.args(&arguments).status() {
        Ok(status) => status,
        Err(e) => {
            eprintln!("error: cannot run {}: {e}", command.get_program().display());
            return ExitCode::from(101);
        }
    };
    if status.success() {
        if let Some(Err(e)) = local.map(|l| l.record()) {
            eprintln!("error: cannot write what this crate depends on: {e}");
            return ExitCode::from(101);
        }
        for path in placeholders {
            if let Err(e) = std::fs::write(&path, "Not linked: see the static library.\n") {
                eprintln!("error: cannot write {}: {e}", path.display());
                return ExitCode::from(101);
            }
        }
    }
    exit_code(status)
}

/// Every crate type asked for, with the place of the argument that names it.
fn crate_types(arguments: &[OsString]) -> Vec<(usize, String)> {
    let mut types = Vec::new();
    for (i, argument) in arguments.iter().enumerate() {
        let Some(argument) = argument.to_str() else {
            continue;
        };
        if let Some(list) = argument.strip_prefix("--crate-type=") {
            types.extend(list.split(',').map(|t| (i, t.to_owned())));
        } else if argument == "--crate-type"
            && let Some(list) = arguments.get(i + 1).and_then(|a| a.to_str())
        {
            types.extend(list.split(',').map(|t| (i, t.to_owned())));
        }
    }
    types
}

/// Takes the crate types that `unwanted` says out of `arguments`.
fn remove(
    arguments: &mut Vec<OsString>,
    crate_types: &[(usize, String)],
    unwanted: impl Fn(&str) -> bool,
) {
    let wanted: Vec<&str> = crate_types
        .iter()
        .map(|(_, t)| t.as_str())
        .filter(|t| !unwanted(t))
        .collect();
    let mut places: Vec<usize> = crate_types.iter().map(|(i, _)| *i).collect();
    places.dedup();
    for &place in places.iter().rev() {
        let two = arguments.get(place).is_some_and(|a| a == "--crate-type");
        let end = (place + 1 + usize::from(two)).min(arguments.len());
        arguments.drain(place..end);
    }
    for wanted in wanted {
        arguments.extend(["--crate-type".into(), wanted.into()]);
    }
}

/// The files that rustc would write for the cdylib.
fn file_names(
    rustc: &OsString,
    arguments: &[OsString],
    crate_types: &[(usize, String)],
) -> Vec<PathBuf> {
    let out_dir = arguments
        .iter()
        .position(|a| a == "--out-dir")
        .and_then(|i| arguments.get(i + 1));
    let Some(out_dir) = out_dir else {
        return Vec::new();
    };
    let mut arguments = arguments.to_vec();
    remove(&mut arguments, crate_types, |t| t != "cdylib");
    arguments.extend(["--print".into(), "file-names".into()]);
    match Command::new(rustc).args(&arguments).output() {
        Ok(output) if output.status.success() => String::from_utf8_lossy(&output.stdout)
            .lines()
            .filter(|l| !l.is_empty())
            .map(|name| Path::new(out_dir).join(name))
            .collect(),
        _ => Vec::new(),
    }
}

/// The same for arguments in a file, one a line.
fn mentions_staticlib(arguments: &[OsString]) -> bool {
    let [argument] = arguments else { return false };
    argument
        .to_str()
        .and_then(|a| a.strip_prefix('@'))
        .and_then(|path| std::fs::read_to_string(path).ok())
        .is_some_and(|text| {
            let mut lines = text.lines();
            lines.any(|l| l == "--crate-type") && lines.any(|l| l == "staticlib")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(text: &str) -> Vec<OsString> {
        text.split_whitespace().map(OsString::from).collect()
    }

    #[test]
    fn the_compiler_is_told_from_commands() {
        for text in ["rustc", "/opt/rust/bin/rustc", "C:\\rustc.exe", "my-rustc"] {
            assert!(is_compiler(&text.into()), "{text}");
        }
        for text in ["discover", "request", "schema", "-o", "--version"] {
            assert!(!is_compiler(&text.into()), "{text}");
        }
    }

    #[test]
    fn a_compiler_with_arguments_is_taken_apart() {
        let all = |command: &str| words(command).unwrap_or_default();
        assert_eq!(all("rustc -C linker=cc"), ["rustc", "-C", "linker=cc"]);
        assert_eq!(
            all(" '/opt/my rust/rustc'  --cfg 'a=\"b c\"' \"\" "),
            ["/opt/my rust/rustc", "--cfg", "a=\"b c\"", ""]
        );
        for one in [
            "",
            "rustc",
            "/opt/rust/bin/rustc",
            " rustc ",
            "'/opt/my rust/rustc'",
        ] {
            assert_eq!(words(one), None, "{one}");
        }
    }

    #[test]
    fn crate_types_are_found_and_removed() {
        let mut list = arguments("a.rs --crate-type cdylib --crate-type rlib -C opt-level=3");
        let types = crate_types(&list);
        assert_eq!(types, [(1, "cdylib".to_owned()), (3, "rlib".to_owned())]);
        remove(&mut list, &types, |t| t == "cdylib");
        assert_eq!(list, arguments("a.rs -C opt-level=3 --crate-type rlib"));

        let mut list = arguments("a.rs --crate-type=cdylib,lib --cfg x");
        let types = crate_types(&list);
        remove(&mut list, &types, |t| t == "cdylib");
        assert_eq!(list, arguments("a.rs --cfg x --crate-type lib"));
    }
}
