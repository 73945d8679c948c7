//! The archive behind a lock on threads that may block: nothing that evaluates ever waits for it.

use plimsoll_model::TimeMs;
use plimsoll_store::{
    Archive, ArchiveError, Backup, Checkpoint, Correction, CorrectionError, HistoryPoint, Mark,
    NewCorrection, Recent, Store,
};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::JoinError;

/// Why the archive didn't do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeepError {
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    #[error("a task of the engine ended: {0}")]
    Thread(#[from] JoinError),
    #[error("the engine ended by itself")]
    Ended,
}

/// What is asked of one stretch of one SLO's history.
#[derive(Clone, Debug)]
pub(crate) struct HistoryQuery {
    pub(crate) id: String,
    pub(crate) from: TimeMs,
    pub(crate) to: TimeMs,
    pub(crate) step: Duration,
    /// What the engine knows beyond the archive.
    pub(crate) recent: Recent,
}

/// The archive, for tasks; clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Keeper(Arc<Mutex<Archive>>);

impl Keeper {
    pub(crate) fn new(archive: Archive) -> Self {
        Self(Arc::new(Mutex::new(archive)))
    }

    /// Puts back into `store` what is kept, and returns the kept alerts.
    ///
    /// It blocks, which is fine before the daemon runs and while it reloads.
    pub(crate) fn load(&self, store: &mut Store) -> Result<Vec<(String, Vec<u8>)>, ArchiveError> {
        let archive = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        archive.load(store)?;
        archive.alerts()
    }

    /// Returns when the last checkpoint was made, on the timeline of then; it blocks as `load`.
    pub(crate) fn last_step(&self) -> Result<Option<TimeMs>, ArchiveError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).last_step()
    }

    /// Bounds the length of the data file; it blocks as `load`.
    pub(crate) fn set_bytes_max(&self, bytes: u64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).set_bytes_max(bytes);
    }

    pub(crate) async fn flush(&self, checkpoint: Checkpoint) -> Result<(), KeepError> {
        self.on_thread(move |archive| archive.flush(checkpoint)).await
    }

    pub(crate) async fn history(
        &self,
        query: HistoryQuery,
    ) -> Result<Vec<HistoryPoint>, KeepError> {
        let HistoryQuery { id, from, to, step, recent } = query;
        self.on_thread(move |archive| archive.history(&id, (from, to), step, &recent)).await
    }

    /// Returns by how many bytes the data file may still grow.
    pub(crate) async fn room(&self) -> Result<u64, KeepError> {
        self.on_thread(|archive| Ok(archive.room())).await
    }

    pub(crate) async fn backup(&self) -> Result<Backup, KeepError> {
        self.on_thread(|archive| archive.backup()).await
    }

    /// Makes a correction; `recent` is what the ledger knows that isn't written yet.
    pub(crate) async fn correct(
        &self,
        asked: NewCorrection,
        recent: Recent,
    ) -> Result<Result<Correction, CorrectionError>, KeepError> {
        self.on_thread(move |archive| Ok(archive.correct(asked, &recent))).await
    }

    pub(crate) async fn corrections(&self) -> Result<Vec<Correction>, KeepError> {
        self.on_thread(|archive| archive.corrections()).await
    }

    pub(crate) async fn put_mark(&self, mark: Mark) -> Result<(), KeepError> {
        self.on_thread(move |archive| archive.put_mark(&mark)).await
    }

    pub(crate) async fn marks(&self, from: TimeMs, to: TimeMs) -> Result<Vec<Mark>, KeepError> {
        self.on_thread(move |archive| archive.marks(from, to)).await
    }

    async fn on_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Archive) -> Result<T, ArchiveError> + Send + 'static,
    ) -> Result<T, KeepError> {
        let archive = self.0.clone();
        let work = move || work(&mut archive.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(tokio::task::spawn_blocking(work).await??)
    }
}
