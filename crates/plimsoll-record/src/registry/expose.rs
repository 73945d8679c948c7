//! Writes the registry's instruments down as a snapshot.

use super::families::{Families, Family, Source};
use super::own;
use super::shape::{bare, count, seconds};
use crate::Counter;
use crate::account::{Accounts, ActivityAccount};
use crate::exemplar::{Of, exemplars};
use crate::merge::Merge;
use crate::observed::Lent;
use plimsoll_model::{
    Bucket, Detail, Details, Family as Exposed, HistogramValue, Kind, Labels, LevelPart, Series,
    Signal, Snapshot, Value,
};
use std::collections::HashSet;
use std::iter;

/// Returns every instrument as of the merge's watermark, those of a registry and then those of its parts;
/// `details` takes what the histograms hold beyond their classic buckets.
pub(super) fn snapshot(
    families: &[&Families],
    merge: &mut Merge<Accounts>,
    mut details: Option<&mut Details>,
) -> Snapshot {
    let at_ns = merge.watermark_ns();
    let mut exposed = Vec::new();
    for (at, families) in families.iter().enumerate() {
        let mut part = of_one(families, merge, at_ns, details.as_deref_mut());
        if at == 0 { exposed.append(&mut part) } else { lay_over(&mut exposed, part) }
    }
    own::expose(families, merge, &mut exposed);
    exposed.retain(|family| !family.series.is_empty());
    Snapshot { families: exposed }
}

/// Returns every instrument of one registry.
fn of_one(
    families: &Families,
    merge: &mut Merge<Accounts>,
    at_ns: u64,
    mut details: Option<&mut Details>,
) -> Vec<Exposed> {
    let mut exposed = Vec::new();
    for family in families.iter() {
        match family.signal.kind {
            Kind::Level => {
                let from = exposed.len();
                exposed.extend(level(family, &mut merge.sink, at_ns));
                if let Some(details) = details.as_deref_mut() {
                    peaks(family, exposed.iter().skip(from), details);
                }
            }
            Kind::Counter | Kind::Gauge | Kind::Histogram => {
                exposed.push(plain(family, &mut merge.sink, at_ns, details.as_deref_mut()));
            }
        }
    }
    exposed
}

/// Adds the families of a part: its series stand in place of those of the same labels.
fn lay_over(exposed: &mut Vec<Exposed>, part: Vec<Exposed>) {
    for family in part {
        let Some(there) = exposed.iter_mut().find(|there| there.name == family.name) else {
            exposed.push(family);
            continue;
        };
        // One name of two kinds is no exposition.
        if there.kind == family.kind {
            let new: HashSet<&Labels> = family.series.iter().map(|series| &series.labels).collect();
            there.series.retain(|series| !new.contains(&series.labels));
            there.series.extend(family.series);
        }
    }
}

fn plain(
    family: &Family,
    accounts: &mut Accounts,
    at_ns: u64,
    mut details: Option<&mut Details>,
) -> Exposed {
    let mut exposed = bare(family.signal);
    exposed.series.reserve(family.sources.len());
    for (labels, source) in &family.sources {
        // By far the most frequent, so it is spared a list of its own.
        if let Source::Counter(counter) = source {
            let value = count(family.signal, counter.sum());
            exposed.series.push(Series { labels: labels.clone(), value });
            continue;
        }
        let from = exposed.series.len();
        exposed.series.extend(values(family.signal, labels, source, accounts, at_ns));
        if let Some(details) = details.as_deref_mut() {
            let series = exposed.series.iter_mut().skip(from);
            refine(family.signal, source, accounts, (series, &mut *details));
        }
    }
    exposed
}

/// Writes down in which trace each level peaked: on the bucket of its time-weighted histogram that the
/// peak is in, since no format of Prometheus has exemplars of gauges.
fn peaks<'a>(family: &Family, parts: impl Iterator<Item = &'a Exposed>, details: &mut Details) {
    let name = LevelPart::TimeWeighted.family_name(family.signal);
    for series in parts.filter(|part| part.name == name).flat_map(|part| &part.series) {
        let Value::Histogram(value) = &series.value else { continue };
        let Some(Source::Level(activity)) = family.sources.get(&series.labels) else { continue };
        let exemplars = exemplars(Of::Peak(activity.number()), 0, 1.0, value);
        if !exemplars.is_empty() {
            let detail = Detail { exponential: None, exemplars };
            details.insert(name.clone().into(), series.labels.clone(), detail);
        }
    }
}

/// Writes down what histograms hold beyond their classic buckets. Both are of one reading: a server
/// refuses buckets that don't add up to the count.
fn refine<'a>(
    signal: &'static Signal,
    source: &Source,
    accounts: &mut Accounts,
    (series, details): (impl Iterator<Item = &'a mut Series>, &mut Details),
) {
    let added;
    let units = if signal.unit == "s" { 1e9 } else { 1.0 };
    let (distribution, zeros, of) = match source {
        Source::Histogram { histogram, zeros, .. } => {
            let account = histogram.number().and_then(|number| accounts.histogram(number));
            added = histogram.added().map(Lent::gather);
            let of_account = account.map(|account| &account.distribution);
            let of = histogram.added().map(Lent::exemplars);
            (added.as_ref().or(of_account), zeros.as_slice(), of)
        }
        Source::Durations { of, .. } => {
            let account = accounts.activity(of.number());
            (account.and_then(ActivityAccount::duration), &[][..], Some(Of::Stays(of.number())))
        }
        _ => return,
    };
    let Some(distribution) = distribution else { return };
    let zeros = zeros.iter().map(Counter::sum).chain(iter::repeat(0));
    let both = distribution.values().zip(distribution.exponentials()).zip(zeros);
    for (at, (series, ((value, mut exponential), zeros))) in series.zip(both).enumerate() {
        exponential.zero += zeros;
        let value = with_zeros((value, zeros));
        let exemplars = of.map(|of| exemplars(of, at, units, &value)).unwrap_or_default();
        series.value = Value::Histogram(value);
        let detail = Detail { exponential: Some(exponential), exemplars };
        details.insert(signal.name.into(), series.labels.clone(), detail);
    }
}

fn values(
    signal: &Signal,
    labels: &Labels,
    source: &Source,
    accounts: &mut Accounts,
    at_ns: u64,
) -> Vec<Series> {
    let one = |value| vec![Series { labels: labels.clone(), value }];
    match source {
        Source::Counter(counter) => one(count(signal, counter.sum())),
        Source::Gauge(gauge) => {
            gauge.value().map(|value| one(Value::Gauge(value))).unwrap_or_default()
        }
        Source::Blame(blame) => blame
            .by_site()
            .into_iter()
            .filter_map(|(site, ns)| {
                let labels = labels.with("site", &site).ok()?;
                Some(Series { labels, value: count(signal, ns) })
            })
            .collect(),
        Source::Histogram { histogram, series, zeros } => {
            let account = histogram.number().and_then(|number| accounts.histogram(number));
            let values: Vec<HistogramValue> = match (histogram.added(), account) {
                (Some(added), _) => added.gather().values().collect(),
                (None, Some(account)) => account.distribution.values().collect(),
                (None, None) => Vec::new(),
            };
            let zeros = zeros.iter().map(Counter::sum).chain(iter::repeat(0));
            together(series, values.into_iter().zip(zeros).map(with_zeros).map(Value::Histogram))
        }
        Source::Durations { of, series } => accounts
            .activity_at(of.number(), at_ns)
            .and_then(ActivityAccount::duration)
            .map(|duration| together(series, duration.values().map(Value::Histogram)))
            .unwrap_or_default(),
        Source::DurationMin(of) => accounts
            .activity_at(of.number(), at_ns)
            .and_then(ActivityAccount::duration_min_ns)
            .map(|least_ns| one(seconds(least_ns)))
            .unwrap_or_default(),
        Source::Ends { of, series } => accounts
            .activity_at(of.number(), at_ns)
            .map(|account| together(series, account.ends().iter().map(|ends| Value::Count(*ends))))
            .unwrap_or_default(),
        Source::Level(_) => Vec::new(),
    }
}

/// Adds observations of 0: every value is at most the first bound.
fn with_zeros((mut value, zeros): (HistogramValue, u64)) -> HistogramValue {
    match value.buckets.first_mut() {
        Some(first) => first.count += zeros,
        None => value.above += zeros,
    }
    value
}

fn together(series: &[Labels], values: impl Iterator<Item = Value>) -> Vec<Series> {
    series
        .iter()
        .zip(values)
        .map(|(labels, value)| Series { labels: labels.clone(), value })
        .collect()
}

/// Expands levels to the families that each is exported as.
fn level(family: &Family, accounts: &mut Accounts, at_ns: u64) -> impl Iterator<Item = Exposed> {
    let mut parts = LevelPart::ALL.map(|part| Exposed {
        name: part.family_name(family.signal).into(),
        help: part.help(family.signal).into(),
        unit: part.prometheus_unit(),
        kind: part.family_kind(),
        series: Vec::new(),
    });
    for (labels, source) in &family.sources {
        let Source::Level(activity) = source else { continue };
        let Some(account) = accounts.activity_at(activity.number(), at_ns) else { continue };
        for (exposed, part) in parts.iter_mut().zip(LevelPart::ALL) {
            let value = level_part(account, part, at_ns);
            exposed.series.extend(value.map(|value| Series { labels: labels.clone(), value }));
        }
    }
    parts.into_iter()
}

/// Returns one part of a level; limit and saturated time only of a level that has a limit.
fn level_part(account: &ActivityAccount, part: LevelPart, at_ns: u64) -> Option<Value> {
    let level = account.level();
    Some(match part {
        LevelPart::Now => Value::Gauge(level.now() as f64),
        LevelPart::Limit => Value::Gauge(level.limit()? as f64),
        LevelPart::Peak => Value::Gauge(level.peak() as f64),
        LevelPart::Time => Value::SecondsNs(level.time_ns()),
        LevelPart::Saturated => {
            (level.limit().is_some() || level.saturated_ns() > 0).then_some(())?;
            Value::SecondsNs(u128::from(level.saturated_ns()))
        }
        LevelPart::TimeWeighted => Value::Histogram(time_weighted(account)),
        LevelPart::OldestAge => seconds(account.oldest_age_ns(at_ns)),
    })
}

/// One observation for each whole millisecond in a bucket; the rest stays there and is exported when
/// it is one, so that nothing drifts.
fn time_weighted(account: &ActivityAccount) -> HistogramValue {
    const MS: u64 = 1_000_000;
    let (edges, time_ns) = account.level().time_at_level_ns();
    let buckets = edges
        .iter()
        .zip(time_ns)
        .map(|(edge, time_ns)| Bucket { le: *edge as f64, count: time_ns / MS })
        .collect();
    let above = time_ns.last().map_or(0, |time_ns| time_ns / MS);
    HistogramValue { buckets, above, sum: account.level().time_ns() as f64 / MS as f64 }
}
