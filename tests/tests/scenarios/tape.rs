//! What the scrapes of a case would bring, by tick, and what it expects at which tick: a case without
//! an engine.

use super::script::{Case, Change, Expectation, Step};
use super::service::Service;
use std::collections::BTreeMap;
use std::time::Duration;

/// A case as far as a ruler sees it.
#[derive(Debug, Default)]
pub(crate) struct Tape {
    /// A value for each tick, by series; none where no scrape brought one.
    pub(crate) series: BTreeMap<String, Vec<Option<f64>>>,
    pub(crate) expected: Vec<Expected>,
    /// The time of the last tick.
    pub(crate) end: Duration,
}

/// An expectation with its line and its time; from `since` on where it always holds.
#[derive(Debug)]
pub(crate) struct Expected {
    pub(crate) line: usize,
    pub(crate) at: Duration,
    pub(crate) since: Option<Duration>,
    pub(crate) expectation: Expectation,
}

/// Records a case; where all that is left is what always holds, only the first `tail` of that.
pub(crate) fn record(case: &Case, tail: Duration) -> Result<Tape, String> {
    let (mut service, mut tape) = (Service::started_at(case.begin), Tape::default());
    let mut always: Vec<(usize, Duration, Expectation)> = Vec::new();
    let mut ticks = 0;
    let last = case.steps.iter().rposition(|(_, step)| matches!(step, Step::Expect(_)));
    for (place, (line, step)) in case.steps.iter().enumerate() {
        match step {
            Step::Service(Change::Once(_)) | Step::Relabel { .. } | Step::Clock(_) => {
                return Err(format!("{}:{line}: write `only daemon: REASON`", case.file));
            }
            Step::Service(change) => service.take(change, case.begin + tape.end),
            Step::Expect(expectation) => {
                tape.expect(*line, tape.end, None, expectation);
            }
            Step::Always(expectation) => always.push((*line, tape.end, expectation.clone())),
            Step::Advance(length) => {
                if ticks == 0 {
                    tape.tick(&service, &mut ticks);
                }
                let is_tail = last.is_none_or(|last| place > last);
                let end = tape.end + if is_tail { tail.min(*length) } else { *length };
                while tape.end < end {
                    service.work(case.interval);
                    tape.end += case.interval;
                    tape.tick(&service, &mut ticks);
                }
                for (line, since, expectation) in &always {
                    tape.expect(*line, tape.end, Some(*since), expectation);
                }
            }
        }
    }
    Ok(tape)
}

impl Tape {
    fn expect(
        &mut self,
        line: usize,
        at: Duration,
        since: Option<Duration>,
        expectation: &Expectation,
    ) {
        self.expected.push(Expected { line, at, since, expectation: expectation.clone() });
    }

    fn tick(&mut self, service: &Service, ticks: &mut usize) {
        for (name, value) in service.values() {
            let values = self.series.entry(name.to_owned()).or_default();
            values.resize(*ticks, None);
            values.push(Some(value));
        }
        *ticks += 1;
        self.series.values_mut().for_each(|values| values.resize(*ticks, None));
    }
}
