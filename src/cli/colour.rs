//! Colours: whether there are any, and the words "error" and "warning" in them.

use std::ffi::OsString;
use std::io::Write;

use anstream::ColorChoice;
use clap::builder::styling::{AnsiColor, Style};

use crate::error::Diagnostic;

/// Obeys `--color WHEN`, else NO_COLOR and what stderr is. What else WHEN may be is clap's to refuse.
pub(super) fn choose(arguments: &[OsString]) {
    let words = arguments.iter().skip(1).filter_map(|a| a.to_str());
    let words: Vec<&str> = words.take_while(|w| *w != "--").collect();
    let mut choices = words.iter().enumerate().filter_map(|(i, word)| {
        let rest = word.strip_prefix("--color")?;
        rest.strip_prefix('=').or_else(|| words.get(i + 1).copied())
    });
    let choice = match choices.next_back() {
        Some("always") => ColorChoice::Always,
        Some("never") => ColorChoice::Never,
        _ => ColorChoice::Auto,
    };
    choice.write_global();
}

pub(super) fn error(diagnostic: &Diagnostic) {
    say("error", AnsiColor::Red, diagnostic);
}

pub(super) fn warning(diagnostic: &Diagnostic) {
    say("warning", AnsiColor::Yellow, diagnostic);
}

fn say(word: &str, colour: AnsiColor, diagnostic: &Diagnostic) {
    let style: Style = colour.on_default().bold();
    // Where stderr is gone, nobody is left to tell.
    let _ = writeln!(anstream::stderr(), "{style}{word}{style:#}: {diagnostic}");
}
