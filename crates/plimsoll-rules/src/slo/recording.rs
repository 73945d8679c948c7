//! What is stored for each window: all, bad, known time, burn; and what is left of the budget.

use super::scope::{Scope, seconds};
use super::source::{Counted, sum_of};
use super::windows::{Measure, Plan};
use crate::rule::{Recording, Rule};
use plimsoll_model::catalog::{
    RECORDED_BAD, RECORDED_BUDGET, RECORDED_BURN, RECORDED_KNOWN, RECORDED_TOTAL, Recorded,
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
}

impl Writer<'_> {
    /// Writes a window that reads counters.
    pub(crate) fn counted(&self, window: Duration, counted: Counted) -> [Rule; 2] {
        let bad = counted.bad(&self.scope.total(window), &self.scope.by());
        [
            self.record(&RECORDED_TOTAL, window, counted.total),
            self.record(&RECORDED_BAD, window, bad),
        ]
    }

    /// Writes a window that is put together from shorter ones.
    pub(crate) fn summed(&self, window: Duration, measure: Measure) -> [Rule; 2] {
        [&RECORDED_TOTAL, &RECORDED_BAD]
            .map(|recorded| self.record(recorded, window, self.parts(recorded, window, measure)))
    }

    /// Writes the burn of a window; without demand there is none.
    pub(crate) fn burn(&self, window: Duration) -> Rule {
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
