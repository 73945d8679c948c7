//! Strict decoding of a body, new and again, against Prometheus' own parser.

use super::service::Target;
use super::{Extent, folder};
use crate::table::{Goal, Row, Table};
use crate::turns::thread_ns;
use plimsoll_exposition::decode::Decoder;
use plimsoll_exposition::{Format, Interest};
use std::hint::black_box;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

const ROUNDS: usize = 15;

/// Services of the body: two lines each.
const SERVICES: usize = 1_000;

/// Bodies that take turns.
const BODIES: usize = 4;

/// Bodies of a round.
const TIMES: usize = 200;

/// What one round measured, in MB/s.
struct Round {
    new: f64,
    unread: f64,
    again: f64,
    theirs: Theirs,
}

/// What Prometheus' parser reads of the same body, in MB/s.
struct Theirs {
    labels: f64,
    series: f64,
}

pub(super) fn measure(table: &mut Table, _: Extent) {
    let target = Target::serve(SERVICES);
    let path = folder("decode").join("body.txt");
    std::fs::write(&path, target.body()).expect("written");
    let again: [String; BODIES] = std::array::from_fn(|_| {
        std::thread::sleep(std::time::Duration::from_millis(100));
        target.body()
    });
    let new: [String; BODIES] = std::array::from_fn(|number| {
        again[number].replace("service=\"s", &format!("service=\"{}", ["p", "q", "r", "s"][number]))
    });
    let rounds: Vec<Round> = (0..ROUNDS)
        .map(|_| Round {
            new: mb_per_s(&new, all(), read_labels),
            unread: mb_per_s(&new, none(), |decoder| assert_eq!(decoder.series().count(), 0)),
            again: mb_per_s(&again, all(), |_| {}),
            theirs: theirs(&path),
        })
        .collect();
    let mut row = |what: &str, goal, each: fn(&Round) -> (f64, f64)| {
        table.add(Row {
            what: what.into(),
            unit: "MB/s",
            peer_name: "Prometheus 3.15's parser",
            rounds: rounds.iter().map(each).collect(),
            goal,
        });
    };
    let labels = |round: &Round| (round.new, round.theirs.labels);
    row("decode, new series, with their labels", Goal::FasterBy(5.0), labels);
    let unread = |round: &Round| (round.unread, round.theirs.series);
    row("decode, new series that nothing reads, their bytes", Goal::None, unread);
    let again = |round: &Round| (round.again, round.theirs.series);
    row("decode, the same series again, new values", Goal::FasterBy(20.0), again);
}

fn all() -> Decoder {
    Decoder::new(usize::MAX)
}

fn none() -> Decoder {
    all().only(Arc::new(Interest::new()))
}

/// Reads every name and every label of the body.
fn read_labels(decoder: &Decoder) {
    for series in decoder.series() {
        black_box(series.name());
        series.labels().for_each(|label| drop(black_box(label)));
    }
}

/// Decodes the bodies in turn and hands the decoder to `then` each time.
fn mb_per_s(bodies: &[String; BODIES], mut decoder: Decoder, then: impl Fn(&Decoder)) -> f64 {
    let mut bytes = 0;
    let began_ns = thread_ns();
    for body in bodies.iter().cycle().take(TIMES) {
        let scrape = decoder.decode(body.as_bytes(), Format::Text).expect("a good body");
        assert_eq!(scrape.count(), 2 * SERVICES + 1);
        then(&decoder);
        bytes += body.len();
    }
    bytes as f64 * 1e3 / (thread_ns() - began_ns)
}

fn theirs(body: &Path) -> Theirs {
    let output = Command::new("target/bench/decode").arg(body).output();
    let output = output.expect("cargo xtask bench slo builds it");
    let text = String::from_utf8_lossy(&output.stdout);
    let mut numbers = text.split_whitespace().filter_map(|word| word.parse().ok());
    let (Some(labels), Some(series)) = (numbers.next(), numbers.next()) else {
        panic!("decode said {text:?} {}", String::from_utf8_lossy(&output.stderr))
    };
    Theirs { labels, series }
}
