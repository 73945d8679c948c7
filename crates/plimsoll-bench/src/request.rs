//! A whole request observed: in flight, duration, outcome.

use crate::counted::{ALLOCATIONS, INSTRUCTIONS, SYSTEM_CALLS};
use crate::peers::{self, Metrics, OpenTelemetry, OpenTelemetryBound, PrometheusClient};
use crate::table::{Goal, Row, Table};
use crate::turns::{Contestant, Work, rounds};
use plimsoll_model::{Labels, catalog};
use plimsoll_record::{Activity, ActivitySpec, Outcome, Registry, Split, clock};
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

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

/// Two readings of the clock as ours makes them, which nobody who measures a duration does without.
struct Clock;

impl Contestant for Clock {
    fn run(&self, times: u64, work: Work) {
        for _ in 0..times {
            black_box(clock::pair_ns());
            work.go();
        }
    }
}

/// Two readings of the clock as the peers make them.
struct Instants;

impl Contestant for Instants {
    fn run(&self, times: u64, work: Work) {
        for _ in 0..times {
            black_box((peers::now(), peers::now()));
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
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        // As the admin thread of a service does.
        scope.spawn(|| {
            let registry = Registry::new();
            while !done.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(50));
                registry.merge();
            }
        });
        compare(table);
        done.store(true, Ordering::Relaxed);
    });
}

fn compare(table: &mut Table) {
    let one = Ours::new(1);
    let (prometheus, metrics) = (PrometheusClient::new(), Metrics::new());
    let (by_call, bound) = (OpenTelemetry::new(), OpenTelemetryBound::new());
    let of: [&dyn Contestant; 8] =
        [&one, &prometheus, &by_call, &bound, &metrics, &Clock, &Instants, &Nothing];
    let work = Work::of_ns(150.0);
    let mut alone = Vec::new();
    for goals in WITH_WORK {
        let costs = rounds(&of, goals.threads, REQUESTS, work);
        with_work(table, &goals, &costs);
        alone.push(costs.iter().map(|round| round[0] - round[7]).collect::<Vec<f64>>());
    }
    if let [one, two] = &alone[..] {
        let rounds = two.iter().copied().zip(one.iter().copied()).collect();
        let (what, goal) = ("request, work between, 2 threads".into(), Goal::AtMost(1.6));
        table.add(Row { what, unit: "ns", peer_name: "the same on 1 thread", rounds, goal });
    }
    back_to_back(table, "request back to back", &of);
    counted(table);
    let many = Ours::new(MANY);
    back_to_back(table, "request back to back, 1,000 instruments", &[&many, &prometheus]);
}

/// Makes requests of `whose` and nothing else, for what counts them from outside.
pub(crate) fn alone(whose: &str, times: u64) {
    let run = |of: &dyn Contestant| {
        std::thread::scope(|scope| scope.spawn(|| of.run(times, Work::NONE)).join().expect("runs"));
        of.settle();
    };
    match whose {
        "ours" => run(&Ours::new(1)),
        _ => run(&PrometheusClient::new()),
    }
}

/// Adds what a request takes besides time.
fn counted(table: &mut Table) {
    let mut add = |what: &str, unit, peer_name, counts: [Option<f64>; 2], goal| {
        let [Some(ours), Some(peer)] = counts else {
            eprintln!("not counted without its tool: {what}");
            return;
        };
        table.add(Row { what: what.into(), unit, peer_name, rounds: vec![(ours, peer)], goal });
    };
    let instructions = ["ours", "theirs"].map(|whose| INSTRUCTIONS.of(&["request", whose]));
    let what = "request, instructions by valgrind";
    add(what, "each", "prometheus-client", instructions, Goal::None);
    for (what, tool) in [
        ("request, allocations by valgrind", ALLOCATIONS),
        ("request, system calls by strace", SYSTEM_CALLS),
    ] {
        // Only what an owner's merge takes, once in thousands of edges.
        let counts = [tool.of(&["request", "ours"]).map(|count| count * 1e3), Some(1.0)];
        add(what, "in 1,000", "one in 1,000", counts, Goal::AtMost(1.0));
    }
}

/// Adds the rows of a thread count, all less the work; then less what reading a clock twice takes.
fn with_work(table: &mut Table, goals: &Goals, costs: &[Vec<f64>]) {
    let what = format!("request, work between, {} threads", goals.threads);
    let mut add = |what: &str, peer_name, at: usize, less: [usize; 2], goal| {
        let of = |round: &Vec<f64>| (round[0] - round[less[0]], round[at] - round[less[1]]);
        let rounds = costs.iter().map(of).collect();
        table.add(Row { what: what.into(), unit: "ns", peer_name, rounds, goal });
    };
    add(&what, "prometheus-client", 1, [7, 7], Goal::CheaperBy(goals.prometheus));
    add(&what, "opentelemetry_sdk, by call", 2, [7, 7], Goal::CheaperBy(goals.by_call));
    add(&what, "opentelemetry_sdk, bound", 3, [7, 7], Goal::CheaperBy(goals.bound));
    add(&what, "metrics", 4, [7, 7], Goal::None);
    add(&what, "two clock reads", 5, [7, 7], Goal::None);
    let what = format!("the same less two clock reads, {} threads", goals.threads);
    add(&what, "prometheus-client", 1, [5, 6], Goal::None);
    add(&what, "opentelemetry_sdk, by call", 2, [5, 6], Goal::None);
    add(&what, "opentelemetry_sdk, bound", 3, [5, 6], Goal::None);
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
