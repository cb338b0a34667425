//! Progress, one JSON object a line on stderr where asked for.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Something happened on the way.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// A phase of the pipeline began.
    Phase { name: String },
    /// `done` of `total` steps of the running phase.
    Progress { done: u64, total: u64 },
    /// A line for people (cargo's diagnostics, say).
    Message { text: String },
}

/// Takes events; shared by threads.
pub trait Events: Sync {
    fn emit(&self, event: Event);

    fn phase(&self, name: &str) {
        self.emit(Event::Phase {
            name: name.to_owned(),
        });
    }
}

/// Drops every event.
pub struct Silent;

impl Events for Silent {
    fn emit(&self, _: Event) {}
}
