//! A ready value in a histogram, against an addition on a line of the thread's own.

use crate::table::{Goal, Row, Table};
use crate::turns::{Contestant, Work, rounds};
use plimsoll_model::{Labels, catalog};
use plimsoll_record::{Histogram, HistogramSpec, Registry};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

const TIMES: u64 = 1_000_000;

/// Returns values over the range that requests take: 1 µs to 1 s and back, without a pattern that a
/// branch predictor learns.
fn values() -> impl Iterator<Item = u64> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        1_000 << (state >> 59)
    })
}

struct Ours {
    registry: Registry,
    histogram: Histogram,
}

impl Ours {
    fn new() -> Self {
        let registry = Registry::new();
        let spec = HistogramSpec::new(&catalog::QUEUE_TIME, Labels::default());
        let spec = spec.edges(&[5_000_000, 250_000_000]);
        let histogram = registry.histogram(spec).expect("registers");
        Self { registry, histogram }
    }
}

impl Contestant for Ours {
    fn run(&self, times: u64, _: Work) {
        values().take(times as usize).for_each(|value| self.histogram.observe(value));
    }

    fn settle(&self) {
        self.registry.merge();
    }
}

#[repr(align(128))]
#[derive(Default)]
struct Line(AtomicU64);

/// Additions, each thread's on a line of its own.
#[derive(Default)]
struct Additions {
    lines: [Line; 2],
    next: AtomicUsize,
}

impl Contestant for Additions {
    fn run(&self, times: u64, _: Work) {
        let line = &self.lines[self.next.fetch_add(1, Ordering::Relaxed) % 2].0;
        for value in values().take(times as usize) {
            line.fetch_add(value, Ordering::Relaxed);
        }
    }
}

pub(crate) fn measure(table: &mut Table) {
    let (ours, additions) = (Ours::new(), Additions::default());
    for threads in [1, 2] {
        let costs = rounds(&[&ours, &additions], threads, TIMES, Work::NONE);
        table.add(Row {
            what: format!("histogram, a ready value, {threads} threads"),
            unit: "ns",
            peer_name: "fetch_add on the thread's own line",
            rounds: costs.iter().map(|round| (round[0], round[1])).collect(),
            goal: Goal::AtMost(2.0),
        });
    }
}
