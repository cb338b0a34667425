//! The program that `cargo dragonfire …` runs.

use std::process::ExitCode;

fn main() -> ExitCode {
    if let Some(code) = dragonfire::workspace::rustc::take_over() {
        return code;
    }
    dragonfire::cli::cargo_subcommand()
}
