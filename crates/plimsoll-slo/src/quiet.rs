use crate::page::{COVERAGE_FLOOR_PERCENT, OUTAGE_BAD_MIN, OUTAGE_PERCENT};
use crate::policy::in_slices;
use crate::{BadOf, Milli, Severity, Slo, Windows};
use plimsoll_model::WindowCounts;

/// Says at a glance whether no cause that the SLO can alert for is met.
///
/// Nearly every SLO is quiet at nearly every step, and a glance costs a fraction of an assessment.
/// It errs on the other side only: what is quiet here, [`crate::assess`] finds no condition met for.
pub fn is_quiet(slo: &Slo, windows: &impl Windows) -> bool {
    let slice = windows.slice();
    let recent = windows.window(in_slices(slo.alerting.no_data_after, slice));
    let is_blind = recent.known.is_zero() && !recent.expected.is_zero();
    if is_blind || windows.last_known().is_none() {
        return false;
    }
    let mut shorts = None;
    for row in &slo.alerting.policy.rows {
        let row = row.in_slices(slice);
        if burns(slo, &windows.window(row.long), row.burn) {
            return false;
        }
        let short = windows.window(row.short);
        if row.severity == Severity::Page && may_be_outage(slo, &short) {
            return false;
        }
        if shorts.is_none_or(|(length, _)| length < row.short) {
            shorts = Some((row.short, short));
        }
    }
    !shorts.is_some_and(|(_, seen)| is_thin(&seen)) && !may_be_exhausted(slo, windows)
}

/// Without the surely bad over the threshold no row alerts, whatever its other rules say.
fn burns(slo: &Slo, long: &WindowCounts, burn: Milli) -> bool {
    long.counts.bad > 0 && low(long).is_over(burn, slo.objective)
}

fn low(held: &WindowCounts) -> BadOf {
    let total = held.counts.known().saturating_add(held.counts.unknown);
    let total = total.saturating_add(held.cut.good).saturating_add(held.cut.unknown);
    BadOf { bad: held.counts.bad, total }
}

fn may_be_outage(slo: &Slo, short: &WindowCounts) -> bool {
    let bad = short.counts.bad.saturating_add(short.cut.bad);
    let mut whole = short.counts;
    whole += short.cut;
    let total = whole.known().saturating_add(whole.unknown);
    // A time SLI may have to fill its window first, which only makes an outage rarer.
    let is_events = !slo.sli.counts_time();
    bad >= OUTAGE_BAD_MIN && (BadOf { bad, total }.reaches_percent(OUTAGE_PERCENT) || !is_events)
}

fn is_thin(seen: &WindowCounts) -> bool {
    seen.known.as_millis() * 100 < seen.expected.as_millis() * COVERAGE_FLOOR_PERCENT
}

/// What is spent is at most bad ÷ (allowed × total): the time that is known is never longer than
/// the period.
fn may_be_exhausted(slo: &Slo, windows: &impl Windows) -> bool {
    let counts = windows.window(slo.period.longest()).counts;
    let spent = u128::from(counts.bad) * 1_000_000;
    counts.bad > 0 && spent >= u128::from(counts.known()) * u128::from(slo.objective.allowed_ppm())
}
