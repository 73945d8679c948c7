use crate::{Milli, Objective, Policy, PolicyRow, Severity};
use std::time::Duration;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// The period that the tables of the SRE workbook are written for.
const REFERENCE: Duration = Duration::from_secs(30 * DAY);

/// From here on a period keeps the windows and scales the factors; below it, the other way round,
/// because a three-day window means nothing in a period of one day.
const KEEPS_WINDOWS_FROM: Duration = Duration::from_secs(7 * DAY);

/// Slices that a window has at least: one alone has no edge to move.
const SLICES_MIN: u32 = 2;

impl Policy {
    /// Returns the multiwindow policy of the SRE workbook, chapter 5, table 5-8, for 30 days.
    pub fn workbook() -> Self {
        use Severity::{Page, Ticket};
        Self {
            name: "workbook".into(),
            rows: vec![
                row(Page, 14_400, HOUR, 5 * MINUTE),
                row(Page, 6_000, 6 * HOUR, 30 * MINUTE),
                row(Ticket, 3_000, DAY, 2 * HOUR),
                row(Ticket, 1_000, 3 * DAY, 6 * HOUR),
            ],
        }
    }

    /// Returns the two-step policy: a notice at twice the budget's pace, a page at five times, for
    /// 30 days.
    pub fn two_five() -> Self {
        Self {
            name: "two-five".into(),
            rows: vec![
                row(Severity::Notice, 2_000, HOUR, 5 * MINUTE),
                row(Severity::Page, 5_000, 6 * HOUR, 30 * MINUTE),
            ],
        }
    }

    /// Returns the policy of that name that needs no definition.
    pub fn builtin(name: &str) -> Option<Self> {
        [Self::workbook(), Self::two_five()].into_iter().find(|policy| policy.name == name)
    }

    /// Returns the policy, written for 30 days, for another period.
    ///
    /// Each row keeps the share of the budget that it stands for. From seven days on the windows
    /// stay and the factors follow; below, the factors stay and the windows follow.
    pub fn for_period(&self, period: Duration) -> Self {
        let scaled =
            |value: u128| rounded_quotient(value * period.as_millis(), REFERENCE.as_millis());
        let rows = self.rows.iter().map(|row| {
            if period >= KEEPS_WINDOWS_FROM {
                PolicyRow { burn: Milli(scaled(row.burn.0.into())), ..*row }
            } else {
                let length = |long: Duration| Duration::from_millis(scaled(long.as_millis()));
                PolicyRow { long: length(row.long), short: length(row.short), ..*row }
            }
        });
        Self { name: self.name.clone(), rows: rows.collect() }
    }

    /// Takes out the rows that the objective can never reach, and returns them.
    pub fn split_off_unreachable(&mut self, objective: Objective) -> Vec<PolicyRow> {
        let (keep, gone) = self.rows.drain(..).partition(|row| row.is_reachable(objective));
        self.rows = keep;
        gone
    }
}

impl PolicyRow {
    /// Says whether everything going wrong burns faster than the row's threshold.
    pub fn is_reachable(&self, objective: Objective) -> bool {
        u128::from(self.burn.0) * u128::from(objective.allowed_ppm()) < 1_000_000_000
    }

    /// Returns the row with both windows made of whole slices, two at least.
    pub fn in_slices(&self, slice: Duration) -> Self {
        Self { long: in_slices(self.long, slice), short: in_slices(self.short, slice), ..*self }
    }
}

/// Rounds `length` up to whole slices, two at least.
pub(crate) fn in_slices(length: Duration, slice: Duration) -> Duration {
    // At each step for each window: a division of 64 bits costs a fraction of one of 128.
    let ms = |of: Duration| of.as_secs().saturating_mul(1_000) + u64::from(of.subsec_millis());
    let slice_ms = ms(slice).max(1);
    let slices = ms(length).div_ceil(slice_ms).max(SLICES_MIN.into());
    Duration::from_millis(slices.saturating_mul(slice_ms))
}

fn rounded_quotient(value: u128, divisor: u128) -> u64 {
    u64::try_from((value + divisor / 2) / divisor).unwrap_or(u64::MAX)
}

fn row(severity: Severity, burn_milli: u64, long_s: u64, short_s: u64) -> PolicyRow {
    PolicyRow {
        severity,
        burn: Milli(burn_milli),
        long: Duration::from_secs(long_s),
        short: Duration::from_secs(short_s),
        pending_for: Duration::ZERO,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(days: u64) -> Duration {
        Duration::from_secs(days * DAY)
    }

    #[test]
    fn a_long_period_scales_the_factors() {
        let burns = |policy: Policy| policy.rows.iter().map(|row| row.burn.0).collect::<Vec<_>>();
        assert_eq!(burns(Policy::workbook().for_period(days(30))), [14_400, 6_000, 3_000, 1_000]);
        assert_eq!(burns(Policy::workbook().for_period(days(28))), [13_440, 5_600, 2_800, 933]);
        assert_eq!(Policy::workbook().for_period(days(7)).rows[0].long, Duration::from_secs(HOUR));
    }

    #[test]
    fn a_short_period_scales_the_windows() {
        let policy = Policy::workbook().for_period(Duration::from_secs(HOUR));
        let windows: Vec<_> =
            policy.rows.iter().map(|row| (row.long.as_millis(), row.short.as_millis())).collect();
        assert_eq!(windows, [(5_000, 417), (30_000, 2_500), (120_000, 10_000), (360_000, 30_000)]);
        assert_eq!(policy.rows[0].burn, Milli(14_400));
        let tenth = policy.rows[0].in_slices(Duration::from_millis(100));
        assert_eq!((tenth.long.as_millis(), tenth.short.as_millis()), (5_000, 500));
        let second = policy.rows[0].in_slices(Duration::from_secs(1));
        assert_eq!((second.long.as_millis(), second.short.as_millis()), (5_000, 2_000));
    }

    #[test]
    fn the_workbook_can_page_from_930_556_ppm_on() {
        let lost = |ppm| {
            Policy::workbook().split_off_unreachable(Objective::from_ppm(ppm).expect("valid")).len()
        };
        assert_eq!(lost(930_556), 0);
        assert_eq!(lost(930_555), 1);
        assert_eq!(lost(900_000), 1);
        assert_eq!(lost(800_000), 2);
    }
}
