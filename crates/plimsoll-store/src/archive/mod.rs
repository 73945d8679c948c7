//! The store's memory on disk: one database file, one process at a time.

mod corrections;
mod events;
mod export;
mod forget;
mod guard;
mod history;
mod import;
mod load;
mod migrate;
mod open;
mod past;
mod portable;
mod schema;

pub use corrections::{Correction, CorrectionError, NewCorrection};
pub use events::Mark;
pub use export::Backup;
pub use history::HistoryPoint;
pub(crate) use history::PackedSlots;
pub use open::OpenError;
pub use portable::{ExportError, ImportError};

use crate::Store;
use crate::checkpoint::{Checkpoint, LedgerEntry};
use crate::kept_feed::KeptFeed;
use guard::BytesMax;
use plimsoll_model::TimeMs;
use redb::{Database, ReadTransaction, ReadableDatabase, ReadableTable, WriteTransaction};
use schema::{ALERTS, HISTORY, JOURNAL, LEDGERS, ROSTERS, TARGETS, TIERS};
use std::collections::HashMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Why an open archive couldn't be read or written.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// A record isn't what it should be.
    #[error(
        "the data file holds a record that can't be read: {0}; restore a backup, or move it away to start anew"
    )]
    Record(String),
    /// There is no room: the disk is full, or the file is as long as it may be.
    #[error("{0}")]
    Full(String),
    /// It couldn't be opened again after a failed write.
    #[error("the data file can't be opened again: {0}")]
    Closed(String),
    /// The database refused.
    #[error("the data file can't be used: {0}")]
    Database(#[source] Box<redb::Error>),
}

impl<E: Into<redb::Error>> From<E> for ArchiveError {
    fn from(error: E) -> Self {
        match error.into() {
            redb::Error::Io(error) if error.kind() == ErrorKind::StorageFull => {
                Self::Full(full(&error))
            }
            error => Self::Database(Box::new(error)),
        }
    }
}

/// The system's own words say less than ours about what to do.
fn full(error: &std::io::Error) -> String {
    match error.raw_os_error() {
        Some(_) => "the disk that holds the data file is full: free some space".into(),
        None => error.to_string(),
    }
}

/// The database that a store survives in; one process at a time.
#[derive(Debug)]
pub struct Archive {
    dir: PathBuf,
    path: PathBuf,
    bytes_max: BytesMax,
    /// `None` after a write failed and the file couldn't be opened again.
    database: Option<Database>,
    numbers: Numbers,
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
        let bytes_max = BytesMax::default();
        let (database, path) = open::open(dir, bytes_max.clone())?;
        let numbers = Numbers::read(&database)
            .map_err(|error| OpenError::Corrupt { path: path.clone(), what: error.to_string() })?;
        Ok(Self {
            dir: dir.into(),
            path,
            bytes_max,
            database: Some(database),
            numbers,
            alerts: None,
            owed: Checkpoint::default(),
        })
    }

    /// Bounds the length of the file, which grows by doubling. Where it may not grow, a flush fails
    /// with [`ArchiveError::Full`] until it may.
    pub fn set_bytes_max(&self, bytes: u64) {
        self.bytes_max.set(bytes);
    }

    /// Returns by how many bytes the file may still grow.
    pub fn room(&self) -> u64 {
        let length = std::fs::metadata(&self.path).map_or(0, |file| file.len());
        self.bytes_max.get().saturating_sub(length)
    }

    fn database(&self) -> Result<&Database, ArchiveError> {
        let closed = || ArchiveError::Closed("the last write failed".into());
        self.database.as_ref().ok_or_else(closed)
    }

    /// A database that an I/O error has reached takes nothing more until it is opened again.
    fn reopen(&mut self) -> Result<(), ArchiveError> {
        self.database = None;
        let opened = open::open(&self.dir, self.bytes_max.clone());
        let (database, _) = opened.map_err(|error| ArchiveError::Closed(error.to_string()))?;
        self.database = Some(database);
        Ok(())
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
        last_step(&self.database()?.begin_read()?)
    }

    /// Puts back into `store` what was flushed: windows, counters, time. To be called once, before
    /// the first scrape; targets may be added before or after.
    ///
    /// # Errors
    /// The file can't be read; the store is then to be dropped.
    pub fn load(&self, store: &mut Store) -> Result<(), ArchiveError> {
        load::load(self.database()?, store)?;
        self.amend(store)?;
        forget::old(self.database()?, store.now)
    }

    /// Writes a checkpoint in one durable transaction. When it fails, what it held is kept and
    /// goes with the next one; for want of room, what no period reaches any more is let go first.
    ///
    /// # Errors
    /// The file can't be written.
    pub fn flush(&mut self, checkpoint: Checkpoint) -> Result<(), ArchiveError> {
        self.owed.append(checkpoint);
        if self.database.is_none() {
            self.reopen()?;
        }
        if let Err(error) = self.write_owed() {
            self.reopen()?;
            if !matches!(error, ArchiveError::Full(_)) {
                return Err(error);
            }
            let again =
                forget::old(self.database()?, self.owed.at).and_then(|()| self.write_owed());
            if let Err(error) = again {
                self.reopen()?;
                return Err(error);
            }
        }
        let written = std::mem::take(&mut self.owed);
        self.alerts = written.alerts.or(self.alerts.take());
        Ok(())
    }

    fn write_owed(&mut self) -> Result<(), ArchiveError> {
        let closed = || ArchiveError::Closed("the last write failed".into());
        let write = self.database.as_ref().ok_or_else(closed)?.begin_write()?;
        if let Some(whole) = &self.owed.whole {
            for (key, entry) in &whole.ledgers {
                write_ledger(&write, key, self.numbers.of(key), entry)?;
            }
            for (key, kept) in &whole.targets {
                write_target(&write, key, kept.as_ref())?;
            }
        }
        for past in &self.owed.pasts {
            past::write(&write, past, &mut self.numbers)?;
        }
        write_journal(&write, &self.owed)?;
        let is_news = |alerts: &&Vec<_>| Some(*alerts) != self.alerts.as_ref();
        if let Some(alerts) = self.owed.alerts.as_ref().filter(is_news) {
            let mut table = write.open_table(ALERTS)?;
            table.retain(|_, _| false)?;
            for (key, bytes) in alerts {
                table.insert(key.as_str(), bytes.as_slice())?;
            }
        }
        Ok(write.commit()?)
    }
}

/// The number of each ledger, by key; none is given twice while its ledger is there.
#[derive(Debug, Default)]
struct Numbers {
    by_key: HashMap<String, u32>,
    next: u32,
}

impl Numbers {
    fn read(database: &Database) -> Result<Self, ArchiveError> {
        let ledgers = database.begin_read()?.open_table(LEDGERS)?;
        let mut numbers = Self::default();
        for entry in ledgers.iter()? {
            let (key, value) = entry?;
            let number = value.value().0;
            numbers.by_key.insert(key.value().to_owned(), number);
            numbers.next = numbers.next.max(number.saturating_add(1));
        }
        Ok(numbers)
    }

    fn of(&mut self, key: &str) -> u32 {
        if let Some(number) = self.by_key.get(key) {
            return *number;
        }
        let number = self.next;
        self.next = number.saturating_add(1);
        self.by_key.insert(key.to_owned(), number);
        number
    }
}

fn last_step(read: &ReadTransaction) -> Result<Option<TimeMs>, ArchiveError> {
    let journal = read.open_table(JOURNAL)?;
    Ok(journal.last()?.map(|(at, _)| TimeMs(at.value())))
}

fn write_journal(write: &WriteTransaction, owed: &Checkpoint) -> Result<(), ArchiveError> {
    let Some(at) = owed.at else { return Ok(()) };
    let mut journal = write.open_table(JOURNAL)?;
    if owed.whole.is_some() {
        journal.retain(|_, _| false)?;
    }
    // Two checkpoints of one instant are one.
    let before = journal.get(at.0)?.map(|bytes| bytes.value().to_vec());
    let bytes = [before.unwrap_or_default().as_slice(), &owed.journal].concat();
    journal.insert(at.0, bytes.as_slice())?;
    Ok(())
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
    tiers.retain_in((number, entry.tier_count)..=(number, u32::MAX), |_, _| false)?;
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
