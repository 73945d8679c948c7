use super::raw::{RawAlerting, RawIndicator, RawResource};
use crate::import::{Import, Keys, Wanted, alerting, plain};
use crate::native::{Name, Rolling};
use plimsoll_model::Labels;
use plimsoll_slo::{
    AlertName, Alerting, Carried, EventsPart, Milli, Objective, Period, Policy, PolicyRow,
    Severity, Sli, WithinKind, length_name,
};
use std::time::Duration;

/// What keys of metadata begin with that Pyrra hands on to its alerts.
const PROPAGATED: &str = "pyrra.dev/";

/// The service of a resource without a namespace.
const DEFAULT_SERVICE: &str = "default";

/// Reads one resource.
pub(super) fn slo(import: &mut Import<'_>, raw: RawResource) -> Option<()> {
    let (metadata, spec) = (raw.metadata, raw.spec);
    let objective = spec.target.0.0;
    let service = match metadata.namespace.as_str() {
        "" => Some(Name(DEFAULT_SERVICE.to_owned())),
        namespace => import.take("metadata.namespace", namespace.parse::<Name>()),
    };
    let name = import.take("metadata.name", metadata.name.parse::<Name>());
    let window = spec.window.0.0;
    let period = import.take("spec.window", length_name(window).parse::<Rolling>());
    let sli = sli(import, spec.indicator);
    let labels = handed_on(metadata.labels);
    let labels = import.labels("metadata.labels", labels);
    let annotations = handed_on(metadata.annotations).collect();
    let annotations = import.annotations("metadata.annotations", &annotations);
    let ((sli, by), Name(service), Name(name)) = (sli?, service?, name?);
    let mut slo = plain(service, name, objective, sli);
    slo.description = spec.description;
    slo.labels = labels?;
    (slo.by, slo.period) = (by, Period::Rolling(period?.0));
    slo.alerting = alerting_of(import, spec.alerting, window, objective)?;
    slo.alerting.page.annotations.clone_from(&annotations);
    slo.alerting.ticket.annotations = annotations;
    let keys = Keys {
        name: "metadata.name".into(),
        period: "spec.window".into(),
        sli: "spec.indicator".into(),
        exclusions: "spec".into(),
    };
    import.add(slo, keys);
    Some(())
}

fn handed_on(
    given: impl IntoIterator<Item = (String, String)>,
) -> impl Iterator<Item = (String, String)> {
    given
        .into_iter()
        .filter_map(|(key, value)| Some((key.strip_prefix(PROPAGATED)?.to_owned(), value)))
}

fn sli(import: &mut Import<'_>, raw: RawIndicator) -> Option<(Sli, Vec<String>)> {
    let at = |key: &str| format!("spec.indicator.{key}.metric");
    match raw {
        RawIndicator::Ratio { errors, total, grouping } => {
            let (whole, errors_at) = (at("ratio.total"), at("ratio.errors"));
            let bad = EventsPart::Bad((errors_at.as_str(), errors.metric.as_str()));
            let (sli, _) = import.events((&whole, &total.metric), bad, Wanted::Counters)?;
            Some((sli, grouping))
        }
        RawIndicator::Latency { success, total, grouping } => {
            let (whole, success_at) = (at("latency.total"), at("latency.success"));
            let good = EventsPart::Good((success_at.as_str(), success.metric.as_str()));
            let (sli, _) = import.events((&whole, &total.metric), good, Wanted::Counters)?;
            Some((sli, grouping))
        }
        RawIndicator::LatencyNative { latency, total, grouping } => {
            let histogram = import.selector(&at("latencyNative.total"), &total.metric)?;
            let within = latency.0.0;
            if within.is_zero() {
                return import
                    .fault("spec.indicator.latencyNative.latency", "must be longer than 0");
            }
            Some((Sli::Within { of: WithinKind::Latency, histogram, within, when: None }, grouping))
        }
        RawIndicator::BoolGauge { metric, grouping } => {
            let signal = import.selector(&at("bool_gauge"), &metric)?;
            Some((Sli::Up { signal }, grouping))
        }
    }
}

fn alerting_of(
    import: &mut Import<'_>,
    raw: RawAlerting,
    window: Duration,
    objective: Objective,
) -> Option<Alerting> {
    let mut policy = policy(window);
    let mut off = Vec::new();
    let disabled = raw.disabled == Some(true);
    if disabled || raw.burnrates == Some(false) {
        policy.rows.clear();
        off.extend([AlertName::Page, AlertName::Ticket]);
    }
    if disabled || raw.absent == Some(false) {
        off.push(AlertName::NoData);
    }
    let policy = import.reachable("spec.target", policy, objective);
    let carried = |severity| {
        Some(Carried { labels: Labels::new([("severity", severity)]).ok()?, ..Carried::default() })
    };
    Some(Alerting {
        name: Some(raw.name.unwrap_or_else(|| "ErrorBudgetBurn".to_owned())),
        page: carried("critical")?,
        ticket: carried("warning")?,
        off,
        ..alerting(policy)
    })
}

/// Returns Pyrra's table, written for 28 days and scaled to the window by whole minutes.
fn policy(window: Duration) -> Policy {
    use Severity::{Page, Ticket};
    const MINUTES_OF_28_DAYS: u128 = 28 * 24 * 60;
    let scaled = |minutes: u128| {
        let ms = window.as_millis() * minutes / MINUTES_OF_28_DAYS;
        // Shorter than a minute it would round to nothing.
        let minutes = u64::try_from((ms + 30_000) / 60_000).unwrap_or(u64::MAX).max(1);
        Duration::from_secs(minutes.saturating_mul(60))
    };
    let row = |severity, factor: u64, long, short, pending_for| PolicyRow {
        severity,
        burn: Milli(factor * 1000),
        long: scaled(long),
        short: scaled(short),
        pending_for: scaled(pending_for),
    };
    let rows = vec![
        row(Page, 14, 60, 5, 2),
        row(Page, 7, 6 * 60, 30, 15),
        row(Ticket, 2, 24 * 60, 2 * 60, 60),
        row(Ticket, 1, 4 * 24 * 60, 6 * 60, 3 * 60),
    ];
    Policy { name: "pyrra".to_owned(), rows }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_scaled_by_whole_minutes() {
        let minutes = |days: u64| -> Vec<_> {
            let rows = policy(Duration::from_secs(days * 86_400)).rows;
            let minutes = |length: Duration| length.as_secs() / 60;
            rows.iter()
                .map(|row| (minutes(row.long), minutes(row.short), minutes(row.pending_for)))
                .collect()
        };
        assert_eq!(minutes(28), [(60, 5, 2), (360, 30, 15), (1440, 120, 60), (5760, 360, 180)]);
        assert_eq!(minutes(7), [(15, 1, 1), (90, 8, 4), (360, 30, 15), (1440, 90, 45)]);
    }
}
