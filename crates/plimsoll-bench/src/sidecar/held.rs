//! Many requests that nobody answers: what each costs in memory, and what is left when they are gone.

use super::{load, ours, target};
use crate::slo::process::Server;
use crate::table::{Goal, Row, Table};
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Connections that are held, two descriptors each.
const HELD: usize = 9_000;

const MIB: f64 = 1_048_576.0;

pub(super) fn measure(table: &mut Table) {
    let target = target::start(true);
    let server = ours::start(target.address, &crate::slo::folder("proxy-held"));
    let [first, second] = [(); 2].map(|()| hold(&server, &target));
    let what = format!("proxy: resident memory, {HELD} requests in flight");
    table.add(Row::alone(&what, "MiB", first.0 / MIB, 200.0));
    let what = "proxy: memory after they closed, twice to once";
    table.add(Row {
        what: what.into(),
        unit: "MiB",
        peer_name: "the first time",
        rounds: vec![(second.1 / MIB, first.1 / MIB)],
        goal: Goal::AtMost(1.05),
    });
}

/// Holds them once; returns the resident memory while they were held and after.
fn hold(server: &Server, target: &target::Target) -> (f64, f64) {
    let held = load::alone(async {
        let clients = load::hold(HELD, server.address).await;
        until(target, HELD).await;
        let held = server.resident();
        drop(clients);
        held
    });
    load::alone(until(target, 0));
    (held, server.resident())
}

async fn until(target: &target::Target, count: usize) {
    while target.held.load(Ordering::Relaxed) != count {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
