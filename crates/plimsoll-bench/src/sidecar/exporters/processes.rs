//! A C program that waits in each of the ways that are easily mistaken for one another.

use super::exporter;
use super::{INTERVAL, Pair, Sight};
use crate::slo::service::wall_s;
use crate::table::Table;
use plimsoll_tests::process::Process;
use plimsoll_tests::scrape::Scrape;
use plimsoll_tests::wait;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;

const PEER: &str = "process-exporter";

/// Threads that wait behind a hog, and as many that wait for nothing but work.
const THREADS: f64 = 64.0;

/// Connections that nobody accepts.
const CONNECTIONS: usize = 4;

/// The program with each of its words, and what it does then.
const SCENES: [(&str, &str); 5] =
    [("hog", "64"), ("condition", "64"), ("deadlock", ""), ("convoy", "16"), ("listen", "5")];

pub(super) struct Scene {
    pub(super) pair: Pair,
    began_s: f64,
    _programs: Vec<Process>,
    _connections: Vec<TcpStream>,
}

impl Scene {
    /// Starts the watchers, and then what they look at.
    pub(super) async fn start() -> Self {
        let folder = crate::slo::folder("beside-programs");
        let program = compiled(&folder);
        let names: String = SCENES
            .iter()
            .map(|(scene, _)| format!("- name: {scene}\n  cmdline: ['waits {scene}']\n"))
            .collect();
        let config =
            plimsoll_tests::write(&folder, "exporter.yml", &format!("process_names:\n{names}"));
        let peer = exporter::start(PEER, "-web.listen-address", |command| {
            // Without what only adds to its cost here: proportional memory.
            command.args(["-gather-smaps=false", "-config.path"]).arg(config);
        });
        let groups: String = SCENES
            .iter()
            .map(|(scene, _)| {
                format!("- {{label: {scene}, cmdline: 'waits {scene}', interval: {INTERVAL:?}}}\n")
            })
            .collect();
        let pair = Pair::start(format!("process:\n{groups}"), peer, PEER);
        let mut programs = Vec::new();
        let mut connections = Vec::new();
        let began_s = wall_s();
        for (scene, threads) in SCENES {
            let log = folder.join(scene);
            programs.push(Process::start(
                scene,
                Command::new(&program).args([scene, threads]),
                &log,
            ));
            if scene == "listen" {
                let port = port(&log).await;
                let connect =
                    || TcpStream::connect(("127.0.0.1", port)).expect("a place in the queue");
                connections.extend((0..CONNECTIONS).map(|_| connect()));
            }
        }
        Self { pair, began_s, _programs: programs, _connections: connections }
    }

    pub(super) async fn look(&self, table: &mut Table) {
        let (ours, peer) = self.pair.scrape().await;
        let waited_s = wall_s() - self.began_s;
        for sight in sights(&ours, &peer, waited_s) {
            table.add(sight.row(PEER));
        }
    }
}

fn sights(ours: &Scrape, peer: &Scrape, waited_s: f64) -> [Sight; 7] {
    let of = |family: &str, group: &str| ours.value(&format!("{family}{{process={group:?}}}"));
    let first = |family: &str, group: &str| {
        ours.value(&format!("{family}{{process={group:?},rank=\"1\"}}"))
    };
    let at_locks = |group: &str| {
        ours.get("concurrency_process_threads", &[("process", group), ("state", "lock")])
    };
    // The kernel's function in which a thread waits: the same for every use of a futex.
    let at_futexes = |group: &str| {
        let labels = [&*format!("groupname={group:?}"), "wchan=\"futex"];
        let found: Vec<f64> = peer.all("namedprocess_namegroup_threads_wchan", &labels).collect();
        (!found.is_empty()).then(|| found.iter().sum())
    };
    let threads: f64 = ours.all("concurrency_process_threads", &["process=\"hog\""]).sum();
    let theirs = peer.value("namedprocess_namegroup_num_threads{groupname=\"hog\"}");
    let queue = ours.all("concurrency_process_accept_queue", &["process=\"listen\""]).next();
    let sight =
        |what, unit, truth, ours, peer| Sight { what, unit, truth, within: 0.0, ours, peer };
    [
        sight("threads of a program", "", THREADS + 1.0, Some(threads), theirs),
        sight(
            "hog: threads that wait for its lock",
            "",
            THREADS,
            at_locks("hog"),
            at_futexes("hog"),
        ),
        Sight {
            within: 2.0,
            ..sight(
                "hog: how long the first has waited",
                "s",
                waited_s,
                first("concurrency_process_lock_wait_oldest_seconds", "hog"),
                None,
            )
        },
        sight(
            "64 idle threads: those that wait for a lock",
            "",
            0.0,
            at_locks("condition"),
            at_futexes("condition"),
        ),
        sight("AB-BA: deadlocks", "", 1.0, of("concurrency_process_wait_cycles", "deadlock"), None),
        sight(
            "16 threads in turn: locks with a convoy",
            "",
            1.0,
            of("concurrency_process_convoys", "convoy"),
            None,
        ),
        sight("connections that nobody accepts", "", CONNECTIONS as f64, queue, None),
    ]
}

/// Compiles the program that the process collector's own tests watch.
fn compiled(folder: &Path) -> PathBuf {
    let program = folder.join("waits");
    let source = plimsoll_tests::root().join("crates/plimsoll-sidecar/tests/programs/locks.c");
    let mut compiler = Command::new("cc");
    compiler.arg("-O1").arg(source).args(["-lpthread", "-o"]).arg(&program);
    assert!(compiler.status().is_ok_and(|status| status.success()), "{compiler:?}");
    std::fs::canonicalize(program).expect("it is there")
}

/// Waits for the port that the program says it listens at.
async fn port(log: &Path) -> u16 {
    wait::until("the port", INTERVAL * 10, || async {
        let said = std::fs::read_to_string(log).ok()?;
        said.lines().next().filter(|_| said.contains("ready"))?.parse().ok()
    })
    .await
}
