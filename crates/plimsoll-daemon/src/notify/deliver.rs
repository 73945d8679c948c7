use super::alert::Alert;
use super::outbox::Outbox;
use super::sink::{BATCH, Sink};
use super::tally::{Outcome, Tally};
use crate::backoff::Backoff;
use crate::timeline::Timeline;
use plimsoll_runtime::clock::Clock;
use plimsoll_runtime::shutdown::Stop;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// How often a sink looks for what is to be repeated.
const LOOK: Duration = Duration::from_secs(5);

/// How long the last word may take while the daemon stops.
const LAST_WORD: Duration = Duration::from_secs(2);

/// The alerts of now: pending, firing, and for a while the resolved.
pub(crate) type AlertList = Arc<[Alert]>;

/// One sink and what it has been told.
pub(super) struct Delivery {
    pub(super) sink: Sink,
    pub(super) outbox: Outbox,
    pub(super) backoff: Backoff,
    pub(super) clock: Timeline,
    pub(super) tally: Arc<Tally>,
}

impl Delivery {
    /// Tells the sink whatever it hasn't heard, until the daemon stops; then once more.
    pub(super) async fn run(mut self, mut alerts: watch::Receiver<AlertList>, stop: Stop) {
        while !stop.is_stopped() {
            let list = alerts.borrow_and_update().clone();
            if self.tell(&list).await {
                self.backoff.reset();
                let changed = async { drop(tokio::time::timeout(LOOK, alerts.changed()).await) };
                stop.run_until_stopped(changed).await;
            } else {
                let pause = self.backoff.next();
                stop.run_until_stopped(tokio::time::sleep(pause)).await;
            }
        }
        let list = alerts.borrow().clone();
        drop(tokio::time::timeout(LAST_WORD, self.tell(&list)).await);
    }

    /// Says whether nothing is left to tell.
    async fn tell(&mut self, list: &[Alert]) -> bool {
        self.outbox.forget(list);
        let now = self.clock.now();
        let mut due = self.outbox.due(now, list);
        due.retain(|alert| self.sink.wants(alert));
        for batch in due.chunks(BATCH) {
            let words: Vec<Alert> = batch.iter().map(|alert| self.on_the_wall(alert)).collect();
            let sent = self.sink.send(self.clock.on_the_wall(now), &words).await;
            let kind = self.sink.kind();
            match sent {
                Ok(()) => {
                    self.tally.add(kind, Outcome::Delivered, batch.len());
                    self.outbox.delivered(now, batch);
                }
                Err(error) => {
                    self.tally.add(kind, Outcome::Failed, batch.len());
                    tracing::warn!(sink = kind, %error, "a notification wasn't taken; trying again");
                    return false;
                }
            }
        }
        true
    }

    /// Returns the alert with the times that the sink's own clock shows.
    fn on_the_wall(&self, alert: &Alert) -> Alert {
        Alert {
            since: self.clock.on_the_wall(alert.since),
            resolved_at: alert.resolved_at.map(|at| self.clock.on_the_wall(at)),
            ..alert.clone()
        }
    }
}
