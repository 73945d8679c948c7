//! What the callers of a cache and its rebuilds share.

use crate::environment::wall_us;
use crate::error::GetError;
use crate::flight::Flights;
use crate::signals::{Fault, Signals};
use crate::store::LocalStore;
use crate::{CacheConfig, Entry, Fresh, Origin, RebuildError, Served, Store, early};
use plimsoll::Clock;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What a flight brings.
pub(crate) type Landing<V> = Result<Entry<V>, GetError>;

/// How a value is built anew.
pub(crate) type Rebuild<V> = Box<
    dyn Fn(Arc<str>) -> Pin<Box<dyn Future<Output = Result<V, RebuildError>> + Send>> + Send + Sync,
>;

pub(crate) struct Core<S: Store> {
    pub(crate) store: S,
    pub(crate) rebuild: Rebuild<S::Value>,
    pub(crate) config: CacheConfig<S::Value>,
    pub(crate) signals: Signals,
    pub(crate) flights: Arc<Flights<Landing<S::Value>>>,
    /// The last copies of this process, if it keeps any.
    pub(crate) copies: Option<LocalStore<S::Value>>,
    /// The last generation that this process gave by itself.
    pub(crate) last_generation: AtomicU64,
}

/// How an entry stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Fresh,
    /// Fresh, and to be refreshed.
    Early,
    Stale,
    /// Of no use any more.
    Gone,
}

impl<S: Store> Core<S> {
    pub(crate) fn clock(&self) -> &dyn Clock {
        self.config.environment.clock.as_ref()
    }

    #[inline]
    pub(crate) fn standing(&self, entry: &Entry<S::Value>) -> Standing {
        let CacheConfig { fresh_for, early_beta, .. } = &self.config;
        if entry.age >= *fresh_for {
            let is_of_use = entry.age < self.config.keep();
            return if is_of_use { Standing::Stale } else { Standing::Gone };
        }
        let left = fresh_for.saturating_sub(entry.age);
        let draw = || self.config.environment.random.unit();
        match early::is_due(left, entry.rebuild, *early_beta, draw) {
            true => Standing::Early,
            false => Standing::Fresh,
        }
    }

    /// Keeps this process's copy of what it saw in the store, and counts a store that went back.
    pub(crate) fn note(&self, key: &str, entry: &Entry<S::Value>) {
        if entry.is_skewed {
            self.signals.skew();
        }
        let Some(copies) = &self.copies else { return };
        let known = copies.look_up(key).map_or(0, |copy| copy.generation);
        if known > entry.generation {
            self.signals.fault(Fault::WentBack);
        }
        if known != entry.generation {
            self.copy(key, entry);
        }
    }

    /// Keeps this process's copy, which is as old as the entry.
    pub(crate) fn copy(&self, key: &str, entry: &Entry<S::Value>) {
        if let Some(copies) = &self.copies {
            let Entry { value, rebuild, generation, .. } = entry;
            let keep = self.config.keep();
            let fresh = Fresh { value, rebuild: *rebuild, generation: *generation, keep };
            copies.keep_aged(key, &fresh, entry.age);
        }
    }

    /// Returns this process's copy as a stale value, if it has one.
    pub(crate) fn last_copy(&self, key: &str) -> Option<Entry<S::Value>> {
        self.copies.as_ref()?.look_up(key)
    }

    /// Serves an entry that isn't what the store says now.
    pub(crate) fn serve_stale(&self, entry: Entry<S::Value>) -> Served<S::Value> {
        self.signals.stale(entry.age);
        Served { value: entry.value, age: Some(entry.age), from: Origin::Stale }
    }

    /// Finds something to serve without a rebuild: the last copy, or the fallback.
    pub(crate) fn instead(&self, key: &str) -> Option<Served<S::Value>> {
        if let Some(copy) = self.last_copy(key) {
            return Some(self.serve_stale(copy));
        }
        let value = self.config.fallback.as_ref()?(key)?;
        Some(Served { value, age: None, from: Origin::Fallback })
    }

    /// Gives a generation by the wall clock, for a store that gives none: greater than `seen` and than
    /// every one that this process gave before, though the clock be set back.
    pub(crate) fn own_generation(&self, seen: u64) -> u64 {
        let now_us = wall_us(self.clock());
        let after = |last: u64| now_us.max(last.max(seen).saturating_add(1));
        let update = |last: u64| Some(after(last));
        let last = self.last_generation.fetch_update(Ordering::Relaxed, Ordering::Relaxed, update);
        let last = last.unwrap_or_default();
        if now_us.saturating_add(STEP_US_MIN) < last {
            self.signals.skew();
        }
        after(last)
    }
}

/// The least by which a wall clock has gone back when it was set; less is what adjusting it does.
const STEP_US_MIN: u64 = Duration::from_secs(1).as_micros() as u64;
