//! Progress, one JSON object a line on stderr where asked for.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Something happened on the way.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// A phase of the pipeline began.
    Phase { name: String },
    /// `done` of `total` steps of the running phase, which may have several kinds of steps one after the other.
    Progress { done: u64, total: u64, unit: Unit },
    /// A line for people (cargo's diagnostics, say).
    Message { text: String },
}

/// What steps of progress are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// Compilations and build scripts, as cargo counts them.
    Crates,
    Bytes,
    Members,
    Atoms,
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

/// No more often than this is progress told.
const PAUSE: Duration = Duration::from_millis(100);

/// Counts steps on any thread, and tells of them now and then, and of the last one.
pub struct Steps<'e> {
    events: Option<&'e dyn Events>,
    unit: Unit,
    total: u64,
    done: AtomicU64,
    start: Instant,
    /// Milliseconds from the start to the next event.
    next: AtomicU64,
}

impl<'e> Steps<'e> {
    /// `total` steps to do.
    #[must_use]
    pub fn new(events: &'e dyn Events, unit: Unit, total: u64) -> Self {
        Self {
            events: Some(events),
            unit,
            total,
            done: AtomicU64::new(0),
            start: Instant::now(),
            next: AtomicU64::new(PAUSE.as_millis() as u64),
        }
    }

    /// Counts for nobody.
    #[must_use]
    pub fn untold() -> Self {
        Self {
            events: None,
            ..Self::new(&Silent, Unit::Bytes, 0)
        }
    }

    /// `steps` more are done.
    pub fn add(&self, steps: u64) {
        let Some(events) = self.events else { return };
        let done = self.done.fetch_add(steps, Relaxed) + steps;
        let now = self.start.elapsed().as_millis() as u64;
        let next = self.next.load(Relaxed);
        let last = done >= self.total && steps > 0;
        let due = now >= next
            && self
                .next
                .compare_exchange(next, now + PAUSE.as_millis() as u64, Relaxed, Relaxed)
                .is_ok();
        if due || last {
            events.emit(Event::Progress {
                done: done.min(self.total),
                total: self.total,
                unit: self.unit,
            });
        }
    }
}

/// A writer that counts its bytes.
pub struct Counted<'s, 'e, W> {
    pub to: W,
    pub steps: &'s Steps<'e>,
}

impl<W: std::io::Write> std::io::Write for Counted<'_, '_, W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.to.write(bytes)?;
        self.steps.add(written as u64);
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.to.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    struct Kept(Mutex<Vec<(u64, u64)>>);

    impl Events for Kept {
        fn emit(&self, event: Event) {
            if let Event::Progress { done, total, .. } = event {
                self.0.lock().unwrap().push((done, total));
            }
        }
    }

    #[test]
    fn progress_is_told_now_and_then_and_at_the_end() {
        let kept = Kept(Mutex::default());
        let steps = Steps::new(&kept, Unit::Members, 100_000);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..25_000).for_each(|_| steps.add(1)));
            }
        });
        let told = kept.0.lock().unwrap().clone();
        let took = steps.start.elapsed().as_millis() as usize;
        assert_eq!(told.last(), Some(&(100_000, 100_000)));
        assert!(told.len() <= took / 100 + 1, "{told:?} in {took} ms");
    }
}
