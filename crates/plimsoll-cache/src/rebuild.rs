//! A flight: lease, second look, rebuild, fenced write.

use crate::core::{Core, Landing, Standing};
use crate::error::GetError;
use crate::flight::Leader;
use crate::lock::{AcquireError, Acquired, Held};
use crate::signals::{Fault, Running, Write};
use crate::{Entry, Fresh, Store, WithoutLease, Written};
use futures_util::FutureExt;
use plimsoll::Outcome;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

/// A flight under way. Dropped, it lands with nothing; its herd is recorded either way.
pub(crate) struct Flying<S: Store> {
    core: Arc<Core<S>>,
    leader: Leader<Landing<S::Value>>,
}

impl<S: Store> Flying<S> {
    pub(crate) fn new(core: &Arc<Core<S>>, leader: Leader<Landing<S::Value>>) -> Self {
        Self { core: Arc::clone(core), leader }
    }

    /// Flies. `seen` is the generation that the look-up found, 0 if none.
    pub(crate) async fn fly(self, seen: u64) {
        let key = Arc::clone(self.leader.key());
        let landing = self.core.guarded(&key, seen).await;
        if let Ok(entry) = &landing {
            self.core.copy(&key, entry);
        }
        self.leader.land(landing);
    }
}

impl<S: Store> Drop for Flying<S> {
    fn drop(&mut self) {
        self.core.signals.herd(self.leader.followers());
    }
}

impl<S: Store> Core<S> {
    async fn guarded(&self, key: &Arc<str>, seen: u64) -> Landing<S::Value> {
        let Some(lock) = &self.config.lock else {
            return self.rebuilt(key, seen, None).await;
        };
        match lock.acquire_unless(key, || self.newer(key, seen)).await {
            Ok(Acquired::Unneeded(entry)) => Ok(entry),
            Ok(Acquired::Held(held)) => self.under(held, key, seen).await,
            Err(error) => self.without_lease(key, seen, error).await,
        }
    }

    async fn under(&self, held: Held, key: &Arc<str>, seen: u64) -> Landing<S::Value> {
        let landing = held.keep(self.rebuilt(key, seen, Some(&held))).await;
        if held.release().await.is_err() {
            // It ends with its time to live; meanwhile others wait, and find the value.
            self.signals.fault(Fault::LeaseFailed);
        }
        landing
    }

    async fn without_lease(
        &self,
        key: &Arc<str>,
        seen: u64,
        error: AcquireError,
    ) -> Landing<S::Value> {
        self.signals.fault(match error {
            AcquireError::TimedOut(_) => Fault::LeaseTimedOut,
            AcquireError::Store(_) => Fault::LeaseFailed,
        });
        match self.config.without_lease {
            WithoutLease::Rebuild => self.rebuilt(key, seen, None).await,
            WithoutLease::Refuse => Err(GetError::NoLease(error)),
        }
    }

    /// Returns what someone else has built since the look-up.
    async fn newer(&self, key: &str, seen: u64) -> Option<Entry<S::Value>> {
        let entry = self.store.get(key).await.ok().flatten()?;
        let is_useful = matches!(self.standing(&entry), Standing::Fresh | Standing::Early);
        (is_useful && entry.generation != seen).then_some(entry)
    }

    /// Looks again, since the value may have come between the look-up and the lease, and rebuilds.
    async fn rebuilt(&self, key: &Arc<str>, seen: u64, held: Option<&Held>) -> Landing<S::Value> {
        if let Some(entry) = self.newer(key, seen).await {
            return Ok(entry);
        }
        let landing = self.built(key, seen, held).await;
        held.into_iter().for_each(|held| self.signals.needed(held.age()));
        landing
    }

    /// Rebuilds and writes.
    async fn built(&self, key: &Arc<str>, seen: u64, held: Option<&Held>) -> Landing<S::Value> {
        // Before the origin is read, or a value would pass for newer than it is.
        let issued = self.store.issue(key).await.ok().flatten();
        let generation = issued.unwrap_or_else(|| self.own_generation(seen));
        let (value, rebuild) = self.run(key).await?;
        let entry = Entry { value, age: Duration::ZERO, is_skewed: false, rebuild, generation };
        self.write(key, seen, &entry, held).await;
        Ok(entry)
    }

    async fn run(&self, key: &Arc<str>) -> Result<(S::Value, Duration), GetError> {
        let running = Running::begin(&self.signals, self.clock());
        // The call itself may panic before there is a future.
        let work = AssertUnwindSafe(async { (self.rebuild)(Arc::clone(key)).await }).catch_unwind();
        let (outcome, error) = match tokio::time::timeout(self.config.rebuild_max, work).await {
            Ok(Ok(Ok(value))) => return Ok((value, running.end(Outcome::Ok))),
            Ok(Ok(Err(error))) => (Outcome::Error, GetError::Rebuild(error)),
            Ok(Err(_)) => (Outcome::Panicked, GetError::Panicked),
            Err(_) => (Outcome::TimedOut, GetError::RebuildTimedOut(self.config.rebuild_max)),
        };
        running.end(outcome);
        Err(error)
    }

    async fn write(&self, key: &str, seen: u64, entry: &Entry<S::Value>, held: Option<&Held>) {
        if !S::FENCED && held.is_some_and(Held::is_lost) {
            // Someone else has the lease, and the store wouldn't notice who is late.
            return self.signals.wrote(Write::Refused);
        }
        let Entry { value, rebuild, generation, .. } = entry;
        let keep = self.config.keep();
        let fresh = Fresh { value, rebuild: *rebuild, generation: *generation, keep };
        let written = match S::FENCED {
            true => self.store.put_if_generation(key, fresh).await,
            false => self.store.put(key, fresh).await,
        };
        match written {
            Ok(Written::Refused { .. }) => {
                held.into_iter().for_each(Held::note_refused_write);
                self.signals.wrote(Write::Refused);
            }
            Ok(Written::Stored { previous }) => {
                self.signals.wrote(classified(previous, seen, *generation));
            }
            Err(error) => self.signals.fault(Fault::from(&error)),
        }
    }
}

/// Says what a write was by the generation that it replaced: that of the look-up or none, or that of
/// another rebuild since, which was earlier or later than its own. What it replaced of its own was
/// written by the same command, whose answer was lost.
fn classified(previous: Option<u64>, seen: u64, generation: u64) -> Write {
    match previous {
        Some(previous) if previous > generation => Write::Regressed,
        Some(previous) if previous != seen && previous != generation => Write::Duplicate,
        _ => Write::First,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_is_told_by_what_it_replaced() {
        // The look-up found generation 5, the rebuild has 8.
        let is = [
            (None, Write::First),
            (Some(5), Write::First),
            (Some(4), Write::Duplicate),
            (Some(7), Write::Duplicate),
            (Some(8), Write::First),
            (Some(9), Write::Regressed),
        ];
        for (previous, write) in is {
            assert_eq!(classified(previous, 5, 8), write, "{previous:?}");
        }
    }
}
