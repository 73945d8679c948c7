use super::signals::Seen;
use super::{Lock, Owner};
use crate::StoreError;
use crate::environment::{ns, since};
use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// A lease, until it is given back. Dropped, it ends with its time to live.
#[must_use = "a lease that isn't kept or given back stops everyone until it ends by itself"]
pub struct Held {
    lock: Lock,
    key: String,
    owner: Owner,
    token: u64,
    since_ns: u64,
    /// Until when it surely lasts, on this process's clock.
    until_ns: AtomicU64,
    is_lost: AtomicBool,
}

impl Held {
    pub(super) fn new(lock: &Lock, key: &str, owner: Owner, token: u64, since_ns: u64) -> Self {
        let until_ns = AtomicU64::new(since_ns.saturating_add(ns(lock.0.config.ttl)));
        let (lock, key, is_lost) = (lock.clone(), key.to_owned(), AtomicBool::new(false));
        Self { lock, key, owner, token, since_ns, until_ns, is_lost }
    }

    /// Returns the fencing token: greater than that of every lease of the key before.
    pub fn token(&self) -> u64 {
        self.token
    }

    /// Says whether it is known that the lease was lost. That it isn't known is no proof.
    pub fn is_lost(&self) -> bool {
        self.is_lost.load(Ordering::Relaxed)
    }

    /// Returns how long ago it was asked for.
    pub(crate) fn age(&self) -> Duration {
        since(&*self.lock.0.config.environment.clock, self.since_ns)
    }

    /// Runs `work` and renews the lease meanwhile, if the lock does that.
    ///
    /// Work that lost the lease goes on: it is the fence that keeps what it writes from doing harm. It
    /// must not block the thread for longer than two thirds of the time to live, since then nothing
    /// renews.
    pub async fn keep<T>(&self, work: impl Future<Output = T>) -> T {
        if !self.lock.0.config.is_renewed {
            return work.await;
        }
        tokio::select! {
            biased;
            done = work => done,
            never = self.renew_for_ever() => match never {},
        }
    }

    async fn renew_for_ever(&self) -> Infallible {
        let (lock, ttl) = (&self.lock.0, self.lock.0.config.ttl);
        while !self.is_lost() {
            tokio::time::sleep(ttl / 3).await;
            let asked_ns = lock.config.environment.clock.own_ns();
            let renewed = lock.leases.renew(&self.key, self.owner, ttl).await;
            lock.signals.renewal(&renewed);
            match renewed {
                Ok(true) => {
                    self.until_ns.store(asked_ns.saturating_add(ns(ttl)), Ordering::Relaxed);
                }
                Ok(false) => self.lose(Seen::Renewal),
                // Whether it still lasts is unknown; the next attempt may say.
                Err(_) => {}
            }
        }
        std::future::pending().await
    }

    /// Notes that a store refused a write under this lease, because of a later one.
    pub fn note_refused_write(&self) {
        self.lose(Seen::Write);
    }

    /// Gives the lease back.
    ///
    /// # Errors
    /// What keeps the leases fails: then it ends with its time to live.
    pub async fn release(self) -> Result<(), StoreError> {
        match self.lock.0.leases.release(&self.key, self.owner).await? {
            Some(left) => self.lock.0.signals.margin(left),
            None => self.lose(Seen::Release),
        }
        Ok(())
    }

    /// Counts a lost lease, once.
    fn lose(&self, seen: Seen) {
        if !self.is_lost.swap(true, Ordering::Relaxed) {
            let until_ns = self.until_ns.load(Ordering::Relaxed);
            self.lock
                .0
                .signals
                .lost(seen, self.lock.0.config.environment.clock.own_ns().saturating_sub(until_ns));
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.lock.0.signals.held(self.age());
    }
}

impl fmt::Debug for Held {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Held").field("key", &self.key).field("token", &self.token).finish()
    }
}
