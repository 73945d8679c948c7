//! What is written is what the scrapers of the field read.

#![allow(clippy::expect_used)] // a test stops at the first thing that is not as it must be

use plimsoll_exposition::Format::{OpenMetrics, Text};
use plimsoll_exposition::decode::Decoder;
use plimsoll_exposition::encode::{Exposed, body, openmetrics, text};
use plimsoll_model::{
    Bucket, Detail, Details, Exemplar, Family, FamilyKind, HistogramValue, LabelError, Labels,
    Series, Snapshot, TraceContext, Value, catalog,
};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Stdio};

fn labels(pairs: &[(&str, &str)]) -> Labels {
    Labels::new(pairs.iter().copied()).expect("valid")
}

fn family(name: &'static str, kind: FamilyKind, series: Vec<(Labels, Value)>) -> Family {
    let series = series.into_iter().map(|(labels, value)| Series { labels, value }).collect();
    let unit = name.ends_with("_seconds").then_some("seconds");
    Family { name: name.into(), help: "Some \"help\" \\ \n.".into(), unit, kind, series }
}

fn sample_snapshot() -> Snapshot {
    let bucket = |le, count| Bucket { le, count };
    let waits = HistogramValue {
        buckets: vec![bucket(0.005, 2), bucket(0.25, 0), bucket(1.0, 3)],
        above: 1,
        sum: 4.5,
    };
    let lock = labels(&[("lock", "a\"b\\c\nd")]);
    Snapshot {
        families: vec![
            family("ops", FamilyKind::Counter, vec![(labels(&[("op", "x")]), Value::Count(7))]),
            family(
                "busy_seconds",
                FamilyKind::Counter,
                vec![(Labels::default(), Value::SecondsNs(12_000_000_340))],
            ),
            family("depth", FamilyKind::Gauge, vec![(Labels::default(), Value::Gauge(-1.5))]),
            family(
                "wait_seconds",
                FamilyKind::Histogram,
                vec![
                    (lock, Value::Histogram(waits)),
                    (Labels::default(), Value::Histogram(HistogramValue::default())),
                ],
            ),
            family("unused", FamilyKind::Gauge, vec![]),
        ],
    }
}

#[test]
fn prometheus_text_is_as_its_description_says() {
    let expected = r##"# HELP ops_total Some "help" \\ \n.
# TYPE ops_total counter
ops_total{op="x"} 7
# HELP busy_seconds_total Some "help" \\ \n.
# TYPE busy_seconds_total counter
busy_seconds_total 12.00000034
# HELP depth Some "help" \\ \n.
# TYPE depth gauge
depth -1.5
# HELP wait_seconds Some "help" \\ \n.
# TYPE wait_seconds histogram
wait_seconds_bucket{lock="a\"b\\c\nd",le="0.005"} 2
wait_seconds_bucket{lock="a\"b\\c\nd",le="0.25"} 2
wait_seconds_bucket{lock="a\"b\\c\nd",le="1"} 5
wait_seconds_bucket{lock="a\"b\\c\nd",le="+Inf"} 6
wait_seconds_sum{lock="a\"b\\c\nd"} 4.5
wait_seconds_count{lock="a\"b\\c\nd"} 6
wait_seconds_bucket{le="+Inf"} 0
wait_seconds_sum 0
wait_seconds_count 0
"##;
    assert_eq!(text(&sample_snapshot()), expected);
}

#[test]
fn openmetrics_is_as_its_specification_says() {
    let written = openmetrics(&sample_snapshot(), &Details::default());
    for line in [
        "# HELP busy_seconds Some \\\"help\\\" \\\\ \\n.",
        "# TYPE busy_seconds counter",
        "# UNIT busy_seconds seconds",
        "busy_seconds_total 12.00000034",
        r#"wait_seconds_bucket{lock="a\"b\\c\nd",le="1.0"} 5"#,
        r#"wait_seconds_bucket{lock="a\"b\\c\nd",le="+Inf"} 6"#,
        "# EOF",
    ] {
        assert!(written.lines().any(|other| other == line), "{line}\nnot in\n{written}");
    }
    assert!(!written.contains("unused"));
}

#[test]
fn an_exemplar_stands_on_the_bucket_that_its_value_is_in() {
    let exemplar = |value| Exemplar {
        value,
        unix_ns: 1_700_000_000_250_000_000,
        trace: TraceContext { trace_id: [0xab; 16], span_id: [0x01; 8] },
    };
    let mut details = Details::default();
    let exemplars = vec![exemplar(0.005), exemplar(0.5), exemplar(2.5)];
    let labels = labels(&[("lock", "a\"b\\c\nd")]);
    details.insert("wait_seconds".into(), labels, Detail { exponential: None, exemplars });
    let written = openmetrics(&sample_snapshot(), &details);
    let ids = format!(r#"{{trace_id="{}",span_id="{}"}}"#, "ab".repeat(16), "01".repeat(8));
    for (le, rest) in [
        ("0.005", format!("2 # {ids} 0.005 1700000000.25")),
        ("0.25", "2".to_owned()),
        ("1.0", format!("5 # {ids} 0.5 1700000000.25")),
        ("+Inf", format!("6 # {ids} 2.5 1700000000.25")),
    ] {
        let line = format!(r#"wait_seconds_bucket{{lock="a\"b\\c\nd",le="{le}"}} {rest}"#);
        assert!(written.lines().any(|other| other == line), "{line}\nnot in\n{written}");
    }
}

#[test]
fn a_registry_that_exists_takes_it_beside_its_own() {
    let mut registry = prometheus_client::registry::Registry::with_prefix("app");
    let own = prometheus_client::metrics::counter::Counter::<u64>::default();
    own.inc_by(3);
    registry.register("own", "Their own counter", own);
    registry.register_collector(Box::new(Exposed(sample_snapshot)));
    let mut out = String::new();
    prometheus_client::encoding::text::encode(&mut out, &registry).expect("written");
    let found = decoded(out.as_bytes(), OpenMetrics);
    assert_eq!(found.get("app_own_total"), Some(&3.0));
    assert_eq!(found.get("app_ops_total{op=\"x\"}"), Some(&7.0));
}

/// Every signal of the catalog, with all of its labels.
fn whole_catalog() -> Snapshot {
    let families = catalog::ALL.iter().flat_map(|signal| {
        let pairs = signal.labels.iter().map(|name| (*name, "x"));
        let labels = Labels::new(pairs).expect("valid");
        signal.families().into_iter().map(move |(name, kind, help)| {
            let value = match kind {
                FamilyKind::Counter => Value::Count(1),
                FamilyKind::Gauge => Value::Gauge(1.0),
                FamilyKind::Histogram => Value::Histogram(HistogramValue::default()),
            };
            let series = vec![Series { labels: labels.clone(), value }];
            Family { name: name.into(), help: help.into(), unit: None, kind, series }
        })
    });
    Snapshot { families: families.collect() }
}

#[test]
fn promtool_has_nothing_to_say() {
    for snapshot in [sample_snapshot(), whole_catalog()] {
        let mut promtool = Command::new("promtool")
            .args(["check", "metrics"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("promtool is installed: apt-get install prometheus");
        let written = text(&snapshot);
        promtool.stdin.take().expect("piped").write_all(written.as_bytes()).expect("written");
        let output = promtool.wait_with_output().expect("ended");
        let said = [output.stdout, output.stderr].concat();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&said));
        assert!(said.is_empty(), "{}", String::from_utf8_lossy(&said));
    }
}

/// Reads a body into `name{labels}` and value, `le` as a number.
fn decoded(body: &[u8], format: plimsoll_exposition::Format) -> BTreeMap<String, f64> {
    let mut decoder = Decoder::new(100_000);
    let samples = decoder.decode(body, format).expect("own output is good").samples.clone();
    let named = samples.iter().zip(decoder.series()).map(|(sample, series)| {
        let key = series.key().expect("good labels");
        (series_name(&key.name, &key.labels), sample.value)
    });
    named.collect()
}

fn series_name(name: &str, labels: &Labels) -> String {
    match labels.get("le").and_then(|le| le.parse::<f64>().ok()) {
        Some(le) => {
            let labels = labels.with("le", &le.to_string()).expect("valid");
            format!("{name}{labels}")
        }
        None => format!("{name}{labels}"),
    }
}

/// What a scraper must see, computed from the snapshot by itself.
fn expected(snapshot: &Snapshot) -> BTreeMap<String, f64> {
    let mut all = BTreeMap::new();
    let series = snapshot.families.iter().flat_map(|family| {
        family.series.iter().map(|series| (&family.name, &series.labels, &series.value))
    });
    for (name, labels, value) in series {
        let labels = labels.filtered(|label| labels.get(label) != Some(""));
        let mut put = |suffix: &str, labels: &Labels, value: f64| {
            all.insert(series_name(&format!("{name}{suffix}"), labels), value);
        };
        match value {
            Value::Count(count) => put("_total", &labels, *count as f64),
            Value::SecondsNs(ns) => put("_total", &labels, *ns as f64 / 1e9),
            Value::Gauge(gauge) => put("", &labels, *gauge),
            Value::Histogram(histogram) => {
                let with_le = |le: &str| labels.with("le", le).expect("valid");
                for bucket in &histogram.buckets {
                    let inside = histogram.buckets.iter().filter(|other| other.le <= bucket.le);
                    let count: u64 = inside.map(|other| other.count).sum();
                    put("_bucket", &with_le(&bucket.le.to_string()), count as f64);
                }
                let count: u64 = histogram.buckets.iter().map(|bucket| bucket.count).sum();
                let count = (count + histogram.above) as f64;
                put("_bucket", &with_le("inf"), count);
                put("_count", &labels, count);
                put("_sum", &labels, histogram.sum);
            }
        }
    }
    all
}

fn any_value(kind: FamilyKind) -> BoxedStrategy<Value> {
    match kind {
        FamilyKind::Counter => prop_oneof![
            (0..1_u64 << 53).prop_map(Value::Count),
            (0..1_u128 << 53).prop_map(Value::SecondsNs),
        ]
        .boxed(),
        FamilyKind::Gauge => {
            (proptest::num::f64::NORMAL | proptest::num::f64::ZERO | proptest::num::f64::INFINITE)
                .prop_map(Value::Gauge)
                .boxed()
        }
        FamilyKind::Histogram => {
            (proptest::collection::btree_map(1_u32..9_999, 0_u64..1_000, 0..4), 0_u64..9, 0.0..1e9)
                .prop_map(|(buckets, above, sum)| {
                    let bucket = |(le, count)| Bucket { le: f64::from(le) / 8.0, count };
                    let buckets = buckets.into_iter().map(bucket).collect();
                    Value::Histogram(HistogramValue { buckets, above, sum })
                })
                .boxed()
        }
    }
}

fn any_labels() -> impl Strategy<Value = Result<Labels, LabelError>> {
    proptest::collection::btree_map("[a-c]", "[a-z\\\\\"\n\u{e9}]{0,4}", 0..3).prop_map(Labels::new)
}

fn any_family(number: usize) -> impl Strategy<Value = Family> {
    prop_oneof![Just(FamilyKind::Counter), Just(FamilyKind::Gauge), Just(FamilyKind::Histogram)]
        .prop_flat_map(move |kind| {
            let series = proptest::collection::vec((any_labels(), any_value(kind)), 0..4);
            (series, "[ -~\n]{0,9}", any::<bool>()).prop_map(move |(series, help, seconds)| {
                let mut seen = std::collections::HashSet::new();
                let series = series
                    .into_iter()
                    .map(|(labels, value)| Series { labels: labels.expect("valid"), value })
                    // As scrapers see it: a label with an empty value is no label.
                    .filter(|series| {
                        let labels = &series.labels;
                        seen.insert(labels.filtered(|label| labels.get(label) != Some("")))
                    })
                    .collect();
                let unit = seconds.then_some("seconds");
                let name =
                    if seconds { format!("f{number}_seconds") } else { format!("f{number}") };
                Family { name: name.into(), help: help.into(), unit, kind, series }
            })
        })
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(
        families in (0_usize..5).prop_flat_map(|count| {
            (0..count).map(any_family).collect::<Vec<_>>()
        })
    ) {
        let snapshot = Snapshot { families };
        for format in [Text, OpenMetrics] {
            let written = body(format, &snapshot);
            prop_assert_eq!(decoded(written.as_bytes(), format), expected(&snapshot), "{}", written);
        }
    }
}
