use crate::page::{COVERAGE_FLOOR_PERCENT, OUTAGE_BAD_MIN, OUTAGE_PERCENT};
use crate::policy::in_slices;
use crate::{BadOf, PolicyRow, Severity, Slo, Windows};
use plimsoll_model::{Counts, TimeMs, WindowCounts};

/// Says at a glance whether no cause that the SLO can alert for is met.
///
/// Nearly every SLO is quiet at nearly every step, and a glance costs a fraction of an assessment.
/// It errs on the other side only: what is quiet here, [`crate::assess`] finds no condition met for.
pub fn is_quiet(slo: &Slo, windows: &impl Windows, now: TimeMs) -> bool {
    let slice = windows.slice();
    let recent = windows.window(in_slices(slo.alerting.no_data_after, slice));
    let is_blind = recent.known.is_zero() && !recent.expected.is_zero();
    if is_blind || windows.last_known().is_none() {
        return false;
    }
    let budget = Glance::new(slo, windows, now);
    let mut shorts = None;
    for row in &slo.alerting.policy.rows {
        let row = row.in_slices(slice);
        if budget.may_burn(slo, &windows.window(row.long), &row) {
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
    !shorts.is_some_and(|(_, seen)| is_thin(&seen)) && !budget.may_be_exhausted(slo)
}

/// The budget at a glance: no more time can be known than has passed, so what is spent is at most
/// bad ÷ (allowed × total) × elapsed ÷ period.
struct Glance {
    counts: Counts,
    elapsed_ms: u128,
    period_ms: u128,
}

impl Glance {
    fn new(slo: &Slo, windows: &impl Windows, now: TimeMs) -> Self {
        let period = slo.period.span(now);
        let elapsed_ms = now.since(windows.watched_since().max(period.start)).as_millis();
        let period_ms = period.length().as_millis();
        Self { counts: windows.period().counts, elapsed_ms, period_ms }
    }

    /// Without the surely bad over the threshold, and enough of them for its share of the budget, no
    /// row alerts, whatever its other rules say.
    fn may_burn(&self, slo: &Slo, long: &WindowCounts, row: &PolicyRow) -> bool {
        let reached = self.spends(long.counts.bad).saturating_mul(1_000);
        let share = self.allows(slo).saturating_mul(row.burn.0.into());
        long.counts.bad > 0
            && reached >= share.saturating_mul(row.long.as_millis())
            && low(long).is_over(row.burn, slo.objective)
    }

    fn may_be_exhausted(&self, slo: &Slo) -> bool {
        self.counts.bad > 0
            && self.spends(self.counts.bad) >= self.allows(slo).saturating_mul(self.period_ms)
    }

    fn spends(&self, bad: u64) -> u128 {
        u128::from(bad).saturating_mul(1_000_000).saturating_mul(self.elapsed_ms)
    }

    fn allows(&self, slo: &Slo) -> u128 {
        u128::from(self.counts.known()).saturating_mul(slo.objective.allowed_ppm().into())
    }
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
