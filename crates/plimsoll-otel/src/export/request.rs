use super::Contents;
use crate::attribute::{Instrument, describe};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as AnyValueKind;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Exemplar, ExponentialHistogram, ExponentialHistogramDataPoint, Gauge,
    Histogram, HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum,
    exemplar, metric, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource as ProtoResource;
use opentelemetry_sdk::Resource;
use plimsoll_model::{
    Detail, Details, Exponential, Family, HistogramValue, Labels, Series, Snapshot, Value,
    exponential,
};
use prost::Message;

const CUMULATIVE: i32 = AggregationTemporality::Cumulative as i32;

/// What every request says besides the values.
pub(super) struct Scope {
    resource: ProtoResource,
    schema_url: String,
    began_unix_ns: u64,
    contents: Contents,
}

/// When a value's sum began, and as of when it is.
#[derive(Clone, Copy)]
struct Times {
    start_time_unix_nano: u64,
    time_unix_nano: u64,
}

impl Scope {
    pub(super) fn new(resource: &Resource, began_unix_ns: u64, contents: Contents) -> Self {
        let attributes = resource
            .iter()
            .map(|(key, value)| KeyValue {
                key: key.to_string(),
                value: Some(value.clone().into()),
                ..KeyValue::default()
            })
            .collect();
        Self {
            resource: ProtoResource { attributes, ..ProtoResource::default() },
            schema_url: resource.schema_url().unwrap_or_default().into(),
            began_unix_ns,
            contents,
        }
    }

    /// Writes a snapshot that was taken at `unix_ns` as the body of a request.
    pub(super) fn encode(&self, snapshot: &Snapshot, details: &Details, unix_ns: u64) -> Vec<u8> {
        self.request(snapshot, details, unix_ns).encode_to_vec()
    }

    fn request(
        &self,
        snapshot: &Snapshot,
        details: &Details,
        unix_ns: u64,
    ) -> ExportMetricsServiceRequest {
        let times = Times { start_time_unix_nano: self.began_unix_ns, time_unix_nano: unix_ns };
        let metrics = snapshot
            .families
            .iter()
            .filter(|family| !family.series.is_empty())
            .filter_map(|family| self.metric(family, details, times))
            .collect();
        let scope = InstrumentationScope {
            name: "plimsoll".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            ..InstrumentationScope::default()
        };
        let scope_metrics =
            vec![ScopeMetrics { scope: Some(scope), metrics, ..ScopeMetrics::default() }];
        ExportMetricsServiceRequest {
            resource_metrics: vec![ResourceMetrics {
                resource: Some(self.resource.clone()),
                scope_metrics,
                schema_url: self.schema_url.clone(),
            }],
        }
    }

    fn metric(&self, family: &Family, details: &Details, times: Times) -> Option<Metric> {
        let described = describe(&family.name, family.unit, family.kind);
        let numbers = || family.series.iter().filter_map(|series| number(series, times)).collect();
        let sum = |is_monotonic| Sum {
            data_points: numbers(),
            aggregation_temporality: CUMULATIVE,
            is_monotonic,
        };
        let data = match described.instrument {
            Instrument::Histogram => histograms(family, details, times),
            _ if self.contents == Contents::Histograms => return None,
            Instrument::Counter | Instrument::SecondsCounter => metric::Data::Sum(sum(true)),
            Instrument::UpDownCounter => metric::Data::Sum(sum(false)),
            Instrument::Gauge => metric::Data::Gauge(Gauge { data_points: numbers() }),
        };
        Some(Metric {
            name: described.name.into_owned(),
            description: family.help.clone().into_owned(),
            unit: described.unit.into_owned(),
            data: Some(data),
            ..Metric::default()
        })
    }
}

fn number(series: &Series, times: Times) -> Option<NumberDataPoint> {
    let value = match &series.value {
        Value::Count(count) => {
            number_data_point::Value::AsInt(i64::try_from(*count).unwrap_or(i64::MAX))
        }
        Value::SecondsNs(ns) => number_data_point::Value::AsDouble(*ns as f64 / 1e9),
        Value::Gauge(value) => number_data_point::Value::AsDouble(*value),
        Value::Histogram(_) => return None,
    };
    Some(NumberDataPoint {
        attributes: attributes(&series.labels),
        start_time_unix_nano: times.start_time_unix_nano,
        time_unix_nano: times.time_unix_nano,
        value: Some(value),
        ..NumberDataPoint::default()
    })
}

/// Writes a family's histograms: exponential ones if all of them are known so, else with bounds.
fn histograms(family: &Family, details: &Details, times: Times) -> metric::Data {
    let points: Vec<_> = family
        .series
        .iter()
        .filter_map(|series| match &series.value {
            Value::Histogram(value) => {
                Some((series, value, details.get(&family.name, &series.labels)))
            }
            Value::Count(_) | Value::SecondsNs(_) | Value::Gauge(_) => None,
        })
        .collect();
    let exponential = points
        .iter()
        .map(|(series, value, detail)| {
            let detail = (*detail)?;
            Some(exponential_point((series, value), detail, detail.exponential.as_ref()?, times))
        })
        .collect::<Option<Vec<_>>>();
    match exponential {
        Some(data_points) => metric::Data::ExponentialHistogram(ExponentialHistogram {
            data_points,
            aggregation_temporality: CUMULATIVE,
        }),
        None => metric::Data::Histogram(Histogram {
            data_points: points
                .into_iter()
                .map(|(series, value, detail)| explicit_point((series, value), detail, times))
                .collect(),
            aggregation_temporality: CUMULATIVE,
        }),
    }
}

fn exponential_point(
    (series, value): (&Series, &HistogramValue),
    detail: &Detail,
    exponential: &Exponential,
    times: Times,
) -> ExponentialHistogramDataPoint {
    ExponentialHistogramDataPoint {
        attributes: attributes(&series.labels),
        start_time_unix_nano: times.start_time_unix_nano,
        time_unix_nano: times.time_unix_nano,
        count: exponential.count(),
        sum: Some(value.sum),
        scale: exponential::SCALE,
        zero_count: exponential.zero,
        positive: Some(buckets(exponential)),
        exemplars: detail.exemplars.iter().map(exemplar_of).collect(),
        ..ExponentialHistogramDataPoint::default()
    }
}

/// Writes every bucket from the first to the last that isn't empty. OpenTelemetry numbers a bucket by
/// its lower bound, which is one less.
fn buckets(exponential: &Exponential) -> Buckets {
    let Some((first, _)) = exponential.buckets.first() else { return Buckets::default() };
    let mut bucket_counts = Vec::new();
    for (index, count) in &exponential.buckets {
        let place = usize::try_from(index - first).unwrap_or(0);
        bucket_counts.resize(place, 0);
        bucket_counts.push(*count);
    }
    Buckets { offset: first - 1, bucket_counts }
}

fn explicit_point(
    (series, value): (&Series, &HistogramValue),
    detail: Option<&Detail>,
    times: Times,
) -> HistogramDataPoint {
    let counts = value.buckets.iter().map(|bucket| bucket.count);
    let exemplars = detail.iter().flat_map(|detail| &detail.exemplars);
    HistogramDataPoint {
        attributes: attributes(&series.labels),
        start_time_unix_nano: times.start_time_unix_nano,
        time_unix_nano: times.time_unix_nano,
        count: value.count(),
        sum: Some(value.sum),
        bucket_counts: counts.chain([value.above]).collect(),
        explicit_bounds: value.buckets.iter().map(|bucket| bucket.le).collect(),
        exemplars: exemplars.map(exemplar_of).collect(),
        ..HistogramDataPoint::default()
    }
}

fn exemplar_of(of: &plimsoll_model::Exemplar) -> Exemplar {
    Exemplar {
        time_unix_nano: of.unix_ns,
        span_id: of.trace.span_id.to_vec(),
        trace_id: of.trace.trace_id.to_vec(),
        value: Some(exemplar::Value::AsDouble(of.value)),
        ..Exemplar::default()
    }
}

fn attributes(labels: &Labels) -> Vec<KeyValue> {
    let text = |value: &str| AnyValue { value: Some(AnyValueKind::StringValue(value.into())) };
    labels
        .iter()
        .map(|(name, value)| KeyValue {
            key: name.into(),
            value: Some(text(value)),
            ..KeyValue::default()
        })
        .collect()
}
