//! What is no fault, but surely isn't meant.

use crate::import::Keys;
use crate::{Document, Fault};
use plimsoll_model::{Selector, bucket, catalog};
use plimsoll_slo::{Exclusion, LevelBound, Period, PolicyRow, Severity, Sli, Slo, length_name};
use std::sync::Arc;
use std::time::Duration;

/// A rolling period that a person may have taken for months.
const MINUTES_FOR_MONTHS: Duration = Duration::from_secs(12 * 60);

/// How far ahead exclusions are looked at, and how many of each.
const AHEAD: chrono::Days = chrono::Days::new(366);
const TIMES_MAX: u16 = 500;

/// Exclusions that are compared with each other.
const EXCLUSIONS_MAX: usize = 50;

/// The one-sided 95 % quantile of the normal distribution, squared.
const Z_SQUARED: f64 = 1.645 * 1.645;

/// Returns what is worth a warning.
pub(crate) fn lint(slo: &Slo, keys: &Keys, document: &Document) -> Vec<Fault> {
    let mut warnings = Vec::new();
    let mut warn = |key: &str, reason: Option<String>| {
        warnings.extend(reason.map(|reason| document.fault(key, reason)));
    };
    warn(&keys.period, minutes_for_months(slo.period));
    warn(&keys.sli, between_edges(&slo.sli));
    warn(&keys.name, one_error_pages(slo));
    warn(&keys.exclusions, overlap(&slo.exclusions));
    warnings
}

fn minutes_for_months(period: Period) -> Option<String> {
    let Period::Rolling(length) = period else { return None };
    (length <= MINUTES_FOR_MONTHS && length.as_secs().is_multiple_of(60)).then(|| {
        let minutes = length.as_secs() / 60;
        format!(
            "is {minutes} min: `m` is minutes; a month is 30d, or a calendar window (1M in OpenSLO)"
        )
    })
}

/// What the catalog names has known edges, unless its program declares others.
fn between_edges(sli: &Sli) -> Option<String> {
    let is_ours = |selector: &Selector| catalog::find_family(&selector.name).is_some();
    match sli {
        Sli::Within { histogram, within, .. } if is_ours(histogram) => {
            let ns = u64::try_from(within.as_nanos()).unwrap_or(u64::MAX);
            let edges = bucket::DEFAULT_EDGES_NS;
            let lower = edges.iter().rev().find(|edge| **edge < ns);
            let upper = edges.iter().find(|edge| **edge > ns);
            (!edges.contains(&ns)).then(|| {
                let name = |edge: Option<&u64>, none: &str| {
                    edge.map_or(none.to_owned(), |ns| length_name_ns(*ns))
                };
                let (lower, upper) = (name(lower, "0"), name(upper, "infinity"));
                let within = length_name_ns(ns);
                format!(
                    "asks for {within}, between the default edges {lower} and {upper}: what falls \
                     between them is unknown unless the instrument declares `edges = [{within}]`"
                )
            })
        }
        Sli::Level { signal, bound: LevelBound::AtMost(most) } if is_ours(signal) => {
            (!most.is_power_of_two() && *most != 0).then(|| {
                format!(
                    "asks for {most}, which may be no edge of the level's distribution: what falls \
                     between two edges is unknown unless the instrument declares it"
                )
            })
        }
        _ => None,
    }
}

fn length_name_ns(ns: u64) -> String {
    match ns % 1_000_000 {
        0 => length_name(Duration::from_nanos(ns)),
        _ => format!("{}us", ns as f64 / 1e3),
    }
}

/// With a minimum of one bad event, a quiet service pages for one.
fn one_error_pages(slo: &Slo) -> Option<String> {
    if slo.alerting.min_bad > 1 || !matches!(slo.sli, Sli::Events { .. } | Sli::Within { .. }) {
        return None;
    }
    let pages = slo.alerting.policy.rows.iter().filter(|row| row.severity == Severity::Page);
    let most = pages.filter_map(|row| Some((events_max(slo, row)?, row.long)));
    let (events, long) = most.max_by_key(|(events, _)| *events)?;
    let long = length_name(long);
    Some(format!(
        "pages for one error while there are {events} events or fewer in {long}: raise `min_bad`"
    ))
}

/// Returns how many events there may be for one bad one to prove the row's threshold.
fn events_max(slo: &Slo, row: &PolicyRow) -> Option<u64> {
    let ratio = row.burn.0 as f64 / 1e3 * f64::from(slo.objective.allowed_ppm()) / 1e6;
    // The lesser root of (1 − p n)² = z² p (1 − p) n, which is where Wilson's lower bound of one
    // in n is p.
    let half = 1.0 + Z_SQUARED * (1.0 - ratio) / 2.0;
    let events = (half - (half * half - 1.0).sqrt()) / ratio;
    (ratio < 1.0 && events >= 1.0).then_some(events as u64)
}

/// Two exclusions at one time are most likely one that was written twice.
fn overlap(exclusions: &[Arc<Exclusion>]) -> Option<String> {
    let mut times: Vec<_> = exclusions
        .iter()
        .take(EXCLUSIONS_MAX)
        .enumerate()
        .flat_map(|(number, exclusion)| {
            let starts = starts(exclusion).into_iter();
            starts.map(move |start| (start, start + exclusion.duration.as_secs() as i64, number))
        })
        .collect();
    times.sort_unstable();
    let (mut until, mut last) = (i64::MIN, 0);
    for (start, end, number) in times {
        if start < until {
            let reason = |number: usize| exclusions.get(number).map_or("", |it| it.reason.as_str());
            let when = chrono::DateTime::from_timestamp(start, 0).unwrap_or_default();
            let (one, other) = (reason(last), reason(number));
            let when = when.format("%Y-%m-%dT%H:%MZ");
            return Some(format!("has `{one}` and `{other}` overlap at {when}"));
        }
        if end > until {
            (until, last) = (end, number);
        }
    }
    None
}

/// Returns when an exclusion begins, in seconds since 1970: the times of a year from its first.
fn starts(exclusion: &Exclusion) -> Vec<i64> {
    use chrono::TimeZone;
    let Some(recurrence) = &exclusion.recurrence else {
        let local = exclusion.zone.rules().from_local_datetime(&exclusion.start).earliest();
        return local.map(|start| start.timestamp()).into_iter().collect();
    };
    let set = recurrence.starts();
    let Some(end) = set.get_dt_start().checked_add_days(AHEAD) else { return Vec::new() };
    let times = set.clone().before(end).all(TIMES_MAX);
    times.dates.iter().map(chrono::DateTime::timestamp).collect()
}

/// Says why a gauge that is looked at once in `slice` is too coarse for its objective: one bad look
/// would be a page. `None` if it isn't, or nothing of it is sampled.
pub fn too_coarse(slo: &Slo, slice: Duration) -> Option<String> {
    if !matches!(slo.sli, Sli::Lag { .. } | Sli::Up { .. }) {
        return None;
    }
    let pages = slo.alerting.policy.rows.iter().filter(|row| row.severity == Severity::Page);
    let mut coarse = pages.map(|row| row.in_slices(slice)).filter(|row| {
        let looks = row.long.as_millis() / slice.as_millis().max(1);
        let allowed = u128::from(row.burn.0) * u128::from(slo.objective.allowed_ppm());
        looks.saturating_mul(allowed) < 1_000_000_000
    });
    let row = coarse.next()?;
    let (long, every) = (length_name(row.long), length_name(slice));
    Some(format!(
        "is looked at every {every}, so that one bad look pages ({} times over {long}): scrape more \
         often, lower the objective, or count a level, which is exact",
        row.burn
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read;

    fn slo(text: &str) -> Slo {
        let file = format!("apiVersion: plimsoll/v1\nservice: a\nslos:\n  - name: b\n{text}");
        match read("a.yaml", &file) {
            Ok(mut file) => file.slos.remove(0),
            Err(faults) => panic!("{faults:?}"),
        }
    }

    #[test]
    fn one_of_so_many_is_where_wilson_s_bound_is_the_threshold() {
        let slo = slo(
            "    objective: 99.9%\n    window: 30d\n    sli: {events: {total: t, bad: b}}\n    alerting: {min_bad: 1}\n",
        );
        let wilson = |n: u32| {
            let (n, z) = (f64::from(n), 1.645_f64);
            let p = 1.0 / n;
            let spread = z * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
            (p + z * z / (2.0 * n) - spread) / (1.0 + z * z / n)
        };
        for (row, threshold) in slo.alerting.policy.rows.iter().zip([0.0144, 0.006, 0.003, 0.001]) {
            let most = (1..10_000).rev().find(|n| wilson(*n) > threshold);
            assert_eq!(events_max(&slo, row), most.map(u64::from), "{threshold}");
        }
        // By hand: of one in 15 it is 0.0150, of one in 16 it is 0.0141.
        assert_eq!(events_max(&slo, &slo.alerting.policy.rows[0]), Some(15));
    }

    #[test]
    fn one_look_that_would_page_is_too_coarse() {
        let lag = slo(
            "    objective: 99.9%\n    window: 30d\n    sli: {lag: {signal: g, at_most: 1s}}\n",
        );
        // One look of 60 is 1.67 %, over 14.4 × 0.1 %; one of 240 is 0.42 %, under it.
        assert!(too_coarse(&lag, Duration::from_secs(60)).is_some());
        assert_eq!(too_coarse(&lag, Duration::from_secs(15)), None);
        let events =
            slo("    objective: 99.9%\n    window: 30d\n    sli: {events: {total: t, bad: b}}\n");
        assert_eq!(too_coarse(&events, Duration::from_secs(60)), None);
    }
}
