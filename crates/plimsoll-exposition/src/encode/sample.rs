//! Lines of samples, which both text formats write alike.

use super::number::{push_number, push_seconds, push_whole};
use plimsoll_model::{Bucket, Family, HistogramValue, Labels, Value};

/// Writes the samples of one series that is no histogram.
pub(super) fn push_sample(out: &mut String, family: &Family, labels: &Labels, value: &Value) {
    out.push_str(&family.name);
    if let Value::Count(_) | Value::SecondsNs(_) = value {
        out.push_str("_total");
    }
    out.push_str(labels.text());
    out.push(' ');
    match value {
        Value::Count(count) => push_whole(out, *count),
        Value::SecondsNs(ns) => push_seconds(out, *ns),
        Value::Gauge(value) => push_number(out, *value),
        Value::Histogram(_) => {}
    }
    out.push('\n');
}

/// Writes the samples of a histogram. `bound` writes an upper bound, `beside` what stands behind a
/// bucket's count, given the bounds that the bucket lies between.
pub(super) fn push_histogram(
    out: &mut String,
    (name, labels): (&str, &Labels),
    value: &HistogramValue,
    bound: impl Fn(&mut String, f64),
    beside: impl Fn(&mut String, f64, f64),
) {
    // The labels are the same on every line but for `le`, which is put before the closing brace.
    let open = labels.text().strip_suffix('}');
    let above = Bucket { le: f64::INFINITY, count: value.above };
    let (mut cumulative, mut below) = (0, f64::NEG_INFINITY);
    for Bucket { le, count } in value.buckets.iter().chain([&above]) {
        cumulative += count;
        out.push_str(name);
        out.push_str("_bucket");
        out.push_str(open.unwrap_or("{"));
        out.push_str(if open.is_some() { ",le=\"" } else { "le=\"" });
        bound(out, *le);
        out.push_str("\"} ");
        push_whole(out, cumulative);
        beside(out, below, *le);
        out.push('\n');
        below = *le;
    }
    for part in ["_sum", "_count"] {
        out.push_str(name);
        out.push_str(part);
        out.push_str(labels.text());
        out.push(' ');
        if part == "_sum" {
            push_number(out, value.sum)
        } else {
            push_whole(out, cumulative)
        }
        out.push('\n');
    }
}
