//! The SLO of v1alpha: each objective has its own metrics, and there are no policies.

use super::budgeting;
use super::metric::{self, Measured, counted};
use super::objects::Placed;
use super::raw::{RawAlphaObjective, RawAlphaRatio, RawAlphaSlo};
use super::slo::{header, keys, numbered};
use super::{shape, window};
use crate::import::{Found, Import, PartOfOne, alerting, plain};
use crate::shape::refused;
use crate::{Document, MapShape, Shape, optional, required};
use plimsoll_slo::{EventsPart, Period, Policy};

pub(super) const SPEC: Shape = Shape::Map(&MapShape {
    keys: &[
        optional("description", Shape::Text(|_| Ok(()))),
        required("service", shape::NAME),
        optional("indicator", INDICATOR),
        required("timeWindows", Shape::List(&WINDOW)),
        required("budgetingMethod", shape::METHOD),
        required("objectives", Shape::List(&OBJECTIVE)),
        refused("alertPolicies", "policies are read in openslo/v1"),
    ],
    check: None,
});

const INDICATOR: Shape =
    Shape::Map(&MapShape { keys: &[required("thresholdMetric", METRIC)], check: None });

const WINDOW: Shape = Shape::Map(&MapShape {
    keys: &[
        required("count", Shape::Integer(1..=10_000)),
        required("unit", Shape::TEXT),
        optional("isRolling", Shape::Flag),
        optional("calendar", shape::CALENDAR),
    ],
    check: None,
});

const OBJECTIVE: Shape = Shape::Map(&MapShape {
    keys: &[
        optional("displayName", Shape::Ignored),
        optional("op", Shape::TEXT),
        optional("value", Shape::TEXT),
        required("target", Shape::parsed::<PartOfOne>()),
        optional("ratioMetrics", RATIO),
        budgeting::TARGET,
        budgeting::WINDOW,
    ],
    check: None,
});

const RATIO: Shape = Shape::Map(&MapShape {
    keys: &[
        optional("counter", Shape::Flag),
        optional("good", METRIC),
        optional("bad", METRIC),
        required("total", METRIC),
    ],
    check: None,
});

const METRIC: Shape = Shape::Map(&MapShape {
    keys: &[
        required("source", Shape::Text(prometheus)),
        optional("queryType", Shape::Text(promql)),
        required("query", Shape::TEXT),
        refused("metadata", "what it means is up to the source: take it out"),
    ],
    check: None,
});

fn prometheus(source: &str) -> Result<(), String> {
    match source.eq_ignore_ascii_case("prometheus") {
        true => Ok(()),
        false => Err("must be prometheus: metrics of other systems aren't read".into()),
    }
}

fn promql(kind: &str) -> Result<(), String> {
    match kind.eq_ignore_ascii_case("promql") {
        true => Ok(()),
        false => Err("must be promql".into()),
    }
}

/// Reads an SLO, which is one of ours for each of its objectives.
pub(super) fn read(documents: &[Document], placed: &Placed<RawAlphaSlo>, found: &mut Found) {
    let Some(document) = documents.get(placed.document) else { return };
    let mut import = Import { document, number: placed.document, found };
    let (metadata, raw) = (&placed.object.metadata, &placed.object.spec);
    let header = header(&mut import, metadata);
    let period = period(&mut import, raw);
    for (at, objective) in raw.objectives.iter().enumerate() {
        let path = format!("spec.objectives[{at}]");
        let measured = measured(&mut import, &path, raw, objective);
        let (Some(header), Some(period), Some((sli, by))) = (&header, period, measured) else {
            continue;
        };
        let method = raw.budgeting_method.0;
        if budgeting::check(&mut import, &path, (method, &sli)).is_none() {
            continue;
        }
        let goal = objective.target.0.0;
        let name = numbered(&header.name, at, raw.objectives.len());
        let policy = Policy::workbook().for_period(period.nominal());
        let policy = import.reachable(&format!("{path}.target"), policy, goal);
        let mut slo = plain(raw.service.0.0.clone(), name, goal, sli);
        slo.description.clone_from(&raw.description);
        slo.labels.clone_from(&header.labels);
        (slo.by, slo.period, slo.alerting) = (by, period, alerting(policy));
        slo.alerting.page.annotations.clone_from(&header.annotations);
        slo.alerting.ticket.annotations.clone_from(&header.annotations);
        import.add(slo, keys("spec.timeWindows[0]"));
    }
}

fn period(import: &mut Import<'_>, raw: &RawAlphaSlo) -> Option<Period> {
    let [given] = raw.time_windows.as_slice() else {
        return import.fault("spec.timeWindows", "must be a list of exactly one window");
    };
    let (path, at) = ("spec.timeWindows[0]", "spec.timeWindows[0].unit");
    let Some(length) = window::worded(given.count, &given.unit) else {
        let reason = "must be Minute, Hour, Day, Week, Month, Quarter or Year";
        return import.fault(at, reason);
    };
    window::of(import, path, at, (&length, given.is_rolling, given.calendar.as_ref()))
}

fn measured(
    import: &mut Import<'_>,
    path: &str,
    raw: &RawAlphaSlo,
    objective: &RawAlphaObjective,
) -> Option<Measured> {
    let given = (objective.op.as_deref(), objective.value.as_deref());
    let limit = metric::limit(import, path, given)?;
    match (&objective.ratio_metrics, &raw.indicator, limit) {
        (Some(metrics), None, None) => ratio(import, &format!("{path}.ratioMetrics"), metrics),
        (None, Some(indicator), Some(limit)) => {
            let query = &indicator.threshold_metric.query;
            metric::threshold(import, ("spec.indicator.thresholdMetric.query", query), limit)
        }
        _ => {
            let reason = "must have `ratioMetrics`, or `op: lte` and `value` beside an `indicator`";
            import.fault(path, reason)
        }
    }
}

fn ratio(import: &mut Import<'_>, path: &str, raw: &RawAlphaRatio) -> Option<Measured> {
    let part = match (&raw.good, &raw.bad) {
        (Some(good), None) => EventsPart::Good(("good", good)),
        (None, Some(bad)) => EventsPart::Bad(("bad", bad)),
        _ => return import.fault(path, "must have exactly one of `good` and `bad`"),
    };
    let (EventsPart::Good((key, metric)) | EventsPart::Bad((key, metric))) = part;
    let (total_at, part_at) = (format!("{path}.total.query"), format!("{path}.{key}.query"));
    let part = part.map(|_| (part_at.as_str(), metric.query.as_str()));
    import.events((&total_at, &raw.total.query), part, counted(raw.counter))
}
