use plimsoll_slo::{PolicyRow, Slo};
use std::time::Duration;

/// A rule reads at most so many base windows from counters at once: the longer the range, the more
/// samples each evaluation reads again.
const BASES_READ_MAX: u32 = 120;

/// A window is put together from at most so many shorter ones.
const PARTS_MAX: u32 = 60;

/// Known time is measured over so many base windows at least, and put together above.
const BASES_KNOWN_MIN: u32 = 12;

/// The most time between two evaluations.
const INTERVAL_MAX: Duration = Duration::from_secs(60);

/// So often is the base window evaluated within its own length.
const EVALUATIONS_PER_BASE: u32 = 10;

/// Windows of so many base windows move little between two evaluations of the base window.
const BASES_LONG: u32 = 120;

/// Long windows are evaluated at least so often: a series that is looked at five minutes after its
/// last sample is gone.
const LONG_INTERVAL_MAX: Duration = Duration::from_secs(120);

/// How the counts of a window are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Measure {
    /// From the counters.
    Counters,
    /// From the last `count` windows of length `unit`, one behind the other, without a gap.
    Sum { unit: Duration, count: u32 },
    /// From base windows at whole multiples of their length: no shorter window divides this one.
    Sampled,
}

/// Which windows an SLO has, and how each is measured.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Plan {
    /// The shortest window.
    pub(crate) base: Duration,
    /// The period of the budget.
    pub(crate) period: Duration,
    /// The time between two evaluations.
    pub(crate) interval: Duration,
    /// Every window with its measure, shortest first.
    pub(crate) windows: Vec<(Duration, Measure)>,
}

impl Plan {
    /// Plans the windows of `slo`. Without `reads_history` only the base window reads counters.
    pub(crate) fn new(
        slo: &Slo,
        rows: &[PolicyRow],
        scrape: Duration,
        reads_history: bool,
    ) -> Self {
        let period = slo.period.nominal();
        let mut lengths: Vec<Duration> = rows
            .iter()
            .flat_map(|row| [row.long, row.short])
            .chain([slo.alerting.no_data_after, period])
            .collect();
        lengths.sort_unstable();
        lengths.dedup();
        let base = lengths.first().copied().unwrap_or(period);
        let reads = if reads_history { base * BASES_READ_MAX } else { base };
        let measure = |(place, length): (usize, &Duration)| {
            let from_counters = *length == base || *length < reads;
            let shorter = lengths.get(..place).unwrap_or_default();
            (*length, if from_counters { Measure::Counters } else { sum(*length, shorter) })
        };
        let windows = lengths.iter().enumerate().map(measure).collect();
        let interval = (base / EVALUATIONS_PER_BASE).clamp(scrape.min(INTERVAL_MAX), INTERVAL_MAX);
        Self { base, period, interval, windows }
    }

    /// Says whether the window is evaluated more seldom.
    pub(crate) fn is_long(&self, window: Duration) -> bool {
        window >= self.base * BASES_LONG || window == self.period
    }

    /// Returns the time between two evaluations of long windows.
    pub(crate) fn long_interval(&self) -> Duration {
        (self.base / 2).clamp(self.interval, LONG_INTERVAL_MAX.max(self.interval))
    }

    /// Returns the windows whose known time is recorded, shortest first, each with its measure: of
    /// the first, known time is sampled.
    pub(crate) fn known(&self) -> Vec<(Duration, Measure)> {
        let mut chain = Vec::new();
        let mut next = Some(self.period);
        while let Some(length) = next.take().filter(|length| *length >= self.base) {
            let found = self.windows.iter().find(|(other, _)| *other == length);
            let measure = found.map_or(Measure::Sampled, |(_, measure)| *measure);
            chain.push((length, measure));
            if let Measure::Sum { unit, .. } = measure {
                next = (unit >= self.base * BASES_KNOWN_MIN).then_some(unit);
            }
        }
        chain.reverse();
        if let Some(first) = chain.first_mut() {
            first.1 = Measure::Sampled;
        }
        chain
    }
}

/// Takes the longest shorter window that divides this one.
fn sum(length: Duration, shorter: &[Duration]) -> Measure {
    let parts = |unit: &Duration| {
        let (whole, unit_ms) = (length.as_millis(), unit.as_millis());
        let count = u32::try_from(whole.checked_div(unit_ms)?).ok()?;
        (whole % unit_ms == 0 && count <= PARTS_MAX).then_some((*unit, count))
    };
    match shorter.iter().rev().find_map(parts) {
        Some((unit, count)) => Measure::Sum { unit, count },
        None => Measure::Sampled,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Measure::{Counters, Sampled, Sum};
    use plimsoll_slo::{
        Alerting, Backend, Carried, EventsPart, Linear, Objective, Period, Policy, Sli,
    };

    const HOUR: Duration = Duration::from_secs(3_600);
    const DAY: Duration = Duration::from_secs(86_400);

    fn slo() -> Slo {
        Slo {
            service: "shop".into(),
            name: "api".into(),
            description: String::new(),
            labels: Default::default(),
            objective: Objective::from_ppm(999_000).expect("valid"),
            period: Period::Rolling(30 * DAY),
            sli: Sli::Events {
                total: Linear(Vec::new()),
                part: EventsPart::Bad(Linear(Vec::new())),
                unknown: None,
            },
            backend: Backend::Own,
            exclusions: Vec::new(),
            by: Vec::new(),
            max_groups: 200,
            alerting: Alerting {
                policy: Policy::workbook(),
                runbook: None,
                name: None,
                page: Carried::default(),
                ticket: Carried::default(),
                off: Vec::new(),
                min_bad: 5,
                no_data_after: Duration::from_secs(300),
            },
        }
    }

    fn plan(reads_history: bool) -> Plan {
        let slo = slo();
        Plan::new(&slo, &slo.alerting.policy.rows, Duration::from_secs(15), reads_history)
    }

    #[test]
    fn a_month_is_made_of_ten_times_three_days() {
        let plan = plan(true);
        let measures: Vec<Measure> = plan.windows.iter().map(|(_, measure)| *measure).collect();
        // 5m, 30m, 1h, 2h and 6h read counters; 1d, 3d and 30d are put together.
        assert_eq!(
            measures,
            [
                Counters,
                Counters,
                Counters,
                Counters,
                Counters,
                Sum { unit: 6 * HOUR, count: 4 },
                Sum { unit: DAY, count: 3 },
                Sum { unit: 3 * DAY, count: 10 },
            ]
        );
        let known: Vec<Duration> = plan.known().iter().map(|(window, _)| *window).collect();
        assert_eq!(known, [6 * HOUR, DAY, 3 * DAY, 30 * DAY]);
        assert_eq!(plan.known()[0].1, Sampled);
        assert_eq!((plan.interval.as_secs(), plan.long_interval().as_secs()), (30, 120));
    }

    #[test]
    fn without_history_only_the_shortest_window_reads_counters() {
        let plan = plan(false);
        let reading = plan.windows.iter().filter(|(_, measure)| *measure == Counters);
        assert_eq!(reading.count(), 1);
        assert_eq!(plan.windows[1].1, Sum { unit: Duration::from_secs(300), count: 6 });
        assert_eq!(plan.known()[0].0, HOUR);
    }
}
