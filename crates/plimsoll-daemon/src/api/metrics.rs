//! What the daemon says about itself to a Prometheus.

use super::Shared;
use crate::view::{SloView, View};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use plimsoll_exposition::{encode, negotiate};
use plimsoll_model::{
    Counts, Family, FamilyKind, Interval, Labels, Series, Signal, Snapshot, Value, catalog,
};
use plimsoll_slo::{AlertName, AlertState, Severity, length_name};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

/// `GET /metrics`.
pub(super) async fn metrics(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok());
    let format = negotiate(accept);
    let body = encode::body(format, &snapshot(&shared, &*shared.seen().await));
    ([(CONTENT_TYPE, format.content_type())], body).into_response()
}

fn snapshot(shared: &Shared, view: &View) -> Snapshot {
    let mut families = slo_families(view);
    families.push(refused(view));
    families.push(notifications(shared));
    families.extend(itself(shared));
    families.retain(|family| !family.series.is_empty());
    let mut snapshot = Snapshot { families };
    shared.own.append_to(&mut snapshot);
    let mut process = shared.process.lock().unwrap_or_else(PoisonError::into_inner);
    process.append_to(&mut snapshot);
    snapshot
}

fn slo_families(view: &View) -> Vec<Family> {
    let each = |signal, series: fn(&SloView, &mut Rows)| {
        let mut rows = Rows::default();
        for slo in &view.slos {
            series(slo, &mut rows);
        }
        family(signal, rows)
    };
    vec![
        each(&catalog::SLO_OBJECTIVE, |slo, rows| {
            rows.gauge(slo, &[], Some(f64::from(slo.slo.objective.ppm()) / 1e6));
        }),
        each(&catalog::SLO_ERROR, |slo, rows| {
            let period = slo.slo.period.to_string();
            for window in &slo.assessment.windows {
                if let Some(name) = other_than(&period, window.length) {
                    rows.bounds(slo, Some(&name), window.ratio);
                }
            }
            rows.bounds(slo, Some(&period), slo.assessment.ratio);
        }),
        each(&catalog::SLO_BURN_RATE, |slo, rows| {
            for window in &slo.assessment.windows {
                rows.bounds(slo, Some(&length_name(window.length)), window.burn);
            }
        }),
        each(&catalog::SLO_BUDGET_REMAINING, |slo, rows| {
            rows.bounds(slo, None, slo.assessment.budget.remaining);
        }),
        each(&catalog::SLO_COVERAGE, |slo, rows| {
            let period = slo.slo.period.to_string();
            for window in &slo.assessment.windows {
                if let Some(name) = other_than(&period, window.length) {
                    rows.gauge(slo, &[("window", &name)], window.coverage);
                }
            }
            rows.gauge(slo, &[("window", &period)], slo.assessment.coverage);
        }),
        each(&catalog::SLO_BAND_COVERAGE, |slo, rows| {
            let Some(band) = &slo.band else { return };
            let period = slo.slo.period.to_string();
            for (length, share) in &band.windows {
                if let Some(name) = other_than(&period, *length) {
                    rows.gauge(slo, &[("window", &name)], *share);
                }
            }
            rows.gauge(slo, &[("window", &period)], band.period);
        }),
        each(&catalog::SLO_EVENTS, |slo, rows| {
            let Counts { good, bad, unknown } = slo.counted;
            for (verdict, count) in [("good", good), ("bad", bad), ("unknown", unknown)] {
                rows.of_slo(slo, &[("verdict", verdict)], Value::Count(count));
            }
        }),
        each(&catalog::SLO_ALERT_FIRING, alert_firing),
    ]
}

/// Names a window, unless it is as long as the period: a scrape takes each series once.
fn other_than(period: &str, window: Duration) -> Option<String> {
    Some(length_name(window)).filter(|name| name != period)
}

fn alert_firing(slo: &SloView, rows: &mut Rows) {
    let policy = slo.slo.alerting.policy.rows.iter().map(|row| row.severity);
    // Whatever the policy says, an SLO can go dark and run out of budget.
    let severities: BTreeSet<Severity> = policy.chain([Severity::Page, Severity::Ticket]).collect();
    for severity in severities {
        let fires = slo.alerts.iter().any(|alert| {
            alert.name != AlertName::NoData
                && alert.name.severity() == severity
                && alert.state == AlertState::Firing
        });
        let value = if fires { 1.0 } else { 0.0 };
        rows.gauge(slo, &[("severity", severity.as_str())], Some(value));
    }
}

fn refused(view: &View) -> Family {
    // Two jobs may scrape one address.
    let mut counts: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for target in &view.targets {
        for (reason, count) in &target.refused {
            *counts.entry((&target.instance, reason)).or_default() += count;
        }
    }
    let mut rows = Rows::default();
    for ((target, reason), count) in counts {
        rows.count(&[("target", target), ("reason", reason)], count);
    }
    family(&catalog::SCRAPE_SAMPLES_REFUSED, rows)
}

fn notifications(shared: &Shared) -> Family {
    let mut rows = Rows::default();
    for (sink, outcome, count) in shared.tally.counts() {
        rows.count(&[("sink", sink), ("result", outcome.as_str())], count);
    }
    family(&catalog::NOTIFICATIONS, rows)
}

fn itself(shared: &Shared) -> [Family; 2] {
    let mut build = Rows::default();
    build.number(&[("version", shared.about.version)], 1.0);
    let reload = shared.reload.lock().unwrap_or_else(PoisonError::into_inner);
    [family(&catalog::BUILD_INFO, build), reload.family()]
}

fn family(signal: &'static Signal, rows: Rows) -> Family {
    let kind = match signal.kind {
        plimsoll_model::Kind::Counter => FamilyKind::Counter,
        _ => FamilyKind::Gauge,
    };
    Family {
        name: signal.name.into(),
        help: signal.help.into(),
        unit: signal.prometheus_unit(),
        kind,
        series: rows.0,
    }
}

/// The series of one family.
#[derive(Default)]
struct Rows(Vec<Series>);

impl Rows {
    /// Adds a gauge of an SLO; one that isn't known is absent, never 0.
    fn gauge(&mut self, slo: &SloView, more: &[(&str, &str)], value: Option<f64>) {
        if let Some(value) = value {
            self.of_slo(slo, more, Value::Gauge(value));
        }
    }

    fn of_slo(&mut self, slo: &SloView, more: &[(&str, &str)], value: Value) {
        let fixed = [("service", slo.slo.service.as_str()), ("slo", slo.slo.name.as_str())];
        let own = fixed.into_iter().chain(more.iter().copied());
        let own = own.map(|(name, value)| (name.into(), value));
        self.add(slo.group_labels().chain(own), value);
    }

    fn bounds(&mut self, slo: &SloView, window: Option<&str>, interval: Interval) {
        for (bound, value) in [("low", interval.low), ("high", interval.high)] {
            match window {
                Some(window) => self.gauge(slo, &[("window", window), ("bound", bound)], value),
                None => self.gauge(slo, &[("bound", bound)], value),
            }
        }
    }

    fn number(&mut self, labels: &[(&str, &str)], number: f64) {
        let labels = labels.iter().map(|(name, value)| ((*name).into(), *value));
        self.add(labels, Value::Gauge(number));
    }

    fn count(&mut self, labels: &[(&str, &str)], count: u64) {
        let labels = labels.iter().map(|(name, value)| ((*name).into(), *value));
        self.add(labels, Value::Count(count));
    }

    fn add<'a>(&mut self, labels: impl Iterator<Item = (Cow<'a, str>, &'a str)>, value: Value) {
        let labels = labels.map(|(name, value)| (name.into_owned(), value));
        if let Ok(labels) = Labels::new(labels) {
            self.0.push(Series { labels, value });
        }
    }
}
