//! One JSON request from stdin or a file, one JSON response to stdout or a file, whatever happens.

use std::io::Read;
use std::process::ExitCode;

use camino::Utf8Path;

use super::args::RequestArgs;
use super::{FAILED, as_json, colour, execute, progress, respond, status};
use crate::error::{Code, Diagnostic, Error};
use crate::output::commit::Stage;
use crate::protocol::read;
use crate::protocol::response::Response;

/// More errors are the same again; the response has them all.
const SHOWN: usize = 20;

pub(super) fn protocol(how: &RequestArgs) -> ExitCode {
    let response = match bytes(how.from.as_deref()) {
        Ok(bytes) => match read::request(&bytes) {
            Ok(request) => {
                // CMake and Meson give us the user's terminal.
                let events = progress::for_person(how.events, false);
                execute(&request, events.as_ref())
            }
            Err(unreadable) => Response::failure(&unreadable.operation, unreadable.error),
        },
        Err(unreadable) => Response::failure("", unreadable.into()),
    };
    match &how.to {
        Some(file) => to_file(&response, file),
        None => respond(&response),
    }
}

fn bytes(from: Option<&Utf8Path>) -> Result<Vec<u8>, Diagnostic> {
    let Some(file) = from else {
        let mut bytes = Vec::new();
        let read = std::io::stdin().read_to_end(&mut bytes);
        return match read {
            Ok(_) => Ok(bytes),
            Err(e) => Err(Diagnostic::new(
                Code::RequestNotJson,
                format!("cannot read stdin: {e}"),
            )),
        };
    };
    std::fs::read(file).map_err(|e| {
        Diagnostic::new(
            Code::RequestNotJson,
            format!("cannot read the request: {e}"),
        )
        .file(file)
    })
}

/// Nobody may look into the file where this is a build's: what went wrong is said.
fn to_file(response: &Response, file: &Utf8Path) -> ExitCode {
    let text = match as_json(response) {
        Ok(text) => text,
        Err(status) => return ExitCode::from(status),
    };
    for diagnostic in response.warnings.iter().take(SHOWN) {
        colour::warning(diagnostic);
    }
    for diagnostic in response.errors.iter().take(SHOWN) {
        colour::error(&diagnostic.clone().brief());
    }
    for (count, what) in [
        (response.warnings.len(), "warnings"),
        (response.errors.len(), "errors"),
    ] {
        if count > SHOWN {
            eprintln!("and {} more {what}: see {file}", count - SHOWN);
        }
    }
    match write(&text, file) {
        Ok(()) => ExitCode::from(status(response)),
        Err(error) => {
            for diagnostic in &error.0 {
                colour::error(diagnostic);
            }
            ExitCode::from(FAILED)
        }
    }
}

fn write(text: &str, file: &Utf8Path) -> Result<(), Error> {
    let mut stage = Stage::new(false);
    stage.write(file, text.as_bytes())?;
    stage.commit()
}
