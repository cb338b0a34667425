//! The program: the library's command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    dragonfire::cli::main()
}
