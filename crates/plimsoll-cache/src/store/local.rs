use super::{Store, StoreError};
use crate::environment::{ns, wall_us};
use crate::{Entry, Fresh, Written};
use moka::ops::compute::{CompResult, Op};
use moka::sync::Cache as Moka;
use plimsoll::{Clock, SystemClock};
use std::fmt;
use std::future::{Future, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Keeps values in the process's own memory, in a `moka` cache: the default of a single process.
///
/// It holds at most so many keys; which go first is moka's choice (TinyLFU). Its writes are fenced, and
/// ages are measured by a clock that nobody sets.
pub struct LocalStore<V> {
    kept: Moka<String, Slot<V>>,
    clock: Arc<dyn Clock>,
    last_generation: AtomicU64,
}

/// A value, or only the generation that stands in for one that was removed.
#[derive(Clone)]
struct Slot<V> {
    value: Option<V>,
    generation: u64,
    rebuild: Duration,
    written_ns: u64,
    keep: Duration,
}

impl<V: Clone + Send + Sync + 'static> LocalStore<V> {
    /// Makes an empty store of at most `keys_max` keys; with 0 it keeps nothing.
    pub fn new(keys_max: u64) -> Self {
        Self::with_clock(keys_max, Arc::new(SystemClock))
    }

    /// Makes an empty store whose ages are measured by `clock`.
    pub fn with_clock(keys_max: u64, clock: Arc<dyn Clock>) -> Self {
        Self { kept: Moka::new(keys_max), clock, last_generation: AtomicU64::new(0) }
    }

    #[inline]
    pub(crate) fn look_up(&self, key: &str) -> Option<Entry<V>> {
        let slot = self.kept.get(key)?;
        let now_ns = self.clock.own_ns();
        let age = slot.age(now_ns);
        let is_of_use = slot.is_of_use(now_ns);
        let Slot { value, rebuild, generation, .. } = slot;
        let value = value.filter(|_| is_of_use)?;
        Some(Entry { value, age, is_skewed: false, rebuild, generation })
    }

    fn keep(&self, key: &str, fresh: &Fresh<'_, V>, is_fenced: bool) -> Written {
        self.exchange(key, self.slot(fresh, Duration::ZERO), is_fenced)
    }

    /// Keeps a value that is as old as `age` already, whatever is there.
    pub(crate) fn keep_aged(&self, key: &str, fresh: &Fresh<'_, V>, age: Duration) {
        self.exchange(key, self.slot(fresh, age), false);
    }

    fn slot(&self, fresh: &Fresh<'_, V>, age: Duration) -> Slot<V> {
        Slot {
            value: Some(fresh.value.clone()),
            generation: fresh.generation,
            rebuild: fresh.rebuild,
            // A process that is younger than what it copies takes it for as young as itself.
            written_ns: self.clock.own_ns().saturating_sub(ns(age)),
            keep: fresh.keep,
        }
    }

    fn exchange(&self, key: &str, slot: Slot<V>, is_fenced: bool) -> Written {
        let mut written = Written::Stored { previous: None };
        let _: CompResult<_, _> = self.kept.entry_by_ref(key).and_compute_with(|found| {
            let found = found.map(moka::Entry::into_value);
            let by = found.as_ref().map_or(0, |found| found.generation);
            if is_fenced && by > slot.generation {
                written = Written::Refused { by };
                return Op::Nop;
            }
            let replaced = found.filter(|found| found.is_of_use(slot.written_ns));
            written = Written::Stored { previous: replaced.map(|found| found.generation) };
            Op::Put(slot)
        });
        written
    }

    /// Gives a generation that is greater than all before, by the wall clock unless that stood still or
    /// went back.
    fn next_generation(&self) -> u64 {
        let now_us = wall_us(&*self.clock);
        let next = |last: u64| Some(now_us.max(last.saturating_add(1)));
        let last = self.last_generation.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
        now_us.max(last.unwrap_or_default().saturating_add(1))
    }

    /// Forgets a value, and leaves a generation that refuses who began before.
    pub(crate) fn forget(&self, key: &str, keep: Duration) {
        let written_ns = self.clock.own_ns();
        let generation = self.next_generation();
        let slot = Slot { value: None, generation, rebuild: Duration::ZERO, written_ns, keep };
        self.exchange(key, slot, false);
    }
}

impl<V> Slot<V> {
    fn age(&self, now_ns: u64) -> Duration {
        Duration::from_nanos(now_ns.saturating_sub(self.written_ns))
    }

    fn is_of_use(&self, now_ns: u64) -> bool {
        self.value.is_some() && self.age(now_ns) < self.keep
    }
}

impl<V: Clone + Send + Sync + 'static> Store for LocalStore<V> {
    type Value = V;
    const FENCED: bool = true;

    #[inline]
    fn get(&self, key: &str) -> impl Future<Output = Result<Option<Entry<V>>, StoreError>> + Send {
        ready(Ok(self.look_up(key)))
    }

    fn put(
        &self,
        key: &str,
        fresh: Fresh<'_, V>,
    ) -> impl Future<Output = Result<Written, StoreError>> + Send {
        ready(Ok(self.keep(key, &fresh, false)))
    }

    fn remove(
        &self,
        key: &str,
        keep: Duration,
    ) -> impl Future<Output = Result<(), StoreError>> + Send {
        self.forget(key, keep);
        ready(Ok(()))
    }

    fn issue(&self, _key: &str) -> impl Future<Output = Result<Option<u64>, StoreError>> + Send {
        ready(Ok(Some(self.next_generation())))
    }

    fn put_if_generation(
        &self,
        key: &str,
        fresh: Fresh<'_, V>,
    ) -> impl Future<Output = Result<Written, StoreError>> + Send {
        ready(Ok(self.keep(key, &fresh, true)))
    }
}

impl<V> fmt::Debug for LocalStore<V> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("LocalStore").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll::ManualClock;

    fn fresh(value: &'static &'static str, generation: u64) -> Fresh<'static, &'static str> {
        let (rebuild, keep) = (Duration::from_millis(3), Duration::from_secs(60));
        Fresh { value, rebuild, generation, keep }
    }

    #[test]
    fn a_write_that_was_overtaken_is_refused_where_it_is_fenced() {
        let store = LocalStore::new(10);
        let stored = |previous| Written::Stored { previous };
        assert_eq!(store.keep("k", &fresh(&"new", 2), true), stored(None));
        assert_eq!(store.keep("k", &fresh(&"new", 2), true), stored(Some(2)), "given twice");
        assert_eq!(store.keep("k", &fresh(&"old", 1), true), Written::Refused { by: 2 });
        assert_eq!(store.look_up("k").map(|entry| entry.value), Some("new"));
        assert_eq!(store.keep("k", &fresh(&"old", 1), false), stored(Some(2)));
        assert_eq!(store.look_up("k").map(|entry| entry.value), Some("old"));
    }

    #[test]
    fn what_was_removed_refuses_who_began_before() {
        let store = LocalStore::new(10);
        let before = store.next_generation();
        store.forget("k", Duration::from_secs(60));
        assert_eq!(store.look_up("k"), None);
        assert!(matches!(store.keep("k", &fresh(&"old", before), true), Written::Refused { .. }));
        let after = store.next_generation();
        assert!(matches!(store.keep("k", &fresh(&"new", after), true), Written::Stored { .. }));
        assert_eq!(store.look_up("k").map(|entry| entry.generation), Some(after));
    }

    #[test]
    fn generations_ascend_though_the_wall_clock_goes_back() {
        let clock = Arc::new(ManualClock::new());
        let store = LocalStore::<u8>::with_clock(1, clock.clone());
        let issued: Vec<u64> = std::iter::repeat_with(|| {
            clock.step_wall(-1_000);
            store.next_generation()
        })
        .take(5)
        .collect();
        // The clock's first hour, a second less.
        let first = 3_599_000_000;
        assert_eq!(issued, [first, first + 1, first + 2, first + 3, first + 4]);
    }
}
