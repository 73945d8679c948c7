//! What it costs to watch a process of 2,000 threads: idle, all of them running now and then, all of
//! them behind one lock.

use super::ours;
use crate::slo::process::{Server, watch};
use crate::table::{Row, Table};
use std::process::Command;
use std::sync::Mutex;
use std::thread::{self, Builder};
use std::time::Duration;

const THREADS: usize = 2_000;

/// Looks over which processor time is added up, one a second.
const LOOKS: f64 = 25.0;

/// The first looks read everything once, which isn't what watching costs.
const FIRST_LOOKS: Duration = Duration::from_secs(8);

const MIB: f64 = 1_048_576.0;

/// What the threads do, and what a table calls that.
const SCENES: [(&str, &str); 3] =
    [("idle", "idle"), ("running", "each runs 20 times a second"), ("lock", "behind one lock")];

pub(super) fn measure(table: &mut Table) {
    let watched = SCENES.map(|(scene, _)| start(scene));
    let each = [&watched[0], &watched[1], &watched[2]];
    let sidecars = each.map(|process| sidecar(&[process]));
    let whole = sidecar(&each);
    thread::sleep(FIRST_LOOKS);
    let [idle, running, lock, _] = watch([&sidecars[0], &sidecars[1], &sidecars[2], &whole], LOOKS);
    for ((_, what), load) in SCENES.iter().zip([idle, running, lock]) {
        let what = format!("process: {THREADS} threads, {what}, a look a second");
        table.add(Row::alone(&what, "% of a core", 100.0 * load.whole, 1.0));
    }
    let what = format!("process: resident memory, three times {THREADS} threads and the host");
    table.add(Row::alone(&what, "MiB", whole.resident() / MIB, 20.0));
}

/// Is a process to watch, for ever.
pub(crate) fn alone(scene: &str) {
    let lock = Mutex::new(());
    let _held = lock.lock();
    let work = || match scene {
        "running" => loop {
            thread::sleep(Duration::from_millis(50));
        },
        "lock" => drop(lock.lock()),
        _ => loop {
            thread::park();
        },
    };
    thread::scope(|scope| {
        for _ in 1..THREADS {
            let small = Builder::new().stack_size(64 * 1024);
            small.spawn_scoped(scope, work).expect("a thread");
        }
    });
}

/// Starts a process to watch, and waits until it has its threads.
fn start(scene: &str) -> Server {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    let folder = crate::slo::folder(&format!("process-{scene}"));
    let server = Server::start(command.args(["threads", scene]), ([0; 4], 0).into(), &folder);
    let tasks = format!("/proc/{}/task", server.id());
    while std::fs::read_dir(&tasks).map_or(0, Iterator::count) < THREADS {
        thread::sleep(Duration::from_millis(5));
    }
    server
}

/// Starts a sidecar that watches these; with several, the host too.
fn sidecar(watched: &[&Server]) -> Server {
    let pids: Vec<_> = watched.iter().map(|process| process.id().to_string()).collect();
    let each: Vec<_> = pids.iter().map(|pid| format!("- pid: {pid}\n")).collect();
    let host = if watched.len() > 1 { "host: [{}]\n" } else { "" };
    let folder = crate::slo::folder(&format!("process-by-{}", pids.join("-")));
    ours::watching(&format!("{host}process:\n{}", each.concat()), &folder)
}
