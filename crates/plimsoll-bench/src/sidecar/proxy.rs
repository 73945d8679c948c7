//! Requests a processor-second and latency, ours and nginx in turn before the same target.

use super::load::{self, Load, Took};
use super::{nginx, ours, target};
use crate::slo::process::Server;
use crate::table::{Goal, Row, Table};
use crate::turns::ROUNDS;
use std::time::Duration;

/// As fast as it goes.
const FULL: Load = Load { clients: 32, pause: Duration::ZERO, lasts: Duration::from_secs(1) };

/// Some 2,000 a second, so that nothing waits for a processor.
const CALM: Load =
    Load { clients: 8, pause: Duration::from_millis(4), lasts: Duration::from_millis(250) };

/// Stretches of the calm load in a round, in turn with nginx: what disturbs the machine for a moment is in the
/// tail of both.
const STRETCHES: usize = 5;

pub(super) fn measure(table: &mut Table) {
    let target = target::start(false);
    let folder = crate::slo::folder("proxy-ours");
    let ours = ours::start(target.address, &folder);
    let folder = std::fs::canonicalize(crate::slo::folder("proxy-nginx")).expect("it is there");
    let nginx = nginx::start(target.address, &folder);
    let [mut rate, mut p50, mut p99] = [const { Vec::new() }; 3];
    for round in 0..=ROUNDS {
        let full = [&ours, &nginx].map(per_processor_second);
        let mut calm = [const { Vec::new() }; 2];
        for _ in 0..STRETCHES {
            for (server, took) in [&ours, &nginx].into_iter().zip(&mut calm) {
                took.push(load::run(CALM, server.address));
            }
        }
        let calm = calm.map(Took::pooled);
        // The first round warms everything up and isn't counted.
        if round > 0 {
            rate.push((full[0], full[1]));
            let both = |of: &dyn Fn(&Took) -> f64| (of(&calm[0]), of(&calm[1]));
            p50.push(both(&|took| took.quantile_us(0.5)));
            p99.push(both(&|took| took.quantile_us(0.99)));
        }
    }
    // Killed, it would leave its workers behind.
    nginx.stop();
    let rows = [
        ("proxy: requests a processor-second, kept connections", "1/s", rate, Goal::FasterBy(0.9)),
        ("proxy: median latency", "µs", p50, Goal::AtMost(1.0)),
        ("proxy: 99th percentile of latency", "µs", p99, Goal::AtMost(1.0)),
    ];
    for (what, unit, rounds, goal) in rows {
        table.add(Row { what: what.into(), unit, peer_name: "nginx", rounds, goal });
    }
}

fn per_processor_second(server: &Server) -> f64 {
    let before = server.used();
    let took = load::run(FULL, server.address);
    took.count() as f64 / before.processor_s(server.used())
}
