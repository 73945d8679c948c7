//! Tells Alertmanager, webhooks and the log what fires: at least once, and again after a restart.

mod alert;
mod alertmanager;
mod compose;
mod deliver;
mod outbox;
mod send_error;
mod sink;
mod tally;
mod webhook;

pub(crate) use alert::{Alert, Facts};
pub(crate) use compose::Composer;
pub(crate) use deliver::AlertList;
pub(crate) use tally::{SinkHealth, Tally};

use crate::backoff::Backoff;
use crate::client::AccessError;
use crate::config::Config;
use crate::timeline::Timeline;
use deliver::Delivery;
use outbox::Outbox;
use plimsoll_runtime::clock::Clock;
use plimsoll_runtime::shutdown::Stop;
use sink::Sink;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// How long a resolved alert is still told: a sink that was away for less hears of it.
pub(crate) const RESOLVED_KEPT: Duration = Duration::from_secs(900);

/// Every sink of a configuration, built and not yet running.
#[derive(Debug)]
pub(crate) struct Notifier {
    sinks: Vec<Sink>,
    tally: Arc<Tally>,
}

impl Notifier {
    /// Builds the sinks.
    ///
    /// # Errors
    /// A certificate that can't be read.
    pub(crate) fn new(config: &Config, tally: Arc<Tally>) -> Result<Self, AccessError> {
        let alertmanagers = config.alertmanagers.iter().map(Sink::alertmanager);
        let webhooks = config.webhooks.iter().map(Sink::webhook);
        let mut sinks = alertmanagers.chain(webhooks).collect::<Result<Vec<_>, _>>()?;
        if config.stdout {
            sinks.push(Sink::Stdout);
        }
        sinks.push(Sink::Log);
        Ok(Self { sinks, tally })
    }

    /// Starts one task per sink, so that a slow one holds up no other.
    pub(crate) fn spawn(
        self,
        tasks: &mut JoinSet<()>,
        alerts: &watch::Receiver<AlertList>,
        clock: &Timeline,
        stop: &Stop,
    ) {
        self.tally.begin(self.sinks.iter().map(Sink::health).collect());
        for (number, sink) in self.sinks.into_iter().enumerate() {
            let delivery = Delivery {
                number,
                outbox: Outbox::new(sink.repeat()),
                sink,
                backoff: Backoff::new(clock.now().0.unsigned_abs() ^ number as u64),
                clock: clock.clone(),
                tally: self.tally.clone(),
            };
            tasks.spawn(delivery.run(alerts.clone(), stop.clone()));
        }
    }
}
