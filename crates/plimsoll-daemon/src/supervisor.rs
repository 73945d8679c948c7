use crate::api::Shared;
use crate::config::Config;
use crate::engine::{Outlets, Surroundings};
use crate::generation::{Built, Running};
use crate::keeper::KeepError;
use crate::reload::{ReloadAsk, ReloadError};
use plimsoll_runtime::clock::Clock;
use plimsoll_runtime::reload::{Hangups, ReloadState};
use plimsoll_runtime::shutdown::Stop;
use std::io;
use std::sync::{Arc, PoisonError};
use tokio::sync::mpsc;

/// Why a daemon that ran ended otherwise than well.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The HTTP server couldn't be started.
    #[error("the HTTP server can't run: {0}")]
    Serve(#[from] io::Error),
    /// The last state isn't on disk.
    #[error("the last state couldn't be written: {0}")]
    State(String),
}

impl From<KeepError> for RunError {
    fn from(error: KeepError) -> Self {
        Self::State(error.to_string())
    }
}

/// Owns the running generation, and replaces it when it is asked to.
pub(crate) struct Supervisor {
    pub(crate) config: Config,
    pub(crate) around: Surroundings,
    pub(crate) outlets: Outlets,
    pub(crate) shared: Arc<Shared>,
}

impl Supervisor {
    /// Runs `built`, and after each reload the generation of the new configuration, until `stop`.
    pub(crate) async fn run(
        mut self,
        built: Built,
        mut asked: mpsc::Receiver<ReloadAsk>,
        stop: &Stop,
    ) -> Result<(), RunError> {
        let mut hangups = Hangups::listen()?;
        let mut running = built.start(&self.around, self.outlets.clone());
        loop {
            let ask = tokio::select! {
                biased;
                () = stop.stopped() => break,
                error = running.failed() => return Err(error.into()),
                () = hangups.next() => None,
                Some(ask) = asked.recv() => ask,
            };
            let outcome = match self.prepare().await {
                Ok((config, built)) => {
                    running = self.replace(running, built).await;
                    self.config = config;
                    Ok(())
                }
                Err(error) => Err(error),
            };
            self.note(&outcome);
            if let Some(answer) = ask {
                // Whoever asked may have gone.
                drop(answer.send(outcome));
            }
        }
        let _draining = self.shared.readiness.hold("the daemon is stopping");
        tokio::select! {
            written = running.stop() => Ok(written?),
            () = stop.aborted() => Ok(()),
        }
    }

    /// Does everything of a reload that may fail, while the old generation runs on.
    async fn prepare(&self) -> Result<(Config, Built), ReloadError> {
        let config = Config::read(&self.config.file).map_err(ReloadError::Faults)?;
        // The listener and the data file stay open, whatever the file says now.
        let config =
            config.with_listen(self.config.listen).with_data_dir(self.config.data_dir.clone());
        // At once, because without room the rest of the reload has to wait for it.
        self.around.keeper.set_bytes_max(config.limits.disk_bytes);
        if let Some(error) = &self.shared.lens.look().await.flush_error {
            return Err(ReloadError::State(error.clone()));
        }
        let built = Built::new(&config, &self.around)?;
        Ok((config, built))
    }

    async fn replace(&self, running: Running, mut built: Built) -> Running {
        if let Err(error) = running.stop().await {
            tracing::error!(%error, "the last second before the reload isn't kept");
        }
        if let Err(error) = built.restore() {
            tracing::error!(%error, "the kept counts can't be read; counting starts anew");
        }
        built.start(&self.around, self.outlets.clone())
    }

    fn note(&self, outcome: &Result<(), ReloadError>) {
        let refused = match outcome {
            Ok(()) => Vec::new(),
            Err(error) => std::iter::once(error.to_string()).chain(error.faults()).collect(),
        };
        let noted = ReloadState::note(self.around.clock.now(), refused);
        *self.shared.reload.lock().unwrap_or_else(PoisonError::into_inner) = noted;
    }
}
