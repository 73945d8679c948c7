//! The locks that block threads: what an acquisition, a wait, a split hold and a panic leave behind.

#![allow(clippy::expect_used)] // A test that finds nothing has failed.

mod condvars;
mod parking_lot;
#[path = "../reading/mod.rs"]
mod reading;
mod standard;

use plimsoll::Registry;
use plimsoll_model::HistogramValue;
use reading::{histogram, value};

fn acquisitions(registry: &Registry, mode: &str, contended: &str) -> f64 {
    let labels = [("lock", "ledger"), ("mode", mode), ("contended", contended)];
    value(registry, "concurrency_lock_acquisitions", labels).expect("the lock is registered")
}

fn waiters(registry: &Registry, lock: &str) -> f64 {
    value(registry, "concurrency_lock_waiters", [("lock", lock)]).unwrap_or(0.0)
}

fn waits(registry: &Registry, mode: &str) -> HistogramValue {
    let labels = [("lock", "ledger"), ("mode", mode)];
    histogram(registry, "concurrency_lock_wait_seconds", labels)
}

fn holds(registry: &Registry, mode: &str) -> u64 {
    let labels = [("lock", "ledger"), ("mode", mode)];
    histogram(registry, "concurrency_lock_hold_seconds", labels).count()
}

/// Returns when so many wait for the lock.
fn until_waiting(registry: &Registry, lock: &str, threads: f64) {
    while waiters(registry, lock) < threads {
        std::thread::yield_now();
    }
}

/// The value of a series of the global registry whose `lock` is a place in `file`.
fn unnamed(family: &str, file: &str) -> Option<f64> {
    let text = plimsoll::text();
    let begin = format!("{family}{{lock=\"{file}:");
    let line = text.lines().find(|line| line.starts_with(&begin))?;
    line.rsplit(' ').next()?.parse().ok()
}
