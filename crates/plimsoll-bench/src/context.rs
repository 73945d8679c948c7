//! A decision of four readings that nobody disturbs.

use crate::table::{Goal, Row, Table};
use crate::turns::{Contestant, Work, rounds};
use plimsoll_context::{
    Clock, ConflictKey, DecisionPoint, DecisionSpec, Reading, Source, SystemClock,
};
use plimsoll_record::Registry;
use std::hint::black_box;
use std::time::{Duration, SystemTime};

const TIMES: u64 = 200_000;

/// What one decision may cost.
const GOAL_NS: f64 = 1_000.0;

/// Decisions over a key of many, each with four readings that a wall clock stamped.
struct Deciding {
    point: DecisionPoint,
    sources: [Source; 4],
    as_of: SystemTime,
    registry: Registry,
    guarded: bool,
}

impl Deciding {
    fn new(guarded: bool) -> Self {
        let registry = Registry::new();
        let spec = DecisionSpec::new("bench", Duration::from_millis(300));
        let point = spec.register_in(&registry).expect("registers");
        let sources = ["one", "two", "three", "four"].map(|name| point.source(name));
        Self { point, sources, as_of: SystemClock.wall(), registry, guarded }
    }
}

impl Contestant for Deciding {
    fn run(&self, times: u64, _: Work) {
        for key in 0..times {
            let mut decision = self.point.begin([ConflictKey::of(black_box(key))]);
            for source in &self.sources {
                decision.read(source, Reading::as_of(black_box(self.as_of)));
            }
            let committing = if self.guarded {
                decision.begin_commit_guarded()
            } else {
                Some(decision.begin_commit())
            };
            black_box(committing.map(|committing| committing.committed()));
        }
    }

    fn settle(&self) {
        self.registry.merge();
    }
}

/// Adds the rows of this group.
pub(crate) fn measure(table: &mut Table) {
    for (what, guarded) in [("decision, 4 readings", false), ("the same, guarded", true)] {
        let measured = rounds(&[&Deciding::new(guarded)], 1, TIMES, Work::NONE);
        table.add(Row {
            what: what.into(),
            unit: "ns",
            peer_name: "the goal",
            rounds: measured.iter().map(|round| (round[0], GOAL_NS)).collect(),
            goal: Goal::Below(GOAL_NS),
        });
    }
}
