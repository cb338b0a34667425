//! The program: the library's command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    // cargo runs this very program as a compiler wrapper.
    if let Some(code) = dragonfire::workspace::rustc::take_over() {
        return code;
    }
    dragonfire::cli::main()
}
