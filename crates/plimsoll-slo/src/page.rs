use crate::policy::in_slices;
use crate::{BadOf, Budget, Evidence, PolicyRow, Severity, Slo, WindowBurn, Windows};
use plimsoll_model::{Interval, TimeMs};
use std::time::Duration;

/// From here on a short window is an outage, whatever its share of the budget.
pub(crate) const OUTAGE_PERCENT: u32 = 90;

/// Bad events that an outage has at least.
pub(crate) const OUTAGE_BAD_MIN: u64 = 20;

/// Below this part of the expected target-time known, what is shown can't be relied on.
pub(crate) const COVERAGE_FLOOR_PERCENT: u128 = 90;

/// What an alert is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AlertName {
    /// The budget burns fast, or all goes wrong.
    Page,
    /// The budget burns slowly, is exhausted, or too little of it is seen.
    Ticket,
    /// Worth knowing.
    Notice,
    /// Nothing is seen where something was.
    NoData,
}

impl AlertName {
    /// Every name, most urgent first.
    pub const ALL: [Self; 4] = [Self::Page, Self::NoData, Self::Ticket, Self::Notice];

    /// Returns the value of the label `alertname`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Page => "SloPage",
            Self::Ticket => "SloTicket",
            Self::Notice => "SloNotice",
            Self::NoData => "SloNoData",
        }
    }

    /// Returns how bad it is.
    pub fn severity(self) -> Severity {
        match self {
            Self::Page | Self::NoData => Severity::Page,
            Self::Ticket => Severity::Ticket,
            Self::Notice => Severity::Notice,
        }
    }

    fn of(severity: Severity) -> Self {
        match severity {
            Severity::Page => Self::Page,
            Severity::Ticket => Self::Ticket,
            Severity::Notice => Self::Notice,
        }
    }
}

/// Why an alert begins, and what has to be over before it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// Both windows of a policy's row burn too fast.
    Burn {
        /// The long window.
        long: Duration,
        /// The short window.
        short: Duration,
    },
    /// Nearly all of a page row's short window is bad.
    Outage {
        /// The short window.
        short: Duration,
    },
    /// Nothing was seen for as long as the SLO allows.
    NoData,
    /// Nothing was ever seen.
    NeverSeen,
    /// Too little is seen.
    Coverage,
    /// The budget is spent.
    Exhausted,
}

/// One cause, looked at now.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Condition {
    /// The cause.
    pub cause: Cause,
    /// The alert that it belongs to.
    pub alert: AlertName,
    /// Whether it holds, so that the alert begins.
    pub is_met: bool,
    /// Whether it is surely over, so that the alert may end. Being blind is neither.
    pub is_over: bool,
    /// How long it has to hold before the alert fires.
    pub pending_for: Duration,
    /// How long it has to be over before the alert is resolved.
    pub hold_off: Duration,
    /// The part of the budget that it stands for.
    pub share: Interval,
}

/// One row of the policy, looked at now, with every number of the decision.
#[derive(Clone, Debug, PartialEq)]
pub struct RowVerdict {
    /// The row, its windows in whole slices.
    pub row: PolicyRow,
    /// The long window.
    pub long: WindowBurn,
    /// The short window.
    pub short: WindowBurn,
    /// The part of the budget that the long window spent.
    pub share: Interval,
    /// The part of the budget that burning at the threshold spends in the long window.
    pub share_min: f64,
    /// Whether enough happened.
    pub evidence: Evidence,
    /// Whether the long window's low burn is over the threshold.
    pub is_long_over: bool,
    /// Whether the short window's is, extended to the start of a gap that its edge cuts.
    pub is_short_over: bool,
    /// Whether the share is reached.
    pub is_share_reached: bool,
    /// Whether the short window is an outage; only for rows that page.
    pub is_outage: bool,
}

impl RowVerdict {
    pub(crate) fn new(slo: &Slo, windows: &impl Windows, row: &PolicyRow, budget: &Budget) -> Self {
        let row = row.in_slices(windows.slice());
        let read = |length| WindowBurn::new(length, windows.window(length), slo.objective);
        let (long, short) = (read(row.long), read(row.short));
        let is_over = |bad_of: BadOf| bad_of.is_over(row.burn, slo.objective);
        Self {
            row,
            long,
            short,
            share: budget.share(&long),
            share_min: row.burn.0 as f64 / 1e3 * row.long.as_secs_f64()
                / budget.period().as_secs_f64(),
            evidence: Evidence::new(slo, &row, long.low()),
            is_long_over: is_over(long.low()),
            is_short_over: is_over(short.low_extended()),
            is_share_reached: budget.is_share_reached(long.low().bad, row.burn, row.long),
            is_outage: row.severity == Severity::Page && is_outage(slo, &short),
        }
    }

    /// Says whether the row alerts for its burn.
    pub fn burns(&self) -> bool {
        self.is_long_over && self.is_short_over && self.is_share_reached && self.evidence.is_enough
    }

    fn conditions(&self, slo: &Slo) -> impl Iterator<Item = Condition> + use<> {
        let PolicyRow { severity, burn, long, short, pending_for } = self.row;
        let is_short_under = self.short.is_surely_under(burn, slo.objective);
        let is_long_under = self.long.is_surely_under(burn, slo.objective);
        let condition = |cause, is_met, is_over| Condition {
            cause,
            alert: AlertName::of(severity),
            is_met,
            is_over,
            pending_for,
            hold_off: short,
            share: self.share,
        };
        let burn = condition(
            Cause::Burn { long, short },
            self.burns(),
            !self.burns() && (is_short_under || is_long_under),
        );
        // At an outage's share of the budget the long window may never have been over, so that only
        // the short one tells its end.
        let outage = condition(Cause::Outage { short }, self.is_outage, is_short_under);
        [Some(burn), (severity == Severity::Page).then_some(outage)].into_iter().flatten()
    }
}

/// Time is bad by the millisecond, so for time SLIs the short window has to have been watched too:
/// the first bad second of a new service is no outage of five minutes.
fn is_outage(slo: &Slo, short: &WindowBurn) -> bool {
    let mut low = short.low_extended();
    if slo.sli.counts_time() {
        low.total = low.total.max(crate::budget::millis(short.length));
    }
    low.bad >= OUTAGE_BAD_MIN && low.reaches_percent(OUTAGE_PERCENT)
}

/// Looks at every cause that the SLO can alert for.
pub(crate) fn conditions(
    slo: &Slo,
    windows: &impl Windows,
    now: TimeMs,
    budget: &Budget,
    rows: &[RowVerdict],
) -> Vec<Condition> {
    let mut conditions: Vec<Condition> =
        rows.iter().flat_map(|verdict| verdict.conditions(slo)).collect();
    let shortest = |severity| {
        let rows = rows.iter().filter(|verdict| verdict.row.severity == severity);
        rows.map(|verdict| verdict.row.short).min().unwrap_or(slo.alerting.no_data_after)
    };
    let mut add = |cause, alert: AlertName, is_met, is_over| {
        let hold_off = shortest(alert.severity());
        let share = budget.spent;
        // What these look at has been so for a while already.
        let pending_for = Duration::ZERO;
        let condition = Condition { cause, alert, is_met, is_over, pending_for, hold_off, share };
        conditions.push(condition);
    };
    let recent = windows.window(in_slices(slo.alerting.no_data_after, windows.slice()));
    let is_blind = recent.known.is_zero() && !recent.expected.is_zero();
    // What was excluded was expected by nobody, so that waiting begins anew after it.
    let excluded_until = windows.excluded_until();
    let waited = |since: TimeMs| {
        now.since(excluded_until.map_or(since, |until| until.max(since)))
            >= slo.alerting.no_data_after
    };
    let last_known = windows.last_known();
    let is_lost = is_blind && last_known.is_some_and(waited);
    add(Cause::NoData, AlertName::NoData, is_lost, !is_blind);
    let was_never_seen = last_known.is_none() && waited(windows.watched_since());
    add(Cause::NeverSeen, AlertName::Ticket, was_never_seen, last_known.is_some());
    if let Some(seen) = rows.iter().map(|verdict| verdict.short).max_by_key(|short| short.length) {
        let (known, expected) = (seen.held.known, seen.held.expected);
        let percent = COVERAGE_FLOOR_PERCENT;
        let is_below = known.as_millis() * 100 < expected.as_millis() * percent;
        // The first missed scrape of a new target is no trend.
        let is_long = expected.saturating_sub(known) >= slo.alerting.no_data_after;
        let is_met = is_below && is_long && last_known.is_some();
        add(Cause::Coverage, AlertName::Ticket, is_met, !is_below);
    }
    add(Cause::Exhausted, AlertName::Ticket, budget.is_exhausted(), !budget.may_be_exhausted());
    conditions.retain(|condition| !slo.alerting.off.contains(&condition.alert));
    conditions
}
