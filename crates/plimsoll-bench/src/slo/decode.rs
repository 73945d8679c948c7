//! Strict decoding of a body, new and again, against Prometheus' own parser.

use super::prometheus::programs;
use super::service::Target;
use super::{Extent, folder};
use crate::table::{Goal, Row, Table};
use crate::turns::thread_ns;
use plimsoll_exposition::Format;
use plimsoll_exposition::decode::Decoder;
use std::path::Path;
use std::process::Command;

const ROUNDS: usize = 5;

/// Services of the body: two lines each.
const SERVICES: usize = 1_000;

pub(super) fn measure(table: &mut Table, _: Extent) {
    let target = Target::serve(SERVICES);
    let folder = folder("decode");
    let body = target.body();
    let path = folder.join("body.txt");
    std::fs::write(&path, &body).expect("written");
    let rounds: Vec<_> = (0..ROUNDS)
        .map(|_| {
            (
                mb_per_s(body.len(), fresh(&body)),
                mb_per_s(body.len(), again(&target)),
                theirs(&path),
            )
        })
        .collect();
    let row = |what: &str, rounds, times| Row {
        what: what.into(),
        unit: "MB/s",
        peer_name: "Prometheus 3.15's parser",
        rounds,
        goal: Goal::FasterBy(times),
    };
    let new = rounds.iter().map(|(new, _, theirs)| (*new, theirs.labels)).collect();
    table.add(row("decode, new series, with their labels", new, 5.0));
    let again = rounds.iter().map(|(_, again, theirs)| (*again, theirs.series)).collect();
    table.add(row("decode, the same series again, new values", again, 20.0));
}

/// Returns how many nanoseconds a body takes that was never seen.
fn fresh(body: &str) -> f64 {
    const TIMES: usize = 20;
    let began_ns = thread_ns();
    for _ in 0..TIMES {
        let mut decoder = Decoder::new(usize::MAX);
        let scrape = decoder.decode(body.as_bytes(), Format::Text).expect("a good body");
        assert_eq!(scrape.samples.len(), 2 * SERVICES + 1);
    }
    (thread_ns() - began_ns) / TIMES as f64
}

/// Returns how many nanoseconds a body takes whose series are known.
fn again(target: &Target) -> f64 {
    const TIMES: usize = 200;
    let bodies: Vec<String> = (0..4)
        .map(|_| {
            std::thread::sleep(std::time::Duration::from_millis(100));
            target.body()
        })
        .collect();
    let mut decoder = Decoder::new(usize::MAX);
    decoder.decode(bodies[0].as_bytes(), Format::Text).expect("a good body");
    let began_ns = thread_ns();
    for time in 0..TIMES {
        let body = bodies[time % bodies.len()].as_bytes();
        let scrape = decoder.decode(body, Format::Text).expect("a good body");
        assert_eq!(scrape.samples.len(), 2 * SERVICES + 1);
    }
    (thread_ns() - began_ns) / TIMES as f64
}

fn mb_per_s(bytes: usize, ns: f64) -> f64 {
    bytes as f64 * 1e3 / ns
}

/// What Prometheus' parser reads of the same body, in MB/s.
struct Theirs {
    labels: f64,
    series: f64,
}

fn theirs(body: &Path) -> Theirs {
    let output = Command::new(programs().join("decode")).arg(body).output();
    let output = output.expect("cargo xtask peers builds it");
    let text = String::from_utf8_lossy(&output.stdout);
    let mut numbers = text.split_whitespace().filter_map(|word| word.parse().ok());
    let (Some(labels), Some(series)) = (numbers.next(), numbers.next()) else {
        panic!("decode said {text:?} {}", String::from_utf8_lossy(&output.stderr))
    };
    Theirs { labels, series }
}
