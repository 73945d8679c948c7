//! What an OTLP server receives, against what was recorded.

#![allow(clippy::expect_used, clippy::indexing_slicing)] // a test stops at the first thing amiss

use opentelemetry::trace::TracerProvider;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::{Metric, metric::Data, number_data_point};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider};
use plimsoll::{Operation, Outcome, Registry};
use plimsoll_model::{Value, catalog};
use plimsoll_otel::{Contents, Exporter, ExporterConfig, exemplars};
use prost::Message;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;
use tracing_subscriber::layer::SubscriberExt;

/// A request as the server got it.
struct Received {
    head: String,
    metrics: Vec<Metric>,
    resource: Vec<String>,
}

/// An OTLP server that answers with the given lines in turn, the last of them for ever.
fn server(answers: &[&'static str]) -> (SocketAddr, Receiver<Received>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address");
    let (sender, received) = channel();
    let answers = answers.to_vec();
    // It ends with the test's process, or with its receiver.
    std::thread::spawn(move || {
        let mut turn = 0;
        for stream in listener.incoming().flatten() {
            if serve(stream, &answers, &mut turn, &sender).is_none() {
                break;
            }
        }
    });
    (address, received)
}

fn serve(
    stream: TcpStream,
    answers: &[&str],
    turn: &mut usize,
    sender: &Sender<Received>,
) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().expect("the same stream"));
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head).unwrap_or(0) == 0 {
                return Some(());
            }
        }
        let head = head.to_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.expect("a length").trim().parse().expect("a number")];
        reader.read_exact(&mut body).expect("the body");
        let answer = answers[(*turn).min(answers.len() - 1)];
        *turn += 1;
        let _ = write!(&stream, "HTTP/1.1 {answer}\r\ncontent-length: 0\r\n\r\n");
        let request = ExportMetricsServiceRequest::decode(&*body).expect("OTLP");
        let of_resource = &request.resource_metrics[0];
        let resource = of_resource.resource.as_ref().expect("a resource");
        let received = Received {
            head,
            metrics: of_resource.scope_metrics[0].metrics.clone(),
            resource: resource.attributes.iter().map(|pair| pair.key.clone()).collect(),
        };
        sender.send(received).ok()?;
    }
}

fn start(address: SocketAddr, registry: &Registry, contents: Contents) -> Exporter {
    let config = ExporterConfig {
        endpoint: format!("http://{address}/v1/metrics"),
        every: Duration::from_secs(60),
        headers: vec![("x-key".into(), "secret".into())],
        contents,
        ..ExporterConfig::default()
    };
    let resource = Resource::builder().with_service_name("checkout").build();
    Exporter::start(registry, &resource, config).expect("started")
}

fn metric<'a>(received: &'a Received, name: &str) -> &'a Metric {
    received.metrics.iter().find(|metric| metric.name == name).expect("the metric was sent")
}

fn next(received: &Receiver<Received>) -> Received {
    received.recv_timeout(Duration::from_secs(20)).expect("a request")
}

fn exports(registry: &Registry, result: &str) -> u64 {
    let snapshot = registry.snapshot();
    let family = snapshot.families.iter().find(|family| family.name == catalog::EXPORTS.name);
    let series = family.expect("counted").series.iter();
    match series
        .clone()
        .find(|series| series.labels.get("result") == Some(result))
        .map(|s| &s.value)
    {
        Some(Value::Count(count)) => *count,
        other => panic!("{other:?}"),
    }
}

/// Waits until the exporter has seen its answer: a stop cuts short what is under way.
fn await_ok(registry: &Registry) {
    while exports(registry, "ok") == 0 {
        std::thread::yield_now();
    }
}

#[test]
fn what_stands_at_the_stop_is_sent() {
    let registry = Registry::new();
    let pay = Operation::limited_in(&registry, "pay", 4);
    let (address, received) = server(&["200 OK"]);
    let exporter = start(address, &registry, Contents::Everything);
    let first = next(&received);
    assert!(first.head.starts_with("post /v1/metrics"), "{}", first.head);
    assert!(first.head.contains("content-type: application/x-protobuf"), "{}", first.head);
    assert!(first.head.contains("x-key: secret"), "{}", first.head);
    assert!(first.resource.iter().any(|key| key == "service.name"));

    await_ok(&registry);
    let held = pay.enter();
    (0..5).for_each(|_| pay.enter().finish(Outcome::Ok));
    exporter.stop();
    let last = next(&received);
    drop(held);
    let Some(Data::Sum(level)) = &metric(&last, "concurrency.in_flight").data else {
        panic!("a level is a sum")
    };
    assert!(!level.is_monotonic);
    let point = &level.data_points[0];
    assert_eq!(point.value, Some(number_data_point::Value::AsDouble(1.0)));
    assert!(point.start_time_unix_nano < point.time_unix_nano);
    let Some(Data::Sum(ended)) = &metric(&last, "concurrency.operations").data else {
        panic!("a counter is a sum")
    };
    assert!(ended.is_monotonic && ended.aggregation_temporality == 2, "cumulative");
    let sum: i64 = ended
        .data_points
        .iter()
        .map(|point| match point.value {
            Some(number_data_point::Value::AsInt(count)) => count,
            other => panic!("{other:?}"),
        })
        .sum();
    assert_eq!(sum, 5);
    assert_eq!((exports(&registry, "ok"), exports(&registry, "failed")), (2, 0));
}

#[test]
fn what_fails_for_now_is_tried_again_and_what_fails_for_good_is_not() {
    let registry = Registry::new();
    let (address, received) = server(&[
        "503 Service Unavailable\r\nretry-after: 0",
        "429 Too Many Requests",
        "200 OK",
        "400 Bad Request",
    ]);
    let exporter = start(address, &registry, Contents::Everything);
    for _ in 0..3 {
        next(&received);
    }
    await_ok(&registry);
    // The last one is refused, and not tried again.
    exporter.stop();
    next(&received);
    let counts = ["ok", "retried", "rejected", "failed"].map(|result| exports(&registry, result));
    assert_eq!(counts, [1, 2, 0, 1]);
}

#[test]
fn a_stop_does_not_wait_for_a_server_that_is_gone() {
    let registry = Registry::new();
    let address = TcpListener::bind("127.0.0.1:0").and_then(|gone| gone.local_addr());
    let config = ExporterConfig {
        endpoint: format!("http://{}/v1/metrics", address.expect("a free port")),
        timeout: Duration::from_millis(300),
        ..ExporterConfig::default()
    };
    let exporter = Exporter::start(&registry, &Resource::builder().build(), config);
    exporter.expect("started").stop();
    assert!(exports(&registry, "retried") >= 1);
    assert_eq!(exports(&registry, "failed"), 1);
}

#[test]
fn histograms_alone_leave_the_rest_to_the_meter_provider() {
    let registry = Registry::new();
    let pay = Operation::named_in(&registry, "pay");
    pay.enter().finish(Outcome::Ok);
    let (address, received) = server(&["200 OK"]);
    start(address, &registry, Contents::Histograms).stop();
    let request = next(&received);
    assert!(!request.metrics.is_empty());
    for metric in &request.metrics {
        let is_histogram =
            matches!(metric.data, Some(Data::Histogram(_) | Data::ExponentialHistogram(_)));
        assert!(is_histogram, "{}", metric.name);
    }
    let duration = metric(&request, "concurrency.operation.duration");
    assert_eq!(duration.unit, "s");
}

#[test]
fn a_slow_call_is_sent_with_its_trace() {
    exemplars();
    let spans = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder().with_simple_exporter(spans.clone()).build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
    let registry = Registry::new();
    let pay = Operation::named_in(&registry, "pay");
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        let _span = tracing::info_span!("pay").entered();
        pay.enter().finish(Outcome::Ok);
    });
    let (address, received) = server(&["200 OK"]);
    start(address, &registry, Contents::Histograms).stop();
    let request = next(&received);
    let Some(Data::ExponentialHistogram(duration)) =
        &metric(&request, "concurrency.operation.duration").data
    else {
        panic!("durations are exponential")
    };
    let span = &spans.get_finished_spans().expect("spans")[0].span_context;
    let of_points = duration.data_points.iter().filter(|point| point.count > 0);
    let found: Vec<_> = of_points.flat_map(|point| &point.exemplars).collect();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].trace_id, span.trace_id().to_bytes());
    assert_eq!(found[0].span_id, span.span_id().to_bytes());
}
