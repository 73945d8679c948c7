//! The same request as a peer's user would observe it: handles cached, labels and buckets as ours.

use crate::turns::{Contestant, Work};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusRecorder};
use opentelemetry::KeyValue;
use opentelemetry::metrics::{
    BoundCounter, BoundHistogram, BoundUpDownCounter, Counter, Histogram, MeterProvider,
    UpDownCounter,
};
use opentelemetry_sdk::metrics::{ManualReader, SdkMeterProvider};
use plimsoll_model::bucket::DEFAULT_EDGES_NS;
use prometheus_client::metrics::{counter, family::Family, gauge::Gauge, histogram};
use std::time::Instant;

const OPERATION: (&str, &str) = ("operation", "op0");
const OUTCOME: (&str, &str) = ("outcome", "ok");
const BAND: (&str, &str) = ("band", "1");

/// Returns the edges that ours exports by default, in seconds.
fn edges_s() -> Vec<f64> {
    DEFAULT_EDGES_NS.iter().map(|edge| *edge as f64 / 1e9).collect()
}

#[allow(clippy::disallowed_methods, reason = "what a peer's user would do")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

type Pairs = Vec<(&'static str, &'static str)>;

/// `prometheus-client` by handles that its families have given out.
pub(crate) struct PrometheusClient {
    in_flight: Gauge,
    duration: histogram::Histogram,
    operations: counter::Counter,
}

impl PrometheusClient {
    pub(crate) fn new() -> Self {
        let in_flight = Family::<Pairs, Gauge>::default();
        let duration = Family::<Pairs, histogram::Histogram, fn() -> histogram::Histogram>::
            new_with_constructor(|| histogram::Histogram::new(edges_s()));
        let operations = Family::<Pairs, counter::Counter>::default();
        Self {
            in_flight: in_flight.get_or_create_owned(&vec![OPERATION]),
            duration: duration.get_or_create_owned(&vec![OPERATION, OUTCOME]),
            operations: operations.get_or_create_owned(&vec![OPERATION, OUTCOME, BAND]),
        }
    }
}

impl Contestant for PrometheusClient {
    fn run(&self, times: u64, work: Work) {
        for _ in 0..times {
            let began = now();
            self.in_flight.inc();
            self.in_flight.dec();
            self.duration.observe(began.elapsed().as_secs_f64());
            self.operations.inc();
            work.go();
        }
    }
}

/// `metrics` by handles, with its own Prometheus recorder.
pub(crate) struct Metrics {
    recorder: PrometheusRecorder,
    in_flight: metrics::Gauge,
    duration: metrics::Histogram,
    operations: metrics::Counter,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let builder = PrometheusBuilder::new().set_buckets(&edges_s()).expect("not empty");
        let recorder = builder.build_recorder();
        let (in_flight, duration, operations) = metrics::with_local_recorder(&recorder, || {
            (
                metrics::gauge!("in_flight", &[OPERATION]),
                metrics::histogram!("duration", &[OPERATION, OUTCOME]),
                metrics::counter!("operations", &[OPERATION, OUTCOME, BAND]),
            )
        });
        Self { recorder, in_flight, duration, operations }
    }
}

impl Contestant for Metrics {
    fn run(&self, times: u64, work: Work) {
        for _ in 0..times {
            let began = now();
            self.in_flight.increment(1.0);
            self.in_flight.decrement(1.0);
            self.duration.record(began.elapsed().as_secs_f64());
            self.operations.increment(1);
            work.go();
        }
    }

    fn settle(&self) {
        self.recorder.handle().run_upkeep();
    }
}

/// The instruments of `opentelemetry_sdk`.
struct Instruments {
    /// Kept, since the instruments end with it.
    _provider: SdkMeterProvider,
    in_flight: UpDownCounter<i64>,
    duration: Histogram<f64>,
    operations: Counter<u64>,
}

impl Instruments {
    fn new() -> Self {
        let reader = ManualReader::builder().build();
        let provider = SdkMeterProvider::builder().with_reader(reader).build();
        let meter = provider.meter("bench");
        Self {
            in_flight: meter.i64_up_down_counter("in_flight").build(),
            duration: meter.f64_histogram("duration").with_boundaries(edges_s()).build(),
            operations: meter.u64_counter("operations").build(),
            _provider: provider,
        }
    }
}

fn attributes() -> [KeyValue; 3] {
    [OPERATION, OUTCOME, BAND].map(|(name, value)| KeyValue::new(name, value))
}

/// `opentelemetry_sdk` with its attributes at each call.
pub(crate) struct OpenTelemetry(Instruments);

impl OpenTelemetry {
    pub(crate) fn new() -> Self {
        Self(Instruments::new())
    }
}

impl Contestant for OpenTelemetry {
    fn run(&self, times: u64, work: Work) {
        let attributes = attributes();
        let [operation, outcome] = [&attributes[..1], &attributes[..2]];
        for _ in 0..times {
            let began = now();
            self.0.in_flight.add(1, operation);
            self.0.in_flight.add(-1, operation);
            self.0.duration.record(began.elapsed().as_secs_f64(), outcome);
            self.0.operations.add(1, &attributes);
            work.go();
        }
    }
}

/// `opentelemetry_sdk` with its attributes bound beforehand.
pub(crate) struct OpenTelemetryBound {
    _instruments: Instruments,
    in_flight: BoundUpDownCounter<i64>,
    duration: BoundHistogram<f64>,
    operations: BoundCounter<u64>,
}

impl OpenTelemetryBound {
    pub(crate) fn new() -> Self {
        let (of, attributes) = (Instruments::new(), attributes());
        Self {
            in_flight: of.in_flight.bind(&attributes[..1]),
            duration: of.duration.bind(&attributes[..2]),
            operations: of.operations.bind(&attributes),
            _instruments: of,
        }
    }
}

impl Contestant for OpenTelemetryBound {
    fn run(&self, times: u64, work: Work) {
        for _ in 0..times {
            let began = now();
            self.in_flight.add(1);
            self.in_flight.add(-1);
            self.duration.record(began.elapsed().as_secs_f64());
            self.operations.add(1);
            work.go();
        }
    }
}
