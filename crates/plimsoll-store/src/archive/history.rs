//! What an SLO's past held, slot by slot, for one period.

use super::schema::{HISTORY, LEDGERS};
use super::{Archive, ArchiveError, record};
use crate::checkpoint::LedgerEntry;
use crate::kept::KeptLedger;
use crate::tally::Tally;
use crate::wire::{Reader, Writer};
use plimsoll_model::{Counts, TimeMs};
use redb::{ReadTransaction, ReadableDatabase, ReadableTable, Table};
use std::time::Duration;

/// The slots older than a period that one flush lets go: a few more than one flush adds.
const FORGOTTEN_MAX: usize = 16;

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
}

impl Archive {
    /// Returns the history of the ledger `id` from `from` to `to` in steps of at least `step`,
    /// oldest first; stretches without anything are left out.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn history(
        &self,
        id: &str,
        from: TimeMs,
        to: TimeMs,
        step: Duration,
    ) -> Result<Vec<HistoryPoint>, ArchiveError> {
        let read = self.database.begin_read()?;
        let Some((key, kept)) = current(&read, id)? else { return Ok(Vec::new()) };
        let step_ms = i64::try_from(step.as_millis()).unwrap_or(i64::MAX);
        // Whole slots, so that none is counted in two steps.
        let slot_ms = kept.history_ms.max(1);
        let step_ms = step_ms.saturating_add(slot_ms - 1) / slot_ms * slot_ms;
        let step_ms = step_ms.max(slot_ms);
        let mut points: Vec<(i64, Tally)> = Vec::new();
        for slot in read.open_table(HISTORY)?.range((&*key, from.0)..=(&*key, to.0))? {
            let (place, bytes) = slot?;
            let start = place.value().1;
            let tally = tally(bytes.value()).ok_or_else(|| record("history", id))?;
            let at = start.div_euclid(step_ms) * step_ms;
            match points.last_mut() {
                Some((last, sum)) if *last == at => *sum = sum.plus(tally),
                _ => points.push((at, tally)),
            }
        }
        Ok(points.into_iter().map(|(at, tally)| point(at, tally)).collect())
    }
}

/// Finds the newest ledger with that id: one with another SLI may lie beside it.
fn current(read: &ReadTransaction, id: &str) -> Result<Option<(String, KeptLedger)>, ArchiveError> {
    let mut found: Option<(String, KeptLedger)> = None;
    let prefix = format!("{id}\n");
    for entry in read.open_table(LEDGERS)?.range(prefix.as_str()..)? {
        let (key, head) = entry?;
        if !key.value().starts_with(&prefix) {
            break;
        }
        let kept = KeptLedger::read(head.value()).ok_or_else(|| record("ledger", key.value()))?;
        if found.as_ref().is_none_or(|(_, other)| other.now < kept.now) {
            found = Some((key.value().into(), kept));
        }
    }
    Ok(found)
}

/// Adds to the slots of a ledger's history and lets those go that are older than its period.
pub(super) fn write(
    table: &mut Table<'_, (&'static str, i64), &'static [u8]>,
    key: &str,
    entry: &LedgerEntry,
) -> Result<(), ArchiveError> {
    for (start, more) in &entry.history {
        let known = table.get((key, *start))?.map(|bytes| tally(bytes.value()));
        let known = known.unwrap_or(Some(Tally::default()));
        let known = known.ok_or_else(|| record("history", key))?;
        let mut writer = Writer::default();
        writer.tally(known.plus(*more));
        table.insert((key, *start), writer.into_bytes().as_slice())?;
    }
    let period_ms = i64::try_from(entry.head.period_ms).unwrap_or(i64::MAX);
    let oldest = entry.head.now.0.saturating_sub(period_ms).saturating_sub(entry.head.history_ms);
    let old = table.range((key, i64::MIN)..(key, oldest))?.take(FORGOTTEN_MAX);
    let old: Vec<i64> =
        old.map(|slot| slot.map(|(place, _)| place.value().1)).collect::<Result<_, _>>()?;
    for start in old {
        table.remove((key, start))?;
    }
    Ok(())
}

fn tally(bytes: &[u8]) -> Option<Tally> {
    let mut reader = Reader::new(bytes);
    reader.tally().filter(|_| reader.is_at_end())
}

fn point(at: i64, tally: Tally) -> HistoryPoint {
    HistoryPoint {
        at: TimeMs(at),
        counts: tally.counts,
        known: Duration::from_millis(tally.expected_ms.saturating_sub(tally.missing_ms)),
        expected: Duration::from_millis(tally.expected_ms),
    }
}
