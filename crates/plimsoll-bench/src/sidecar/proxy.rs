//! Requests a processor-second and latency, ours and nginx in turn before the same target.

use super::arrivals::{Arrivals, Clients};
use super::slices::Slices;
use super::{load, nginx, ours, target};
use crate::slo::process::Server;
use crate::table::{Goal, Row, Table};
use crate::turns::ROUNDS;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use std::time::Duration;

/// How long a server is asked as fast as it answers.
const FULL: Duration = Duration::from_secs(1);

/// Part of what the machine carries with nginx at which latency is measured. A request costs several times as
/// much when it comes alone as among others; much beyond, clients, proxy and target wait for each other's
/// processors, and that is what one would measure.
const SHARE: f64 = 0.1;

/// Pairs of slices, one of each server, the first of them by lot: what disturbs the machine for a moment is as
/// often in the tail of one as of the other.
const PAIRS: usize = 30;

const SLICE_S: f64 = 0.5;

/// Of a slice so much isn't counted.
const WARM_S: f64 = 0.1;

/// Draws are the same in each run.
const SEED: u64 = 1_895;

pub(super) fn measure(table: &mut Table) {
    let target = target::start(false);
    let folder = crate::slo::folder("proxy-ours");
    let ours = ours::start(target.address, &folder);
    let folder = std::fs::canonicalize(crate::slo::folder("proxy-nginx")).expect("it is there");
    let nginx = nginx::start(target.address, &folder);
    let servers = [&ours, &nginx];
    // The first round warms everything up and isn't counted.
    let rounds = (0..=ROUNDS).map(|_| servers.map(per_processor_second)).skip(1);
    table.add(Row {
        what: "proxy: requests a processor-second, kept connections".into(),
        unit: "1/s",
        peer_name: "nginx",
        rounds: rounds.map(|[ours, nginx]| (ours, nginx)).collect(),
        goal: Goal::FasterBy(0.9),
    });
    latency(servers, table);
    // Killed, it would leave its workers behind.
    nginx.stop();
}

fn per_processor_second(server: &Server) -> f64 {
    let before = server.used();
    let answered = load::saturate(server.address, FULL);
    answered as f64 / before.processor_s(server.used())
}

fn latency(servers: [&Server; 2], table: &mut Table) {
    let carried = load::saturate(servers[1].address, FULL) as f64 / FULL.as_secs_f64();
    let a_second = SHARE * carried;
    table.add(Row {
        what: format!("proxy: arrivals a second, {SHARE} of what is carried with nginx"),
        unit: "1/s",
        peer_name: "carried",
        rounds: vec![(a_second, carried)],
        goal: Goal::None,
    });
    let mut random = SmallRng::seed_from_u64(SEED);
    let slices = slices(servers, a_second, &mut random);
    for (what, quantile) in
        [("proxy: median latency", 0.5), ("proxy: 99th percentile of latency", 0.99)]
    {
        table.add(Row {
            what: what.into(),
            unit: "µs",
            peer_name: "nginx",
            rounds: slices.quantiles_us(quantile, &mut random),
            goal: Goal::NoWorse,
        });
    }
}

fn slices(servers: [&Server; 2], a_second: f64, random: &mut SmallRng) -> Slices {
    let arrivals = Arrivals {
        each_ns: (1e9 / a_second) as u64,
        count: (SLICE_S * a_second) as u64,
        not_counted: (WARM_S * a_second) as u64,
    };
    load::alone(async {
        let [ours, nginx] = servers.map(|server| Clients::connect(server.address));
        let mut clients = [ours.await, nginx.await];
        let mut slices = Slices::default();
        for _ in 0..PAIRS {
            let mut pair = [const { Vec::new() }; 2];
            let first = random.random_range(0..2);
            for at in [first, 1 - first] {
                pair[at] = clients[at].slice(arrivals).await;
            }
            slices.add(pair);
        }
        slices
    })
}
