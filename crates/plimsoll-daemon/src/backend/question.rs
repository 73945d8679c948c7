//! What is asked: the total and the counted part of each window of each SLO, in the expressions that
//! rules are written in.

use plimsoll_model::TimeMs;
use plimsoll_rules::slo::{Counted, counted};
use plimsoll_slo::{EventsPart, Period, Slo, length_name};
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
    /// The good or bad ones, whichever the SLI counts.
    Part,
    /// How often of so many looks there was data.
    Coverage,
}

/// One question.
#[derive(Clone, Debug)]
pub(super) struct Question {
    slo: Arc<Slo>,
    /// The SLO's id.
    pub(super) id: Arc<str>,
    /// The window's name: a period of the calendar is called by the longest that one can last.
    pub(super) window: Duration,
    pub(super) aspect: Aspect,
    interval: Duration,
}

/// A question as it is asked at one time.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Asking {
    pub(super) text: String,
    /// When it is asked again.
    pub(super) every: Duration,
    /// What one of the answer is worth.
    pub(super) worth: f64,
}

/// How finely an SLO is asked about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// The length of a slice, which windows are made of.
    pub(crate) slice: Duration,
    /// No window is asked for more often, and no gauge looked at.
    pub(crate) interval: Duration,
}

/// Returns every question about an SLO.
pub(super) fn questions(slo: &Arc<Slo>, pace: Pace) -> Vec<Question> {
    let id: Arc<str> = format!("{}/{}", slo.service, slo.name).into();
    let period = slo.period.longest();
    let of = |window, aspect| {
        let (slo, id) = (slo.clone(), id.clone());
        Question { slo, id, window, aspect, interval: pace.interval }
    };
    let windows = slo.windows(pace.slice).into_iter();
    windows
        .flat_map(|window| [(window, Aspect::Total), (window, Aspect::Part)])
        .chain([(period, Aspect::Coverage)])
        .map(|(window, aspect)| of(window, aspect))
        .collect()
}

impl Question {
    /// Writes it as of `now`; `None` for an SLI that has no form in PromQL, and for a period that
    /// has just begun.
    pub(super) fn asking(&self, now: TimeMs) -> Option<Asking> {
        let length = self.length(now);
        if length.is_zero() {
            return None;
        }
        let every = (length / EDGE_PARTS).min(EVERY_MAX).max(self.interval);
        let (text, worth) = match self.aspect {
            Aspect::Total => (self.counted(length)?.total, 1.0),
            Aspect::Part => {
                let (EventsPart::Good(part) | EventsPart::Bad(part)) = self.counted(length)?.part;
                (part, 1.0)
            }
            Aspect::Coverage => {
                let step = whole_ms((length / LOOKS).max(self.interval));
                let look = self.counted(step)?.total;
                let (whole, every) = (length_name(length), length_name(step));
                let text = format!("count_over_time(({look})[{whole}:{every}])");
                (text, step.as_secs_f64() / length.as_secs_f64())
            }
        };
        Some(Asking { text, every, worth })
    }

    /// Returns how far the window reaches back; a period of the calendar reaches to its start.
    fn length(&self, now: TimeMs) -> Duration {
        match self.slo.period {
            Period::Calendar { .. } if self.window == self.slo.period.longest() => {
                whole_ms(now.since(self.slo.period.span(now).start))
            }
            _ => self.window,
        }
    }

    fn counted(&self, window: Duration) -> Option<Counted> {
        counted(&self.slo, window, self.interval)
    }
}

/// PromQL writes no part of a millisecond.
fn whole_ms(length: Duration) -> Duration {
    Duration::from_millis(u64::try_from(length.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_spec::read;

    const SLI: &str =
        "{query: {total: 'sum(increase(a[{{.window}}]))', bad: 'sum(increase(b[{{.window}}]))'}}";

    const PACE: Pace = Pace { slice: Duration::from_secs(1), interval: Duration::from_secs(15) };

    fn slo(window: &str) -> Arc<Slo> {
        let text = format!(
            "apiVersion: plimsoll/v1\nservice: shop\nslos:\n  - {{name: a, objective: 99%, \
             window: {window}, backend: prometheus, sli: {SLI}}}\n"
        );
        let read = read("a.yml", &text).unwrap_or_else(|faults| panic!("{faults:?}"));
        Arc::new(read.slos.into_iter().next().expect("one"))
    }

    fn asking(slo: &Arc<Slo>, window: Duration, aspect: Aspect, now: TimeMs) -> Option<Asking> {
        let questions = questions(slo, PACE);
        let is = |each: &&Question| each.window == window && each.aspect == aspect;
        questions.iter().find(is).expect("a question").asking(now)
    }

    #[test]
    fn each_window_is_asked_for_as_often_as_its_edge_moves() {
        let slo = slo("30d");
        let ask = |seconds: u64, aspect| {
            asking(&slo, Duration::from_secs(seconds), aspect, TimeMs(0)).expect("has a form")
        };
        let total = ask(300, Aspect::Total);
        assert_eq!(total.text, "sum by () (sum(increase(a[5m])))");
        assert_eq!((total.every.as_secs(), total.worth), (15, 1.0));
        assert_eq!(ask(3 * 86_400, Aspect::Part).every.as_secs(), 3_600);
        let coverage = ask(30 * 86_400, Aspect::Coverage);
        let look = "sum by () (sum(increase(a[6h])))";
        assert_eq!(coverage.text, format!("count_over_time(({look})[30d:6h])"));
        assert_eq!(coverage.worth, 1.0 / 120.0);
    }

    #[test]
    fn looks_that_the_interval_makes_fewer_are_worth_more_each() {
        let slo = slo("1h");
        let coverage = asking(&slo, Duration::from_secs(3_600), Aspect::Coverage, TimeMs(0));
        assert_eq!(coverage.expect("has a form").worth, 30.0 / 3_600.0);
        let short = self::slo("10m");
        let coverage = asking(&short, Duration::from_secs(600), Aspect::Coverage, TimeMs(0));
        assert_eq!(coverage.expect("has a form").worth, 15.0 / 600.0, "not every 5 s");
    }

    #[test]
    fn a_period_of_the_calendar_is_asked_for_from_its_start() {
        let slo = slo("{calendar: day, timezone: Europe/Paris}");
        // 2026-03-29T00:00Z is one in the morning in Paris; at two the clocks go to three.
        let midnight = TimeMs(1_774_738_800_000);
        let (day, hour) = (slo.period.longest(), Duration::from_secs(3_600));
        let text = |now| asking(&slo, day, Aspect::Total, now).map(|asking| asking.text);
        assert_eq!(text(midnight + 8 * hour).as_deref(), Some("sum by () (sum(increase(a[8h])))"));
        assert_eq!(
            text(midnight + 23 * hour).as_deref(),
            Some("sum by () (sum(increase(a[23h])))"),
            "its last"
        );
        assert_eq!(text(midnight + 24 * hour).as_deref(), Some("sum by () (sum(increase(a[1h])))"));
    }
}
