//! Deadlocks that really happen, and what must not be taken for one.

#![allow(clippy::expect_used)] // A test that finds nothing has failed.

mod tasks;
mod threads;

use plimsoll_record::waits::{Cycle, LiveWait, Scanner, live};

/// Returns the waits for resources whose names begin with the test's own.
fn waits_of(test: &str) -> Vec<LiveWait> {
    let ours = |wait: &LiveWait| wait.resource.what().name.starts_with(test);
    live().into_iter().filter(ours).collect()
}

/// Scans twice, and returns the cycles of the test's own resources.
fn cycles_of(test: &str) -> Vec<Cycle> {
    let mut scanner = Scanner::new();
    scanner.scan();
    let ours =
        |cycle: &Cycle| cycle.waits.iter().all(|wait| wait.resource.what().name.starts_with(test));
    scanner.scan().into_iter().filter(ours).collect()
}

fn kinds_of(test: &str) -> Vec<(&'static str, usize)> {
    cycles_of(test).iter().map(|cycle| (cycle.kind, cycle.waits.len())).collect()
}
