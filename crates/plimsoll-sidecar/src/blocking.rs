//! Collectors that read files.

use crate::{Collector, Reading, Reason};
use async_trait::async_trait;
use tokio::task::{JoinHandle, spawn_blocking};

/// Something that looks at one thing from outside and blocks while it looks, as reads of `/proc` do.
pub(crate) trait BlockingCollector: Send + 'static {
    /// Looks once.
    fn look(&mut self) -> Result<Reading, Reason>;
}

/// A blocking collector on a thread where it holds up nobody. It runs once at a time: a round that
/// passed its deadline is waited for by the next, so that a stuck read costs one thread and no more.
pub(crate) struct Blocking<C> {
    at_rest: Option<C>,
    running: Option<JoinHandle<(C, Result<Reading, Reason>)>>,
}

impl<C: BlockingCollector> Blocking<C> {
    pub(crate) fn new(collector: C) -> Self {
        Self { at_rest: Some(collector), running: None }
    }
}

#[async_trait]
impl<C: BlockingCollector> Collector for Blocking<C> {
    async fn collect(&mut self) -> Result<Reading, Reason> {
        if let Some(mut collector) = self.at_rest.take() {
            self.running = Some(spawn_blocking(move || {
                let outcome = collector.look();
                (collector, outcome)
            }));
        }
        let lost = || Reason::new("it panicked once and is not run again; restart the sidecar");
        let running = self.running.as_mut().ok_or_else(lost)?;
        let ended = running.await;
        self.running = None;
        let (collector, outcome) = ended.map_err(|_| lost())?;
        self.at_rest = Some(collector);
        outcome
    }
}
