//! What an SLO's past held, slot by slot, for one period.

use super::schema::{HISTORY, LEDGERS};
use super::{Archive, ArchiveError, record};
use crate::checkpoint::LedgerEntry;
use crate::kept::KeptLedger;
use crate::recent::Recent;
use crate::tally::{FIELDS, Tally};
use crate::wire::{Reader, Writer};
use plimsoll_model::{Counts, TimeMs};
use redb::{ReadTransaction, ReadableDatabase, ReadableTable, Table};
use std::collections::BTreeMap;
use std::time::Duration;

/// The slots of one run: long enough to share a row, short enough to be written anew with each slot.
const RUN_SLOTS: usize = 96;

type Runs<'a> = Table<'a, (u32, i64), &'static [u8]>;

/// What one stretch of an SLO's history held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HistoryPoint {
    /// When the stretch began.
    pub at: TimeMs,
    /// What it held.
    pub counts: Counts,
    /// Target-time that was seen.
    pub known: Duration,
    /// Target-time that should have been seen.
    pub expected: Duration,
    /// Of what wasn't seen, the milliseconds that no rate is known for.
    pub(crate) unrated_ms: u64,
}

impl HistoryPoint {
    /// Says whether some of it wasn't seen, and nobody knows how much happens in such a time.
    pub fn is_rate_unknown(&self) -> bool {
        self.unrated_ms > 0
    }
}

/// Slots that lie together, by their start in milliseconds.
#[derive(Debug, Default)]
pub(super) struct Run(BTreeMap<i64, Tally>);

impl Run {
    pub(super) fn is_full(&self) -> bool {
        self.0.len() >= RUN_SLOTS
    }

    pub(super) fn add(&mut self, start_ms: i64, more: Tally) {
        let slot = self.0.entry(start_ms).or_default();
        *slot = slot.plus(more);
    }

    pub(super) fn insert_into(&self, runs: &mut Runs<'_>, ledger: u32) -> Result<(), ArchiveError> {
        if let Some(first) = self.0.keys().next() {
            runs.insert((ledger, *first), self.write().as_slice())?;
        }
        Ok(())
    }

    /// Most fields of most slots are zero, or as in the slot before: a byte says which follow.
    fn write(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        let (mut before_ms, mut before) = (0, Tally::default().to_fields());
        writer.count(self.0.len() as u64);
        for (start_ms, tally) in &self.0 {
            let fields = tally.to_fields();
            let same = fields[EXPECTED] == before[EXPECTED];
            let given = |field: usize| if field == EXPECTED { !same } else { fields[field] > 0 };
            let mask = (0..FIELDS).filter(|field| given(*field)).fold(0, |mask, at| mask | 1 << at);
            writer.signed(start_ms - before_ms);
            writer.count(mask);
            let follow = fields.iter().enumerate().filter(|(at, _)| given(*at));
            follow.for_each(|(_, field)| writer.count(*field));
            (before_ms, before) = (*start_ms, fields);
        }
        writer.into_bytes()
    }

    pub(super) fn into_slots(self) -> impl Iterator<Item = (i64, Tally)> {
        self.0.into_iter()
    }

    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        let (mut start_ms, mut expected) = (0_i64, 0);
        let mut run = Self::default();
        for _ in 0..reader.length()? {
            start_ms = start_ms.checked_add(reader.signed()?)?;
            let mask = reader.count()?;
            let mut fields = Tally::default().to_fields();
            fields[EXPECTED] = expected;
            for (at, field) in fields.iter_mut().enumerate() {
                if mask >> at & 1 == 1 {
                    *field = reader.count()?;
                }
            }
            expected = fields[EXPECTED];
            run.0.insert(start_ms, Tally::from_fields(fields));
        }
        reader.is_at_end().then_some(run)
    }
}

/// Slots of history as they lie on disk, some eight bytes each.
#[derive(Clone, Debug, Default)]
pub(crate) struct PackedSlots(Vec<Box<[u8]>>);

impl PackedSlots {
    /// Packs slots, by their start in milliseconds.
    pub(crate) fn of(slots: impl IntoIterator<Item = (i64, Tally)>) -> Self {
        let (mut runs, mut run) = (Vec::new(), Run::default());
        for (start_ms, tally) in slots {
            if run.is_full() {
                runs.push(std::mem::take(&mut run).write().into());
            }
            run.add(start_ms, tally);
        }
        runs.push(run.write().into());
        Self(runs)
    }

    /// Unpacks them.
    pub(crate) fn slots(&self) -> Vec<(i64, Tally)> {
        let runs = self.0.iter().filter_map(|run| Run::read(run));
        runs.flat_map(Run::into_slots).collect()
    }

    pub(super) fn insert_into(&self, runs: &mut Runs<'_>, ledger: u32) -> Result<(), ArchiveError> {
        let packed = self.0.iter().filter_map(|run| Run::read(run));
        packed.into_iter().try_for_each(|run| run.insert_into(runs, ledger))
    }
}

/// Where a tally's fields hold the expected time.
const EXPECTED: usize = 3;

impl Archive {
    /// Returns the history of the ledger `id` from `from` to `to` in steps of at least `step`,
    /// oldest first; stretches without anything are left out. `recent` is what the ledger knows that
    /// isn't written yet.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn history(
        &self,
        id: &str,
        stretch: (TimeMs, TimeMs),
        step: Duration,
        recent: &Recent,
    ) -> Result<Vec<HistoryPoint>, ArchiveError> {
        let (from, to) = stretch;
        let read = self.database()?.begin_read()?;
        let mut slots = BTreeMap::new();
        let mut slot_ms = recent.slot_ms.max(1);
        let mut written_at = None;
        if let Some((number, kept)) = current(&read, id)? {
            (slot_ms, written_at) = (kept.history_ms.max(1), Some(kept.now));
            let runs = read.open_table(HISTORY)?;
            // The run that holds the first slot may begin before it.
            let first =
                runs.range((number, i64::MIN)..=(number, from.0))?.next_back().transpose()?;
            let first = first.map_or(from.0, |(place, _)| place.value().1);
            for run in runs.range((number, first)..=(number, to.0))? {
                let (_, bytes) = run?;
                slots.extend(Run::read(bytes.value()).ok_or_else(|| record("history", id))?.0);
            }
        }
        for (start_ms, more) in recent.since(written_at) {
            let slot: &mut Tally = slots.entry(start_ms).or_default();
            *slot = slot.plus(more);
        }
        let step_ms = i64::try_from(step.as_millis()).unwrap_or(i64::MAX);
        // Whole slots, so that none is counted in two steps.
        let step_ms = step_ms.saturating_add(slot_ms - 1) / slot_ms * slot_ms;
        Ok(points(slots.range(from.0..=to.0), step_ms.max(slot_ms)))
    }
}

fn points<'a>(
    slots: impl Iterator<Item = (&'a i64, &'a Tally)>,
    step_ms: i64,
) -> Vec<HistoryPoint> {
    let mut points: Vec<(i64, Tally)> = Vec::new();
    for (start_ms, tally) in slots {
        let at = start_ms.div_euclid(step_ms) * step_ms;
        match points.last_mut() {
            Some((last, sum)) if *last == at => *sum = sum.plus(*tally),
            _ => points.push((at, *tally)),
        }
    }
    points.into_iter().map(|(at, tally)| point(at, tally)).collect()
}

/// Finds the newest ledger with that id: one with another SLI may lie beside it.
pub(super) fn current(
    read: &ReadTransaction,
    id: &str,
) -> Result<Option<(u32, KeptLedger)>, ArchiveError> {
    let mut found: Option<(u32, KeptLedger)> = None;
    let prefix = format!("{id}\n");
    for entry in read.open_table(LEDGERS)?.range(prefix.as_str()..)? {
        let (key, value) = entry?;
        if !key.value().starts_with(&prefix) {
            break;
        }
        let (number, head) = value.value();
        let kept = KeptLedger::read(head).ok_or_else(|| record("ledger", key.value()))?;
        if found.as_ref().is_none_or(|(_, other)| other.now < kept.now) {
            found = Some((number, kept));
        }
    }
    Ok(found)
}

/// Adds to the slots of a ledger's history and lets the runs go that are older than its period.
pub(super) fn write(
    runs: &mut Runs<'_>,
    number: u32,
    entry: &LedgerEntry,
) -> Result<(), ArchiveError> {
    for (start_ms, more) in &entry.history {
        let before =
            runs.range((number, i64::MIN)..=(number, *start_ms))?.next_back().transpose()?;
        let known = before.map(|(place, bytes)| (place.value(), Run::read(bytes.value())));
        let mut run = match known {
            None => Run::default(),
            Some((_, None)) => return Err(record("history", &number.to_string())),
            Some((place, Some(run))) => {
                let is_after = run.0.keys().next_back().is_some_and(|last| last < start_ms);
                if is_after && run.is_full() {
                    Run::default()
                } else {
                    runs.remove(place)?;
                    run
                }
            }
        };
        run.add(*start_ms, *more);
        run.insert_into(runs, number)?;
    }
    let period_ms = i64::try_from(entry.head.period_ms).unwrap_or(i64::MAX);
    forget(runs, number, entry.head.now.0.saturating_sub(period_ms))
}

/// Lets the first run go when the next one begins before `oldest_ms`.
fn forget(runs: &mut Runs<'_>, number: u32, oldest_ms: i64) -> Result<(), ArchiveError> {
    let old = {
        let mut here = runs.range((number, i64::MIN)..=(number, oldest_ms))?;
        let first = here.next().transpose()?.map(|(place, _)| place.value());
        first.filter(|_| here.next().is_some())
    };
    if let Some(place) = old {
        runs.remove(place)?;
    }
    Ok(())
}

fn point(at: i64, tally: Tally) -> HistoryPoint {
    HistoryPoint {
        at: TimeMs(at),
        counts: tally.counts,
        known: Duration::from_millis(tally.expected_ms.saturating_sub(tally.missing_ms)),
        expected: Duration::from_millis(tally.expected_ms),
        unrated_ms: tally.unrated_ms,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_read_as_it_was_written() {
        let mut run = Run::default();
        for slot in 0..200_i64 {
            let n = slot.unsigned_abs();
            let counts = Counts { good: n * 7_919, bad: n % 3, unknown: u64::from(slot % 50 == 0) };
            let expected_ms = if slot % 10 == 0 { 250_000 } else { 300_000 };
            let tally = Tally { counts, expected_ms, missing_ms: n % 5, unrated_ms: n % 7 };
            run.add((slot + slot / 60 * 5) * 300_000, tally);
        }
        let bytes = run.write();
        assert_eq!(Run::read(&bytes).map(|run| run.0), Some(run.0));
        for cut in [0, 1, 100, bytes.len() - 1] {
            assert!(Run::read(&bytes[..cut]).is_none(), "cut at {cut}");
        }
    }
}
