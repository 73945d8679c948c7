//! What is stored for each window: all, bad, known time, burn, coverage of the band; and what is left
//! of the budget.

use super::scope::{Scope, seconds};
use super::source::{Counted, sum_of};
use super::windows::{Measure, Plan};
use crate::promql::part_of;
use crate::rule::{Recording, Rule};
use plimsoll_model::catalog::{
    RECORDED_BAD, RECORDED_BAND_COVERAGE, RECORDED_BUDGET, RECORDED_BURN, RECORDED_EVERY_BAND,
    RECORDED_KNOWN, RECORDED_TOTAL, Recorded,
};
use plimsoll_slo::length_name;
use std::collections::BTreeMap;
use std::time::Duration;

/// Labels of a rule.
pub(crate) type RuleLabels = BTreeMap<String, String>;

/// Writes the rules that a plan needs, each window's with the label `window` beside `labels`.
pub(crate) struct Writer<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) scope: &'a Scope,
    pub(crate) labels: RuleLabels,
    /// Whether an SLO of the scope counts one in-flight band.
    pub(crate) counts_band: bool,
}

impl Writer<'_> {
    /// Writes a window that reads counters; `every_band` is what it holds in whatever band.
    pub(crate) fn counted(
        &self,
        window: Duration,
        counted: Counted,
        every_band: Option<String>,
    ) -> Vec<Rule> {
        let bad = counted.bad(&self.scope.total(window), &self.scope.by());
        let own = [(&RECORDED_TOTAL, counted.total), (&RECORDED_BAD, bad)];
        let all = every_band.map(|all| (&RECORDED_EVERY_BAND, all));
        let rules = own.into_iter().chain(all);
        rules.map(|(recorded, expr)| self.record(recorded, window, expr)).collect()
    }

    /// Writes a window that is put together from shorter ones.
    pub(crate) fn summed(&self, window: Duration, measure: Measure) -> Vec<Rule> {
        let all = self.counts_band.then_some(&RECORDED_EVERY_BAND);
        [&RECORDED_TOTAL, &RECORDED_BAD]
            .into_iter()
            .chain(all)
            .map(|recorded| self.record(recorded, window, self.parts(recorded, window, measure)))
            .collect()
    }

    /// Writes the ratios of a window: its burn, and how much of all events it speaks for.
    pub(crate) fn ratios(&self, window: Duration) -> impl Iterator<Item = Rule> {
        let coverage = self.counts_band.then(|| self.band_coverage(window));
        [self.burn(window)].into_iter().chain(coverage)
    }

    /// Writes the coverage of the band: nothing in the band is zero, nothing at all is no ratio.
    fn band_coverage(&self, window: Duration) -> Rule {
        let expr = part_of(&self.scope.total(window), &self.scope.every_band(window));
        self.record(&RECORDED_BAND_COVERAGE, window, expr)
    }

    /// Writes the burn of a window; without demand there is none.
    fn burn(&self, window: Duration) -> Rule {
        let demand = format!("({} > 0)", self.scope.total(window));
        let expr =
            format!("{} / ({})", self.scope.bad(window), self.scope.allowed_of(&demand, 1.0));
        self.record(&RECORDED_BURN, window, expr)
    }

    /// Writes the known time that the budget needs, and what is left of it.
    pub(crate) fn budget(&self) -> Vec<Rule> {
        let known = self.plan.known().into_iter().map(|(window, measure)| {
            let expr = match measure {
                Measure::Sum { .. } => self.parts(&RECORDED_KNOWN, window, measure),
                Measure::Counters | Measure::Sampled => self.known(window),
            };
            self.record(&RECORDED_KNOWN, window, expr)
        });
        let mut rules: Vec<Rule> = known.collect();
        let (scope, period) = (self.scope, self.plan.period);
        // Spent is bad ÷ (allowed × E), where E = total × period ÷ known.
        let demand = format!("({} > 0)", scope.total(period));
        let expr = format!(
            "1 - {} * {} / ({})\nor 1 + 0 * {}",
            scope.bad(period),
            scope.known(period),
            scope.allowed_of(&demand, seconds(period)),
            scope.total(period)
        );
        rules.push(self.record(&RECORDED_BUDGET, period, expr));
        rules
    }

    /// Counts the steps between evaluations at which the base window held a sample: the first ever
    /// has nothing behind it.
    fn known(&self, window: Duration) -> String {
        let (length, step) = (length_name(window), length_name(self.plan.interval));
        let base = self.scope.total(self.plan.base);
        let steps = format!("({base} and {base} offset {step})[{length}:{step}]");
        format!("count_over_time({steps}) * {}", seconds(self.plan.interval))
    }

    fn parts(&self, recorded: &Recorded, window: Duration, measure: Measure) -> String {
        let Measure::Sum { unit, count } = measure else {
            let (length, base) = (length_name(window), length_name(self.plan.base));
            let each = self.scope.series(recorded, self.plan.base);
            return format!("sum_over_time({each}[{length}:{base}])");
        };
        let each = self.scope.series(recorded, unit);
        let at = |number: u32| match number {
            0 => each.clone(),
            _ => format!("{each} offset {}", length_name(unit * number)),
        };
        sum_of(&(0..count).map(at).collect::<Vec<_>>())
    }

    fn record(&self, recorded: &Recorded, window: Duration, expr: String) -> Rule {
        let mut labels = self.labels.clone();
        labels.insert("window".into(), length_name(window));
        Rule::Recording(Recording { record: recorded.name.into(), expr, labels })
    }
}
