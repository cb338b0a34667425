//! The operations of the protocol: each is a flow through the stages.
//!
//! In: a [`Request`]. Out: a [`Response`], and for some the files that it names.

mod build;
mod capabilities;
pub mod combine;
mod exports;
pub mod inspect;
mod verify;
mod why;

use crate::error::Result;
use crate::protocol::event::Events;
use crate::protocol::request::{Request, Strategy};
use crate::protocol::response::Response;

/// Carries out a request.
///
/// # Errors
/// Every failure a user can cause, with its code; nothing has been written then.
pub fn run(request: &Request, events: &dyn Events) -> Result<Response> {
    match request {
        Request::Capabilities(_) => Ok(capabilities::run()),
        Request::Discover(asked) => build::discover(asked, events),
        Request::Build(asked) => build::build(asked, events),
        Request::Inspect(asked) => inspect::run(asked, events),
        Request::Dedup(asked) => combine::run(Strategy::Dedup, asked, events),
        Request::Prelink(asked) => combine::run(Strategy::Prelink, asked, events),
        Request::Meld(asked) => combine::run(Strategy::Meld, asked, events),
        Request::Verify(asked) => verify::run(asked),
        Request::Why(asked) => why::run(asked, events),
        Request::Exports(asked) => exports::run(asked, events),
    }
}
