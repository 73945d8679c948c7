//! The ledger: one balance sheet behind one lock, which every authorisation and every order takes.

use crate::fault::{Fault, Switches};
use plimsoll::Name;
use plimsoll::sync::tokio::Mutex;
use plimsoll_runtime::shutdown::Stop;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// The wait that its SLO allows: an edge of the histogram, so that the count is exact.
const WAIT_MAX: Duration = Duration::from_millis(5);

/// A shared ledger.
#[derive(Clone)]
pub(super) struct Ledger(Arc<Mutex<HashMap<u32, u64>>>);

impl Ledger {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::named(Name::new("ledger").edges(&[WAIT_MAX]), HashMap::new())))
    }

    /// Books an amount on a card.
    pub(super) async fn book(&self, card: u32, cents: u64) {
        let mut balances = self.0.lock().await;
        *balances.entry(card).or_default() += cents;
    }
}

/// Starts the batch job that, while its fault is on, keeps the ledger locked half of the time.
pub(super) fn hog(tasks: &mut JoinSet<()>, ledger: Ledger, switches: &Switches, stop: &Stop) {
    let (switches, stop) = (switches.clone(), stop.clone());
    tasks.spawn(async move {
        let mut tick = tokio::time::interval(Duration::from_millis(200));
        while stop.run_until_stopped(tick.tick()).await.is_some() {
            if switches.is_on(Fault::LockHog) {
                let _balances = ledger.0.lock().await;
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    });
}
