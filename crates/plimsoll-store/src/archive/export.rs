//! The whole state as a backup: lines of JSON.

use super::history::Run;
use super::portable::{ExportError, Hex, Line, VERSION, slot};
use super::schema::{FORMAT, HISTORY, JOURNAL, LEDGERS, ROSTERS, TARGETS, TIERS};
use super::{Archive, ArchiveError, corrections, events, last_step, record};
use crate::kept::{KeptLedger, KeptTier};
use plimsoll_model::TimeMs;
use redb::{ReadTransaction, ReadableDatabase, ReadableTable};
use std::io::Write;

/// Writes lines and counts them.
struct Lines<W> {
    out: W,
    count: u64,
}

impl<W: Write> Lines<W> {
    fn put(&mut self, line: &Line) -> Result<(), ExportError> {
        serde_json::to_writer(&mut self.out, line).map_err(std::io::Error::from)?;
        self.out.write_all(b"\n")?;
        self.count += 1;
        Ok(())
    }
}

/// The state at one instant: what is written afterwards isn't in it, and waits for nothing of it.
pub struct Backup(ReadTransaction);

impl Archive {
    /// Takes hold of the state as it is now, to be written at leisure.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn backup(&self) -> Result<Backup, ArchiveError> {
        Ok(Backup(self.database()?.begin_read()?))
    }
}

impl Backup {
    /// Writes everything as lines of JSON, which [`Archive::import`] reads.
    ///
    /// # Errors
    /// The file can't be read, or `out` can't be written.
    pub fn write(self, out: impl Write) -> Result<(), ExportError> {
        let (read, mut lines) = (&self.0, Lines { out, count: 0 });
        let at_ms = last_step(read)?.map(|at| at.0);
        lines.put(&Line::Plimsoll { version: VERSION, format: FORMAT, at_ms })?;
        let ledgers = read.open_table(LEDGERS).map_err(ArchiveError::from)?;
        for entry in ledgers.iter().map_err(ArchiveError::from)? {
            let (key, value) = entry.map_err(ArchiveError::from)?;
            let (number, head) = value.value();
            lines.put(&ledger(read, key.value(), number, head)?)?;
        }
        targets(read)?.iter().try_for_each(|line| lines.put(line))?;
        for (key, state) in events::alerts(read)? {
            let state = String::from_utf8(state).map_err(|_| record("alert", &key))?;
            lines.put(&Line::Alert { key, state })?;
        }
        for mark in events::marks(read, TimeMs(i64::MIN), TimeMs(i64::MAX))? {
            lines.put(&Line::Mark { mark: mark.into() })?;
        }
        for correction in corrections::all(read)? {
            lines.put(&Line::Correction { correction: correction.into() })?;
        }
        journal(read)?.iter().try_for_each(|line| lines.put(line))?;
        let count = lines.count;
        lines.put(&Line::End { lines: count })?;
        Ok(lines.out.flush()?)
    }
}

fn ledger(
    read: &ReadTransaction,
    key: &str,
    number: u32,
    head: &[u8],
) -> Result<Line, ArchiveError> {
    let kept = KeptLedger::read(head).ok_or_else(|| record("ledger", key))?;
    let mut tiers = Vec::new();
    for entry in read.open_table(TIERS)?.range((number, 0)..=(number, u32::MAX))? {
        let (place, bytes) = entry?;
        let tier = KeptTier::read(bytes.value()).ok_or_else(|| record("tier", key))?;
        tiers.push((place.value().1, tier.slots(kept.slice_ms()).map(slot).collect()));
    }
    let mut history = Vec::new();
    for entry in read.open_table(HISTORY)?.range((number, i64::MIN)..=(number, i64::MAX))? {
        let (_, bytes) = entry?;
        let run = Run::read(bytes.value()).ok_or_else(|| record("history", key))?;
        history.extend(run.into_slots().map(slot));
    }
    Ok(Line::Ledger { key: key.into(), record: Hex(head.into()), tiers, history })
}

fn targets(read: &ReadTransaction) -> Result<Vec<Line>, ArchiveError> {
    let (rosters, targets) = (read.open_table(ROSTERS)?, read.open_table(TARGETS)?);
    let mut lines = Vec::new();
    for entry in targets.iter()? {
        let (key, state) = entry?;
        let names = rosters.get(key.value())?.ok_or_else(|| record("target", key.value()))?;
        let (names, record) = (Hex(names.value().into()), Hex(state.value().into()));
        lines.push(Line::Target { key: key.value().into(), names, record });
    }
    Ok(lines)
}

fn journal(read: &ReadTransaction) -> Result<Vec<Line>, ArchiveError> {
    let mut lines = Vec::new();
    for entry in read.open_table(JOURNAL)?.iter()? {
        let (at, bytes) = entry?;
        lines.push(Line::Journal { at_ms: at.value(), record: Hex(bytes.value().into()) });
    }
    Ok(lines)
}
