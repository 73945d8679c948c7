//! Pushed bodies, encoded by others than the code under test.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails")]

mod remote_write;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::{
    ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram, HistogramDataPoint,
    Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, metric, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use plimsoll_exposition::Interest;
use plimsoll_exposition::push::{
    Edges, Point, PointValue, PushError, Pushed, otlp, otlp_json, remote_write_1, remote_write_2,
};
use prost::Message;
use remote_write::{Native, Sample, Span, TimeSeries, WriteRequest};

/// Remote write 2.0.
#[derive(Clone, PartialEq, Message)]
struct Request {
    #[prost(string, repeated, tag = "4")]
    symbols: Vec<String>,
    #[prost(message, repeated, tag = "5")]
    timeseries: Vec<TimeSeries2>,
}

#[derive(Clone, PartialEq, Message)]
struct TimeSeries2 {
    #[prost(uint32, repeated, tag = "1")]
    labels_refs: Vec<u32>,
    #[prost(message, repeated, tag = "2")]
    samples: Vec<Sample>,
    #[prost(int64, tag = "6")]
    created_timestamp: i64,
}

fn interest() -> Interest {
    let mut interest = Interest::new();
    interest.add("requests_total");
    interest.add("depth");
    interest.add("wait_seconds_count");
    interest.add_threshold("wait_seconds", 0.25);
    interest
}

fn shown(point: &Point) -> String {
    let (key, at, start) = (&point.key, point.at_ms, point.start_ms);
    let kind = if point.is_delta { " delta" } else { "" };
    format!("{}{} {:?} at {at} since {start:?}{kind}", key.name, key.labels, point.value)
}

#[test]
fn remote_write_1_gives_what_is_asked_for_and_counts_the_rest() {
    let stale = f64::from_bits(0x7ff0_0000_0000_0002);
    let series = |name: &str, samples: Vec<Sample>| {
        let labels = [("__name__", name), ("job", "shop"), ("instance", "a:1"), ("empty", "")];
        TimeSeries::new(&labels, samples)
    };
    let native = Native {
        count_int: 100,
        sum: 12.0,
        schema: 0,
        zero_count_int: 5,
        // Buckets that end at 2^-3, 2^-2 and 2^0.
        positive_spans: vec![Span { offset: -3, length: 2 }, Span { offset: 1, length: 1 }],
        positive_deltas: vec![10, 10, 45],
        timestamp: 9_000,
    };
    let labels = [("__name__", "wait_seconds"), ("job", "shop")];
    let histogram = TimeSeries { histograms: vec![native], ..TimeSeries::new(&labels, Vec::new()) };
    let labels = [("__name__", "requests_total"), ("no name", "x")];
    let bad = TimeSeries::new(&labels, vec![Sample::new(1.0, 1)]);
    let timeseries = vec![
        series("requests_total", vec![Sample::new(5.0, 1_000), Sample::new(stale, 2_000)]),
        series("of_no_use", vec![Sample::new(1.0, 1_000)]),
        histogram,
        bad,
    ];
    let body = WriteRequest { timeseries }.encode_to_vec();
    let pushed = remote_write_1(&body, &interest()).expect("good");
    assert_eq!((pushed.samples, pushed.histograms, pushed.malformed), (4, 1, 1));
    let edges = Edges { lower: 0.25, lower_count: 35, upper: 0.25, upper_count: 35 };
    let expected = [
        r#"requests_total{instance="a:1",job="shop"} Number(5.0) at 1000 since None"#.to_owned(),
        r#"requests_total{instance="a:1",job="shop"} Stale at 2000 since None"#.into(),
        r#"wait_seconds_count{job="shop"} Number(100.0) at 9000 since None"#.into(),
        format!(
            r#"wait_seconds{{job="shop"}} Histogram {{ count: 100, edges: [{edges:?}] }} at 9000 since None"#
        ),
    ];
    assert_eq!(pushed.points.iter().map(shown).collect::<Vec<_>>(), expected);
}

#[test]
fn remote_write_2_says_since_when_in_both_of_its_ways() {
    let symbols = ["", "__name__", "requests_total", "job", "shop"].map(str::to_owned).to_vec();
    let series = |samples, created_timestamp| TimeSeries2 {
        labels_refs: vec![1, 2, 3, 4],
        samples,
        created_timestamp,
    };
    let own = Sample { value: 2.0, timestamp: 20, start_timestamp: 15 };
    let timeseries =
        vec![series(vec![Sample::new(1.0, 10), own], 5), series(vec![Sample::new(3.0, 30)], 0)];
    let body = Request { symbols: symbols.clone(), timeseries }.encode_to_vec();
    let pushed = remote_write_2(&body, &interest()).expect("good");
    let expected = [
        r#"requests_total{job="shop"} Number(1.0) at 10 since Some(5)"#,
        r#"requests_total{job="shop"} Number(2.0) at 20 since Some(15)"#,
        r#"requests_total{job="shop"} Number(3.0) at 30 since None"#,
    ];
    assert_eq!(pushed.points.iter().map(shown).collect::<Vec<_>>(), expected);
    let beyond = TimeSeries2 { labels_refs: vec![1, 9], samples: vec![], created_timestamp: 0 };
    let body = Request { symbols, timeseries: vec![beyond] }.encode_to_vec();
    assert!(matches!(remote_write_2(&body, &interest()), Err(PushError::Message(_))));
}

fn attribute(key: &str, value: any_value::Value) -> KeyValue {
    KeyValue {
        key: key.into(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}

fn text(value: &str) -> any_value::Value {
    any_value::Value::StringValue(value.into())
}

fn of(name: &str, unit: &str, data: metric::Data) -> Metric {
    Metric { name: name.into(), unit: unit.into(), data: Some(data), ..Metric::default() }
}

fn number(value: number_data_point::Value) -> NumberDataPoint {
    NumberDataPoint {
        attributes: vec![attribute("http.code", any_value::Value::IntValue(500))],
        start_time_unix_nano: 1_000_000_000,
        time_unix_nano: 5_000_000_000,
        value: Some(value),
        ..NumberDataPoint::default()
    }
}

fn sum(aggregation_temporality: i32, value: number_data_point::Value) -> metric::Data {
    let data_points = vec![number(value)];
    metric::Data::Sum(Sum { data_points, aggregation_temporality, is_monotonic: true })
}

fn gauge(point: NumberDataPoint) -> metric::Data {
    metric::Data::Gauge(Gauge { data_points: vec![point] })
}

fn histogram() -> metric::Data {
    let point = HistogramDataPoint {
        time_unix_nano: 5_000_000_000,
        count: 10,
        bucket_counts: vec![1, 2, 7],
        explicit_bounds: vec![0.25, 1.0],
        ..HistogramDataPoint::default()
    };
    metric::Data::Histogram(Histogram { data_points: vec![point], aggregation_temporality: 2 })
}

fn exponential() -> metric::Data {
    let point = ExponentialHistogramDataPoint {
        time_unix_nano: 6_000_000_000,
        count: 100,
        scale: 0,
        zero_count: 5,
        // Buckets that end at 2^-3, 2^-2 and 2^-1.
        positive: Some(Buckets { offset: -4, bucket_counts: vec![10, 20, 65] }),
        ..ExponentialHistogramDataPoint::default()
    };
    let data_points = vec![point];
    metric::Data::ExponentialHistogram(ExponentialHistogram {
        data_points,
        aggregation_temporality: 1,
    })
}

/// One of every kind, as the SDK's own types.
fn request() -> ExportMetricsServiceRequest {
    use number_data_point::Value::{AsDouble, AsInt};
    let gone =
        NumberDataPoint { flags: 1, time_unix_nano: 5_000_000_000, ..NumberDataPoint::default() };
    let metrics = vec![
        of("requests", "{request}", sum(2, AsInt(7))),
        of("requests", "", sum(1, AsDouble(3.0))),
        of("depth", "", gauge(gone)),
        of("wait", "s", histogram()),
        of("wait", "s", exponential()),
        of("of.no.use", "", gauge(number(AsInt(1)))),
    ];
    let attributes = vec![
        attribute("service.namespace", text("eu")),
        attribute("service.name", text("shop")),
        attribute("service.instance.id", text("pod-1")),
    ];
    ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            resource: Some(Resource { attributes, ..Resource::default() }),
            scope_metrics: vec![ScopeMetrics { metrics, ..ScopeMetrics::default() }],
            ..ResourceMetrics::default()
        }],
    }
}

fn told(pushed: &Pushed) -> Vec<String> {
    assert_eq!((pushed.samples, pushed.histograms, pushed.malformed), (4, 2, 0));
    pushed.points.iter().map(shown).collect()
}

fn expected() -> Vec<String> {
    let own = r#"instance="pod-1",job="eu/shop""#;
    let counter = format!(r#"requests_total{{http_code="500",{own}}}"#);
    let bucket = |le: &str| format!(r#"wait_seconds_bucket{{{own},le="{le}"}}"#);
    let edges = Edges { lower: 0.25, lower_count: 35, upper: 0.25, upper_count: 35 };
    vec![
        format!("{counter} Number(7.0) at 5000 since Some(1000)"),
        format!("{counter} Number(3.0) at 5000 since Some(1000) delta"),
        format!("depth{{{own}}} Stale at 5000 since None"),
        format!("wait_seconds_count{{{own}}} Number(10.0) at 5000 since None"),
        format!("{} Number(1.0) at 5000 since None", bucket("0.25")),
        format!("{} Number(3.0) at 5000 since None", bucket("1")),
        format!("{} Number(10.0) at 5000 since None", bucket("+Inf")),
        format!("wait_seconds_count{{{own}}} Number(100.0) at 6000 since None delta"),
        format!(
            "wait_seconds{{{own}}} {:?} at 6000 since None delta",
            PointValue::Histogram { count: 100, edges: vec![edges] }
        ),
    ]
}

#[test]
fn otlp_gives_what_is_asked_for_of_every_kind() {
    let pushed = otlp(&request().encode_to_vec(), &interest()).expect("good");
    assert_eq!(told(&pushed), expected());
}

#[test]
fn otlp_as_json_says_the_same() {
    // Written by hand after the JSON mapping of the OTLP specification.
    let number = r#""attributes":[{"key":"http.code","value":{"intValue":"500"}}],
        "startTimeUnixNano":"1000000000","timeUnixNano":"5000000000""#;
    let body = format!(
        r#"{{"resourceMetrics":[{{"resource":{{"attributes":[
            {{"key":"service.namespace","value":{{"stringValue":"eu"}}}},
            {{"key":"service.name","value":{{"stringValue":"shop"}}}},
            {{"key":"service.instance.id","value":{{"stringValue":"pod-1"}}}}]}},
        "scopeMetrics":[{{"scope":{{}},"metrics":[
            {{"name":"requests","unit":"{{request}}","sum":{{"aggregationTemporality":2,"isMonotonic":true,
                "dataPoints":[{{{number},"asInt":"7"}}]}}}},
            {{"name":"requests","sum":{{"aggregationTemporality":1,"isMonotonic":true,
                "dataPoints":[{{{number},"asDouble":3}}]}}}},
            {{"name":"depth","gauge":{{"dataPoints":[{{"timeUnixNano":"5000000000","flags":1}}]}}}},
            {{"name":"wait","unit":"s","histogram":{{"aggregationTemporality":2,"dataPoints":[
                {{"timeUnixNano":"5000000000","count":"10","bucketCounts":["1","2","7"],"explicitBounds":[0.25,1]}}]}}}},
            {{"name":"wait","unit":"s","exponentialHistogram":{{"aggregationTemporality":1,"dataPoints":[
                {{"timeUnixNano":"6000000000","count":"100","scale":0,"zeroCount":"5",
                  "positive":{{"offset":-4,"bucketCounts":["10","20","65"]}}}}]}}}},
            {{"name":"of.no.use","gauge":{{"dataPoints":[{{"asInt":"1"}}]}}}}
        ]}}]}}]}}"#
    );
    let pushed = otlp_json(body.as_bytes(), &interest()).expect("good");
    assert_eq!(told(&pushed), expected());
    for wrong in
        ["", "[]", "{\"resourceMetrics\": 1}", "{\"resourceMetrics\": [{\"scopeMetrics\": {}}]}"]
    {
        assert!(
            matches!(otlp_json(wrong.as_bytes(), &interest()), Err(PushError::Json(_))),
            "{wrong}"
        );
    }
}

#[test]
fn a_body_that_is_cut_anywhere_is_refused_or_gives_less_and_never_more() {
    let whole = request().encode_to_vec();
    for end in 0..whole.len() {
        if let Ok(pushed) = otlp(&whole[..end], &interest()) {
            assert!(pushed.points.len() < expected().len(), "cut at {end}");
        }
    }
    let empty = [0x0a, 0x00].repeat(500_000);
    let pushed = remote_write_1(&empty, &interest()).expect("a million bytes of empty series");
    assert_eq!((pushed.points.len(), pushed.malformed), (0, 500_000));
}
