use super::alert::Alert;
use super::outbox::Outbox;
use super::send_error::SendError;
use super::sink::{BATCH, Sink};
use super::tally::{Outcome, Tally};
use crate::backoff::Backoff;
use crate::timeline::Timeline;
use plimsoll_model::TimeMs;
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
    /// The sink's place in the tally.
    pub(super) number: usize,
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
            // A sink that hangs may not keep the daemon from ending: what it didn't take is told
            // again.
            match stop.run_until_stopped(self.tell(&list)).await {
                None => break,
                Some(true) => {
                    self.backoff.reset();
                    let changed =
                        async { drop(tokio::time::timeout(LOOK, alerts.changed()).await) };
                    stop.run_until_stopped(changed).await;
                }
                Some(false) => {
                    let pause = self.backoff.next();
                    stop.run_until_stopped(tokio::time::sleep(pause)).await;
                }
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
        let mut waiting = due.len();
        let mut failed = None;
        // From its end, so that the halves of a batch go before what comes behind it.
        let mut batches: Vec<&[Alert]> = due.chunks(BATCH).rev().collect();
        while let Some(batch) = batches.pop() {
            match self.send(now, batch).await {
                Ok(()) => waiting -= batch.len(),
                // One alert that the sink refuses may not hold up the others.
                Err(error) if error.is_about_content() && batch.len() > 1 => {
                    let (first, second) = batch.split_at(batch.len() / 2);
                    batches.extend([second, first]);
                }
                Err(error) => {
                    let goes_on = error.is_about_content();
                    failed = Some(error.to_string());
                    if !goes_on {
                        break;
                    }
                }
            }
        }
        if let Some(error) = &failed {
            let sink = self.sink.kind();
            tracing::warn!(sink, waiting, %error, "notifications weren't taken; trying again");
        }
        let is_told = failed.is_none();
        self.tally.note(self.number, now, failed.map(|error| (error, waiting)));
        is_told
    }

    async fn send(&mut self, now: TimeMs, batch: &[Alert]) -> Result<(), SendError> {
        let words: Vec<Alert> = batch.iter().map(|alert| self.on_the_wall(alert)).collect();
        let sent = self.sink.send(self.clock.on_the_wall(now), &words).await;
        let outcome = if sent.is_ok() { Outcome::Delivered } else { Outcome::Failed };
        self.tally.add(self.sink.kind(), outcome, batch.len());
        if sent.is_ok() {
            self.outbox.delivered(now, batch);
            self.tally.note_delivered(self.number, now);
        }
        sent
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
