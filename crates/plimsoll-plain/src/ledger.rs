//! The ledger: one balance sheet behind one `std::sync::Mutex`, which every authorisation and every order
//! takes on a thread that may block.

use crate::faults::{Faults, LOCK_HOG};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;
use tokio::time::Instant;

/// How long the batch job keeps the lock, and how long it then lets others have it. The sum is no multiple
/// of anybody's interval, so that no look falls into the same part of it each time.
const HELD: Duration = Duration::from_millis(120);
const LEFT: Duration = Duration::from_millis(70);

/// A shared ledger.
#[derive(Clone, Default)]
pub(crate) struct Ledger {
    balances: Arc<Mutex<HashMap<u32, u64>>>,
    waiting: Arc<Waiting>,
}

/// Who waits for the ledger, as those say who wait.
#[derive(Debug, Default)]
struct Waiting {
    now: AtomicU64,
    max: AtomicU64,
    longest_ms: AtomicU64,
}

/// What the service knows of the waits for its ledger.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Waited {
    /// Threads that waited at one time, at most.
    pub threads_max: u64,
    /// The longest of these waits, in milliseconds.
    pub longest_ms: u64,
    /// Threads that wait now.
    pub threads: u64,
}

impl Ledger {
    /// Books an amount on a card, on a thread that may block.
    pub(crate) async fn book(&self, card: u32, cents: u64) {
        let ledger = self.clone();
        let booked = tokio::task::spawn_blocking(move || {
            *ledger.lock().entry(card).or_default() += cents;
        });
        if booked.await.is_err() {
            tracing::error!("a booking panicked");
        }
    }

    /// Returns what is known of the waits so far.
    pub(crate) fn waited(&self) -> Waited {
        let Waiting { now, max, longest_ms } = &*self.waiting;
        let [threads, threads_max, longest_ms] =
            [now, max, longest_ms].map(|count| count.load(Ordering::Relaxed));
        Waited { threads_max, longest_ms, threads }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u32, u64>> {
        match self.balances.try_lock() {
            Ok(balances) => balances,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => {
                let begin = Instant::now();
                let now = self.waiting.now.fetch_add(1, Ordering::Relaxed) + 1;
                self.waiting.max.fetch_max(now, Ordering::Relaxed);
                let balances = self.balances.lock().unwrap_or_else(PoisonError::into_inner);
                self.waiting.now.fetch_sub(1, Ordering::Relaxed);
                let waited_ms = u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX);
                self.waiting.longest_ms.fetch_max(waited_ms, Ordering::Relaxed);
                balances
            }
        }
    }

    /// Starts the batch job, which runs as long as the process.
    ///
    /// # Errors
    /// The operating system refuses a thread.
    pub(crate) fn start_batch(&self, faults: Faults) -> io::Result<()> {
        let ledger = self.clone();
        std::thread::Builder::new().name("batch".into()).spawn(move || {
            loop {
                if faults.is_on(LOCK_HOG) {
                    let _balances = ledger.balances.lock();
                    std::thread::sleep(HELD);
                }
                std::thread::sleep(LEFT);
            }
        })?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_really_waits_is_counted() {
        let ledger = Ledger::default();
        drop(ledger.lock());
        assert_eq!(ledger.waited().threads_max, 0);
        let held = ledger.lock();
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| drop(ledger.lock()));
            }
            while ledger.waited().threads < 3 {
                std::thread::yield_now();
            }
            drop(held);
        });
        let Waited { threads_max, threads, .. } = ledger.waited();
        assert_eq!((threads_max, threads), (3, 0));
    }
}
