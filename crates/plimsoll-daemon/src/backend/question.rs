//! What is asked: the total and the named part of each window of each SLO.

use plimsoll_model::Selector;
use plimsoll_slo::{EventsPart, Linear, Query, QueryUnit, Sli, Slo, length_name};
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

/// No window is asked for more seldom, so that a server that went away is noticed.
const EVERY_MAX: Duration = Duration::from_secs(3_600);

/// The part of a window that may pass between two questions about it.
const EDGE_PARTS: u32 = 60;

/// How many times within a period it is asked whether there was data.
const LOOKS: u32 = 120;

/// What a question is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Aspect {
    /// All events of the window.
    Total,
    /// The good or bad ones, whichever the SLO names.
    Part,
    /// In how many of [`Question::looks`] looks there was data.
    Coverage,
}

/// One question.
#[derive(Clone, Debug)]
pub(super) struct Question {
    /// The SLO's id.
    pub(super) slo: Arc<str>,
    pub(super) window: Duration,
    pub(super) aspect: Aspect,
    pub(super) text: String,
    pub(super) every: Duration,
    /// What one of the answer's units is in events of the window.
    pub(super) worth: f64,
}

/// How finely an SLO is asked about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// The length of a slice, which windows are made of.
    pub(crate) slice: Duration,
    /// No window is asked for more often.
    pub(crate) interval: Duration,
}

/// Returns every question about an SLO; none for an SLI that has no form in PromQL.
pub(super) fn questions(slo: &Slo, pace: Pace) -> Vec<Question> {
    let Some((total, part, unit)) = queries(&slo.sli) else { return Vec::new() };
    let id: Arc<str> = format!("{}/{}", slo.service, slo.name).into();
    let period = slo.period.longest();
    let mut questions = Vec::new();
    for window in slo.windows(pace.slice) {
        let every = (window / EDGE_PARTS).min(EVERY_MAX).max(pace.interval);
        let worth = match unit {
            QueryUnit::Events => 1.0,
            QueryUnit::EventsPerSecond => window.as_secs_f64(),
        };
        let of =
            |aspect, text, worth| Question { slo: id.clone(), window, aspect, text, every, worth };
        questions.push(of(Aspect::Total, total.over(window), worth));
        questions.push(of(Aspect::Part, part.over(window), worth));
        if window == period {
            let step = (period / LOOKS).max(pace.interval);
            let look = total.over(step);
            let (whole, step) = (length_name(period), length_name(step));
            let text = format!("count_over_time(({look})[{whole}:{step}])");
            questions.push(of(Aspect::Coverage, text, 1.0 / f64::from(LOOKS)));
        }
    }
    questions
}

/// Says whether an SLI has a form in PromQL.
pub(crate) fn is_asked(sli: &Sli) -> bool {
    queries(sli).is_some()
}

fn queries(sli: &Sli) -> Option<(Query, Query, QueryUnit)> {
    match sli {
        Sli::Query { total, part: EventsPart::Good(part) | EventsPart::Bad(part), unit } => {
            Some((total.clone(), part.clone(), *unit))
        }
        Sli::Events { total, part: EventsPart::Good(part) | EventsPart::Bad(part) } => {
            Some((sum(total), sum(part), QueryUnit::Events))
        }
        _ => None,
    }
}

/// Writes a sum of increases. A counter that isn't there counted nothing, once another one is.
fn sum(linear: &Linear) -> Query {
    let mut text = String::new();
    for (position, term) in linear.0.iter().enumerate() {
        let joint = if position == 0 { "" } else { " + " };
        let increase = increase(&term.selector);
        let (over, under) = (term.factor.numerator, term.factor.denominator);
        // Writing to a string can't fail.
        let _ = write!(text, "{joint}({over} * {increase} / {under})");
    }
    Query(text)
}

fn increase(selector: &Selector) -> String {
    format!("sum(increase({selector}[{}]))", Query::WINDOW)
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_spec::read;

    fn slo(sli: &str) -> Slo {
        let text = format!(
            "apiVersion: plimsoll/v1\nservice: shop\nslos:\n  - {{name: a, objective: 99%, window: 30d, \
             backend: prometheus, sli: {sli}}}\n"
        );
        let read = read("a.yml", &text).unwrap_or_else(|faults| panic!("{faults:?}"));
        read.slos.into_iter().next().expect("one")
    }

    const PACE: Pace = Pace { slice: Duration::from_secs(1), interval: Duration::from_secs(15) };

    #[test]
    fn each_window_is_asked_for_as_often_as_its_edge_moves() {
        let slo = slo("{events: {total: 'a_total{x=\"y\"}', bad: b_total}}");
        let questions = questions(&slo, PACE);
        let find = |window: u64, aspect| {
            let window = Duration::from_secs(window);
            let is = |each: &&Question| each.window == window && each.aspect == aspect;
            questions.iter().find(is).expect("asked")
        };
        let total = find(300, Aspect::Total);
        assert_eq!(total.text, "(1 * sum(increase(a_total{x=\"y\"}[5m])) / 1)");
        assert_eq!((total.every.as_secs(), total.worth), (15, 1.0));
        assert_eq!(find(3 * 86_400, Aspect::Part).every.as_secs(), 3_600);
        let coverage = find(30 * 86_400, Aspect::Coverage);
        let look = "(1 * sum(increase(a_total{x=\"y\"}[6h])) / 1)";
        assert_eq!(coverage.text, format!("count_over_time(({look})[30d:6h])"));
    }

    #[test]
    fn a_rate_is_worth_its_window() {
        let slo =
            slo("{query: {total: 'sum(rate(a[{{.window}}]))', bad: 'sum(rate(b[{{.window}}]))'}}");
        let questions = questions(&slo, PACE);
        let hour = questions.iter().find(|each| each.window.as_secs() == 3_600).expect("asked");
        assert_eq!((hour.text.as_str(), hour.worth), ("sum(rate(a[1h]))", 3_600.0));
    }
}
