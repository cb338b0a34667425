//! dragonfire: Rust plugins as static libraries, each piece once.
//!
//! The pipeline, one module a phase:
//!
//! request -> [`workspace`] (discover, build) -> [`input`] (read archives) -> [`format`] (read
//! objects) -> resolve -> identity -> reach -> [`plan`] -> write -> emit -> verify -> response

pub mod archive;
pub mod cli;
pub mod combine;
pub mod commit;
pub mod emit;
pub mod error;
pub mod exports;
pub mod format;
pub mod identity;
pub mod input;
pub mod inspect;
pub mod manifest;
pub mod nearest;
pub mod plan;
mod progress;
pub mod protocol;
mod table;
pub mod workspace;

use error::{Code, Diagnostic, Result};
use protocol::event::Events;
use protocol::request::Request;
use protocol::response::Response;

/// Carries out a request.
///
/// # Errors
/// Every failure a user can cause, with its code; nothing has been written then.
pub fn run(request: &Request, events: &dyn Events) -> Result<Response> {
    if let Some((strategy, request)) = request.combine() {
        return combine::run(strategy, request, events);
    }
    Err(Diagnostic::new(
        Code::UnknownOperation,
        format!("{} is not there yet", request.operation()),
    )
    .into())
}
