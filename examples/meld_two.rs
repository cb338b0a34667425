//! Melds two static libraries into a folder and prints what became of their sizes:
//!
//!     cargo run --example meld_two -- OUT libgstleft.a libgstright.a [EXPORT-PATTERN...]

use dragonfire::protocol::event::{Event, Events};
use dragonfire::protocol::request::{CombineRequest, LibraryInput, Output, Request, Source};

/// Says on stderr which phase begins.
struct Phases;

impl Events for Phases {
    fn emit(&self, event: Event) {
        if let Event::Phase { name } = event {
            eprintln!("{name} ...");
        }
    }
}

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [out, left, right, patterns @ ..] = arguments.as_slice() else {
        anyhow::bail!("usage: meld_two OUT LIB LIB [EXPORT-PATTERN...]");
    };
    let libraries = [left, right].map(|path| LibraryInput {
        path: path.into(),
        ..LibraryInput::default()
    });
    let output = Output::Dir(out.into());
    let mut request = CombineRequest::new(Source::Libraries(libraries.into()), output);
    request.exports = patterns.to_vec();
    let response = dragonfire::run(&Request::Meld(request), &Phases)?;
    for plugin in &response.plugins {
        let (before, after) = (plugin.bytes_before, plugin.bytes_after);
        println!("{}: {before} bytes, now {after}", plugin.library);
    }
    if let Some(shared) = &response.workspace_library {
        println!("{}: {} bytes shared", shared.library, shared.bytes);
    }
    Ok(())
}
