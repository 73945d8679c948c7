//! Time slices of a lag: a slice is bad if any partition was over the threshold in it.

use plimsoll_model::{Counts, TimeMs};
use std::collections::BTreeMap;

use crate::tally::Tally;

/// What one target last said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) over: bool,
    /// Some partition was over since the last slice was closed.
    pub(crate) over_since: bool,
    /// Until when it stands.
    pub(crate) until: TimeMs,
}

/// What every target last said, and the slices closed so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct LagBook {
    verdicts: BTreeMap<usize, Verdict>,
    /// The last slice that was closed.
    closed: Option<i64>,
}

impl LagBook {
    /// Expects `feed` from now on, without a word from it yet.
    pub(crate) fn await_word(&mut self, feed: usize) {
        let nothing = Verdict { over: false, over_since: false, until: TimeMs(i64::MIN) };
        self.verdicts.entry(feed).or_insert(nothing);
    }

    /// Takes what `feed` says; it stands until `until`.
    pub(crate) fn say(&mut self, feed: usize, over: bool, until: TimeMs) {
        let over_since = over || self.verdicts.get(&feed).is_some_and(|last| last.over_since);
        self.verdicts.insert(feed, Verdict { over, over_since, until });
    }

    /// Notes that `feed` said nothing at `at`: the slice that ends there is unknown too.
    pub(crate) fn silence(&mut self, feed: usize, at: TimeMs) {
        if let Some(verdict) = self.verdicts.get_mut(&feed) {
            verdict.until = verdict.until.min(TimeMs(at.0.saturating_sub(1)));
        }
    }

    /// Expects nothing of `feed` any more.
    pub(crate) fn leave(&mut self, feed: usize) {
        self.verdicts.remove(&feed);
    }

    /// Returns what `feed` last said.
    pub(crate) fn verdict_of(&self, feed: usize) -> Option<Verdict> {
        self.verdicts.get(&feed).copied()
    }

    /// Takes up again what `feed` said before a restart.
    pub(crate) fn restore_verdict(&mut self, feed: usize, verdict: Verdict) {
        self.verdicts.insert(feed, verdict);
    }

    /// Expects nothing of anyone any more.
    pub(crate) fn forget_feeds(&mut self) {
        self.verdicts.clear();
    }

    pub(crate) fn closed(&self) -> Option<i64> {
        self.closed
    }

    pub(crate) fn restore(&mut self, closed: Option<i64>) {
        self.closed = closed;
    }

    /// Closes every slice that ended by `now` and hands over those that something was expected in.
    pub(crate) fn close(
        &mut self,
        now: TimeMs,
        slice_ms: i64,
        mut add: impl FnMut(i64, i64, Tally),
    ) {
        let last = now.0.div_euclid(slice_ms) - 1;
        let first = self.closed.map_or(last, |closed| closed + 1);
        if first > last {
            return;
        }
        self.closed = Some(last);
        if self.verdicts.is_empty() {
            return;
        }
        let known_until = self.verdicts.values().map(|verdict| verdict.until.0).max();
        let mut slice = first;
        while slice <= last && known_until.is_some_and(|until| until > slice * slice_ms) {
            add(slice, 1, self.verdict((slice + 1) * slice_ms, slice_ms));
            self.verdicts.values_mut().for_each(|verdict| verdict.over_since = false);
            slice += 1;
        }
        // A long silence, as the daemon's own downtime, is one stretch.
        if slice <= last {
            let slices = last - slice + 1;
            let ms = (slices * slice_ms).unsigned_abs();
            let counts = Counts { unknown: ms, ..Counts::default() };
            add(slice, slices, Tally { counts, expected_ms: ms, missing_ms: ms, unrated_ms: 0 });
        }
    }

    fn verdict(&self, end: i64, slice_ms: i64) -> Tally {
        let ms = slice_ms.unsigned_abs();
        let stands = |verdict: &Verdict| verdict.until.0 >= end;
        let over = |verdict: &Verdict| verdict.over_since || (verdict.over && stands(verdict));
        let mut tally = Tally { expected_ms: ms, ..Tally::default() };
        if self.verdicts.values().any(over) {
            tally.counts.bad = ms;
        } else if self.verdicts.values().all(stands) {
            tally.counts.good = ms;
        } else {
            tally.counts.unknown = ms;
            tally.missing_ms = ms;
        }
        tally
    }
}
