//! A backup into a new data file: all of it or nothing.

use super::events::Mark;
use super::history::Run;
use super::portable::{ImportError, KeptCorrection, Line, Slot, VERSION};
use super::schema::{ALERTS, FORMAT, HISTORY, JOURNAL, LEDGERS, ROSTERS, TARGETS, TIERS};
use super::{Archive, ArchiveError, corrections, load, open};
use crate::kept::{KeptLedger, KeptTier, TIME_MS_MAX};
use crate::kept_feed::KeptFeed;
use crate::tally::Tally;
use crate::{Limits, Store};
use redb::WriteTransaction;
use std::io::{BufRead, Read};
use std::path::Path;
use std::time::Duration;

/// A line of one SLO's month is a few hundred kilobytes; what is longer isn't a backup.
const LINE_BYTES_MAX: u64 = 64 << 20;

/// Where a backup is built until it is whole.
const PART: &str = "import.part";

/// What is put in so far.
#[derive(Default)]
struct Taken {
    lines: u64,
    ledgers: u32,
    marks: Vec<Mark>,
    is_whole: bool,
}

impl Archive {
    /// Reads a backup into the directory `dir`, which may hold no data file yet; all of it or
    /// nothing. The file may become `bytes_max` long. Returns how many SLOs, or groups of them, it
    /// held.
    ///
    /// # Errors
    /// See [`ImportError`]; the directory is then as it was.
    pub fn import(dir: &Path, backup: impl BufRead, bytes_max: u64) -> Result<u32, ImportError> {
        let path = open::path(dir);
        if path.exists() {
            return Err(ImportError::Occupied(path));
        }
        let part = dir.join(PART);
        let _ = std::fs::remove_dir_all(&part);
        let taken = Self::take(&part, backup, bytes_max).and_then(|ledgers| {
            std::fs::rename(open::path(&part), &path)?;
            Ok(ledgers)
        });
        let _ = std::fs::remove_dir_all(&part);
        taken
    }

    fn take(part: &Path, backup: impl BufRead, bytes_max: u64) -> Result<u32, ImportError> {
        let mut archive = Self::open(part)?;
        archive.set_bytes_max(bytes_max);
        let write = archive.database()?.begin_write().map_err(ArchiveError::from)?;
        let taken = read_lines(&write, backup)?;
        write.commit().map_err(ArchiveError::from)?;
        for mark in &taken.marks {
            archive.put_mark(mark)?;
        }
        // A journal that can't be read is found now and not by the daemon.
        let mut store = Store::new(Vec::new(), Limits { slice: Duration::from_secs(1) })
            .map_err(|error| ImportError::Io(std::io::Error::other(error)))?;
        load::load(archive.database()?, &mut store)?;
        Ok(taken.ledgers)
    }
}

fn read_lines(write: &WriteTransaction, mut backup: impl BufRead) -> Result<Taken, ImportError> {
    let (mut taken, mut text) = (Taken::default(), String::new());
    while !taken.is_whole {
        let wrong = |what: String| ImportError::Line { line: taken.lines + 1, what };
        text.clear();
        let mut line = (&mut backup).take(LINE_BYTES_MAX);
        if line.read_line(&mut text).map_err(|error| wrong(error.to_string()))? == 0 {
            return Err(wrong(
                "the backup was cut: its last line, of kind `end`, is missing".into(),
            ));
        }
        let line = serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        let number = taken.lines + 1;
        taken.put(write, line).map_err(|what| ImportError::Line { line: number, what })?;
        taken.lines = number;
    }
    Ok(taken)
}

impl Taken {
    /// Puts one line in.
    ///
    /// # Errors
    /// What is wrong with it.
    fn put(&mut self, write: &WriteTransaction, line: Line) -> Result<(), String> {
        let said = |error: ArchiveError| error.to_string();
        match (self.lines, line) {
            (0, Line::Plimsoll { version: 1..=VERSION, format: FORMAT, .. }) => Ok(()),
            (0, Line::Plimsoll { version, format, .. }) => Err(format!(
                "version {version} and format {format}: this program reads versions up to \
                 {VERSION} and format {FORMAT}; import it with the version that wrote it, then open \
                 its data file"
            )),
            (0, _) => Err("a backup begins with a line of kind `plimsoll`".into()),
            (_, Line::Plimsoll { .. }) => Err("a second line of kind `plimsoll`".into()),
            (_, Line::Ledger { key, record, tiers, history }) => {
                let number = self.ledgers;
                self.ledgers += 1;
                let kept = KeptLedger::read(&record.0).filter(KeptLedger::can_be);
                kept.ok_or("record: not that of a ledger")?;
                check(&history)?;
                tiers.iter().try_for_each(|(_, slots)| check(slots))?;
                put_ledger(write, number, (&key, &record.0), (tiers, history)).map_err(said)
            }
            (_, Line::Target { key, names, record }) => {
                KeptFeed::read(&names.0, &record.0, FORMAT)
                    .ok_or("record: not that of a target")?;
                let named = put(write, ROSTERS, &key, &names.0);
                named.and_then(|()| put(write, TARGETS, &key, &record.0)).map_err(said)
            }
            (_, Line::Alert { key, state }) => {
                put(write, ALERTS, &key, state.as_bytes()).map_err(said)
            }
            (_, Line::Mark { mark }) => {
                self.marks.push(mark.into());
                Ok(())
            }
            (_, Line::Correction { correction: KeptCorrection { from_ms, to_ms, .. } })
                if from_ms >= to_ms =>
            {
                Err("correction: has to begin before it ends".into())
            }
            (_, Line::Correction { correction }) => {
                corrections::put(write, &correction.into()).map_err(said)
            }
            (_, Line::Journal { at_ms, record }) => {
                put_journal(write, at_ms, &record.0).map_err(said)
            }
            (lines, Line::End { lines: told }) if lines == told => {
                self.is_whole = true;
                Ok(())
            }
            (lines, Line::End { lines: told }) => {
                Err(format!("{told} lines should come before this one, not {lines}"))
            }
        }
    }
}

/// Refuses slots that lie at no time of this calendar, or in no order.
fn check(slots: &[Slot]) -> Result<(), String> {
    let mut before = -1;
    for (start_ms, _) in slots {
        if *start_ms <= before || *start_ms > TIME_MS_MAX {
            return Err(format!("slot {start_ms}: not after the one before, or at no time"));
        }
        before = *start_ms;
    }
    Ok(())
}

fn put(
    write: &WriteTransaction,
    table: redb::TableDefinition<'_, &str, &[u8]>,
    key: &str,
    bytes: &[u8],
) -> Result<(), ArchiveError> {
    write.open_table(table)?.insert(key, bytes)?;
    Ok(())
}

fn put_journal(write: &WriteTransaction, at_ms: i64, bytes: &[u8]) -> Result<(), ArchiveError> {
    write.open_table(JOURNAL)?.insert(at_ms, bytes)?;
    Ok(())
}

fn put_ledger(
    write: &WriteTransaction,
    number: u32,
    (key, head): (&str, &[u8]),
    (tiers, history): (Vec<(u32, Vec<Slot>)>, Vec<Slot>),
) -> Result<(), ArchiveError> {
    write.open_table(LEDGERS)?.insert(key, (number, head))?;
    let mut table = write.open_table(TIERS)?;
    for (at, slots) in tiers {
        let slots = slots.into_iter().map(|(start, fields)| (start, Tally::from_fields(fields)));
        let bytes = KeptTier::Slots(slots.collect()).write_slots();
        table.insert((number, at), bytes.as_slice())?;
    }
    let mut runs = write.open_table(HISTORY)?;
    let mut run = Run::default();
    for (start_ms, fields) in history {
        if run.is_full() {
            run.insert_into(&mut runs, number)?;
            run = Run::default();
        }
        run.add(start_ms, Tally::from_fields(fields));
    }
    run.insert_into(&mut runs, number)
}
