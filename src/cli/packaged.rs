//! What packages bring beside the program, made from its arguments: completions for shells, manual pages.

use camino::Utf8Path;
use clap::CommandFactory;
use clap_complete::Shell;

use super::args::Cli;
use crate::error::{Code, Diagnostic, Result};

/// Completions for a shell.
pub(super) fn completions(shell: Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "dragonfire", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

/// Writes `dragonfire.1` and a page for each command to `dir`.
///
/// # Errors
/// `output-unwritable`.
pub(super) fn manual(dir: &Utf8Path) -> Result<()> {
    let unwritable = |e: std::io::Error| {
        let message = format!("cannot write the manual pages: {e}");
        Diagnostic::new(Code::OutputUnwritable, message).file(dir)
    };
    std::fs::create_dir_all(dir).map_err(unwritable)?;
    clap_mangen::generate_to(Cli::command(), dir).map_err(unwritable)?;
    Ok(())
}
