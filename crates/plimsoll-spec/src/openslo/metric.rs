use super::objects::Objects;
use super::raw::{RawMetric, RawRatio, RawSli, RawSource};
use crate::import::{Import, Wanted};
use plimsoll_slo::{EventsPart, Sli};
use std::time::Duration;

/// What an SLI is, and the labels that it is grouped by.
pub(super) type Measured = (Sli, Vec<String>);

/// Reads an SLI whose spec stands at `path`; `limit` is what an objective bounds a metric by.
pub(super) fn sli(
    import: &mut Import<'_>,
    objects: &Objects,
    (path, raw): (&str, &RawSli),
    limit: Option<Duration>,
) -> Option<Measured> {
    match (&raw.ratio_metric, &raw.threshold_metric, limit) {
        (Some(ratio), None, None) => {
            self::ratio(import, objects, &format!("{path}.ratioMetric"), ratio)
        }
        (None, Some(metric), Some(limit)) => {
            let path = format!("{path}.thresholdMetric");
            let (at, query) = self::query(import, objects, &path, metric)?;
            threshold(import, (&at, query), limit)
        }
        (Some(_), None, Some(_)) => {
            let reason = "is a ratio, for which an objective's `op` and `value` mean nothing";
            import.fault(&format!("{path}.ratioMetric"), reason)
        }
        (None, Some(_), None) => {
            let reason = "needs `op: lte` and a `value` in the objective";
            import.fault(&format!("{path}.thresholdMetric"), reason)
        }
        _ => import.fault(path, "must have exactly one of `ratioMetric` and `thresholdMetric`"),
    }
}

fn ratio(
    import: &mut Import<'_>,
    objects: &Objects,
    path: &str,
    raw: &RawRatio,
) -> Option<Measured> {
    let part = match (&raw.good, &raw.bad) {
        (Some(good), None) => EventsPart::Good(("good", good)),
        (None, Some(bad)) => EventsPart::Bad(("bad", bad)),
        _ => return import.fault(path, "must have exactly one of `good` and `bad`"),
    };
    let (EventsPart::Good((key, metric)) | EventsPart::Bad((key, metric))) = part;
    let total = query(import, objects, &format!("{path}.total"), &raw.total);
    let named = query(import, objects, &format!("{path}.{key}"), metric);
    let ((total_at, total), (named_at, named)) = (total?, named?);
    let part = part.map(|_| (named_at.as_str(), named));
    import.events((&total_at, total), part, counted(raw.counter))
}

/// A counter is given as it is; anything else counts over some range of its own.
pub(super) fn counted(counter: bool) -> Wanted {
    if counter { Wanted::Counters } else { Wanted::Increases }
}

/// Reads what an objective at `path` bounds a metric by; `None` if it is wrong.
pub(super) fn limit(
    import: &mut Import<'_>,
    path: &str,
    (op, value): (Option<&str>, Option<&str>),
) -> Option<Option<Duration>> {
    let (op, value) = match (op, value) {
        (None, None) => return Some(None),
        (Some(op), Some(value)) => (op, value),
        _ => return import.fault(path, "must have both of `op` and `value`, or none"),
    };
    if op != "lte" {
        let reason = "must be lte: a gauge is good while it is at most the value";
        return import.fault(&format!("{path}.op"), reason);
    }
    match value.parse().ok().and_then(|value| Duration::try_from_secs_f64(value).ok()) {
        Some(at_most) => Some(Some(at_most)),
        None => import.fault(&format!("{path}.value"), "must be a number from 0 on"),
    }
}

/// Reads a gauge that has to stay at most at a value.
pub(super) fn threshold(
    import: &mut Import<'_>,
    (at, query): (&str, &str),
    at_most: Duration,
) -> Option<Measured> {
    Some((Sli::Lag { signal: import.selector(at, query)?, at_most }, Vec::new()))
}

/// Returns a metric's query and where it stands.
fn query<'r>(
    import: &mut Import<'_>,
    objects: &Objects,
    path: &str,
    raw: &'r RawMetric,
) -> Option<(String, &'r str)> {
    let (path, source) = match &raw.metric_source {
        Some(source) => (format!("{path}.metricSource"), source),
        None => (path.to_owned(), &raw.source),
    };
    check_source(import, objects, &path, source)?;
    let query = source.spec.as_ref()?;
    Some((format!("{path}.spec.query"), &query.query))
}

/// What is read are a Prometheus's metrics, in PromQL.
fn check_source(
    import: &mut Import<'_>,
    objects: &Objects,
    path: &str,
    source: &RawSource,
) -> Option<()> {
    const WANTED: &str = "must be Prometheus: metrics of other systems aren't read";
    let is_prometheus = |kind: &str| kind.eq_ignore_ascii_case("prometheus");
    if let Some(kind) = &source.kind {
        return if is_prometheus(kind) {
            Some(())
        } else {
            import.fault(&format!("{path}.type"), WANTED)
        };
    }
    if let Some(inline) = &source.data_source_spec {
        let at = format!("{path}.dataSourceSpec.type");
        return if is_prometheus(&inline.kind) { Some(()) } else { import.fault(&at, WANTED) };
    }
    let Some(name) = &source.metric_source_ref else {
        return import.fault(path, "needs a source: write its `type`, or name a DataSource");
    };
    let key = ["metricSourceRef", "dataSourceRef"]
        .into_iter()
        .map(|key| format!("{path}.{key}"))
        .find(|at| import.document.has(at));
    let at = key.unwrap_or_else(|| path.to_owned());
    match objects.sources.get(name) {
        Some(source) if is_prometheus(&source.object.spec.kind) => Some(()),
        Some(_) => import.fault(&at, "names a DataSource of another type than Prometheus"),
        None => import.fault(&at, "names no DataSource of this file"),
    }
}
