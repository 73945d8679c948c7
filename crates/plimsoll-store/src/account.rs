//! What one target says about one ledger: increases in, counts out.

use crate::increase::{Life, Reading};
use crate::ledger::Ledger;
use crate::reckoning::Reckoning;
use crate::silence::Silence;
use crate::tally::Tally;
use plimsoll_model::{Counts, Labels, TimeMs};
use std::collections::HashMap;

/// How fast a rate forgets: what is older than this weighs less than 1/e.
const RATE_MEMORY_MS: f64 = 600_000.0;

/// Two edges are the same when they differ by less than this part of them.
const EDGE_TOLERANCE: f64 = 1e-9;

/// What an increase is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    /// All of them.
    Total,
    /// The good or bad ones that are named, the saturated time, or those in the bucket that ends
    /// at or below the threshold.
    Named,
    /// Those in the bucket that ends at or above the threshold, or the events that nobody could judge.
    Upper,
}

/// Increases that aren't counts yet, in units. What doesn't fit, because a body was cut between two
/// counters, or makes no whole event waits for the next scrape; what a sum of counters is below zero
/// is taken off it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pending {
    pub(crate) total: i64,
    pub(crate) named: i64,
    pub(crate) upper: i64,
}

/// What is known about the process since an account was last settled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Doubt {
    /// The process started then.
    pub(crate) started: Option<TimeMs>,
    /// It may have been restarted unseen: it has no start time, and a counter fell or scrapes were
    /// missed.
    pub(crate) untold: bool,
    /// Scrapes were missed.
    pub(crate) gap: bool,
}

/// What one scrape brought.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Round {
    pub(crate) refused: bool,
    pub(crate) sampled: bool,
    pub(crate) reset: bool,
    /// A counter was there before the SLO looked at it.
    pub(crate) baseline: bool,
    pub(crate) over: bool,
    /// Counters of time that had an increase, zero included.
    pub(crate) timed: u64,
}

impl Doubt {
    fn learn(&mut self, passage: &Passage, round: &Round) {
        self.gap |= passage.gap;
        self.untold |= round.baseline;
        match passage.life {
            Life::Started(start) => self.started = Some(start),
            Life::Untold => self.untold |= passage.gap || round.reset,
            Life::Same => {}
        }
    }
}

/// The known rate of a feed: counts and time, both forgotten at the same pace.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Rate {
    pub(crate) counts: f64,
    pub(crate) ms: f64,
}

impl Rate {
    fn learn(&mut self, counts: u64, ms: u64) {
        let kept = (-(ms as f64) / RATE_MEMORY_MS).exp();
        self.counts = self.counts * kept + counts as f64;
        self.ms = self.ms * kept + ms as f64;
    }

    fn per_ms(self) -> Option<f64> {
        (self.ms > 0.0).then(|| self.counts / self.ms)
    }
}

/// The buckets next to the threshold, of one label set: edge and meter.
#[derive(Clone, Copy, Debug, Default)]
struct Edges {
    lower: Option<(f64, u32)>,
    upper: Option<(f64, u32)>,
}

/// A scrape, as an account sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Passage {
    /// The target's number.
    pub(crate) feed: usize,
    /// When it was.
    pub(crate) at: TimeMs,
    /// When the successful one before was, or when the first process that was seen started.
    pub(crate) before: Option<TimeMs>,
    pub(crate) life: Life,
    /// Scrapes were missed in between.
    pub(crate) gap: bool,
    /// Since when the first one was awaited, if this is the first.
    pub(crate) awaited: Option<TimeMs>,
    /// Until when a gauge stands.
    pub(crate) until: TimeMs,
}

/// What one target says about one ledger.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) ledger: usize,
    reckoning: Reckoning,
    pub(crate) pending: Pending,
    /// Until when everything is settled.
    pub(crate) settled: Option<TimeMs>,
    pub(crate) rate: Rate,
    /// Silent since `settled`.
    pub(crate) open: bool,
    /// Since when the first scrape was awaited: unknown time, as soon as there is a rate for it.
    pub(crate) awaited: Option<TimeMs>,
    /// What scrapes that couldn't be settled said about the process.
    pub(crate) doubt: Doubt,
    pub(crate) round: Round,
    edges: HashMap<Labels, Edges>,
}

impl Account {
    pub(crate) fn new(ledger: usize, reckoning: Reckoning) -> Self {
        Self {
            ledger,
            reckoning,
            pending: Pending::default(),
            settled: None,
            rate: Rate::default(),
            open: false,
            awaited: None,
            doubt: Doubt::default(),
            round: Round::default(),
            edges: HashMap::new(),
        }
    }

    pub(crate) fn scale(&self) -> f64 {
        self.reckoning.scale()
    }

    /// Says whether a bucket of the histogram `labels` (without `le`) is of use: all, or one that
    /// is nearer to the threshold than those known.
    pub(crate) fn wants_bucket(&self, labels: &Labels, le: f64) -> bool {
        let edges = self.edges.get(labels).copied().unwrap_or_default();
        le == f64::INFINITY || self.is_lower(edges, le) || self.is_upper(edges, le)
    }

    /// Takes a bucket into account: returns what its meter stands for from now on, and which meter
    /// that takes over from.
    pub(crate) fn wire_bucket(
        &mut self,
        labels: Labels,
        le: f64,
        meter: u32,
    ) -> Vec<(Slot, Option<u32>)> {
        let mut edges = self.edges.get(&labels).copied().unwrap_or_default();
        let mut wires = Vec::new();
        if le == f64::INFINITY {
            wires.push((Slot::Total, None));
        }
        if self.is_lower(edges, le) {
            let replaced = edges.lower.replace((le, meter));
            wires.push((Slot::Named, replaced.map(|(_, meter)| meter)));
        }
        if self.is_upper(edges, le) {
            let replaced = edges.upper.replace((le, meter));
            wires.push((Slot::Upper, replaced.map(|(_, meter)| meter)));
        }
        self.edges.insert(labels, edges);
        wires
    }

    fn is_lower(&self, edges: Edges, le: f64) -> bool {
        let Reckoning::Buckets { threshold, .. } = self.reckoning else { return false };
        le <= threshold * (1.0 + EDGE_TOLERANCE) && edges.lower.is_none_or(|(edge, _)| edge < le)
    }

    fn is_upper(&self, edges: Edges, le: f64) -> bool {
        let Reckoning::Buckets { threshold, .. } = self.reckoning else { return false };
        le >= threshold * (1.0 - EDGE_TOLERANCE) && edges.upper.is_none_or(|(edge, _)| edge > le)
    }

    /// Forgets the buckets: a new process may lay them out anew. What the old one counted in a
    /// silence that it didn't live to end is unknown like the rest of it: nobody can tell any more
    /// how much of that was bad.
    pub(crate) fn unwire(&mut self) {
        self.edges.clear();
        if self.open {
            self.pending = Pending::default();
        }
    }

    /// Returns the edges that the threshold lies between, if it is none.
    pub(crate) fn between_edges(&self) -> Option<(f64, f64)> {
        self.edges.values().find_map(|edges| {
            let lower = edges.lower.map_or(0.0, |(edge, _)| edge);
            let upper = edges.upper.map_or(f64::INFINITY, |(edge, _)| edge);
            (upper - lower > upper * EDGE_TOLERANCE).then_some((lower, upper))
        })
    }

    pub(crate) fn take_reading(&mut self, slot: Slot, worth: i64, reading: Reading) {
        self.round.sampled = true;
        let (Reading::Increase(more) | Reading::Reset(more)) = reading else { return };
        self.round.reset |= matches!(reading, Reading::Reset(_));
        self.round.timed += 1;
        let pending = match slot {
            Slot::Total => &mut self.pending.total,
            Slot::Named => &mut self.pending.named,
            Slot::Upper => &mut self.pending.upper,
        };
        let more = i64::try_from(more).unwrap_or(i64::MAX).saturating_mul(worth);
        *pending = pending.saturating_add(more);
    }

    pub(crate) fn take_gauge(&mut self, value: f64) {
        self.round.sampled = true;
        self.round.over |= match self.reckoning {
            Reckoning::Lag { at_most } => value > at_most,
            Reckoning::Up => value != 1.0,
            _ => false,
        };
    }

    /// Notes that a counter's past isn't known: what it counted since the last settlement is lost.
    pub(crate) fn take_baseline(&mut self) {
        self.round.baseline = true;
    }

    /// Notes that a sample was refused: the interval is unknown until a good one closes it.
    pub(crate) fn take_refusal(&mut self) {
        self.round.refused = true;
    }

    /// Turns what a scrape brought into counts.
    pub(crate) fn settle(&mut self, passage: &Passage, ledger: &mut Ledger) {
        let round = std::mem::take(&mut self.round);
        if let Some(steps) = ledger.steps.as_deref_mut() {
            // A gauge stands for two intervals.
            steps.say(passage.feed, passage.at, passage.until.since(passage.at) / 2);
        }
        let blind = round.refused || (self.reckoning.needs_samples() && !round.sampled);
        if let (true, Some(lag)) = (self.reckoning.is_gauge(), ledger.lag.as_mut()) {
            lag.await_word(passage.feed);
            match blind {
                true => lag.silence(passage.feed, passage.at),
                false => lag.say(passage.feed, round.over, passage.until),
            }
            return;
        }
        self.doubt.learn(passage, &round);
        if blind {
            return self.fall_silent(passage.feed, ledger);
        }
        let first = passage.before.filter(|_| passage.life != Life::Untold || self.has_pending());
        match self.settled.or(first) {
            Some(from) => self.post(from, passage.at, round.timed, ledger),
            None => self.awaited = passage.awaited,
        }
        self.doubt = Doubt::default();
        self.settled = Some(passage.at);
        self.open = false;
        ledger.end_silence(passage.feed);
    }

    fn has_pending(&self) -> bool {
        self.pending != Pending::default()
    }

    /// Posts the stretch from `from` to `at`; `timed` counters of time were read at its end.
    fn post(&mut self, from: TimeMs, at: TimeMs, timed: u64, ledger: &mut Ledger) {
        let Doubt { started, untold, gap } = self.doubt;
        // Without a start time nobody can tell a gap without a restart from one with: what was
        // counted is then a lower bound, and all of its time unknown.
        let counted_from = started.map_or(from, |start| start.clamp(from, at));
        let known_from = if untold { at } else { counted_from };
        let counts = self.take_counts(ms_between(counted_from, at) * timed);
        let known_ms = ms_between(known_from, at);
        let known = Tally { expected_ms: known_ms, ..Tally::default() };
        if gap || self.open {
            ledger.spread(known_from, at, known);
            ledger.add(counted_from, at, Tally { counts, ..Tally::default() });
            ledger.add_gap(counted_from, at, counts);
        } else {
            ledger.add(known_from, at, Tally { counts, ..known });
        }
        let before = self.rate.per_ms();
        if known_ms > 0 {
            self.rate.learn(counts.known().saturating_add(counts.unknown), known_ms);
        }
        let rate = self.rate.per_ms();
        if let Some(since) = self.awaited.take_if(|_| rate.is_some()) {
            let lost = Silence { since, rate };
            ledger.spread(since, from, lost.tally(ms_between(since, from)));
        }
        if known_from > from {
            // A first rate is also the best guess for what came just before it.
            let rate = before.or(rate).filter(|_| !(untold && gap));
            let lost = Silence { since: from, rate };
            ledger.spread(from, known_from, lost.tally(ms_between(from, known_from)));
        }
    }

    /// Takes the counts out of what is pending; `passed_ms` is the time that levels were watched.
    fn take_counts(&mut self, passed_ms: u64) -> Counts {
        let (units, pending) = (self.reckoning.units(), &mut self.pending);
        if self.reckoning == Reckoning::Saturated {
            pending.total = i64::try_from(passed_ms).unwrap_or(i64::MAX);
        }
        let total = whole(pending.total, units);
        let named = whole(pending.named, units).min(total);
        take(&mut pending.total, total, units);
        take(&mut pending.named, named, units);
        match self.reckoning {
            Reckoning::Good { .. } | Reckoning::Bad { .. } | Reckoning::Saturated => {
                let unknown = whole(pending.upper, units).min(total - named);
                take(&mut pending.upper, unknown, units);
                let rest = total - named - unknown;
                match self.reckoning {
                    Reckoning::Good { .. } => Counts { good: named, bad: rest, unknown },
                    _ => Counts { good: rest, bad: named, unknown },
                }
            }
            Reckoning::Buckets { .. } => {
                let upper = whole(pending.upper, units).clamp(named, total);
                pending.upper = pending.upper.saturating_sub_unsigned(upper).max(0);
                Counts { good: named, bad: total - upper, unknown: upper - named }
            }
            Reckoning::Lag { .. } | Reckoning::Up => Counts::default(),
        }
    }

    /// Notes that nothing was heard since the last settlement.
    pub(crate) fn fall_silent(&mut self, feed: usize, ledger: &mut Ledger) {
        if let Some(since) = self.settled {
            self.open = true;
            ledger.fall_silent(feed, Silence { since, rate: self.rate.per_ms() });
        }
    }

    /// Notes that the scrape at `at` failed.
    pub(crate) fn miss(&mut self, feed: usize, at: TimeMs, ledger: &mut Ledger) {
        match ledger.lag.as_mut() {
            Some(lag) => lag.silence(feed, at),
            None => self.fall_silent(feed, ledger),
        }
    }

    /// Settles what is left when the target goes at `at`: what was silent stays unknown.
    pub(crate) fn leave(&mut self, feed: usize, at: TimeMs, ledger: &mut Ledger) {
        if let Some(lag) = ledger.lag.as_mut() {
            lag.leave(feed);
        }
        ledger.end_silence(feed);
        ledger.steps.iter_mut().for_each(|steps| steps.leave(feed));
        if let (true, Some(since)) = (self.open, self.settled) {
            let lost = Silence { since, rate: self.rate.per_ms() };
            ledger.spread(since, at, lost.tally(ms_between(since, at)));
        }
    }
}

fn ms_between(from: TimeMs, to: TimeMs) -> u64 {
    u64::try_from(to.since(from).as_millis()).unwrap_or(u64::MAX)
}

/// Returns how many whole events so many units make; none while they are below zero.
fn whole(pending: i64, units: u64) -> u64 {
    u64::try_from(pending).map_or(0, |pending| pending / units.max(1))
}

fn take(pending: &mut i64, events: u64, units: u64) {
    *pending = pending.saturating_sub_unsigned(events.saturating_mul(units));
}
