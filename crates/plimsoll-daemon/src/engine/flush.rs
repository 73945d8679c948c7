use crate::keeper::{KeepError, Keeper};
use plimsoll_model::TimeMs;
use plimsoll_store::Checkpoint;
use std::pin::Pin;
use std::time::Duration;

/// How often the state goes to disk: what a crash may lose.
const EVERY: Duration = Duration::from_secs(1);

/// How often it is tried again once it fails: each time everything, in place of what is owed.
const EVERY_FAILED: Duration = Duration::from_secs(10);

type Flush = Pin<Box<dyn Future<Output = Result<(), KeepError>> + Send>>;

/// Writes one checkpoint after the other, so that a slow disk delays checkpoints and nothing else.
pub(super) struct Flusher {
    keeper: Keeper,
    running: Option<Flush>,
    started: Option<TimeMs>,
    written: Option<TimeMs>,
    error: Option<String>,
}

impl Flusher {
    pub(super) fn new(keeper: Keeper) -> Self {
        Self { keeper, running: None, started: None, written: None, error: None }
    }

    /// Says whether it is time for a checkpoint and the one before is written.
    pub(super) fn is_due(&self, now: TimeMs) -> bool {
        let every = if self.error.is_some() { EVERY_FAILED } else { EVERY };
        self.running.is_none() && self.started.is_none_or(|started| now.since(started) >= every)
    }

    pub(super) fn start(&mut self, now: TimeMs, checkpoint: Checkpoint) {
        let keeper = self.keeper.clone();
        self.started = Some(now);
        self.running = Some(Box::pin(async move { keeper.flush(checkpoint).await }));
    }

    /// Returns when the running flush has ended; never, when none runs.
    pub(super) async fn ended(&mut self) {
        let Some(running) = &mut self.running else { return std::future::pending().await };
        let outcome = running.await;
        self.running = None;
        if outcome.is_ok() {
            self.written = self.started;
        }
        self.note(&outcome);
    }

    /// Writes the last checkpoint, after the one that still runs.
    pub(super) async fn finish(mut self, checkpoint: Checkpoint) -> Result<(), KeepError> {
        if self.running.is_some() {
            self.ended().await;
        }
        self.keeper.flush(checkpoint).await
    }

    /// Returns when the last checkpoint was taken.
    pub(super) fn started(&self) -> Option<TimeMs> {
        self.started
    }

    /// Says whether it is still being written.
    pub(super) fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// Returns the instant whose state is safe on disk, once there is one.
    pub(super) fn written(&self) -> Option<TimeMs> {
        self.written
    }

    /// Returns why the state isn't on disk, if it isn't.
    pub(super) fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }

    fn note(&mut self, outcome: &Result<(), KeepError>) {
        let error = outcome.as_ref().err().map(ToString::to_string);
        match (&self.error, &error) {
            (None, Some(error)) => {
                tracing::error!(%error, "the state can't be written; evaluation goes on")
            }
            (Some(_), None) => tracing::info!("the state is written again"),
            _ => {}
        }
        self.error = error;
    }
}
