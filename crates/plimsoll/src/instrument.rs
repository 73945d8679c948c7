//! Handles that may be empty.
//!
//! Making an instrument must not fail a service's start, and never a request. A registry that is
//! full, or a series that something else exports already, leaves the handle empty: it records
//! nothing, and the registry counts the refusal.
//!
//! Not part of the interface: the project's own crates make their instruments of these.

#![allow(missing_docs)] // Hidden from the documentation as a whole.

use plimsoll_model::{Labels, Signal};
use plimsoll_record::{
    Activity, ActivitySpec, Counter, Gauge, Guard, Histogram, HistogramSpec, Outcome, Registry,
};

/// A level and what hangs on it.
#[derive(Clone, Copy, Debug)]
pub struct Level(Option<Activity>);

impl Level {
    pub fn new(registry: &Registry, spec: ActivitySpec) -> Self {
        Self(registry.activity(spec).ok())
    }

    pub fn activity(self) -> Option<Activity> {
        self.0
    }

    pub fn enter(self) -> Stay {
        self.enter_n(1)
    }

    /// Enters `count` times at once; the stay leaves all of them together.
    pub fn enter_n(self, count: u32) -> Stay {
        Stay(self.0.map(|activity| activity.guard_n(count)))
    }

    pub fn set_limit(self, limit: Option<u64>) {
        if let Some(activity) = self.0 {
            activity.set_limit(limit);
        }
    }
}

/// What is in a level, and leaves it when dropped: cancelled unless it was told otherwise, panicked
/// when a panic unwinds through it.
#[derive(Debug)]
pub struct Stay(Option<Guard>);

impl Stay {
    /// Leaves, and enters anew `count` times: never more than before and after at once.
    pub fn again(&mut self, level: Level, count: u32) {
        self.0 = None;
        *self = level.enter_n(count);
    }

    pub fn set_outcome(&mut self, outcome: Outcome) {
        if let Some(guard) = &mut self.0 {
            guard.set_outcome(outcome);
        }
    }

    pub fn end(self, outcome: Outcome) {
        if let Some(guard) = self.0 {
            guard.end(outcome);
        }
    }
}

/// A counter.
#[derive(Clone, Debug, Default)]
pub struct Count(Option<Counter>);

impl Count {
    pub fn new(registry: &Registry, signal: &'static Signal, labels: Labels) -> Self {
        Self(registry.counter(signal, labels).ok())
    }

    #[inline]
    pub fn increment(&self) {
        self.add(1);
    }

    #[inline]
    pub fn add(&self, amount: u64) {
        if let Some(counter) = &self.0 {
            counter.add(amount);
        }
    }

    pub fn raise_to(&self, total: u64) {
        if let Some(counter) = &self.0 {
            counter.raise_to(total);
        }
    }
}

/// The counters among handles, in their order; none if one is empty, so that the order holds.
pub fn counters(counts: &[Count]) -> Vec<Counter> {
    counts.iter().map(|count| count.0.clone()).collect::<Option<_>>().unwrap_or_default()
}

/// A gauge.
#[derive(Clone, Debug)]
pub struct Value(Option<Gauge>);

impl Value {
    pub fn new(registry: &Registry, signal: &'static Signal, labels: Labels) -> Self {
        Self(registry.gauge(signal, labels).ok())
    }

    /// Sets the value; `None` is unknown, and absent from the export.
    pub fn set(&self, value: Option<f64>) {
        match (&self.0, value) {
            (Some(gauge), Some(value)) => gauge.set(value),
            (Some(gauge), None) => gauge.unset(),
            (None, _) => {}
        }
    }
}

/// A histogram.
#[derive(Clone, Copy, Debug)]
pub struct Distribution(Option<Histogram>);

impl Distribution {
    pub fn new(registry: &Registry, spec: HistogramSpec) -> Self {
        Self(registry.histogram(spec).ok())
    }

    pub fn observe(self, value: u64) {
        self.observe_as(value, 0);
    }

    pub fn observe_as(self, value: u64, index: u8) {
        if let Some(histogram) = self.0 {
            histogram.observe_as(value, index);
        }
    }
}
