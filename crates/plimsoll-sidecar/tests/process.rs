//! Real processes, unmodified, whose waits the test knows because it made them.

#![allow(clippy::expect_used, clippy::unwrap_used)] // a test stops at the first thing that is not as it must be

use plimsoll_exposition::Format;
use plimsoll_exposition::decode::Decoder;
use plimsoll_runtime::clock::SystemClock;
use plimsoll_runtime::shutdown::{self, Stopper};
use plimsoll_sidecar::{Bound, CollectorConfig, Config, Pace, ProcessConfig, Sidecar};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tempfile::TempDir;

/// The C program, compiled once.
fn program() -> &'static Path {
    static FOLDER: OnceLock<TempDir> = OnceLock::new();
    static PROGRAM: OnceLock<std::path::PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let folder = FOLDER.get_or_init(|| TempDir::new().expect("a folder"));
        let program = folder.path().join("waits");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/programs/locks.c");
        let mut compiler = Command::new("cc");
        compiler.args(["-O1", source, "-lpthread", "-o"]).arg(&program);
        let status = compiler.status().expect("a C compiler: install build-essential");
        assert!(status.success(), "{compiler:?}");
        program
    })
}

/// A running program and what looks at it.
struct Scene {
    child: Child,
    said: Vec<String>,
    address: SocketAddr,
    stopper: Stopper,
    bound: Option<Bound>,
}

impl Scene {
    fn start(words: &[&str]) -> Self {
        let mut command = Command::new(program());
        let mut child = command.args(words).stdout(Stdio::piped()).spawn().expect("started");
        let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let said: Vec<_> = lines.map_while(Result::ok).take_while(|line| line != "ready").collect();
        let (stopper, stop) = shutdown::channel();
        let mut planned = CollectorConfig::Process(ProcessConfig::with_pid(child.id())).planned();
        let interval = Duration::from_millis(100);
        planned.pace = Pace { interval, deadline: interval };
        planned.label = Some("it".into());
        let listen = ([127, 0, 0, 1], 0).into();
        let config = Config { listen, collectors: vec![planned], ..Config::default() };
        let bound = Sidecar::bind(config, Arc::new(SystemClock::start()), stop).expect("bound");
        Self { child, said, address: bound.address(), stopper, bound: Some(bound) }
    }

    fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(self.address).expect("connected");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("set");
        write!(stream, "GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            .expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("answered");
        answer.split_once("\r\n\r\n").expect("a head and a body").1.to_string()
    }

    /// Reads a series by its family and another label than `process`.
    fn value(&self, family: &str, label: &str) -> Option<f64> {
        let body = self.get("/metrics");
        let mut decoder = Decoder::new(10_000);
        let samples = decoder.decode(body.as_bytes(), Format::Text).expect("good").samples.clone();
        samples.iter().zip(decoder.series()).find_map(|(sample, series)| {
            let key = series.key().expect("good labels");
            let is_it = &*key.name == family && key.labels.get("process") == Some("it");
            let has = label.is_empty() || key.labels.iter().any(|(_, value)| value == label);
            (is_it && has).then_some(sample.value)
        })
    }

    /// Waits until a series has a value that is as it should be.
    async fn until(&self, family: &str, label: &str, is_good: impl Fn(f64) -> bool) {
        let mut last = None;
        for _ in 0..300 {
            last = self.value(family, label);
            if last.is_some_and(&is_good) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{family} {label} stays at {last:?}; the page: {}", self.get("/"));
    }

    async fn end(mut self) {
        self.stopper.drain();
        self.bound.take().expect("once").run().await;
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadlock_is_named_by_thread_lock_and_function() {
    let scene = Scene::start(&["deadlock"]);
    scene.until("concurrency_process_wait_cycles", "", |cycles| cycles == 1.0).await;
    scene.until("concurrency_process_threads", "lock", |threads| threads == 2.0).await;
    let page = scene.get("/");
    for name in
        ["a-then-b", "b-then-a", "`lock_a`", "`lock_b`", "transfer_a_to_b", "transfer_b_to_a"]
    {
        assert!(page.contains(name), "{name} isn't in {page}");
    }
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn threads_behind_a_hog_wait_for_one_lock_and_are_no_deadlock() {
    let scene = Scene::start(&["hog", "8"]);
    scene.until("concurrency_process_lock_waiters", "1", |waiters| waiters == 8.0).await;
    scene.until("concurrency_process_lock_standing_seconds", "1", |length| length > 0.5).await;
    scene.until("concurrency_process_lock_wait_oldest_seconds", "1", |length| length > 0.5).await;
    assert_eq!(scene.value("concurrency_process_wait_cycles", ""), Some(0.0));
    assert_eq!(scene.value("concurrency_process_convoys", ""), Some(0.0), "nobody gets a turn");
    assert_eq!(scene.value("concurrency_process_lock_waiters", "2"), None);
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_moves_is_a_convoy() {
    let scene = Scene::start(&["convoy", "6"]);
    scene.until("concurrency_process_convoys", "", |convoys| convoys == 1.0).await;
    assert_eq!(scene.value("concurrency_process_wait_cycles", ""), Some(0.0));
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn threads_at_a_condition_wait_for_no_lock() {
    let scene = Scene::start(&["condition", "10"]);
    // They, and the one that pauses.
    scene.until("concurrency_process_threads", "idle", |threads| threads == 11.0).await;
    assert_eq!(scene.value("concurrency_process_threads", "lock"), Some(0.0));
    assert_eq!(scene.value("concurrency_process_lock_waiters", "1"), None);
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_nobody_accepts_are_counted_against_the_backlog() {
    let scene = Scene::start(&["listen", "5"]);
    let port = &scene.said[0];
    let address = format!("127.0.0.1:{port}");
    let clients: Vec<_> = (0..4).map(|_| TcpStream::connect(&address).unwrap()).collect();
    scene.until("concurrency_process_accept_queue", port, |waiting| waiting == 4.0).await;
    assert_eq!(scene.value("concurrency_process_accept_queue_limit", port), Some(5.0));
    drop(clients);
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_forks_stays_in_the_group() {
    let scene = Scene::start(&["fork", "3"]);
    scene.until("concurrency_process_members", "", |members| members == 4.0).await;
    let children =
        std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", scene.child.id()));
    for child in children.unwrap_or_default().split_whitespace() {
        let _ = Command::new("kill").args(["-9", child]).status();
    }
    // Its dead children are nobody's to look at, though it never waits for them.
    scene.until("concurrency_process_members", "", |members| members == 1.0).await;
    scene.end().await;
}
