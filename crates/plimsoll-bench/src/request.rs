//! A whole request observed: in flight, duration, outcome.

use crate::peers::{Metrics, OpenTelemetry, OpenTelemetryBound, PrometheusClient};
use crate::table::{Goal, Row, Table};
use crate::turns::{Contestant, Work, rounds};
use plimsoll_model::{Labels, catalog};
use plimsoll_record::{Activity, ActivitySpec, Outcome, Registry, Split, clock};
use std::hint::black_box;

/// Requests of a thread in a round: more than ten logs full of edges.
const REQUESTS: u64 = 300_000;

/// How many instruments the last group uses in turn.
const MANY: usize = 1_000;

/// Ours: one activity with all that hangs on it, or many in turn.
struct Ours {
    registry: Registry,
    activities: Vec<Activity>,
}

impl Ours {
    fn new(activities: usize) -> Self {
        let registry = Registry::new();
        let activities = (0..activities).map(|number| operation(&registry, number)).collect();
        Self { registry, activities }
    }
}

/// Makes the activity that `#[in_flight]` makes.
fn operation(registry: &Registry, number: usize) -> Activity {
    let labels = Labels::new([("operation", format!("op{number}").as_str())]).expect("valid");
    let spec = ActivitySpec::new(&catalog::IN_FLIGHT, labels)
        .limit(64)
        .duration(&catalog::OPERATION_DURATION, Split::OUTCOME)
        .outcomes(&catalog::OPERATIONS);
    registry.activity(spec).expect("registers")
}

impl Contestant for Ours {
    fn run(&self, times: u64, work: Work) {
        let mut activities = self.activities.iter().cycle();
        for _ in 0..times {
            if let Some(activity) = activities.next() {
                activity.guard().end(Outcome::Ok);
            }
            work.go();
        }
    }

    fn settle(&self) {
        self.registry.merge();
    }
}

/// Two readings of the clock, which nobody who measures a duration does without.
struct Clock;

impl Contestant for Clock {
    fn run(&self, times: u64, work: Work) {
        for _ in 0..times {
            black_box((clock::now_ns(), clock::now_ns()));
            work.go();
        }
    }
}

/// The work alone.
struct Nothing;

impl Contestant for Nothing {
    fn run(&self, times: u64, work: Work) {
        (0..times).for_each(|_| work.go());
    }
}

/// What a thread count is held to: `prometheus-client`, and OpenTelemetry by call and bound.
struct Goals {
    threads: usize,
    prometheus: f64,
    by_call: f64,
    bound: f64,
}

const WITH_WORK: [Goals; 2] = [
    Goals { threads: 1, prometheus: 1.5, by_call: 5.0, bound: 2.0 },
    Goals { threads: 2, prometheus: 4.0, by_call: 12.0, bound: 6.0 },
];

pub(crate) fn measure(table: &mut Table) {
    let one = Ours::new(1);
    let (prometheus, metrics) = (PrometheusClient::new(), Metrics::new());
    let (by_call, bound) = (OpenTelemetry::new(), OpenTelemetryBound::new());
    let of: [&dyn Contestant; 7] =
        [&one, &prometheus, &by_call, &bound, &metrics, &Clock, &Nothing];
    let work = Work::of_ns(150.0);
    let mut alone = Vec::new();
    for goals in WITH_WORK {
        let costs = rounds(&of, goals.threads, REQUESTS, work);
        let what = format!("request, work between, {} threads", goals.threads);
        let less = |at: usize| costs.iter().map(move |round| round[at] - round[6]);
        let mut add = |what: &str, peer_name, ours: usize, at: usize, goal| {
            let rounds = less(ours).zip(less(at)).collect();
            table.add(Row { what: what.into(), unit: "ns", peer_name, rounds, goal });
        };
        add(&what, "prometheus-client", 0, 1, Goal::CheaperBy(goals.prometheus));
        add(&what, "opentelemetry_sdk, by call", 0, 2, Goal::CheaperBy(goals.by_call));
        add(&what, "opentelemetry_sdk, bound", 0, 3, Goal::CheaperBy(goals.bound));
        add(&what, "metrics", 0, 4, Goal::None);
        add(&what, "two clock reads", 0, 5, Goal::None);
        alone.push(less(0).collect::<Vec<f64>>());
    }
    if let [one, two] = &alone[..] {
        let rounds = two.iter().copied().zip(one.iter().copied()).collect();
        let (what, goal) = ("request, work between, 2 threads".into(), Goal::AtMost(1.6));
        table.add(Row { what, unit: "ns", peer_name: "the same on 1 thread", rounds, goal });
    }
    back_to_back(table, "request back to back", &of);
    let many = Ours::new(MANY);
    back_to_back(table, "request back to back, 1,000 instruments", &[&many, &prometheus]);
}

fn back_to_back(table: &mut Table, what: &str, of: &[&dyn Contestant]) {
    for threads in [1, 2] {
        let costs = rounds(of, threads, REQUESTS, Work::NONE);
        let what = format!("{what}, {threads} threads");
        let mut add = |peer_name, at: usize, goal| {
            let rounds = costs.iter().map(|round| (round[0], round[at])).collect();
            table.add(Row { what: what.clone(), unit: "ns", peer_name, rounds, goal });
        };
        add("prometheus-client", 1, Goal::AtMost(1.0));
        if of.len() > 5 {
            add("opentelemetry_sdk, by call", 2, Goal::None);
            add("opentelemetry_sdk, bound", 3, Goal::None);
            add("metrics", 4, Goal::None);
            let most = if threads == 1 { Goal::AtMost(2.0) } else { Goal::None };
            add("two clock reads", 5, most);
        }
    }
}
