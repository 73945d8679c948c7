//! Models of the shipped code, which loom runs through every order of its steps:
//! `RUSTFLAGS="--cfg loom" cargo test -p plimsoll-record --lib --release models`
//!
//! The clock is modelled as a counter that all threads advance: reading it orders nothing but its own
//! readings, so that what the log relies on is its fences alone. Bounds are small here (a log of four
//! edges, a table of two slots), so that every one of them is reached.

#![allow(clippy::expect_used)] // A model fails by it.

mod exemplar;
mod log;
mod ready;
mod snapshot;
mod table;

use crate::clock::Clock;
use crate::sync::{Arc, AtomicU64, Ordering};
use loom::sync::atomic::fence;

#[derive(Clone, Debug)]
struct ModelClock(Arc<AtomicU64>);

impl Clock for ModelClock {
    fn now_ns(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed) + 1
    }

    fn owner_fence(&self) {
        fence(Ordering::SeqCst);
    }

    fn reader_fence(&self) {
        fence(Ordering::SeqCst);
    }
}

impl ModelClock {
    fn new() -> Self {
        Self(Arc::new(AtomicU64::new(0)))
    }
}

fn model(body: impl Fn() + Send + Sync + 'static) {
    model_within(4, body);
}

/// Runs every order in which at most so many threads are stopped in the midst of something.
fn model_within(preemptions: usize, body: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(body);
}
