//! What the process is doing just now: who waits for whom, and in which cycles.

mod cycles;
mod timeline;
mod waits;

use hyper::body::Bytes;
use plimsoll_model::{Labels, catalog};
use plimsoll_record::waits::{Cycle, Scanner, Site};
use plimsoll_record::{Gauge, Registry};
use serde_json::Value;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How often the waits are scanned for cycles. A cycle is named once two scans have seen it.
pub(super) const SCAN_EVERY: Duration = Duration::from_secs(1);

/// How far back the timeline goes unless it is asked for more or less.
const TIMELINE_SECONDS: u64 = 10;

/// How far back it may be asked for; it goes as far as it is kept.
const TIMELINE_SECONDS_MAX: u64 = 3_600;

/// The page that draws the timeline; it needs nothing from elsewhere.
pub(super) const VIEW: &str = include_str!("view.html");

/// The scanner, and what it found last.
pub(super) struct Debug {
    found: Mutex<(Scanner, Vec<Cycle>)>,
    /// How many cycles of each kind there are, as the metrics say it.
    counts: Vec<(&'static str, Gauge)>,
}

impl Debug {
    pub(super) fn new(registry: &Registry) -> Self {
        let gauge = |kind: &'static str| {
            let labels = Labels::new([("kind", kind)]).ok()?;
            let gauge = registry.gauge(&catalog::WAIT_CYCLES, labels).ok()?;
            gauge.set(0.0);
            Some((kind, gauge))
        };
        Self {
            found: Mutex::new((Scanner::new(), Vec::new())),
            counts: Cycle::KINDS.into_iter().filter_map(gauge).collect(),
        }
    }

    /// Looks for cycles; counts and names those that the last scan saw too.
    pub(super) fn scan(&self) {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let cycles = found.0.scan();
        for (kind, gauge) in &self.counts {
            gauge.set(cycles.iter().filter(|cycle| cycle.kind == *kind).count() as f64);
        }
        for cycle in &cycles {
            if !found.1.iter().any(|known| cycles::are_same(known, cycle)) {
                tracing::error!(kind = cycle.kind, "deadlock: {}", cycles::sentence(cycle));
            }
        }
        found.1 = cycles;
    }

    /// Answers `/debug/waits`; `elsewhere` is what else is waited for.
    pub(super) fn waits(&self, elsewhere: Vec<Value>) -> Bytes {
        body(&with(waits::document(), "resources", elsewhere))
    }

    /// Answers `/debug/timeline` with this query.
    ///
    /// # Errors
    /// The query is something else than `seconds=` and a number of them.
    pub(super) fn timeline(registry: &Registry, query: Option<&str>) -> Result<Bytes, String> {
        let seconds = seconds_of(query).ok_or_else(|| {
            format!("ask for /debug/timeline?seconds=30, of 1 to {TIMELINE_SECONDS_MAX}\n")
        })?;
        let timeline = registry.timeline(seconds * 1_000_000_000);
        Ok(timeline::document(&timeline).to_string().into())
    }

    /// Answers `/debug/cycles`; `elsewhere` is what else waits in a circle.
    pub(super) fn cycles(&self, elsewhere: Vec<Value>) -> Bytes {
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        body(&with(cycles::document(&found.1), "cycles", elsewhere))
    }
}

/// Adds entries to a document's list.
fn with(mut document: Value, list: &str, more: Vec<Value>) -> Value {
    if let Some(entries) = document.get_mut(list).and_then(Value::as_array_mut) {
        entries.extend(more);
    }
    document
}

/// Reads how many seconds a query asks for.
fn seconds_of(query: Option<&str>) -> Option<u64> {
    let Some(query) = query else { return Some(TIMELINE_SECONDS) };
    let seconds = query.strip_prefix("seconds=")?.parse().ok()?;
    (1..=TIMELINE_SECONDS_MAX).contains(&seconds).then_some(seconds)
}

/// Writes a document for a person: indented, and ending its last line.
fn body(document: &Value) -> Bytes {
    format!("{document:#}\n").into()
}

fn place(site: Site) -> String {
    format!("{}:{}:{}", site.file(), site.line(), site.column())
}

fn seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}
