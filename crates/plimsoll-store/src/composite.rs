//! SLOs out of others: fed by the ledgers of their parts after each step.

use crate::Ledger;
use crate::steps::Verdict;
use crate::tally::Tally;
use plimsoll_model::{Counts, TimeMs, WindowCounts};
use plimsoll_slo::{Composite, Sli, Slo, Windows, weigh};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Steps that a part's word is waited for; after them what it didn't tell is unknown.
const STEPS_AWAITED: i64 = 3;

/// Steps that are judged one by one; a longer silence is one stretch.
const STEPS_JUDGED_MAX: i64 = 1_000;

/// What a weighted composite's windows hold, put together after each step.
#[derive(Clone, Debug, Default)]
pub(crate) struct Derived {
    windows: BTreeMap<Duration, WindowCounts>,
    pub(crate) period: WindowCounts,
    pub(crate) observed: WindowCounts,
}

impl Derived {
    pub(crate) fn window(&self, length: Duration) -> WindowCounts {
        self.windows.get(&length).copied().unwrap_or_default()
    }
}

/// Every composite of a configuration, parts before what is made of them.
#[derive(Debug, Default)]
pub(crate) struct Composites(Vec<Whole>);

#[derive(Debug)]
struct Whole {
    /// Its ledger.
    ledger: usize,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    /// The ledgers of its parts, parts of parts in place of those that are `all_of` themselves, and
    /// until when they were judged.
    AllOf { parts: Vec<usize>, judged_ms: Option<i64> },
    /// The ledgers of its parts and their weights.
    Weighted(Vec<(u32, usize)>),
}

impl Composites {
    /// Finds the parts of each composite among `ledgers`, which are those of `slos` without `by`.
    pub(crate) fn new(slos: &[Arc<Slo>], ledgers: &[Ledger]) -> Self {
        let find = |owner: &Slo, name: &str| {
            let is = |slo: &Slo| slo.service == owner.service && slo.name == name;
            ledgers.iter().position(|ledger| is(ledger.slo()) && ledger.group().is_empty())
        };
        let mut found: Vec<Whole> = Vec::new();
        let mut waiting: Vec<&Arc<Slo>> =
            slos.iter().filter(|slo| matches!(slo.sli, Sli::Composite(_))).collect();
        // A part may be a composite itself: those whose parts are all there come next.
        while !waiting.is_empty() {
            let count = waiting.len();
            waiting.retain(|slo| {
                let Sli::Composite(composite) = &slo.sli else { return false };
                let parts = composite.parts().map(|name| find(slo, name));
                let parts: Vec<usize> = parts.flatten().collect();
                let is_made = |part: &usize| {
                    let is_composite = ledgers
                        .get(*part)
                        .is_some_and(|ledger| matches!(ledger.slo().sli, Sli::Composite(_)));
                    !is_composite || found.iter().any(|whole| whole.ledger == *part)
                };
                if !parts.iter().all(is_made) {
                    return true;
                }
                if let Some(ledger) = find(slo, &slo.name) {
                    let kind = Kind::of(composite, &parts, &found);
                    found.push(Whole { ledger, kind });
                }
                false
            });
            if waiting.len() == count {
                break;
            }
        }
        Self(found)
    }

    /// Iterates over the ledgers whose steps are judged.
    pub(crate) fn judged(&self) -> impl Iterator<Item = usize> {
        self.0
            .iter()
            .flat_map(|whole| match &whole.kind {
                Kind::AllOf { parts, .. } => parts.as_slice(),
                Kind::Weighted(_) => &[],
            })
            .copied()
    }

    /// Returns the ledgers that are made of `ledger`, at any remove.
    pub(crate) fn made_of(&self, ledger: usize) -> Vec<usize> {
        let mut found = vec![ledger];
        for whole in &self.0 {
            let is_of = match &whole.kind {
                Kind::AllOf { parts, .. } => parts.iter().any(|part| found.contains(part)),
                Kind::Weighted(parts) => parts.iter().any(|(_, part)| found.contains(part)),
            };
            if is_of {
                found.push(whole.ledger);
            }
        }
        found.remove(0);
        found
    }

    /// Brings every composite up to `now`, to which its parts were advanced.
    pub(crate) fn advance(&mut self, now: TimeMs, ledgers: &mut [Ledger]) {
        for Whole { ledger, kind } in &mut self.0 {
            match kind {
                Kind::AllOf { parts, judged_ms } => {
                    *judged_ms = judge((*ledger, *judged_ms), parts, now, ledgers);
                }
                Kind::Weighted(parts) => derive(*ledger, parts, now, ledgers),
            }
        }
        // A part of several composites keeps what the slowest of them has yet to judge.
        for part in self.judged().collect::<Vec<_>>() {
            let until = self.0.iter().filter_map(|whole| match &whole.kind {
                Kind::AllOf { parts, judged_ms } if parts.contains(&part) => *judged_ms,
                _ => None,
            });
            if let (Some(until), Some(ledger)) = (until.min(), ledgers.get_mut(part)) {
                let slice_ms = ledger.slice_ms;
                ledger.steps.iter_mut().for_each(|steps| steps.forget(until, slice_ms));
            }
        }
    }
}

impl Kind {
    fn of(composite: &Composite, parts: &[usize], found: &[Whole]) -> Self {
        match composite {
            Composite::AllOf(_) => {
                let flat = parts.iter().flat_map(|part| {
                    let whole = found.iter().find(|whole| whole.ledger == *part);
                    match whole.map(|whole| &whole.kind) {
                        Some(Kind::AllOf { parts, .. }) => parts.clone(),
                        _ => vec![*part],
                    }
                });
                Self::AllOf { parts: flat.collect(), judged_ms: None }
            }
            Composite::Weighted(weights) => {
                let weights = weights.iter().map(|(_, ppm)| *ppm);
                Self::Weighted(weights.zip(parts.iter().copied()).collect())
            }
        }
    }
}

/// Judges the steps that every part has told of, or had the time to: a step is as long as the longest
/// interval of the parts' targets. Returns until when they are judged.
fn judge(
    (whole, judged_ms): (usize, Option<i64>),
    parts: &[usize],
    now: TimeMs,
    ledgers: &mut [Ledger],
) -> Option<i64> {
    let steps = |part: &usize| ledgers.get(*part).and_then(|ledger| ledger.steps.as_deref());
    let slice_ms = ledgers.get(whole)?.slice_ms;
    // While none of its targets spoke yet, as after a restart, nobody knows how long a step is.
    let interval_ms = parts.iter().filter_map(|part| steps(part)?.interval_ms()).max();
    let Some(interval_ms) = interval_ms else { return judged_ms };
    let step_ms = (interval_ms + slice_ms - 1) / slice_ms * slice_ms;
    let mut judged_ms = judged_ms.unwrap_or(now.0.div_euclid(slice_ms) * slice_ms);
    let mut found: Vec<(i64, i64, Verdict)> = Vec::new();
    while judged_ms.saturating_add(step_ms) <= now.0 {
        let mut end_ms = judged_ms + step_ms;
        let is_told = parts.iter().all(|part| steps(part).is_some_and(|own| own.is_told(end_ms)));
        let overdue = (now.0 - end_ms) / step_ms;
        if !is_told && overdue < STEPS_AWAITED - 1 {
            break;
        }
        let verdict = |part: &usize| {
            let ledger = ledgers.get(*part)?;
            Some(ledger.steps.as_deref()?.judge(ledger.slo(), judged_ms, end_ms, slice_ms))
        };
        let worst = if overdue > STEPS_JUDGED_MAX {
            end_ms += (overdue - STEPS_JUDGED_MAX) * step_ms;
            Verdict::Unknown
        } else {
            let verdicts = parts.iter().map(|part| verdict(part).unwrap_or(Verdict::Unknown));
            verdicts.max().unwrap_or(Verdict::Unknown)
        };
        found.push((judged_ms, end_ms, worst));
        judged_ms = end_ms;
    }
    let ledger = ledgers.get_mut(whole)?;
    for (from_ms, to_ms, verdict) in found {
        let tally = tally(verdict, (to_ms - from_ms).unsigned_abs());
        ledger.spread(TimeMs(from_ms), TimeMs(to_ms), tally);
    }
    Some(judged_ms)
}

fn tally(verdict: Verdict, ms: u64) -> Tally {
    let known = Tally { expected_ms: ms, ..Tally::default() };
    match verdict {
        Verdict::Good => Tally { counts: Counts { good: ms, ..Counts::default() }, ..known },
        Verdict::Bad => Tally { counts: Counts { bad: ms, ..Counts::default() }, ..known },
        Verdict::Unknown => {
            Tally { counts: Counts { unknown: ms, ..Counts::default() }, missing_ms: ms, ..known }
        }
    }
}

/// Puts each window of a weighted composite together from the same window of its parts.
fn derive(whole: usize, parts: &[(u32, usize)], now: TimeMs, ledgers: &mut [Ledger]) {
    let of_parts = |read: &dyn Fn(&Ledger) -> WindowCounts| -> Vec<(u32, WindowCounts)> {
        let held = |(weight, part): &(u32, usize)| Some((*weight, read(ledgers.get(*part)?)));
        parts.iter().filter_map(held).collect()
    };
    let Some(ledger) = ledgers.get(whole) else { return };
    let slo = ledger.slo().clone();
    let here = || parts.iter().filter_map(|(_, part)| ledgers.get(*part));
    let since = here().map(Windows::watched_since).min().unwrap_or(now);
    let last_known = here().filter_map(Windows::last_known).max();
    let watched = now.since(since);
    let period = slo.period.span(now);
    let so_far = now.since(period.start.max(since));
    let is_same = |ledger: &Ledger| ledger.slo().period == slo.period;
    let counted = |ledger: &Ledger| match is_same(ledger) {
        true => ledger.period(),
        false => ledger.window(now.since(period.start)),
    };
    let observed = |ledger: &Ledger| match is_same(ledger) {
        true => ledger.observed(),
        false => ledger.window(now.since(period.start)),
    };
    let windows = slo.windows(ledger.slice()).into_iter().map(|length| {
        let held = of_parts(&|ledger| ledger.window(length));
        (length, weigh(&held, length.min(watched)))
    });
    let derived = Derived {
        windows: windows.collect(),
        period: weigh(&of_parts(&counted), so_far),
        observed: weigh(&of_parts(&observed), so_far),
    };
    if let Some(ledger) = ledgers.get_mut(whole) {
        ledger.derived = Some(Box::new(derived));
        (ledger.watched_since, ledger.last_known) = (Some(since), last_known);
    }
}
