//! The example as a process: what it shows is what it was sent.

#![allow(clippy::expect_used)] // A test that finds nothing has failed.

use example_smoke::{Example, FREE};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;

struct Client(BufReader<TcpStream>);

impl Client {
    fn send(&mut self, path: &Path) -> String {
        writeln!(self.0.get_mut(), "{}", path.display()).expect("it is sent");
        let mut answer = String::new();
        self.0.read_line(&mut answer).expect("an answer");
        answer.trim_end().to_owned()
    }
}

/// Makes pipes: a worker that reads one is busy until somebody writes to it.
fn pipes<const N: usize>(folder: &Path) -> [PathBuf; N] {
    let pipes = std::array::from_fn(|n| folder.join(format!("pipe-{n}")));
    assert!(Command::new("mkfifo").args(&pipes).status().expect("it runs").success());
    pipes
}

#[test]
fn a_full_queue_shows_and_drains() {
    let folder = tempfile::tempdir().expect("a folder");
    let pipes: [PathBuf; 2] = pipes(folder.path());
    let example = Example::start(env!("CARGO_BIN_EXE_example-worker-queue"), &[FREE, FREE]);
    let mut client = Client(BufReader::new(example.connect()));
    let measuring = [("operation", "measure")];
    for (pipe, busy) in pipes.iter().zip([1.0, 2.0]) {
        assert_eq!(client.send(pipe), "queued");
        example.until("concurrency_in_flight", &measuring, busy);
    }
    let missing = folder.path().join("missing");
    for _ in 0..4 {
        assert_eq!(client.send(&missing), "queued");
    }
    for _ in 0..3 {
        assert_eq!(client.send(&missing), "full");
    }
    let queue = [("queue", "files")];
    let read = |family| example.sum(family, &queue);
    assert_eq!(read("concurrency_queue_depth"), Some(4.0));
    assert_eq!(read("concurrency_queue_depth_limit"), Some(4.0));
    let turned_away = [("source", "files"), ("reason", "full")];
    assert_eq!(example.sum("concurrency_backpressure_total", &turned_away), Some(3.0));
    assert_eq!(example.sum("concurrency_in_flight", &[("operation", "client")]), Some(1.0));

    for pipe in &pipes {
        std::fs::write(pipe, "twelve bytes").expect("a worker reads it");
    }
    let ended = |outcome| [("operation", "measure"), ("outcome", outcome)];
    example.until("concurrency_operations_total", &ended("error"), 4.0);
    example.until("concurrency_operations_total", &ended("ok"), 2.0);
    assert_eq!(read("concurrency_queue_depth"), Some(0.0));
    assert_eq!(read("concurrency_queue_time_seconds_count"), Some(6.0));
    let runtime = example.sum("concurrency_runtime_workers", &[("runtime", "main")]);
    assert!(runtime >= Some(1.0), "{runtime:?}");
    assert!(read("concurrency_queue_depth_saturated_seconds_total") > Some(0.0));
    assert_eq!(example.sum("concurrency_in_flight", &measuring), Some(0.0));
    drop(client);
    let client = [("operation", "client"), ("outcome", "ok")];
    example.until("concurrency_operations_total", &client, 1.0);
    assert!(example.stop().success(), "SIGTERM ends it well");
}

#[test]
fn what_is_queued_when_it_stops_is_still_done() {
    let folder = tempfile::tempdir().expect("a folder");
    let pipes: [PathBuf; 3] = pipes(folder.path());
    let mut example = Example::start(env!("CARGO_BIN_EXE_example-worker-queue"), &[FREE, FREE]);
    let mut client = Client(BufReader::new(example.connect()));
    for pipe in &pipes {
        assert_eq!(client.send(pipe), "queued");
    }
    example.until("concurrency_in_flight", &[("operation", "measure")], 2.0);
    example.until("concurrency_queue_depth", &[("queue", "files")], 1.0);
    example.ask_to_stop();
    example.until("concurrency_in_flight", &[("operation", "client")], 0.0);
    for pipe in &pipes {
        std::fs::write(pipe, "twelve bytes").expect("a worker reads it");
    }
    assert!(example.stop().success(), "it ends when the last of them is done");
}
