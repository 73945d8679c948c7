//! Merging the edges of 1,000 instruments out of few and many logs.

use crate::table::{Goal, Row, Table};
use crate::turns::{ROUNDS, thread_ns};
use plimsoll_exposition::Format;
use plimsoll_model::{Labels, catalog};
use plimsoll_record::{Activity, ActivitySpec, Outcome, Registry};
use std::sync::Barrier;

const INSTRUMENTS: usize = 1_000;

/// Merges when nothing has happened, of which the mean is taken.
const IDLE: u32 = 100;

/// What merging cost with a number of logs: by edge in each round, and a merge without any.
struct Cost {
    edge_ns: Vec<f64>,
    idle_ns: Vec<f64>,
}

/// Lets `logs` threads each make `requests` requests, then merges while they stand still.
fn merge(registry: &Registry, activities: &[Activity], logs: usize, requests: usize) -> Cost {
    let (ready, go) = (Barrier::new(logs + 1), Barrier::new(logs + 1));
    let mut cost = Cost { edge_ns: Vec::new(), idle_ns: Vec::new() };
    std::thread::scope(|scope| {
        for log in 0..logs {
            let (ready, go) = (&ready, &go);
            scope.spawn(move || {
                let mut activities = activities.iter().cycle().skip(log * 7);
                for _ in 0..=ROUNDS {
                    for activity in activities.by_ref().take(requests) {
                        activity.guard().end(Outcome::Ok);
                    }
                    ready.wait();
                    go.wait();
                }
            });
        }
        // In the first round, which isn't counted, logs find their size.
        for round in 0..=ROUNDS {
            ready.wait();
            let began_ns = thread_ns();
            registry.merge();
            let merged_ns = thread_ns();
            (0..IDLE).for_each(|_| registry.merge());
            if round > 0 {
                cost.edge_ns.push((merged_ns - began_ns) / (2 * logs * requests) as f64);
                cost.idle_ns.push((thread_ns() - merged_ns) / f64::from(IDLE));
            }
            go.wait();
        }
    });
    cost
}

/// Makes the instruments, and uses each once: what it makes then isn't the merge's.
fn instruments(registry: &Registry) -> Vec<Activity> {
    let made = (0..INSTRUMENTS).map(|number| {
        let labels = Labels::new([("operation", number.to_string().as_str())]).expect("valid");
        let spec = ActivitySpec::new(&catalog::IN_FLIGHT, labels).outcomes(&catalog::OPERATIONS);
        let activity = registry.activity(spec).expect("registers");
        activity.guard().end(Outcome::Ok);
        activity
    });
    let made = made.collect();
    registry.merge();
    made
}

pub(crate) fn measure(table: &mut Table) {
    let registry = Registry::with_label_sets_max(INSTRUMENTS);
    let activities = instruments(&registry);
    let mut idle_ns = Vec::new();
    // As many as fit a log before its owner merges for itself: most of 512 logs stay small.
    for (logs, requests, most_ns) in [(2, 1_000, 15.0), (512, 90, 45.0)] {
        let cost = merge(&registry, &activities, logs, requests);
        table.add(Row {
            what: format!("merge, 1,000 instruments, {logs} logs of {} edges", 2 * requests),
            unit: "ns an edge",
            peer_name: "the goal",
            rounds: cost.edge_ns.iter().map(|ns| (*ns, most_ns)).collect(),
            goal: Goal::AtMost(1.0),
        });
        idle_ns = cost.idle_ns;
    }
    // What a scrape of an idle process does besides.
    let encode_ns = || {
        let began_ns = thread_ns();
        let body = plimsoll_exposition::encode::body(Format::Text, &registry.snapshot());
        assert!(body.len() > INSTRUMENTS, "every instrument is written");
        thread_ns() - began_ns
    };
    table.add(Row {
        what: "merge when nothing has happened, 512 logs".into(),
        unit: "µs",
        peer_name: "snapshot and encode",
        rounds: idle_ns.iter().map(|ns| (ns / 1e3, encode_ns() / 1e3)).collect(),
        goal: Goal::AtMost(0.01),
    });
}
