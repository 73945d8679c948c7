//! A snapshot of 100,000 series, written as text, against `prometheus-client` on the same series.

use crate::table::{Goal, Row, Table};
use crate::turns::{ROUNDS, thread_ns};
use plimsoll_exposition::{Encoding, Format};
use plimsoll_model::{Labels, catalog};
use plimsoll_record::{Counter, Registry};
use prometheus_client::metrics::{counter, family::Family};

const SERIES: usize = 100_000;

fn labels(number: usize) -> [(&'static str, String); 3] {
    [
        ("source", format!("queue-{}", number / 100)),
        ("reason", "full".to_owned()),
        ("shard", (number % 100).to_string()),
    ]
}

fn ours() -> (Registry, Vec<Counter>) {
    let registry = Registry::with_label_sets_max(SERIES);
    let counters = (0..SERIES).map(|number| {
        let labels = labels(number);
        let pairs = labels.iter().map(|(name, value)| (*name, value.as_str()));
        let labels = Labels::new(pairs).expect("valid");
        registry.counter(&catalog::BACKPRESSURE, labels).expect("registers")
    });
    let counters = counters.collect();
    (registry, counters)
}

fn theirs() -> prometheus_client::registry::Registry {
    let family = Family::<Vec<(&'static str, String)>, counter::Counter>::default();
    for number in 0..SERIES {
        family.get_or_create_owned(&labels(number).to_vec()).inc_by(number as u64);
    }
    let mut registry = prometheus_client::registry::Registry::default();
    registry.register("concurrency_backpressure", catalog::BACKPRESSURE.help, family);
    registry
}

fn cost_ms(run: impl FnOnce() -> Vec<u8>) -> f64 {
    let began_ns = thread_ns();
    let body = run();
    let took_ms = (thread_ns() - began_ns) / 1e6;
    assert!(body.len() > SERIES * 40, "every series is written");
    took_ms
}

pub(crate) fn measure(table: &mut Table) {
    let (registry, counters) = ours();
    for (number, counter) in counters.iter().enumerate() {
        counter.add(number as u64);
    }
    let theirs = theirs();
    let encodings = [
        ("Prometheus text", Encoding::Text(Format::Text)),
        ("OpenMetrics", Encoding::Text(Format::OpenMetrics)),
        ("protobuf", Encoding::Protobuf),
    ];
    for (name, encoding) in encodings {
        let rounds = (0..ROUNDS).map(|_| {
            let ours = cost_ms(|| {
                // What an endpoint does, exemplars and native buckets included.
                let (snapshot, details) = registry.snapshot_detailed();
                plimsoll_exposition::encode::detailed(encoding, &snapshot, &details)
            });
            let peer = cost_ms(|| {
                let mut body = String::new();
                prometheus_client::encoding::text::encode(&mut body, &theirs).expect("writes");
                body.into_bytes()
            });
            (ours, peer)
        });
        table.add(Row {
            what: format!("snapshot and encode 100,000 series, {name}"),
            unit: "ms",
            peer_name: "prometheus-client, OpenMetrics",
            rounds: rounds.collect(),
            goal: Goal::AtMost(1.0),
        });
    }
}
