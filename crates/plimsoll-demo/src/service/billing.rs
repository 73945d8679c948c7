//! Billing: a log of fulfilled orders and the consumer that reads it.

use crate::fault::{Fault, Switches};
use plimsoll::LagProbe;
use plimsoll_runtime::shutdown::Stop;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::task::JoinSet;

/// The most records that the log keeps; past it the oldest fall out, as from any log.
const RECORDS_MAX: usize = 100_000;

/// How often the consumer looks for records.
const POLLED_EVERY: Duration = Duration::from_millis(5);

/// A log with one partition; clones share it.
#[derive(Clone)]
pub(super) struct Topic {
    log: Arc<Mutex<Log>>,
    probe: Arc<LagProbe>,
}

/// The records that are kept; each is the card of a fulfilled order.
#[derive(Default)]
struct Log {
    records: VecDeque<u32>,
    /// The offset of the first record that is kept, which is the next to be consumed.
    first: u64,
}

impl Topic {
    /// Appends a record.
    pub(super) fn publish(&self, card: u32) {
        let mut log = self.lock();
        if log.records.len() == RECORDS_MAX {
            log.records.pop_front();
            log.first += 1;
            self.probe.position(log.first);
        }
        log.records.push_back(card);
        self.probe.end(log.first + log.records.len() as u64);
    }

    /// Takes every record there is.
    fn consume(&self) -> VecDeque<u32> {
        let mut log = self.lock();
        let records = std::mem::take(&mut log.records);
        log.first += records.len() as u64;
        self.probe.position(log.first);
        self.probe.end(log.first);
        records
    }

    fn lock(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Starts the consumer and returns the log that it reads.
pub(super) fn start(tasks: &mut JoinSet<()>, switches: &Switches, stop: &Stop) -> Topic {
    let probe = Arc::new(LagProbe::named("billing", "orders", "0"));
    let topic = Topic { log: Arc::default(), probe };
    let (switches, stop, read) = (switches.clone(), stop.clone(), topic.clone());
    tasks.spawn(async move {
        let mut invoices = 0_u64;
        let mut tick = tokio::time::interval(POLLED_EVERY);
        while stop.run_until_stopped(tick.tick()).await.is_some() {
            if !switches.is_on(Fault::StalledConsumer) {
                invoices += read.consume().len() as u64;
            }
        }
        tracing::debug!(invoices, "billing ends");
    });
    topic
}
