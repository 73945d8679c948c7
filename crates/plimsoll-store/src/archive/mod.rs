//! The store's memory on disk: one database file, one process at a time.

mod events;
mod forget;
mod guard;
mod history;
mod open;
mod schema;

pub use events::Mark;
pub use history::HistoryPoint;
pub use open::OpenError;

use crate::checkpoint::{Checkpoint, LedgerEntry, TargetEntry};
use crate::kept::{KeptFeed, KeptLedger, read_slots};
use crate::{Store, tally::Tally};
use redb::{Database, ReadableDatabase, ReadableTable, WriteTransaction};
use schema::{ALERTS, HISTORY, LEDGERS, ROSTERS, TARGETS, TIERS};
use std::path::{Path, PathBuf};

/// Why an open archive couldn't be read or written.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// A record isn't what it should be.
    #[error(
        "the data file holds a record that can't be read: {0}; restore a backup, or move it away to start anew"
    )]
    Record(String),
    /// The database refused.
    #[error("the data file can't be used: {0}")]
    Database(#[source] Box<redb::Error>),
}

impl<E: Into<redb::Error>> From<E> for ArchiveError {
    fn from(error: E) -> Self {
        Self::Database(Box::new(error.into()))
    }
}

/// The database that a store survives in; one process at a time.
#[derive(Debug)]
pub struct Archive {
    database: Database,
    path: PathBuf,
    /// What couldn't be written yet.
    owed: Checkpoint,
}

impl Archive {
    /// Opens the archive in the directory `dir`, or makes both.
    ///
    /// # Errors
    /// See [`OpenError`]; a file that can't be read is never deleted or overwritten.
    pub fn open(dir: &Path) -> Result<Self, OpenError> {
        let (database, path) = open::open(dir)?;
        Ok(Self { database, path, owed: Checkpoint::default() })
    }

    /// Returns the path of the data file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Puts back into `store` what was flushed: windows, counters, time. To be called once, before
    /// the first scrape; targets may be added before or after.
    ///
    /// # Errors
    /// The file can't be read; the store is then to be dropped.
    pub fn load(&self, store: &mut Store) -> Result<(), ArchiveError> {
        let read = self.database.begin_read()?;
        let (ledgers, tiers) = (read.open_table(LEDGERS)?, read.open_table(TIERS)?);
        for entry in ledgers.iter()? {
            let (key, head) = entry?;
            let kept =
                KeptLedger::read(head.value()).ok_or_else(|| record("ledger", key.value()))?;
            let Some(number) = store.books.ledger_with_key(key.value(), kept.group()) else {
                continue;
            };
            let mut slots: Vec<(i64, Tally)> = Vec::new();
            for tier in tiers.range((key.value(), 0)..=(key.value(), u32::MAX))? {
                let (_, bytes) = tier?;
                let more = read_slots(bytes.value()).ok_or_else(|| record("tier", key.value()))?;
                slots.extend(more);
            }
            if let Some(ledger) = store.books.ledgers.get_mut(number) {
                ledger.restore(&kept, &slots);
            }
            store.now = store.now.max(Some(kept.now));
        }
        let (rosters, targets) = (read.open_table(ROSTERS)?, read.open_table(TARGETS)?);
        for entry in targets.iter()? {
            let (key, state) = entry?;
            let roster = rosters.get(key.value())?;
            let kept = roster
                .and_then(|roster| KeptFeed::read(roster.value(), state.value()))
                .ok_or_else(|| record("target", key.value()))?;
            store.restore_feed(key.value().into(), kept);
        }
        drop(read);
        forget::old(&self.database, store.now)
    }

    /// Writes a checkpoint in one durable transaction. When it fails, what it held is kept and
    /// goes with the next one.
    ///
    /// # Errors
    /// The file can't be written.
    pub fn flush(&mut self, checkpoint: Checkpoint) -> Result<(), ArchiveError> {
        self.owed.append(checkpoint);
        let write = self.database.begin_write()?;
        for (key, entry) in &self.owed.ledgers {
            write_ledger(&write, key, entry)?;
        }
        for (key, entry) in &self.owed.targets {
            write_target(&write, key, entry.as_ref())?;
        }
        if let Some(alerts) = &self.owed.alerts {
            let mut table = write.open_table(ALERTS)?;
            table.retain(|_, _| false)?;
            for (key, bytes) in alerts {
                table.insert(key.as_str(), bytes.as_slice())?;
            }
        }
        write.commit()?;
        self.owed = Checkpoint::default();
        Ok(())
    }
}

fn write_ledger(
    write: &WriteTransaction,
    key: &str,
    entry: &LedgerEntry,
) -> Result<(), ArchiveError> {
    write.open_table(LEDGERS)?.insert(key, entry.head.write().as_slice())?;
    let mut tiers = write.open_table(TIERS)?;
    for (number, slots) in &entry.tiers {
        tiers.insert((key, *number), slots.as_slice())?;
    }
    history::write(&mut write.open_table(HISTORY)?, key, entry)
}

fn write_target(
    write: &WriteTransaction,
    key: &str,
    entry: Option<&TargetEntry>,
) -> Result<(), ArchiveError> {
    let (mut rosters, mut targets) = (write.open_table(ROSTERS)?, write.open_table(TARGETS)?);
    let Some(entry) = entry else {
        rosters.remove(key)?;
        targets.remove(key)?;
        return Ok(());
    };
    if let Some(roster) = &entry.roster {
        rosters.insert(key, roster.as_slice())?;
    }
    targets.insert(key, entry.state.as_slice())?;
    Ok(())
}

fn record(what: &str, key: &str) -> ArchiveError {
    ArchiveError::Record(format!("{what} {key:?}"))
}
