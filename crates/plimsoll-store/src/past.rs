//! What somebody else knows of SLOs before a store began to watch them.

use crate::archive::{Correction, Mark, PackedSlots};
use crate::kept::{KeptLedger, KeptTier};
use crate::tally::{Pieces, Tally};
use crate::{Ledger, Store};
use plimsoll_model::TimeMs;
use plimsoll_slo::{Span, Windows};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A window may be wrong by one in so many at its edge, so slots of history are fine enough for
/// windows of so many of them.
const SLOTS_PER_WINDOW: i64 = 120;

/// What another archive holds, to be put before what a store knows itself: plain data, some 80 KiB an
/// SLO of a month.
#[derive(Clone, Debug, Default)]
pub struct Past {
    pub(crate) ledgers: Vec<PastLedger>,
    pub(crate) marks: Vec<Mark>,
    /// Oldest first.
    pub(crate) corrections: Vec<Correction>,
    /// The store's time when it was written.
    pub(crate) at: Option<TimeMs>,
}

/// What is known of one SLO or group.
#[derive(Clone, Debug)]
pub(crate) struct PastLedger {
    pub(crate) key: String,
    pub(crate) kept: KeptLedger,
    pub(crate) tiers: Arc<[KeptTier]>,
    pub(crate) history: PackedSlots,
    /// Until when it is of use.
    pub(crate) until: TimeMs,
}

/// What became of one SLO of a past.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filled {
    /// The SLO's id.
    pub id: String,
    /// What was filled; `None` where the store itself knows all of it already, or nothing was there.
    pub span: Option<Span>,
    /// Since when the store itself knows, which stays as it is.
    pub own_since: TimeMs,
}

/// What became of a past.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Precedence {
    /// Every SLO that the store has.
    pub filled: Vec<Filled>,
    /// The ids of those that it doesn't have, or that count something else there.
    pub foreign: Vec<String>,
}

impl Past {
    /// Returns when it was written.
    pub fn at(&self) -> Option<TimeMs> {
        self.at
    }
}

impl Store {
    /// Puts a past before what is known: an SLO is filled up to where its own counts begin. It counts
    /// at once and goes to disk, as a whole, with the next checkpoint.
    pub fn precede(&mut self, mut past: Past) -> Precedence {
        if let (None, Some(at)) = (self.now, past.at) {
            self.advance(at);
        }
        let mut found = Precedence::default();
        past.ledgers.retain_mut(|ledger| {
            let place = self.books.ledger_with_key(&ledger.key, ledger.kept.group());
            let own = place.and_then(|place| self.books.ledgers.get_mut(place));
            let Some(own) = own else {
                let id = ledger.key.split('\n').next().unwrap_or_default();
                found.foreign.push(id.to_owned());
                return false;
            };
            own.advance(self.now.unwrap_or_default());
            let own_since = own.watched_since();
            let span = own.precede(ledger);
            found.filled.push(Filled { id: own.id().to_owned(), span, own_since });
            span.is_some()
        });
        past.corrections.retain(|correction| {
            let of_it = |ledger: &&PastLedger| correction.is_of(&ledger.key);
            let filled = past.ledgers.iter().find(of_it);
            let own = filled.and_then(|ledger| self.books.find_ledger(&ledger.key));
            let own = own.and_then(|place| self.books.ledgers.get(place));
            let span = correction.asked.span;
            filled.is_some_and(|ledger| span.end <= ledger.until)
                && own.is_some_and(|own| !own.is_amended(span))
        });
        let in_force = past.corrections.iter().filter(|correction| correction.in_force);
        in_force.for_each(|correction| self.correct(correction));
        self.pasts.push(past);
        found
    }
}

impl Ledger {
    /// Puts a past before what is known, and leaves in it what its history gets on disk. Returns what
    /// was filled.
    fn precede(&mut self, past: &mut PastLedger) -> Option<Span> {
        let (slot_ms, end) = (self.history_ms(), past.kept.now);
        let own_since = self.watched_since();
        // Of a slot that both tell of only what was seen here counts.
        let is_cut = end > own_since;
        past.until = if is_cut { floor(own_since, slot_ms) } else { end };
        let oldest = end.max(own_since) - self.slo().period.longest();
        let within = oldest.0..past.until.0;
        let slots = resized(past.history.slots(), (past.kept.history_ms, slot_ms), end);
        let slots: Vec<_> = slots.into_iter().filter(|(start, _)| within.contains(start)).collect();
        let first = slots.first().map(|(start_ms, _)| TimeMs(*start_ms))?;
        let fine = if is_cut { Vec::new() } else { self.fine(past, &slots) };
        let coarse_until = fine.first().map_or(past.until.0, |(start_ms, _)| *start_ms);
        for (start_ms, tally) in &slots {
            if *start_ms < coarse_until || self.touches_excluded(*start_ms) {
                let slot_end = TimeMs((start_ms + slot_ms).min(past.until.0));
                self.lay(TimeMs(*start_ms), slot_end, *tally);
            }
        }
        for (start_ms, tally) in fine {
            self.lay(TimeMs(start_ms), TimeMs(start_ms + 1), tally);
        }
        self.take_head(&past.kept, first, past.until);
        // What was seen here may lie in the same slot: they are added up.
        let shared_ms = floor(own_since, slot_ms).0;
        let (shared, before): (Vec<_>, Vec<_>) =
            slots.into_iter().partition(|(start_ms, _)| *start_ms >= shared_ms);
        for (start_ms, tally) in shared {
            let slot = self.fresh.entry(start_ms).or_default();
            *slot = slot.plus(tally);
        }
        past.history = PackedSlots::of(before);
        Some(Span { start: first, end: past.until })
    }

    /// Returns what the latest of `slots` hold, in the finer slots of the past's windows.
    fn fine(&self, past: &PastLedger, slots: &[(i64, Tally)]) -> Vec<(i64, Tally)> {
        let slot_ms = self.history_ms();
        let windows = self.slo().windows(self.slice());
        let lengths = windows.into_iter().map(|window| i64::try_from(window.as_millis()));
        let short = lengths.flatten().filter(|length| *length <= slot_ms * SLOTS_PER_WINDOW);
        let longest_ms = short.max().unwrap_or(0);
        let begin_ms = floor(TimeMs(past.kept.now.0 - longest_ms), slot_ms).0 + slot_ms;
        // Windows don't hold what is excluded, history does.
        let is_fine = |(start_ms, _): &(i64, Tally)| {
            *start_ms >= begin_ms && !self.touches_excluded(*start_ms)
        };
        let slice_ms = past.kept.slice_ms();
        let of_windows = past.tiers.iter().flat_map(|tier| tier.slots(slice_ms));
        let mut fine: Vec<(i64, Tally)> = of_windows.filter(is_fine).collect();
        let whole = sum(slots.iter().filter(|slot| is_fine(slot)));
        let rest = whole.minus(sum(&fine));
        // A slot may lie across the beginning; where more is missing, history is all there is.
        if rest.expected_ms.saturating_mul(2) > whole.expected_ms {
            return Vec::new();
        }
        fine.insert(0, (begin_ms, rest));
        fine
    }

    /// Says whether something of a stretch was corrected here.
    fn is_amended(&self, span: Span) -> bool {
        self.amendments.iter().any(|amendment| !amendment.span.overlap(span).is_zero())
    }

    /// Says whether something of the slot of history that holds an instant is excluded.
    fn touches_excluded(&self, at_ms: i64) -> bool {
        let start = floor(TimeMs(at_ms), self.history_ms());
        let end = TimeMs(start.0 + self.history_ms());
        !self.excluded().overlap(Span { start, end }).is_zero()
    }

    /// Takes over what is known beside slots.
    fn take_head(&mut self, kept: &KeptLedger, first: TimeMs, until: TimeMs) {
        let since = kept.watched_since.map_or(first, |since| since.max(first));
        self.watched_since = Some(self.watched_since.map_or(since, |own| own.min(since)));
        self.last_known = self.last_known.max(kept.last_known.map(|known| known.min(until)));
        self.take_gaps(kept, until);
    }
}

fn sum<'a>(slots: impl IntoIterator<Item = &'a (i64, Tally)>) -> Tally {
    slots.into_iter().fold(Tally::default(), |sum, (_, tally)| sum.plus(*tally))
}

/// Cuts slots of one length into slots of another, as for a period that was changed.
fn resized(
    slots: Vec<(i64, Tally)>,
    (old_ms, new_ms): (i64, i64),
    end: TimeMs,
) -> Vec<(i64, Tally)> {
    if old_ms == new_ms {
        return slots;
    }
    let mut resized: BTreeMap<i64, Tally> = BTreeMap::new();
    for (start_ms, tally) in slots {
        let until = TimeMs((start_ms + old_ms).min(end.0).max(start_ms + 1));
        let mut pieces = Pieces::new(TimeMs(start_ms), until, tally);
        while let Some(at) = pieces.at() {
            let slot = at.div_euclid(new_ms) * new_ms;
            let held = resized.entry(slot).or_default();
            *held = held.plus(pieces.until(slot + new_ms));
        }
    }
    resized.into_iter().collect()
}

fn floor(at: TimeMs, slot_ms: i64) -> TimeMs {
    TimeMs(at.0.div_euclid(slot_ms) * slot_ms)
}
