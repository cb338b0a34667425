//! The command line: arguments or JSON to a request, the response to stdout or a file, an exit status.

mod args;
mod cargo;
mod colour;
mod exports;
mod files;
mod packaged;
mod progress;
mod table;
mod to_request;

use std::ffi::OsString;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use clap::Parser;

use crate::error::{Code, Diagnostic, Error};
use crate::protocol::event::Events;
use crate::protocol::request::Request;
use crate::protocol::response::Response;
use crate::protocol::schema;
use args::{Cli, Command, DropIn, Print};

/// Exit status of a request that failed.
const FAILED: u8 = 1;

/// Runs the program.
#[must_use]
pub fn main() -> ExitCode {
    run(std::env::args_os().collect())
}

/// Runs the program as cargo's subcommand.
#[must_use]
pub fn cargo_subcommand() -> ExitCode {
    match cargo::arguments(std::env::args_os().collect()) {
        Ok(arguments) => run(arguments),
        Err(error) => failed(&error),
    }
}

fn failed(error: &Error) -> ExitCode {
    for diagnostic in &error.0 {
        colour::error(diagnostic);
    }
    ExitCode::from(error.exit_status())
}

fn run(arguments: Vec<OsString>) -> ExitCode {
    // clap's own errors come before its parsed arguments.
    colour::choose(&arguments);
    if args::is_verbose_version(&arguments) {
        return person(Ok(to_request::capabilities()), &Presentation::default());
    }
    if args::is_drop_in(&arguments) {
        let drop_in = DropIn::parse_from(arguments);
        return person(drop_in.into_request(), &Presentation::default());
    }
    match Cli::parse_from(arguments).command {
        Command::Schema { subject } => stdout(&schema::render(subject), 0),
        Command::Completions { shell } => stdout(&packaged::completions(shell), 0),
        Command::Man { dir } => match packaged::manual(&dir) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => failed(&error),
        },
        Command::Request(how) => files::protocol(&how),
        command => {
            let presentation = command.presentation();
            person(command.into_request(), &presentation)
        }
    }
}

/// How a person wants to see the response.
#[derive(Debug, Default)]
struct Presentation {
    json: bool,
    events: bool,
    quiet: bool,
    print: Option<Print>,
}

/// A request from arguments, a response for people.
fn person(request: Result<Request, Error>, presentation: &Presentation) -> ExitCode {
    let checked = request.and_then(|r| r.check().map(|()| r));
    let response = match checked {
        Ok(request) => execute(
            &request,
            progress::for_person(presentation.events, presentation.quiet).as_ref(),
        ),
        Err(error) => Response::failure("", error),
    };
    if presentation.json {
        return respond(&response);
    }
    if !presentation.quiet {
        for diagnostic in &response.warnings {
            colour::warning(diagnostic);
        }
    }
    for diagnostic in &response.errors {
        if presentation.quiet {
            colour::error(diagnostic);
        } else {
            colour::error(&diagnostic.clone().brief());
        }
    }
    let status = status(&response);
    if !response.ok {
        return ExitCode::from(status);
    }
    match presentation.print {
        Some(Print::LinkArgs) => {
            if !presentation.quiet {
                eprint!("{}", table::render(&response));
            }
            stdout(&table::link_line(&response), status)
        }
        Some(Print::Exports) => stdout(&exports::names(&response), status),
        None if presentation.quiet => ExitCode::from(status),
        None => stdout(&table::render(&response), status),
    }
}

/// Runs the request. A bug of ours becomes an error with a code, so that whoever reads the response
/// always gets one.
fn execute(request: &Request, events: &dyn Events) -> Response {
    let outcome = catch_unwind(AssertUnwindSafe(|| crate::run(request, events)));
    match outcome {
        Ok(Ok(response)) => response,
        Ok(Err(error)) => Response::failure(request.operation(), error),
        Err(_) => Response::failure(
            request.operation(),
            Diagnostic::new(Code::Internal, "dragonfire met a bug of its own")
                .hint("the lines on stderr say where; please report them with the request")
                .into(),
        ),
    }
}

fn status(response: &Response) -> u8 {
    if response.ok {
        return 0;
    }
    response
        .errors
        .first()
        .map_or(FAILED, |d| d.code.exit_status())
}

/// The response as JSON on stdout.
fn respond(response: &Response) -> ExitCode {
    match as_json(response) {
        Ok(text) => stdout(&text, status(response)),
        Err(status) => ExitCode::from(status),
    }
}

fn as_json(response: &Response) -> Result<String, u8> {
    serde_json::to_string(response)
        .map(|text| text + "\n")
        .map_err(|e| {
            eprintln!("error: the response cannot be written as JSON: {e}");
            FAILED
        })
}

/// Writes `text`; a reader that went away must not look like success, and knows that it did. What else keeps the
/// text from its place is said.
fn stdout(text: &str, status: u8) -> ExitCode {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => ExitCode::from(status),
        Err(e) => {
            if e.kind() != std::io::ErrorKind::BrokenPipe {
                let full = e.kind() == std::io::ErrorKind::StorageFull;
                let code = if full {
                    Code::OutputDiskFull
                } else {
                    Code::OutputUnwritable
                };
                let said = Diagnostic::new(code, format!("cannot write to stdout: {e}"));
                // Nothing is left to say it to where this fails too.
                let _ = writeln!(std::io::stderr(), "error: {said}");
            }
            ExitCode::from(FAILED)
        }
    }
}
