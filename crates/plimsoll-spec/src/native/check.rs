//! What has to hold between the keys of a file. Each check reads what it can: a value that is at
//! fault by itself was told already.

use super::composite;
use super::scalar::{Burn, ObjectiveText, Rolling, SomeLength, UnitText};
use super::sum::SumText;
use crate::promql::{QueryText, unit_of};
use crate::{Faults, SelectorText, View};
use plimsoll_model::{FamilyKind, Kind, Labels, LevelPart, Selector, Signal, catalog};
use plimsoll_slo::{Milli, Period, Policy, PolicyRow, Zone, length_name};
use std::collections::HashSet;
use std::str::FromStr;
use std::time::Duration;

/// Labels that every alert has, so that no file may give them another meaning.
const RESERVED_LABELS: [&str; 4] = ["alertname", "service", "severity", "slo"];

/// What a histogram's series add to its name.
const HISTOGRAM_SUFFIXES: [&str; 3] = ["_bucket", "_count", "_sum"];

pub(super) fn policy_name(name: &str) -> Result<(), String> {
    if Policy::builtin(name).is_some() {
        return Err(format!("`{name}` is built in: give yours another name"));
    }
    if name.is_empty() { Err("a policy needs a name".into()) } else { Ok(()) }
}

pub(crate) fn by_label(name: &str) -> Result<(), String> {
    Labels::new([(name, "")]).map_err(|error| error.to_string())?;
    match RESERVED_LABELS.contains(&name) {
        true => Err("names a label that every alert has already".into()),
        false => Ok(()),
    }
}

pub(super) fn file(view: &View<'_>, faults: &mut Faults) {
    labels(view, faults);
    for policy in view.get("policies").iter().flat_map(View::entries) {
        if policy.items().next().is_none() {
            faults.add_to_key(&policy, "needs one row at least");
        }
    }
    if let Some(slos) = view.get("slos") {
        if slos.items().count() == 0 {
            faults.add(&slos, "needs one SLO at least");
        }
        let mut names = HashSet::new();
        for name in slos.items().filter_map(|slo| slo.get("name")) {
            if name.text().is_some_and(|text| !names.insert(text)) {
                faults.add(&name, "is the name of an earlier SLO of this file");
            }
        }
        for slo in slos.items() {
            policy(view, &slo, faults);
        }
        composite::check(&slos, faults);
    }
}

pub(super) fn slo(view: &View<'_>, faults: &mut Faults) {
    labels(view, faults);
    let mut names = HashSet::new();
    for name in view.get("by").iter().flat_map(View::items) {
        if name.text().is_some_and(|text| !names.insert(text)) {
            faults.add(&name, "is given twice");
        }
    }
    if let Some(max_groups) = view.get("max_groups").filter(|_| view.get("by").is_none()) {
        faults.add(&max_groups, "means something only beside `by`");
    }
    if let Some(query) = view.get("sli").and_then(|sli| sli.get("query"))
        && view.get("backend").is_none()
    {
        let reason = "needs a server to ask: write `backend: prometheus` beside `sli`";
        faults.add_to_key(&query, reason);
    }
}

pub(super) fn labels(view: &View<'_>, faults: &mut Faults) {
    for label in view.get("labels").iter().flat_map(View::entries) {
        if label.key().is_some_and(|name| RESERVED_LABELS.contains(&name)) {
            faults.add_to_key(&label, "names a label that every alert has already");
        }
    }
}

pub(super) fn events(view: &View<'_>, faults: &mut Faults) {
    if view.get("good").is_some() == view.get("bad").is_some() {
        faults.add(view, "must have exactly one of `good` and `bad` beside `total`");
    }
    for key in ["total", "good", "bad", "unknown"] {
        let Some(below) = view.get(key) else { continue };
        let Some(SumText(sum)) = below.text().and_then(|text| text.parse().ok()) else { continue };
        for term in &sum.0 {
            signal(&below, &term.selector, Wanted::Counter, faults);
        }
    }
}

pub(super) fn query(view: &View<'_>, faults: &mut Faults) {
    if view.get("good").is_some() == view.get("bad").is_some() {
        faults.add(view, "must have exactly one of `good` and `bad` beside `total`");
    }
    let texts = ["total", "good", "bad"].map(|key| value::<QueryText>(view, key));
    let queries: Vec<_> = texts.iter().flatten().map(|QueryText(query)| query).collect();
    if unit_of(&queries).is_none() {
        faults.add(view, "mixes rate() and increase(): use one of them");
    }
}

pub(super) fn histogram(view: &View<'_>, faults: &mut Faults) {
    for key in ["histogram", "signal"] {
        selected(view, key, Wanted::Histogram, faults);
    }
}

pub(super) fn level(view: &View<'_>, faults: &mut Faults) {
    if view.get("below").is_some() == view.get("at_most").is_some() {
        faults.add(view, "must have exactly one of `below: limit` and `at_most`");
    }
    selected(view, "signal", Wanted::Level, faults);
}

pub(super) fn gauge(view: &View<'_>, faults: &mut Faults) {
    selected(view, "signal", Wanted::Gauge, faults);
}

pub(super) fn row(view: &View<'_>, faults: &mut Faults) {
    if let (Some(long), Some(short)) =
        (value::<SomeLength>(view, "long"), value::<SomeLength>(view, "short"))
        && short.0 >= long.0
    {
        faults.add(view, "must have a `short` window shorter than the `long` one");
    }
}

/// What a kind of SLI reads.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Counter,
    Gauge,
    Histogram,
    Level,
}

fn selected(view: &View<'_>, key: &str, wanted: Wanted, faults: &mut Faults) {
    let Some(below) = view.get(key) else { return };
    if let Some(SelectorText(selector)) = below.text().and_then(|text| text.parse().ok()) {
        signal(&below, &selector, wanted, faults);
    }
}

/// Holds a selector's name against the catalog; names that aren't ours pass, because what they are
/// only a scrape can tell.
fn signal(below: &View<'_>, selector: &Selector, wanted: Wanted, faults: &mut Faults) {
    let name = selector.name.as_str();
    let bare = match wanted {
        Wanted::Counter => None,
        _ => HISTOGRAM_SUFFIXES.iter().find_map(|suffix| name.strip_suffix(suffix)),
    };
    if let Some(bare) = bare.filter(|_| wanted == Wanted::Histogram) {
        faults.add(below, format!("names a series of the histogram: write `{bare}`"));
    }
    let Some(known) = catalog::find_family(bare.unwrap_or(name)) else { return };
    if let Some(is) = mismatch(name, known, wanted) {
        faults.add(below, is);
    }
}

fn mismatch(name: &str, known: &Signal, wanted: Wanted) -> Option<String> {
    let family = name.strip_suffix("_total").unwrap_or(name);
    let families = known.families();
    let kind = families.iter().find(|(other, ..)| other == family).map(|(_, kind, _)| *kind);
    let fits = match wanted {
        Wanted::Level => known.kind == Kind::Level && name == known.name,
        Wanted::Counter => kind.is_none() || kind == Some(FamilyKind::Counter),
        Wanted::Gauge => kind == Some(FamilyKind::Gauge) && known.kind != Kind::Level,
        Wanted::Histogram => kind.is_none() || kind == Some(FamilyKind::Histogram),
    };
    if fits {
        return None;
    }
    let is_part = known.kind == Kind::Level
        && LevelPart::ALL.iter().any(|part| part.family_name(known) == family);
    let what = match (wanted, known.kind) {
        (Wanted::Level, Kind::Level) => {
            return Some(format!("names a part of the level: write `{}`", known.name));
        }
        (_, Kind::Level) if is_part => "a level, for `level:`",
        (_, Kind::Counter) => "a counter, for `events:`",
        (_, Kind::Histogram) => "a histogram, for `latency:`, `wait:` or `staleness:`",
        _ => "a gauge, for `lag:`",
    };
    Some(format!("is {what}"))
}

/// Holds the policy that an SLO names against the objective and the period.
fn policy(file: &View<'_>, slo: &View<'_>, faults: &mut Faults) {
    let Some(named) = slo.get("alerting").and_then(|alerting| alerting.get("policy")) else {
        return;
    };
    let Some(name) = named.text() else { return };
    let period = period(slo);
    let own = file.get("policies").and_then(|policies| policies.get(name));
    let rows = match (Policy::builtin(name), &own) {
        (Some(builtin), _) => period.map(|period| builtin.for_period(period).rows),
        (None, Some(own)) => Some(own.items().filter_map(|row| raw_row(&row)).collect()),
        (None, None) => {
            let policies = file.get("policies");
            let known: Vec<_> = policies
                .iter()
                .flat_map(View::entries)
                .filter_map(|policy| policy.key().filter(|name| policy_name(name).is_ok()))
                .chain(["workbook", "two-five"])
                .map(|name| format!("`{name}`"))
                .collect();
            faults.add(&named, format!("is no policy; known are {}", known.join(", ")));
            None
        }
    };
    for row in rows.unwrap_or_default() {
        if let Some(ObjectiveText(objective)) = value(slo, "objective")
            && !row.is_reachable(objective)
        {
            faults.add(&named, unreachable(&row));
        }
        if let Some(period) = period.filter(|period| row.long > *period) {
            let (long, period) = (length_name(row.long), length_name(period));
            faults
                .add(&named, format!("has a window of {long}, longer than the period of {period}"));
        }
    }
}

/// Says that everything going wrong wouldn't reach a row's threshold.
pub(crate) fn unreachable(row: &PolicyRow) -> String {
    let (severity, burn) = (row.severity.as_str(), row.burn);
    let (long, short) = (length_name(row.long), length_name(row.short));
    format!(
        "its {severity} at {burn} times over {long} and {short} can never fire: with this objective \
         even total failure burns slower"
    )
}

/// Returns the length that the SLO's policy is scaled by.
fn period(slo: &View<'_>) -> Option<Duration> {
    let window = slo.get("window")?;
    match value::<UnitText>(&window, "calendar") {
        Some(UnitText(unit)) => Some(Period::Calendar { unit, zone: Zone::UTC }.nominal()),
        None => window.text()?.parse().ok().map(|Rolling(length)| length),
    }
}

fn raw_row(view: &View<'_>) -> Option<PolicyRow> {
    let burn: Milli = value::<Burn>(view, "burn")?.0;
    let long = value::<SomeLength>(view, "long")?.0;
    let short = value::<SomeLength>(view, "short")?.0;
    let severity = value::<super::scalar::SeverityText>(view, "severity")?.0;
    Some(PolicyRow { severity, burn, long, short, pending_for: Duration::ZERO })
}

fn value<T: FromStr>(view: &View<'_>, key: &str) -> Option<T> {
    view.get(key)?.text()?.parse().ok()
}
