//! Alerts about software that nobody instrumented, as sidecars see it. What isn't known has no series and
//! makes no alert; that a collector knows nothing is one of its own.

use super::alert;
use super::signals::cause;
use crate::promql::{self, RULE};
use crate::rule::Alert;
use plimsoll_model::{Signal, catalog};

mod brokers;
mod process;
mod servers;

/// How many of the looks of five minutes have to bring something.
const LOOKS_RATIO_MIN: f64 = 0.5;
/// How much of the time may lie between looks that are too far apart.
const UNKNOWN_RATIO_MAX: f64 = 0.1;
/// How many requests a proxy may turn away.
const SHED_RATIO_MAX: f64 = 0.05;

pub(super) fn alerts() -> Vec<Alert> {
    let mut alerts = vec![
        collector_down(),
        collector_series_dropped(),
        collector_series_hidden(),
        amplifier_blind(),
        proxy_shedding(),
    ];
    alerts.extend(process::alerts());
    alerts.extend(servers::alerts());
    alerts.extend(brokers::alerts());
    alerts
}

fn gauge(signal: &Signal) -> String {
    promql::sample(signal)
}

/// Narrows `vector` to what has the same `labels` as some series of `signal`: the same names come from
/// services with a recorder, which aren't meant.
fn only_beside(vector: &str, labels: &str, signal: &Signal) -> String {
    format!("{vector} and on (job, instance, {labels}) {}", gauge(signal))
}

/// A mean and not the latest look: what fails every other time is broken as well, and what restarts isn't.
fn collector_down() -> Alert {
    let up = format!("avg_over_time({}[{}])", gauge(&catalog::COLLECTOR_UP), RULE.range);
    cause("PlimsollCollectorDown", format!("{up} < {LOOKS_RATIO_MIN}")).pending_for("2m").says(
        "A collector of a sidecar sees nothing of what it should look at.",
        "Collector {{ $labels.collector }} of {{ $labels.job }} ({{ $labels.instance }}) was up for \
         {{ $value | humanizePercentage }} of the last five minutes; http://{{ $labels.instance }}/ \
         says why.",
    )
}

fn collector_series_dropped() -> Alert {
    let dropped = RULE.increase(&promql::sample(&catalog::COLLECTOR_SERIES_DROPPED));
    alert("PlimsollCollectorSeriesDropped", "notice", format!("{dropped} > 0"))
        .pending_for("10m")
        .says(
            "A collector finds more than it may have series of, so part of it isn't shown.",
            "Collector {{ $labels.collector }} of {{ $labels.job }} ({{ $labels.instance }}) leaves out \
             series: {{ $value | humanize }} within five minutes.",
        )
}

fn collector_series_hidden() -> Alert {
    let hidden = gauge(&catalog::COLLECTOR_SERIES_HIDDEN);
    alert("PlimsollCollectorSeriesHidden", "notice", format!("{hidden} > 0")).pending_for("10m").says(
        "Two collectors have the same series, and only one of them is shown.",
        "{{ $value | humanize }} series of collector {{ $labels.collector }} of {{ $labels.job }} \
         ({{ $labels.instance }}) aren't shown: an earlier collector has the same.",
    )
}

fn amplifier_blind() -> Alert {
    let unknown = RULE.rate(&promql::sample(&catalog::AMPLIFIER_UNKNOWN), "");
    alert("PlimsollAmplifierBlind", "notice", format!("{unknown} > {UNKNOWN_RATIO_MAX}"))
        .pending_for("10m")
        .says(
            "An amplifier looks too seldom to see the bursts that it is there for.",
            "Of {{ $value | humanizePercentage }} of the time collector {{ $labels.collector }} of \
             {{ $labels.job }} ({{ $labels.instance }}) knows nothing: its looks were too far apart.",
        )
}

/// What was refused never ended, so it is added to what did; a proxy at which nothing ends at all sheds
/// everything.
fn proxy_shedding() -> Alert {
    let refused = promql::sample(&catalog::BACKPRESSURE);
    let refused = RULE.sum_rate("instance, source", &refused, r#"reason=~"shed|full""#);
    let refused = format!(r#"label_replace({refused}, "operation", "$1", "source", "(.+)")"#);
    let ended = RULE.sum_rate("instance, operation", &promql::sample(&catalog::OPERATIONS), "");
    let by = "on (service, region, job, instance, operation)";
    let all = format!("({refused} + {by} ({ended} or {by} {refused} * 0) > 0)");
    let open = format!(
        r#"label_replace({}, "operation", "$1", "proxy", "(.+)")"#,
        gauge(&catalog::PROXY_CONNECTIONS)
    );
    let ratio = format!("{refused} / {by} {all} > {SHED_RATIO_MAX}");
    cause("ConcurrencyProxyShedding", format!("{ratio} and on (job, instance, operation) {open}"))
        .pending_for("2m")
        .says(
            "A proxy turns requests away because too many are in flight.",
            "{{ $labels.operation }} of {{ $labels.job }} ({{ $labels.instance }}) refuses \
             {{ $value | humanizePercentage }} of its requests.",
        )
}
