//! Sends snapshots by OTLP over HTTP.

mod config;
mod deliver;
mod request;

pub use config::{Contents, ExporterConfig, StartError};

use crate::clock;
use config::Valid;
use deliver::Delivery;
use opentelemetry_sdk::Resource;
use plimsoll_record::Registry;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, timeout};

/// Sends a registry's signals by OTLP over HTTP, as protobuf, from a thread of its own: it does so
/// while every other runtime of the process is starved.
///
/// What is sent is cumulative. A request that fails is tried again, less and less often, until the next
/// one is due, which says the same and more: nothing is queued, and one body at most is in memory.
/// `concurrency_exports_total{result}` of the registry counts what became of them; one that a stop cuts
/// short isn't counted.
#[derive(Debug)]
pub struct Exporter {
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl Exporter {
    /// Starts to send `registry` with `resource`, which should be that of the tracer and meter
    /// providers, so that a backend knows them to be one service.
    ///
    /// # Errors
    /// A configuration that can't work, or a system that gives no thread.
    pub fn start(
        registry: &Registry,
        resource: &Resource,
        config: ExporterConfig,
    ) -> Result<Self, StartError> {
        let valid = config.valid()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = watch::channel(false);
        let scope = request::Scope::new(resource, clock::began_unix_ns(), valid.contents);
        let delivery = Delivery::new(registry, &valid);
        let run = Run { registry: registry.clone(), scope, delivery, valid, stopped };
        let thread = std::thread::Builder::new()
            .name("plimsoll-otlp".into())
            .spawn(move || runtime.block_on(run.until_stopped()))?;
        Ok(Self { stop, thread: Some(thread) })
    }

    /// Sends once more what stands now, for at most the configured timeout, and ends the thread.
    /// Dropping it does the same.
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        // The thread may have ended by a panic; then nobody listens.
        let _ = self.stop.send(true);
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread of the OTLP exporter had panicked");
        }
    }
}

/// What the thread owns.
struct Run {
    registry: Registry,
    scope: request::Scope,
    delivery: Delivery,
    valid: Valid,
    stopped: watch::Receiver<bool>,
}

impl Run {
    async fn until_stopped(self) {
        let mut stopped = self.stopped.clone();
        let mut due = interval(self.valid.every);
        due.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let one = async {
                due.tick().await;
                self.send(self.valid.every).await;
            };
            tokio::select! {
                biased;
                // An owner that is gone stops it as well.
                _ = stopped.wait_for(|stopped| *stopped) => break,
                () = one => {}
            }
        }
        self.send(self.valid.timeout).await;
    }

    /// Sends what stands now, tried again until `patience` is over.
    async fn send(&self, patience: Duration) {
        let (snapshot, details) = self.registry.snapshot_detailed();
        let body = self.scope.encode(&snapshot, &details, clock::unix_ns());
        if timeout(patience, self.delivery.deliver(body.into())).await.is_err() {
            self.delivery.give_up();
        }
    }
}
