//! The policy's decisions and the alerts' lives, by the words of the rules, over windows that were
//! summed from lists.

#![allow(clippy::expect_used, unreachable_pub, reason = "a module of one test")]

use super::truth::{Held, MINUTE, Truth};
use plimsoll_slo::{AlertName, Severity};

/// 90 %, in parts per million that may fail.
pub const ALLOWED: u128 = 100_000;
pub const PERIOD: i64 = 120 * MINUTE;
const NO_DATA_AFTER: i64 = 5 * MINUTE;

/// Severity, burn in thousandths, long and short in minutes, minutes that it pends.
pub const ROWS: [(Severity, u64, i64, i64, i64); 4] = [
    (Severity::Page, 3_000, 20, 5, 0),
    (Severity::Page, 2_000, 40, 10, 2),
    (Severity::Ticket, 1_500, 60, 15, 3),
    (Severity::Notice, 1_200, 100, 20, 0),
];

/// Returns the windows that the rules look at, in minutes.
pub fn lengths() -> [i64; 9] {
    [5, 10, 15, 20, 40, 60, 100, 119, 120]
}

/// What a window of so many minutes held, with the unknown events as whole numbers.
pub type Window<'a> = &'a dyn Fn(i64) -> (Held, u64);

/// One cause of an alert: whether it holds, whether it is surely over, and its waiting times.
#[derive(Clone, Copy, Debug)]
struct Cause {
    met: bool,
    over: bool,
    pending: i64,
    hold_off: i64,
}

fn exceeds(bad: u64, total: u64, burn: u64) -> bool {
    u128::from(bad) * 1_000_000_000 > u128::from(burn) * ALLOWED * u128::from(total)
}

fn is_under(bad: u64, total: u64, burn: u64) -> bool {
    total == 0 || u128::from(bad) * 1_000_000_000 < u128::from(burn) * ALLOWED * u128::from(total)
}

/// The upper bound is under the burn; where nothing was seen at all, nobody knows.
fn surely_under((held, unknown): (Held, u64), burn: u64) -> bool {
    let bad = held.bad + unknown + held.cut_bad;
    let total = held.good + held.bad + unknown + held.cut_bad;
    match total + held.cut_good {
        0 => held.known > 0 || held.expected == 0,
        _ => is_under(bad, total, burn),
    }
}

fn wilson(bad: u64, total: u64) -> f64 {
    let (n, p, z) = (total as f64, bad as f64 / total.max(1) as f64, 1.645_f64);
    let spread = z * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
    (p + z * z / (2.0 * n) - spread) / (1.0 + z * z / n)
}

/// The budget: what of it is spent at least, and at most.
struct Budget {
    held: Held,
    unknown: u64,
    period: i64,
}

impl Budget {
    fn new(truth: &Truth, window: Window) -> Self {
        let (held, unknown) = window(PERIOD / MINUTE);
        Self { held, unknown, period: PERIOD - truth.excluded_in(PERIOD) }
    }

    /// bad ÷ (allowed × total × period ÷ known) ≥ burn × length ÷ period.
    fn is_reached(&self, bad: u64, burn: u64, length: i64) -> bool {
        let total = u128::from(self.held.good + self.held.bad);
        let spent = u128::from(bad) * 1_000_000_000 * self.held.known as u128;
        bad > 0 && spent >= u128::from(burn) * ALLOWED * total * length as u128
    }

    fn exhausted(&self) -> Cause {
        let most = self.held.bad + self.unknown + self.held.cut_bad;
        Cause {
            met: self.is_reached(self.held.bad, 1_000, self.period),
            over: !self.is_reached(most, 1_000, self.period),
            pending: 0,
            hold_off: 15 * MINUTE,
        }
    }
}

/// Returns the causes of each alert, in the order of [`AlertName::ALL`].
fn causes(truth: &Truth, window: Window) -> [Vec<Cause>; 4] {
    let budget = Budget::new(truth, window);
    let mut of: [Vec<Cause>; 4] = Default::default();
    for (severity, burn, long, short, pending) in ROWS {
        let (held, unknown) = window(long);
        let total = held.good + held.bad + unknown + held.cut_good;
        let (near, near_unknown) = window(short);
        let near_bad = near.bad + near.cut_bad;
        let near_total = near_bad + near.good + near.cut_good + near_unknown;
        let threshold = burn as f64 * ALLOWED as f64 / 1e9;
        let met = exceeds(held.bad, total, burn)
            && exceeds(near_bad, near_total, burn)
            && budget.is_reached(held.bad, burn, long * MINUTE)
            && held.bad >= 5
            && wilson(held.bad, total) > threshold;
        let near_under = surely_under(window(short), burn);
        let over = !met && (near_under || surely_under(window(long), burn));
        let (pending, hold_off) = (pending * MINUTE, short * MINUTE);
        let at = match severity {
            Severity::Page => 0,
            Severity::Ticket => 2,
            Severity::Notice => 3,
        };
        of[at].push(Cause { met, over, pending, hold_off });
        if severity == Severity::Page {
            let met = near_bad >= 20 && near_bad * 10 >= near_total * 9;
            of[at].push(Cause { met, over: near_under, pending, hold_off });
        }
    }
    of[1].push(no_data(truth, window));
    of[2].push(coverage(truth, window));
    of[2].push(budget.exhausted());
    of
}

fn no_data(truth: &Truth, window: Window) -> Cause {
    let (recent, _) = window(NO_DATA_AFTER / MINUTE);
    let is_blind = recent.known == 0 && recent.expected > 0;
    let waiting_since = truth.last_known().max(truth.excluded_until());
    let waited = waiting_since.is_some_and(|since| truth.now - since >= NO_DATA_AFTER);
    let met = is_blind && truth.last_known().is_some() && waited;
    Cause { met, over: !is_blind, pending: 0, hold_off: 5 * MINUTE }
}

/// Looks at the longest of the short windows.
fn coverage(truth: &Truth, window: Window) -> Cause {
    let (held, _) = window(20);
    let below = held.known * 100 < held.expected * 90;
    let lost = held.expected - held.known >= NO_DATA_AFTER;
    let met = below && lost && truth.last_known().is_some();
    Cause { met, over: !below, pending: 0, hold_off: 15 * MINUTE }
}

#[derive(Clone, Debug, Default)]
struct Life {
    pending_since: Option<i64>,
    firing_since: Option<i64>,
    held: Vec<bool>,
    quiet_since: Option<i64>,
    hold_off: i64,
}

/// The four alerts of an SLO.
#[derive(Clone, Debug, Default)]
pub struct AlertLives([Life; 4]);

impl AlertLives {
    /// Takes a step; what fires, and since when, by [`AlertName::ALL`].
    pub fn step(&mut self, truth: &Truth, window: Window) -> [Option<i64>; 4] {
        if !truth.is_excluded() {
            let causes = causes(truth, window);
            for (at, causes) in causes.iter().enumerate() {
                // Whoever was paged for a burn isn't paged for the dark as well.
                let is_told =
                    AlertName::ALL[at] == AlertName::NoData && self.0[0].firing_since.is_some();
                self.0[at].step(truth.now, causes, is_told);
            }
        }
        self.0.each_ref().map(|life| life.firing_since)
    }
}

impl Life {
    fn step(&mut self, now: i64, causes: &[Cause], is_told: bool) {
        let met: Vec<&Cause> = causes.iter().filter(|cause| cause.met).collect();
        if self.firing_since.is_none() && self.pending_since.is_none() {
            if met.is_empty() || is_told {
                return;
            }
            *self = Self { pending_since: Some(now), ..Self::default() };
        }
        self.held.resize(causes.len(), false);
        for (held, cause) in self.held.iter_mut().zip(causes) {
            *held = cause.met || (*held && !cause.over);
        }
        let kept = causes.iter().zip(&self.held).filter(|(_, held)| **held);
        if let Some(longest) = kept.map(|(cause, _)| cause.hold_off).max() {
            self.hold_off = longest;
        }
        if let Some(since) = self.pending_since {
            match met.iter().map(|cause| cause.pending).min() {
                None => *self = Self::default(),
                Some(pending) if now - since >= pending => {
                    (self.pending_since, self.firing_since) = (None, Some(now));
                }
                Some(_) => {}
            }
        } else if self.held.contains(&true) {
            self.quiet_since = None;
        } else if now - *self.quiet_since.get_or_insert(now) >= self.hold_off {
            *self = Self::default();
        }
    }
}
