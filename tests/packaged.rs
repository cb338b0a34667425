//! What packages bring beside the program, and the colours of its words.

use std::path::Path;
use std::process::{Command, Output};

fn dragonfire(args: &[&str], env: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_dragonfire"))
        .args(args)
        .env_remove("NO_COLOR")
        .env_remove("CLICOLOR_FORCE")
        .envs(env.iter().copied())
        .output()
        .expect("dragonfire runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

fn help() -> String {
    text(&dragonfire(&["--help"], &[]).stdout)
}

/// The commands as `--help` lists them.
fn commands(help: &str) -> Vec<&str> {
    let list = help.split_once("Commands:\n").expect("commands").1;
    let list = list.split_once("\n\n").expect("their end").0;
    let lines = list.lines().filter(|l| !l.starts_with("   "));
    lines.filter_map(|l| l.split_whitespace().next()).collect()
}

#[test]
fn completions_know_every_command_and_shells_take_them() {
    let help = help();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let output = dragonfire(&["completions", shell], &[]);
        assert!(output.status.success(), "{shell}");
        let script = text(&output.stdout);
        for word in commands(&help)
            .into_iter()
            .chain(["--workspace-lib", "--color"])
        {
            let word = if shell == "fish" {
                word.trim_start_matches('-')
            } else {
                word
            };
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    // What bash itself makes of it.
    let script = text(&dragonfire(&["completions", "bash"], &[]).stdout);
    let ask = format!(
        "{script}\nCOMP_WORDS=(dragonfire mel); COMP_CWORD=1\n_dragonfire dragonfire mel dragonfire\nprintf '%s\\n' \"${{COMPREPLY[@]}}\"\n"
    );
    let Ok(output) = Command::new("bash").args(["--norc", "-c", &ask]).output() else {
        return; // No bash here.
    };
    assert_eq!(text(&output.stdout), "meld\n", "{}", text(&output.stderr));
}

#[test]
fn every_command_has_a_manual_page() {
    let dir = tempfile::tempdir().expect("a folder");
    let into = dir.path().join("made/man1");
    let output = dragonfire(&["man", into.to_str().expect("UTF-8")], &[]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let help = help();
    for command in commands(&help).into_iter().filter(|c| *c != "help") {
        let page = std::fs::read_to_string(into.join(format!("dragonfire-{command}.1")));
        let page = page.expect(command);
        assert!(
            page.contains(".SH SYNOPSIS") && page.contains(command),
            "{command}"
        );
    }
    let page = std::fs::read_to_string(into.join("dragonfire.1")).expect("dragonfire.1");
    assert!(page.contains("dragonfire\\-meld(1)"), "{page}");
    let file = into.join("dragonfire.1");
    let output = dragonfire(&["man", file.to_str().expect("UTF-8")], &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("(output-unwritable)"));
}

/// Not a terminal here: colours come only where they are asked for.
#[test]
fn colours_are_asked_for() {
    let missing = ["dedup", "--quiet", "--out", "o", "no/such/library.a"];
    let malformed = ["dedup", "--quite"];
    for arguments in [&missing[..], &malformed] {
        let stderr = |more: &[&str], env: &[(&str, &str)]| {
            let all: Vec<&str> = arguments.iter().chain(more).copied().collect();
            text(&dragonfire(&all, env).stderr)
        };
        let plain = stderr(&[], &[]);
        assert!(plain.starts_with("error: "), "{plain}");
        assert_eq!(stderr(&["--color", "never"], &[]), plain);
        assert_eq!(stderr(&["--color=auto"], &[("NO_COLOR", "1")]), plain);
        assert_eq!(
            stderr(&[], &[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")]),
            plain
        );
        let coloured = stderr(&["--color", "always"], &[("NO_COLOR", "1")]);
        assert!(coloured.starts_with("\u{1b}["), "{coloured:?}");
        assert!(coloured.contains("error"), "{coloured:?}");
    }
    let output = dragonfire(&["--color", "sometimes", "capabilities"], &[]);
    assert_eq!(output.status.code(), Some(2));
    // JSON has none.
    let all: Vec<&str> = missing
        .into_iter()
        .chain(["--json", "--color", "always"])
        .collect();
    let output = dragonfire(&all, &[]);
    assert!(!output.stdout.contains(&0x1b));
}

/// On a terminal there are colours without being asked for, and none with NO_COLOR.
#[test]
fn a_terminal_has_colours() {
    if !Path::new("/usr/bin/script").exists() {
        return;
    }
    let run = |env: &[(&str, &str)]| {
        let command = format!(
            "{} dedup -q --out o no/such.a",
            env!("CARGO_BIN_EXE_dragonfire")
        );
        let output = Command::new("/usr/bin/script")
            .args(["-qec", &command, "/dev/null"])
            .env_remove("NO_COLOR")
            .env("TERM", "xterm")
            .envs(env.iter().copied())
            .output()
            .expect("script runs");
        text(&output.stdout)
    };
    assert!(run(&[]).contains("\u{1b}["));
    let plain = run(&[("NO_COLOR", "1")]);
    assert!(
        plain.contains("error: ") && !plain.contains('\u{1b}'),
        "{plain:?}"
    );
}
