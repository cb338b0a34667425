//! Where progress goes: JSON lines for programs, a bar on a terminal, plain lines elsewhere.

use std::io::{IsTerminal, Write};
use std::sync::Mutex;

use indicatif::{ProgressBar, ProgressStyle};

use crate::protocol::event::{Event, Events, Silent, Unit};

/// What suits a person at this stderr.
#[must_use]
pub fn for_person(events: bool, quiet: bool) -> Box<dyn Events> {
    if events {
        Box::new(JsonLines)
    } else if quiet {
        Box::new(Silent)
    } else if std::io::stderr().is_terminal() {
        Box::new(Bar::new())
    } else {
        Box::new(Lines)
    }
}

/// One JSON object a line.
pub struct JsonLines;

impl Events for JsonLines {
    fn emit(&self, event: Event) {
        if let Ok(mut line) = serde_json::to_string(&event) {
            line.push('\n');
            // Progress that nobody reads is no failure.
            let _ = std::io::stderr().lock().write_all(line.as_bytes());
        }
    }
}

/// A line for every phase, and messages as they are.
pub struct Lines;

impl Events for Lines {
    fn emit(&self, event: Event) {
        let mut stderr = std::io::stderr().lock();
        let _ = match event {
            Event::Phase { name } => writeln!(stderr, "dragonfire: {name}"),
            Event::Message { text } => writeln!(stderr, "{}", text.trim_end_matches('\n')),
            Event::Progress { .. } => Ok(()),
        };
    }
}

/// A bar for the running phase.
pub struct Bar {
    bar: Mutex<ProgressBar>,
}

impl Bar {
    fn new() -> Self {
        Self {
            bar: Mutex::new(ProgressBar::hidden()),
        }
    }
}

impl Events for Bar {
    fn emit(&self, event: Event) {
        let Ok(mut bar) = self.bar.lock() else { return };
        match event {
            Event::Phase { name } => {
                bar.finish_and_clear();
                *bar = ProgressBar::new_spinner();
                bar.set_style(style("{spinner} {msg}"));
                bar.enable_steady_tick(std::time::Duration::from_millis(120));
                bar.set_message(name);
            }
            Event::Progress { done, total, unit } => {
                if bar.length() != Some(total) {
                    bar.set_length(total);
                    bar.set_style(style(match unit {
                        Unit::Bytes => "{spinner} {msg} {wide_bar} {bytes}/{total_bytes}",
                        Unit::Crates => "{spinner} {msg} {wide_bar} {pos}/{len} crates",
                        Unit::Members => "{spinner} {msg} {wide_bar} {pos}/{len} members",
                        Unit::Atoms => "{spinner} {msg} {wide_bar} {pos}/{len} atoms",
                    }));
                }
                bar.set_position(done);
            }
            Event::Message { text } => {
                let text = text.trim_end_matches('\n');
                bar.suspend(|| eprintln!("{text}"));
            }
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Ok(bar) = self.bar.get_mut() {
            bar.finish_and_clear();
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}
