//! The store's memory on disk: one database file, one process at a time.

mod events;
mod forget;
mod guard;
mod history;
mod load;
mod migrate;
mod open;
mod schema;

pub use events::Mark;
pub use history::HistoryPoint;
pub use open::OpenError;

use crate::Store;
use crate::checkpoint::{Checkpoint, LedgerEntry};
use crate::kept_feed::KeptFeed;
use plimsoll_model::TimeMs;
use redb::{Database, ReadableDatabase, ReadableTable, WriteTransaction};
use schema::{ALERTS, HISTORY, JOURNAL, LEDGERS, ROSTERS, TARGETS, TIERS};
use std::collections::HashMap;
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
    /// The numbers of ledgers, by key.
    numbers: HashMap<String, u32>,
    /// The state of alerts as it was last written.
    alerts: Option<Vec<(String, Vec<u8>)>>,
    /// What couldn't be written yet.
    owed: Checkpoint,
}

impl Archive {
    /// Opens the archive in the directory `dir`, or makes both. A file of an older format is brought
    /// to this version's.
    ///
    /// # Errors
    /// See [`OpenError`]; a file that can't be read is never deleted or overwritten.
    pub fn open(dir: &Path) -> Result<Self, OpenError> {
        let (database, path) = open::open(dir)?;
        let numbers = numbers(&database)
            .map_err(|error| OpenError::Corrupt { path: path.clone(), what: error.to_string() })?;
        Ok(Self { database, path, numbers, alerts: None, owed: Checkpoint::default() })
    }

    /// Returns the path of the data file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the time of the last checkpoint that was written; `None` in a new file.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn last_step(&self) -> Result<Option<TimeMs>, ArchiveError> {
        let journal = self.database.begin_read()?.open_table(JOURNAL)?;
        Ok(journal.last()?.map(|(at, _)| TimeMs(at.value())))
    }

    /// Puts back into `store` what was flushed: windows, counters, time. To be called once, before
    /// the first scrape; targets may be added before or after.
    ///
    /// # Errors
    /// The file can't be read; the store is then to be dropped.
    pub fn load(&self, store: &mut Store) -> Result<(), ArchiveError> {
        load::load(&self.database, store)?;
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
        if let Some(whole) = &self.owed.whole {
            for (key, entry) in &whole.ledgers {
                let next = u32::try_from(self.numbers.len()).unwrap_or(u32::MAX);
                let number = *self.numbers.entry(key.clone()).or_insert(next);
                write_ledger(&write, key, number, entry)?;
            }
            for (key, kept) in &whole.targets {
                write_target(&write, key, kept.as_ref())?;
            }
        }
        if let Some(at) = self.owed.at {
            let mut journal = write.open_table(JOURNAL)?;
            if self.owed.whole.is_some() {
                journal.retain(|_, _| false)?;
            }
            // Two checkpoints of one instant are one.
            let before = journal.get(at.0)?.map(|bytes| bytes.value().to_vec());
            let bytes = [before.unwrap_or_default().as_slice(), &self.owed.journal].concat();
            journal.insert(at.0, bytes.as_slice())?;
        }
        if let Some(alerts) =
            self.owed.alerts.as_ref().filter(|it| Some(*it) != self.alerts.as_ref())
        {
            let mut table = write.open_table(ALERTS)?;
            table.retain(|_, _| false)?;
            for (key, bytes) in alerts {
                table.insert(key.as_str(), bytes.as_slice())?;
            }
        }
        write.commit()?;
        let written = std::mem::take(&mut self.owed);
        self.alerts = written.alerts.or(self.alerts.take());
        Ok(())
    }
}

/// Reads which number each ledger has. Numbers are given in order and those of ledgers that were let
/// go aren't given again while a later one is there.
fn numbers(database: &Database) -> Result<HashMap<String, u32>, ArchiveError> {
    let ledgers = database.begin_read()?.open_table(LEDGERS)?;
    let mut numbers = HashMap::new();
    for entry in ledgers.iter()? {
        let (key, value) = entry?;
        numbers.insert(key.value().to_owned(), value.value().0);
    }
    Ok(numbers)
}

fn write_ledger(
    write: &WriteTransaction,
    key: &str,
    number: u32,
    entry: &LedgerEntry,
) -> Result<(), ArchiveError> {
    write.open_table(LEDGERS)?.insert(key, (number, entry.head.write().as_slice()))?;
    let mut tiers = write.open_table(TIERS)?;
    for (at, slots) in &entry.tiers {
        tiers.insert((number, *at), slots.as_slice())?;
    }
    history::write(&mut write.open_table(HISTORY)?, number, entry)
}

fn write_target(
    write: &WriteTransaction,
    key: &str,
    kept: Option<&KeptFeed>,
) -> Result<(), ArchiveError> {
    let (mut rosters, mut targets) = (write.open_table(ROSTERS)?, write.open_table(TARGETS)?);
    let Some(kept) = kept else {
        rosters.remove(key)?;
        targets.remove(key)?;
        return Ok(());
    };
    rosters.insert(key, kept.write_roster().as_slice())?;
    targets.insert(key, kept.write_state().as_slice())?;
    Ok(())
}

fn record(what: &str, key: &str) -> ArchiveError {
    ArchiveError::Record(format!("{what} {key:?}"))
}
