//! What an archive holds as the past of another's SLOs, and that past on its way to disk.

use super::history::{PackedSlots, Run};
use super::schema::{HISTORY, LEDGERS, MARKS, TIERS};
use super::{Archive, ArchiveError, Numbers, corrections, events, last_step, record};
use crate::kept::{KeptLedger, KeptTier};
use crate::past::{Past, PastLedger};
use crate::{Limits, Store};
use plimsoll_model::TimeMs;
use plimsoll_slo::Slo;
use redb::{ReadTransaction, ReadableDatabase, ReadableTable, WriteTransaction};
use std::sync::Arc;
use std::time::Duration;

impl Archive {
    /// Reads everything as the past of these SLOs.
    ///
    /// # Errors
    /// The file can't be read, or isn't a whole one.
    pub fn into_past(mut self, slos: Vec<Arc<Slo>>) -> Result<Past, ArchiveError> {
        self.settle(slos)?;
        let read = self.database()?.begin_read()?;
        let mut past = Past {
            ledgers: Vec::new(),
            marks: events::marks(&read, TimeMs(i64::MIN), TimeMs(i64::MAX))?,
            corrections: corrections::all(&read)?,
            at: last_step(&read)?,
        };
        for entry in read.open_table(LEDGERS)?.iter()? {
            let (key, value) = entry?;
            let (number, head) = value.value();
            past.ledgers.push(ledger(&read, key.value(), number, head)?);
        }
        Ok(past)
    }

    /// Brings what the journal tells into the ledgers.
    fn settle(&mut self, slos: Vec<Arc<Slo>>) -> Result<(), ArchiveError> {
        let slice = Duration::from_millis(self.slice_ms()?.unwrap_or(1_000));
        let refused = |error: crate::StoreError| ArchiveError::Record(error.to_string());
        let mut store = Store::new(slos, Limits { slice }).map_err(refused)?;
        self.load(&mut store)?;
        self.flush(store.checkpoint())
    }

    fn slice_ms(&self) -> Result<Option<u64>, ArchiveError> {
        let ledgers = self.database()?.begin_read()?.open_table(LEDGERS)?;
        let Some((_, value)) = ledgers.first()? else { return Ok(None) };
        let kept = KeptLedger::read(value.value().1);
        Ok(kept.map(|kept| kept.slice_ms().unsigned_abs()))
    }
}

fn ledger(
    read: &ReadTransaction,
    key: &str,
    number: u32,
    head: &[u8],
) -> Result<PastLedger, ArchiveError> {
    let kept = KeptLedger::read(head).ok_or_else(|| record("ledger", key))?;
    let mut tiers = Vec::new();
    for tier in read.open_table(TIERS)?.range((number, 0)..=(number, u32::MAX))? {
        let (_, bytes) = tier?;
        tiers.push(KeptTier::read(bytes.value()).ok_or_else(|| record("tier", key))?);
    }
    let mut slots = Vec::new();
    for run in read.open_table(HISTORY)?.range((number, i64::MIN)..=(number, i64::MAX))? {
        let (_, bytes) = run?;
        let run = Run::read(bytes.value()).ok_or_else(|| record("history", key))?;
        slots.extend(run.into_slots());
    }
    let until = kept.now;
    let (history, key) = (PackedSlots::of(slots), key.to_owned());
    Ok(PastLedger { key, kept, tiers: tiers.into(), history, until })
}

/// Writes the history, marks and corrections of a past that a store has put before its own.
pub(super) fn write(
    write: &WriteTransaction,
    past: &Past,
    numbers: &mut Numbers,
) -> Result<(), ArchiveError> {
    let mut history = write.open_table(HISTORY)?;
    for ledger in &past.ledgers {
        ledger.history.insert_into(&mut history, numbers.of(&ledger.key))?;
    }
    drop(history);
    for correction in &past.corrections {
        corrections::put(write, correction)?;
    }
    let mut marks = write.open_table(MARKS)?;
    past.marks.iter().try_for_each(|mark| events::put_once(&mut marks, mark))
}
