//! A lock that nobody else wants, against the same one bare.

use crate::table::{Goal, Row, Table};
use crate::turns::{Contestant, Work, rounds};
use plimsoll::sync;
use std::hint::black_box;

const TIMES: u64 = 1_000_000;

/// Locks and unlocks, so many times.
struct Locking<F>(F);

impl<F: Fn(u64) + Sync> Contestant for Locking<F> {
    fn run(&self, times: u64, _: Work) {
        (self.0)(times);
    }
}

pub(crate) fn measure(table: &mut Table) {
    let (ours, bare) =
        (sync::parking_lot::Mutex::named("bench", 0_u64), parking_lot::Mutex::new(0_u64));
    let ours = Locking(|times| (0..times).for_each(|_| *black_box(&ours).lock() += 1));
    let bare = Locking(|times| (0..times).for_each(|_| *black_box(&bare).lock() += 1));
    add(table, "parking_lot", &ours, &bare, 1.25);

    let (ours, bare) = (sync::std::Mutex::named("bench", 0_u64), std::sync::Mutex::new(0_u64));
    let ours = Locking(|times| {
        (0..times).for_each(|_| *black_box(&ours).lock().expect("unpoisoned") += 1);
    });
    let bare = Locking(|times| {
        (0..times).for_each(|_| *black_box(&bare).lock().expect("unpoisoned") += 1);
    });
    add(table, "std", &ours, &bare, 1.5);

    let (ours, bare) = (sync::tokio::Mutex::named("bench", 0_u64), tokio::sync::Mutex::new(0_u64));
    let runtime = || tokio::runtime::Builder::new_current_thread().build().expect("builds");
    let ours = Locking(|times| {
        runtime().block_on(async {
            for _ in 0..times {
                *black_box(&ours).lock().await += 1;
            }
        });
    });
    let bare = Locking(|times| {
        runtime().block_on(async {
            for _ in 0..times {
                *black_box(&bare).lock().await += 1;
            }
        });
    });
    add(table, "tokio", &ours, &bare, 1.15);
}

fn add(
    table: &mut Table,
    name: &'static str,
    ours: &dyn Contestant,
    bare: &dyn Contestant,
    most: f64,
) {
    let costs = rounds(&[ours, bare], 1, TIMES, Work::NONE);
    table.add(Row {
        what: format!("uncontended lock and unlock, {name}"),
        unit: "ns",
        peer_name: "the bare lock",
        rounds: costs.iter().map(|round| (round[0], round[1])).collect(),
        goal: Goal::AtMost(most),
    });
}
