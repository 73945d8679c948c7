//! The account book of one SLO and group.

use crate::amendment::Amendment;
use crate::aside::{Aside, spread};
use crate::composite::Derived;
use crate::excluded::{NEVER, Spans};
use crate::gap::{Gap, Gaps};
use crate::kept::{ledger_key, millis};
use crate::lag::LagBook;
use crate::recent::Recent;
use crate::silence::Silence;
use crate::so_far::SoFar;
use crate::steps::Steps;
use crate::tally::{Pieces, Tally};
use crate::tier::Tiers;
use plimsoll_model::{Counts, Labels, TimeMs, WindowCounts};
use plimsoll_slo::{Period, Sli, Slo, Span, Windows};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// The slots that one period of history has, at most.
const HISTORY_SLOTS: u64 = 8640;

/// What a window shows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Seen {
    /// Without what is excluded, and corrected.
    Counted,
    /// As it was observed.
    Observed,
}

/// What is known about one SLO, or about one group of an SLO with `by`.
#[derive(Clone, Debug)]
pub struct Ledger {
    id: String,
    /// What an archive knows it by.
    pub(crate) key: String,
    slo: Arc<Slo>,
    group: Labels,
    pub(crate) slice_ms: i64,
    history_ms: i64,
    pub(crate) tiers: Tiers,
    /// What the present period held, if it is one of the calendar.
    pub(crate) so_far: Option<Box<SoFar>>,
    /// What exclusions leave out, once they left something out.
    pub(crate) aside: Option<Box<Aside>>,
    excluded: Option<Box<Spans>>,
    /// What it held of late, if it is a part of an `all_of`.
    pub(crate) steps: Option<Box<Steps>>,
    /// What a weighted composite's windows hold.
    pub(crate) derived: Option<Box<Derived>>,
    pub(crate) amendments: Box<[Amendment]>,
    pub(crate) gaps: Gaps,
    /// By feed.
    silent: BTreeMap<usize, Silence>,
    pub(crate) lag: Option<Box<LagBook>>,
    /// By feed.
    between_edges: BTreeMap<usize, (f64, f64)>,
    pub(crate) now: Option<TimeMs>,
    pub(crate) watched_since: Option<TimeMs>,
    pub(crate) last_known: Option<TimeMs>,
    counted: Counts,
    /// What was added since the last whole checkpoint, by the start of its slot of history.
    pub(crate) fresh: BTreeMap<i64, Tally>,
    /// What the last whole checkpoint took, and when: its writing takes a while.
    pub(crate) handed: BTreeMap<i64, Tally>,
    pub(crate) handed_at: Option<TimeMs>,
}

impl Ledger {
    /// Makes an empty one with these windows.
    pub(crate) fn new(slo: Arc<Slo>, group: Labels, slice: Duration, windows: &[Duration]) -> Self {
        let slice_ms = i64::try_from(slice.as_millis()).unwrap_or(i64::MAX).max(1);
        let slices = |length: Duration| slices(length, slice_ms);
        Self {
            id: format!("{}/{}{group}", slo.service, slo.name),
            key: ledger_key(&slo, &group),
            tiers: Tiers::new(windows.iter().copied().map(slices).collect()),
            so_far: match slo.period {
                Period::Rolling(_) => None,
                Period::Calendar { .. } => Some(Box::new(SoFar::new(slo.period, slice_ms))),
            },
            aside: None,
            excluded: None,
            steps: None,
            derived: None,
            amendments: Box::default(),
            gaps: Gaps::default(),
            silent: BTreeMap::new(),
            lag: matches!(slo.sli, Sli::Lag { .. } | Sli::Up { .. }).then(Box::default),
            between_edges: BTreeMap::new(),
            now: None,
            watched_since: None,
            last_known: None,
            counted: Counts::default(),
            fresh: BTreeMap::new(),
            handed: BTreeMap::new(),
            handed_at: None,
            slice_ms,
            history_ms: history_ms(&slo, slice_ms),
            slo,
            group,
        }
    }

    /// Returns `service/slo`, or `service/slo{k="v"}` for a group.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns the SLO.
    pub fn slo(&self) -> &Arc<Slo> {
        &self.slo
    }

    /// Returns the values of the SLO's `by` labels; empty without `by`.
    pub fn group(&self) -> &Labels {
        &self.group
    }

    /// Returns the two histogram edges, in the histogram's own unit, that the SLO's threshold lies
    /// between when it is no edge of what is scraped: what fell between them is unknown.
    pub fn between_edges(&self) -> Option<(f64, f64)> {
        self.between_edges.values().next().copied()
    }

    /// Returns everything that was counted since this process began, which only grows.
    pub fn counted(&self) -> Counts {
        self.counted
    }

    /// Returns how many bytes of memory the windows hold.
    pub fn memory(&self) -> usize {
        let aside = self.aside.as_ref().map_or(0, |aside| aside.memory());
        size_of::<Self>() + self.tiers.memory() + self.gaps.memory() + aside
    }

    pub(crate) fn set_between_edges(&mut self, feed: usize, edges: Option<(f64, f64)>) {
        match edges {
            Some(edges) => self.between_edges.insert(feed, edges),
            None => self.between_edges.remove(&feed),
        };
    }

    /// Moves the windows' end to `now`.
    pub(crate) fn advance(&mut self, now: TimeMs) {
        self.watched_since.get_or_insert(now);
        self.now = self.now.max(Some(now));
        let slice = slice_ending(now, self.slice_ms);
        self.tiers.advance(slice);
        self.so_far.iter_mut().for_each(|so_far| so_far.advance(slice));
        self.aside.iter_mut().for_each(|aside| aside.advance(slice));
        let oldest = now - self.slo.period.longest();
        self.excluded.iter_mut().for_each(|spans| spans.forget(oldest));
        if let Some(mut lag) = self.lag.take() {
            lag.close(now, self.slice_ms, |first, slices, tally| {
                let from = TimeMs(first * self.slice_ms);
                self.spread(from, TimeMs((first + slices) * self.slice_ms), tally);
            });
            self.lag = Some(lag);
        }
        let tiers = &self.tiers;
        self.gaps.forget(|slice| tiers.step_at(slice));
    }

    /// Adds what the stretch that began at `from` held to the slice that ends it.
    pub(crate) fn add(&mut self, from: TimeMs, at: TimeMs, tally: Tally) {
        let slice = slice_ending(at, self.slice_ms);
        self.steps.iter_mut().for_each(|steps| steps.record(from, at, tally, self.slice_ms));
        if self.excluded().hold(TimeMs((slice + 1) * self.slice_ms)) {
            self.aside().add(slice, tally);
        } else {
            self.tiers.add(slice, tally);
            self.so_far.iter_mut().for_each(|so_far| so_far.add(slice, tally));
        }
        self.remember(slice * self.slice_ms, tally);
        self.note(from, at, tally);
    }

    /// Adds what a stretch held to all of its slices, in proportion to their length.
    pub(crate) fn spread(&mut self, from: TimeMs, to: TimeMs, tally: Tally) {
        self.tiers.advance(slice_ending(to, self.slice_ms));
        self.steps.iter_mut().for_each(|steps| steps.record(from, to, tally, self.slice_ms));
        self.lay(from, to, tally);
        let history_ms = self.history_ms();
        let mut pieces = Pieces::new(from, to, tally);
        while let Some(at) = pieces.at() {
            let piece = pieces.until((at.div_euclid(history_ms) + 1) * history_ms);
            self.remember(at, piece);
        }
        self.note(from, to, tally);
    }

    /// Adds what a stretch held to its windows alone.
    pub(crate) fn lay(&mut self, from: TimeMs, to: TimeMs, tally: Tally) {
        let mut runs = Pieces::new(from, to, tally);
        while let Some(at) = runs.at() {
            let (is_excluded, until) = self.excluded().run(at);
            let (tally, start, end) = (runs.until(until), TimeMs(at), TimeMs(until.min(to.0)));
            if is_excluded {
                let slice_ms = self.slice_ms;
                self.aside().spread(start, end, tally, slice_ms);
            } else {
                spread(&mut self.tiers, self.slice_ms, Pieces::new(start, end, tally));
                self.so_far.iter_mut().for_each(|so_far| so_far.spread(start, end, tally));
            }
        }
    }

    pub(crate) fn aside(&mut self) -> &mut Aside {
        let (period, slice_ms) = (self.slo.period, self.slice_ms);
        let whole = slices(period.longest(), slice_ms);
        self.aside.get_or_insert_with(|| Box::new(Aside::new(period, whole, slice_ms)))
    }

    /// Counts an amendment from now on; those that it covers count no more.
    pub(crate) fn amend(&mut self, amendment: Amendment) {
        let mut amendments = std::mem::take(&mut self.amendments).into_vec();
        amendments.retain(|other| other.span.overlap(amendment.span).is_zero());
        amendments.push(amendment);
        self.amendments = amendments.into();
    }

    pub(crate) fn excluded(&self) -> &Spans {
        self.excluded.as_deref().unwrap_or(&NEVER)
    }

    /// Leaves a stretch out from now on.
    pub(crate) fn exclude(&mut self, span: Span) {
        self.excluded.get_or_insert_default().add(span);
    }

    /// Notes that the increase over a gap, already added, happened anywhere within it.
    pub(crate) fn add_gap(&mut self, from: TimeMs, to: TimeMs, counts: Counts) {
        let last = slice_ending(to, self.slice_ms);
        let is_excluded = self.excluded().hold(TimeMs((last + 1) * self.slice_ms));
        if counts != Counts::default() && !is_excluded {
            self.gaps.add(Gap { first: from.0.div_euclid(self.slice_ms), last, counts });
        }
    }

    /// Notes that `feed` is silent; a silence that is already known goes on.
    pub(crate) fn fall_silent(&mut self, feed: usize, silence: Silence) {
        self.silent.entry(feed).or_insert(silence);
    }

    /// Notes that `feed` speaks again, or is expected no longer.
    pub(crate) fn end_silence(&mut self, feed: usize) {
        self.silent.remove(&feed);
    }

    /// Returns what its history holds that may not be in the archive yet.
    pub fn recent(&self) -> Recent {
        let now = self.now.unwrap_or_default();
        let open = self.silent.values().map(|silence| {
            let ms = u64::try_from(now.since(silence.since).as_millis()).unwrap_or(u64::MAX);
            (silence.since, now, silence.tally(ms))
        });
        Recent {
            slot_ms: self.history_ms(),
            fresh: self.fresh.clone(),
            handed: self.handed.clone(),
            handed_at: self.handed_at,
            open: open.collect(),
        }
    }

    /// Forgets whom it was fed by; what they said stays.
    pub(crate) fn forget_feeds(&mut self) {
        self.silent.clear();
        self.lag.iter_mut().for_each(|lag| lag.forget_feeds());
        self.steps.iter_mut().for_each(|steps| steps.forget_feeds());
        self.counted = Counts::default();
    }

    /// Returns the length of a slot of history: whole slices.
    pub fn history_slot(&self) -> Duration {
        Duration::from_millis(self.history_ms.unsigned_abs())
    }

    /// Returns the same in milliseconds.
    pub(crate) fn history_ms(&self) -> i64 {
        self.history_ms
    }

    /// Puts what slots hold together with what is open: gaps that the edge cuts, feeds that are
    /// silent, corrections.
    fn hold(&self, tally: Tally, first: i64, from: TimeMs, seen: Seen) -> WindowCounts {
        let cut = self.gaps.cut(first);
        let mut tally = tally.minus(Tally { counts: cut, ..Tally::default() });
        for silence in self.silent.values() {
            let Some(now) = self.now else { break };
            let open = Span { start: silence.since.max(from), end: now };
            let mut length = open.length();
            if seen == Seen::Counted {
                length = length.saturating_sub(self.excluded().overlap(open));
            }
            tally = tally.plus(silence.tally(millis(length)));
        }
        if seen == Seen::Counted {
            let amended = self.amendments.iter();
            tally = amended.fold(tally, |tally, amendment| amendment.apply(tally, from));
        }
        WindowCounts {
            counts: tally.counts,
            cut,
            rate_unknown: tally.unrated_ms > 0,
            known: Duration::from_millis(tally.expected_ms.saturating_sub(tally.missing_ms)),
            expected: Duration::from_millis(tally.expected_ms),
        }
    }

    fn remember(&mut self, at_ms: i64, tally: Tally) {
        let history_ms = self.history_ms();
        let slot = self.fresh.entry(at_ms.div_euclid(history_ms) * history_ms).or_default();
        *slot = slot.plus(tally);
        self.counted += tally.counts;
    }

    fn note(&mut self, from: TimeMs, to: TimeMs, tally: Tally) {
        if tally.expected_ms > 0 {
            self.watched_since = Some(self.watched_since.map_or(from, |since| since.min(from)));
        }
        if tally.expected_ms > tally.missing_ms {
            self.last_known = self.last_known.max(Some(to));
        }
    }
}

impl Windows for Ledger {
    fn slice(&self) -> Duration {
        Duration::from_millis(self.slice_ms.unsigned_abs())
    }

    fn window(&self, length: Duration) -> WindowCounts {
        if let Some(derived) = &self.derived {
            return derived.window(length);
        }
        let (tally, first) = self.tiers.window(slices(length, self.slice_ms));
        let from = self.now.map_or(TimeMs(i64::MIN), |now| now - length);
        self.hold(tally, first, from, Seen::Counted)
    }

    fn period(&self) -> WindowCounts {
        if let Some(derived) = &self.derived {
            return derived.period;
        }
        let Some(so_far) = &self.so_far else { return self.window(self.slo.period.longest()) };
        self.hold(so_far.tally, so_far.first(), so_far.start(), Seen::Counted)
    }

    fn observed(&self) -> WindowCounts {
        if let Some(derived) = &self.derived {
            return derived.observed;
        }
        let aside = self.aside.as_ref().map(|aside| aside.tally()).unwrap_or_default();
        let (tally, first, from) = match &self.so_far {
            Some(so_far) => (so_far.tally, so_far.first(), so_far.start()),
            None => {
                let length = self.slo.period.longest();
                let (tally, first) = self.tiers.window(slices(length, self.slice_ms));
                (tally, first, self.now.map_or(TimeMs(i64::MIN), |now| now - length))
            }
        };
        self.hold(tally.plus(aside), first, from, Seen::Observed)
    }

    fn excluded_until(&self) -> Option<TimeMs> {
        self.excluded().last_begun(self.now?)
    }

    fn watched_since(&self) -> TimeMs {
        self.watched_since.or(self.now).unwrap_or_default()
    }

    fn last_known(&self) -> Option<TimeMs> {
        self.last_known
    }
}

/// Returns the length of a slot of history: whole slices.
fn history_ms(slo: &Slo, slice_ms: i64) -> i64 {
    let slot_ms = slo.period.longest().as_millis() as u64 / HISTORY_SLOTS;
    (slot_ms as i64 / slice_ms).max(1) * slice_ms
}

/// Returns the slice that ends at `at` or holds it: slices are open at their start.
fn slice_ending(at: TimeMs, slice_ms: i64) -> i64 {
    at.0.saturating_sub(1).div_euclid(slice_ms)
}

fn slices(length: Duration, slice_ms: i64) -> i64 {
    // At each step for each window: narrow integers cost a fraction of `as_millis`.
    let whole_ms = length.as_secs().saturating_mul(1_000);
    let length_ms = i64::try_from(whole_ms.saturating_add(length.subsec_millis().into()));
    (length_ms.unwrap_or(i64::MAX).saturating_add(slice_ms / 2) / slice_ms).max(1)
}
