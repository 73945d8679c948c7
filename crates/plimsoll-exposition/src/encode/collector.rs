use plimsoll_model::{Family, FamilyKind, HistogramValue, Snapshot, Value};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;
use std::fmt;

/// Puts a source of snapshots into any `prometheus_client` registry.
///
/// The source is asked once per scrape, so that all of its families come from one instant.
///
/// ```
/// # use plimsoll_exposition::encode::Exposed;
/// # use plimsoll_model::Snapshot;
/// let mut theirs = prometheus_client::registry::Registry::default();
/// theirs.register_collector(Box::new(Exposed(Snapshot::default)));
/// ```
pub struct Exposed<F>(pub F);

impl<F> fmt::Debug for Exposed<F> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_tuple("Exposed").finish_non_exhaustive()
    }
}

impl<F: Fn() -> Snapshot + Send + Sync + 'static> Collector for Exposed<F> {
    fn encode(&self, encoder: DescriptorEncoder) -> fmt::Result {
        write(encoder, &self.0())
    }
}

fn write(mut encoder: DescriptorEncoder<'_>, snapshot: &Snapshot) -> fmt::Result {
    for family in snapshot.families.iter().filter(|family| !family.series.is_empty()) {
        write_family(&mut encoder, family)?;
    }
    Ok(())
}

fn write_family(encoder: &mut DescriptorEncoder<'_>, family: &Family) -> fmt::Result {
    let kind = match family.kind {
        FamilyKind::Counter => MetricType::Counter,
        FamilyKind::Gauge => MetricType::Gauge,
        FamilyKind::Histogram => MetricType::Histogram,
    };
    // Their encoder appends the unit to the name and writes the help as it is.
    let (name, unit) = split_unit(family);
    let help = family.help.replace('\\', "\\\\").replace('\n', "\\n").replace('"', "\\\"");
    let mut metric = encoder.encode_descriptor(name, &help, unit.as_ref(), kind)?;
    for series in &family.series {
        if series.labels.is_empty() {
            write_value(&mut metric, &series.value)?;
        } else {
            let labels: Vec<(&str, &str)> = series.labels.iter().collect();
            write_value(&mut metric.encode_family(&labels)?, &series.value)?;
        }
    }
    Ok(())
}

fn split_unit(family: &Family) -> (&str, Option<Unit>) {
    let stem = family
        .unit
        .and_then(|unit| family.name.strip_suffix(unit).map(|stem| (stem, unit)))
        .and_then(|(stem, unit)| stem.strip_suffix('_').map(|stem| (stem, unit)));
    match stem {
        Some((stem, unit)) => (stem, Some(Unit::Other(unit.into()))),
        None => (&family.name, None),
    }
}

fn write_value(metric: &mut MetricEncoder<'_>, value: &Value) -> fmt::Result {
    const NS_PER_S: u128 = 1_000_000_000;
    match value {
        Value::Count(count) => metric.encode_counter::<NoLabelSet, _, f64>(count, None),
        Value::SecondsNs(ns) => {
            let seconds = (ns / NS_PER_S) as f64 + (ns % NS_PER_S) as f64 / NS_PER_S as f64;
            metric.encode_counter::<NoLabelSet, _, f64>(&seconds, None)
        }
        Value::Gauge(value) => metric.encode_gauge(value),
        Value::Histogram(histogram) => write_histogram(metric, histogram),
    }
}

/// Hands over each bucket's own count: their encoder adds the buckets up itself.
fn write_histogram(metric: &mut MetricEncoder<'_>, histogram: &HistogramValue) -> fmt::Result {
    let buckets: Vec<(f64, u64)> = histogram
        .buckets
        .iter()
        .map(|bucket| (bucket.le, bucket.count))
        .chain([(f64::INFINITY, histogram.above)])
        .collect();
    metric.encode_histogram::<NoLabelSet>(histogram.sum, histogram.count(), &buckets, None)
}
