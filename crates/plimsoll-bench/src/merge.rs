//! Merging the edges of 1,000 instruments out of few and many logs.

use crate::table::{Goal, Row, Table};
use crate::turns::{ROUNDS, thread_ns};
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
                for _ in 0..ROUNDS {
                    for activity in activities.by_ref().take(requests) {
                        activity.guard().end(Outcome::Ok);
                    }
                    ready.wait();
                    go.wait();
                }
            });
        }
        for _ in 0..ROUNDS {
            ready.wait();
            let began_ns = thread_ns();
            registry.merge();
            let took_ns = thread_ns() - began_ns;
            cost.edge_ns.push(took_ns / (2 * logs * requests) as f64);
            let began_ns = thread_ns();
            (0..IDLE).for_each(|_| registry.merge());
            cost.idle_ns.push((thread_ns() - began_ns) / f64::from(IDLE));
            go.wait();
        }
    });
    cost
}

pub(crate) fn measure(table: &mut Table) {
    let registry = Registry::with_label_sets_max(INSTRUMENTS);
    let activities: Vec<Activity> = (0..INSTRUMENTS)
        .map(|number| {
            let labels = Labels::new([("operation", number.to_string().as_str())]).expect("valid");
            let spec =
                ActivitySpec::new(&catalog::IN_FLIGHT, labels).outcomes(&catalog::OPERATIONS);
            registry.activity(spec).expect("registers")
        })
        .collect();
    // As many as fit a log before its owner merges for itself.
    for (logs, most_ns) in [(2, 15.0), (512, 45.0)] {
        let cost = merge(&registry, &activities, logs, 90);
        table.add(Row {
            what: format!("merge, 1,000 instruments, {logs} logs"),
            unit: "ns an edge",
            peer_name: "the goal",
            rounds: cost.edge_ns.iter().map(|ns| (*ns, most_ns)).collect(),
            goal: Goal::AtMost(1.0),
        });
        table.add(Row {
            what: format!("merge when nothing has happened, {logs} logs"),
            unit: "µs",
            peer_name: "20 ns a log",
            rounds: cost.idle_ns.iter().map(|ns| (ns / 1e3, logs as f64 * 0.02)).collect(),
            goal: Goal::None,
        });
    }
}
