use super::message::{
    Bucket, BucketSpan, Exemplar, Histogram, LabelPair, MetricType, Number, Timestamp,
};
use plimsoll_model::{
    Detail, Details, Exponential, Family, FamilyKind, HistogramValue, Series, Snapshot, Value,
    exponential,
};
use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint};

/// Below it a value counts as 0 to those who read the histogram: what Prometheus's own clients say.
/// Nothing that is observed lies between.
const ZERO_THRESHOLD: f64 = 2.938_735_877_055_719e-39; // 2^-128

/// Writes `snapshot` as Prometheus protobuf: a `MetricFamily` after the other, each after its length.
///
/// A histogram has its classic buckets, and its native ones and exemplars as far as `details` know
/// them. A family without series isn't written at all.
pub fn protobuf(snapshot: &Snapshot, details: &Details) -> Vec<u8> {
    // The length comes first, so what it is of is written aside, each time in the same place.
    let (mut out, mut message, mut metric) = (Vec::new(), Vec::new(), Vec::new());
    for family in snapshot.families.iter().filter(|family| !family.series.is_empty()) {
        message.clear();
        push_family(&mut message, family, |message| {
            for series in &family.series {
                metric.clear();
                push_metric(&mut metric, series, || details.get(&family.name, &series.labels));
                push_bytes(message, 4, &metric);
            }
        });
        encode_varint(message.len() as u64, &mut out);
        out.extend_from_slice(&message);
    }
    out
}

/// Writes a `MetricFamily`: its name, help, type, metrics and unit.
fn push_family(out: &mut Vec<u8>, family: &Family, metrics: impl FnOnce(&mut Vec<u8>)) {
    let (suffix, kind) = match family.kind {
        FamilyKind::Counter => ("_total", MetricType::Counter),
        FamilyKind::Gauge => ("", MetricType::Gauge),
        FamilyKind::Histogram => ("", MetricType::Histogram),
    };
    push_bytes(out, 1, format!("{}{suffix}", family.name).as_bytes());
    push_bytes(out, 2, family.help.as_bytes());
    if kind != MetricType::default() {
        encode_key(3, WireType::Varint, out);
        encode_varint(kind as u64, out);
    }
    metrics(out);
    push_bytes(out, 5, family.unit.unwrap_or_default().as_bytes());
}

/// Writes a `Metric`: its labels, and a gauge, a counter or a histogram.
fn push_metric<'a>(
    out: &mut Vec<u8>,
    series: &Series,
    detail: impl FnOnce() -> Option<&'a Detail>,
) {
    for (name, value) in series.labels.iter() {
        encode_key(1, WireType::LengthDelimited, out);
        encode_varint((bytes_len(name) + bytes_len(value)) as u64, out);
        push_bytes(out, 1, name.as_bytes());
        push_bytes(out, 2, value.as_bytes());
    }
    match &series.value {
        Value::Count(count) => prost::encoding::message::encode(3, &number(*count as f64), out),
        Value::SecondsNs(ns) => prost::encoding::message::encode(3, &number(seconds(*ns)), out),
        Value::Gauge(value) => prost::encoding::message::encode(2, &number(*value), out),
        Value::Histogram(value) => {
            prost::encoding::message::encode(7, &histogram(value, detail()), out);
        }
    }
}

/// Writes a field of text or of a message; an empty one isn't written, as everywhere in this format.
fn push_bytes(out: &mut Vec<u8>, tag: u32, bytes: &[u8]) {
    if !bytes.is_empty() {
        encode_key(tag, WireType::LengthDelimited, out);
        encode_varint(bytes.len() as u64, out);
        out.extend_from_slice(bytes);
    }
}

/// Returns how long a field of text is, whose tag takes one byte.
fn bytes_len(text: &str) -> usize {
    if text.is_empty() { 0 } else { 1 + encoded_len_varint(text.len() as u64) + text.len() }
}

fn number(value: f64) -> Number {
    Number { value }
}

fn seconds(ns: u128) -> f64 {
    const NS_PER_S: u128 = 1_000_000_000;
    (ns / NS_PER_S) as f64 + (ns % NS_PER_S) as f64 / NS_PER_S as f64
}

fn pair((name, value): (&str, &str)) -> LabelPair {
    LabelPair { name: name.into(), value: value.into() }
}

fn histogram(value: &HistogramValue, detail: Option<&Detail>) -> Histogram {
    let exemplars: Vec<Exemplar> =
        detail.iter().flat_map(|detail| &detail.exemplars).map(exemplar).collect();
    let classic = Histogram {
        sample_count: value.count(),
        sample_sum: value.sum,
        bucket: buckets(value, &exemplars),
        ..Histogram::default()
    };
    match detail.and_then(|detail| detail.exponential.as_ref()) {
        Some(exponential) => native(exponential, Histogram { exemplars, ..classic }),
        None => classic,
    }
}

fn buckets(value: &HistogramValue, exemplars: &[Exemplar]) -> Vec<Bucket> {
    let (mut cumulative_count, mut below) = (0, f64::NEG_INFINITY);
    let bounds = value.buckets.iter().map(|bucket| (bucket.le, bucket.count));
    bounds
        .chain([(f64::INFINITY, value.above)])
        .map(|(upper_bound, count)| {
            cumulative_count += count;
            let inside = |found: &&Exemplar| found.value > below && found.value <= upper_bound;
            let exemplar = exemplars.iter().find(inside).cloned();
            below = upper_bound;
            Bucket { cumulative_count, upper_bound, exemplar }
        })
        .collect()
}

/// Adds native buckets: runs of neighbours, and of each bucket what it has more than the one before.
fn native(exponential: &Exponential, classic: Histogram) -> Histogram {
    let mut spans: Vec<BucketSpan> = Vec::new();
    let mut deltas = Vec::with_capacity(exponential.buckets.len());
    // The first span's offset is the index itself, every other one's the gap to the span before.
    let (mut next, mut before) = (0, 0);
    for (index, count) in &exponential.buckets {
        match spans.last_mut() {
            Some(span) if *index == next => span.length += 1,
            _ => spans.push(BucketSpan { offset: index - next, length: 1 }),
        }
        deltas.push(*count as i64 - before);
        (next, before) = (index + 1, *count as i64);
    }
    Histogram {
        schema: exponential::SCALE,
        zero_threshold: ZERO_THRESHOLD,
        zero_count: exponential.zero,
        positive_span: spans,
        positive_delta: deltas,
        ..classic
    }
}

fn exemplar(of: &plimsoll_model::Exemplar) -> Exemplar {
    const NS_PER_S: u64 = 1_000_000_000;
    let (trace_id, span_id) = (of.trace.trace_id_text(), of.trace.span_id_text());
    Exemplar {
        label: vec![pair(("trace_id", &trace_id)), pair(("span_id", &span_id))],
        value: of.value,
        timestamp: Some(Timestamp {
            seconds: (of.unix_ns / NS_PER_S) as i64,
            nanos: (of.unix_ns % NS_PER_S) as i32,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn native_buckets_are_runs_and_differences() {
        let exponential =
            Exponential { zero: 4, buckets: vec![(-3, 2), (-2, 5), (-1, 1), (4, 1), (7, 9)] };
        let made = native(&exponential, Histogram::default());
        let spans: Vec<_> = made.positive_span.iter().map(|s| (s.offset, s.length)).collect();
        // From -3 three buckets, then 4 after a gap of 4, then 7 after a gap of 2.
        assert_eq!(spans, [(-3, 3), (4, 1), (2, 1)]);
        assert_eq!(made.positive_delta, [2, 3, -4, 0, 8]);
        assert_eq!((made.schema, made.zero_count), (3, 4));
    }

    #[test]
    fn a_body_is_one_length_after_the_other() {
        let labels = plimsoll_model::Labels::new([("a", "x")]).expect("valid");
        let series = vec![plimsoll_model::Series { labels, value: Value::Count(300) }];
        let family = Family {
            name: "n".into(),
            help: "h".into(),
            unit: None,
            kind: FamilyKind::Counter,
            series,
        };
        let body = protobuf(&Snapshot { families: vec![family] }, &Details::default());
        // By hand: name, help, (type 0 is left out), one metric of a label pair and a counter.
        let label = [0x0a, 6, 0x0a, 1, b'a', 0x12, 1, b'x'];
        let counter = [0x1a, 9, 0x09, 0, 0, 0, 0, 0, 0xc0, 0x72, 0x40];
        let mut expected = vec![33, 0x0a, 7];
        expected.extend(b"n_total");
        expected.extend([0x12, 1, b'h', 0x22, (label.len() + counter.len()) as u8]);
        expected.extend(label.into_iter().chain(counter));
        expected[0] = (expected.len() - 1) as u8;
        assert_eq!(body, expected);
    }
}
