//! A process of a fleet that shares a cache, and the origin that all of them rebuild from.

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::get;
use std::path::Path as File;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::watch;

/// How long an answer may take that has to come.
const PATIENCE: Duration = Duration::from_secs(180);

/// A running `cache_node`; dropped, it is killed.
pub struct CacheNode {
    /// The process.
    pub child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl CacheNode {
    /// Starts `program` and tells it `told`, words as `name=value`.
    pub async fn start(program: &File, told: &[String]) -> Self {
        let mut command = Command::new(program);
        command.args(told).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().expect("the node starts");
        let input = child.stdin.take().expect("its input");
        let output = BufReader::new(child.stdout.take().expect("its output")).lines();
        let mut node = Self { child, input, output };
        assert_eq!(node.line().await, "ready");
        node
    }

    /// Tells it something to do.
    pub async fn tell(&mut self, line: &str) {
        self.input.write_all(format!("{line}\n").as_bytes()).await.expect("it listens");
    }

    /// Waits for its next line.
    pub async fn line(&mut self) -> String {
        let line = tokio::time::timeout(PATIENCE, self.output.next_line()).await;
        line.expect("the node answers in time").expect("it is readable").expect("it hasn't ended")
    }

    /// Calls once and returns what came, as `VALUE/from`.
    pub async fn get(&mut self, key: &str) -> String {
        self.tell(&format!("get {key} 1")).await;
        assert_eq!(self.line().await, "asked");
        self.got().await
    }

    /// Waits for what its calls brought; of one call without how often.
    pub async fn got(&mut self) -> String {
        let line = self.line().await;
        let got = line.strip_prefix("got ").unwrap_or_else(|| panic!("{line:?} is no answer"));
        match got.split_once("×1") {
            Some((one, "")) => one.to_owned(),
            _ => got.to_owned(),
        }
    }

    /// Returns its exposition.
    pub async fn metrics(&mut self) -> Metrics {
        self.tell("metrics").await;
        let mut text = String::new();
        loop {
            match self.line().await.as_str() {
                "# end" => return Metrics(text),
                line => text.extend([line, "\n"]),
            }
        }
    }
}

/// An exposition, or several that are added up.
#[derive(Default)]
pub struct Metrics(pub String);

impl Metrics {
    /// Returns the sum of the samples of `name` that have all of `labels`.
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let has = |line: &str| {
            labels.iter().all(|(label, value)| line.contains(&format!("{label}=\"{value}\"")))
        };
        let samples = self.0.lines().filter(|line| {
            line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' '])) && has(line)
        });
        samples.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    }
}

/// What is slow. It counts its calls, and answers with the number of the call.
#[derive(Clone)]
pub struct Slow {
    /// Its address, as `http://127.0.0.1:8080`.
    pub url: String,
    counts: Arc<Counts>,
    gate: Arc<watch::Sender<bool>>,
}

#[derive(Default)]
struct Counts {
    calls: AtomicU64,
    running: AtomicU64,
    running_max: AtomicU64,
}

impl Slow {
    /// Starts one: `/after/250/KEY` takes 250 ms, `/gated/KEY` until the gate is open.
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("its address"));
        let slow = Self { url, counts: Arc::default(), gate: Arc::new(watch::Sender::new(false)) };
        let router = Router::new()
            .route("/after/{ms}/{key}", get(after))
            .route("/gated/{key}", get(gated))
            .with_state(slow.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        slow
    }

    /// Returns the base of what takes so many milliseconds.
    pub fn after(&self, ms: u64) -> String {
        format!("{}/after/{ms}", self.url)
    }

    /// Returns the base of what waits for the gate.
    pub fn gated(&self) -> String {
        format!("{}/gated", self.url)
    }

    /// Opens the gate for good.
    pub fn open(&self) {
        self.gate.send_replace(true);
    }

    /// Returns how often it was asked.
    pub fn calls(&self) -> u64 {
        self.counts.calls.load(Ordering::SeqCst)
    }

    /// Returns how many asked at once, at most.
    pub fn at_once(&self) -> u64 {
        self.counts.running_max.load(Ordering::SeqCst)
    }

    async fn answer(&self, done: impl Future<Output = ()>) -> String {
        let call = self.counts.calls.fetch_add(1, Ordering::SeqCst) + 1;
        let running = self.counts.running.fetch_add(1, Ordering::SeqCst) + 1;
        self.counts.running_max.fetch_max(running, Ordering::SeqCst);
        done.await;
        self.counts.running.fetch_sub(1, Ordering::SeqCst);
        call.to_string()
    }
}

async fn after(State(slow): State<Slow>, Path((ms, _key)): Path<(u64, String)>) -> String {
    slow.answer(tokio::time::sleep(Duration::from_millis(ms))).await
}

async fn gated(State(slow): State<Slow>, Path(_key): Path<String>) -> String {
    let mut gate = slow.gate.subscribe();
    let opened = async move {
        let _ = gate.wait_for(|is_open| *is_open).await;
    };
    slow.answer(opened).await
}
