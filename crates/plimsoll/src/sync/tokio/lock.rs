//! What every lock records, and when.

use crate::Name;
use crate::clock::now_ns;
use crate::instrument::{Count, Distribution, Level, Stay, counters};
use plimsoll_model::catalog;
use plimsoll_record::{ActivitySpec, HistogramSpec, Outcome, Registry, Split};
use std::cell::Cell;
use std::ops::Deref;
use std::sync::atomic::{AtomicU64, Ordering};

/// How a lock is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Alone: a mutex, or the writer of a read-write lock.
    Exclusive,
    /// Together with others: a reader.
    Shared,
}

impl Mode {
    fn index(self) -> u8 {
        self as u8
    }
}

/// The values of the label `mode` of a lock that is only taken alone.
pub(crate) const EXCLUSIVE: &[&str] = &["exclusive"];

/// The values of the label `mode` of a lock that readers share, in the order of [`Mode`].
pub(crate) const EXCLUSIVE_AND_SHARED: &[&str] = &["exclusive", "shared"];

/// One in so many uncontended holds is timed.
const SAMPLE_EVERY: u32 = 64;

/// The instruments of one lock.
#[derive(Debug)]
pub(crate) struct LockSignals {
    wait: Distribution,
    waiters: Level,
    hold: Distribution,
    hold_sampled: Distribution,
    /// By mode.
    uncontended: Vec<Count>,
    contended: Vec<Count>,
    /// When the first of those that wait now began to, or 0: from then on a hold is worth timing,
    /// even one that was acquired without contention.
    waited_for_since_ns: AtomicU64,
}

impl LockSignals {
    pub(crate) fn new(registry: &Registry, name: &Name, modes: &'static [&'static str]) -> Self {
        let labels = name.under("lock");
        let split = Split::Label { label: "mode", values: modes };
        let distribution = |signal, zeros: &[Count]| {
            let spec = HistogramSpec::new(signal, labels.clone()).split(split.clone());
            Distribution::new(registry, spec.edges(&name.edges_ns).zeros(&counters(zeros)))
        };
        let acquisitions = |contended: &str| {
            let count = |mode: &&str| {
                let own = [("lock", &*name.text), ("mode", mode), ("contended", contended)];
                Count::new(registry, &catalog::LOCK_ACQUISITIONS, name.with(&own))
            };
            modes.iter().map(count).collect::<Vec<_>>()
        };
        let uncontended = acquisitions("false");
        Self {
            // An acquisition that didn't wait is a wait of 0, and is counted once only.
            wait: distribution(&catalog::LOCK_WAIT, &uncontended),
            hold: distribution(&catalog::LOCK_HOLD, &[]),
            hold_sampled: distribution(&catalog::LOCK_HOLD_SAMPLED, &[]),
            waiters: Level::new(
                registry,
                ActivitySpec::new(&catalog::LOCK_WAITERS, labels.clone()),
            ),
            uncontended,
            contended: acquisitions("true"),
            waited_for_since_ns: AtomicU64::new(0),
        }
    }

    /// Records an acquisition that didn't wait, and gives when its hold began if that is sampled.
    pub(crate) fn uncontended(&self, mode: Mode) -> Since {
        count(&self.uncontended, mode);
        if is_sampled() { Since::Sampled(now_ns()) } else { Since::Untimed }
    }

    /// Begins to wait, until the returned value is dropped.
    pub(crate) fn wait(&self, mode: Mode) -> Waiting<'_> {
        let since_ns = now_ns();
        // A later waiter leaves the first one's time as it is.
        let _ = self.waited_for_since_ns.compare_exchange(
            0,
            since_ns.max(1),
            Ordering::Relaxed,
            Ordering::Relaxed,
        );
        Waiting { signals: self, mode, since_ns, stay: self.waiters.enter() }
    }

    fn held(&self, mode: Mode, since: Since) {
        // An uncontended release only reads the line: a swap would make readers contend for it.
        let waited_for_ns = match self.waited_for_since_ns.load(Ordering::Relaxed) {
            0 => 0,
            _ => self.waited_for_since_ns.swap(0, Ordering::Relaxed),
        };
        match (since, waited_for_ns) {
            (Since::Contended(since_ns), _) => self.observe(self.hold, mode, since_ns),
            (Since::Sampled(since_ns), 0) => self.observe(self.hold_sampled, mode, since_ns),
            (Since::Untimed, 0) => {}
            (_, waited_for_ns) => self.observe(self.hold, mode, waited_for_ns),
        }
    }

    fn observe(&self, distribution: Distribution, mode: Mode, since_ns: u64) {
        distribution.observe_as(now_ns().saturating_sub(since_ns), mode.index());
    }
}

/// When a hold began, if its time is known.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Since {
    /// It was acquired after a wait.
    Contended(u64),
    /// It was acquired at once and is one of the sample.
    Sampled(u64),
    /// It was acquired at once.
    Untimed,
}

/// A wait for a lock. It counts when it is dropped, so one that is cancelled counts as well.
#[derive(Debug)]
pub(crate) struct Waiting<'a> {
    signals: &'a LockSignals,
    mode: Mode,
    since_ns: u64,
    stay: Stay,
}

impl Waiting<'_> {
    /// Ends the wait with the lock acquired.
    pub(crate) fn acquired(mut self) -> Since {
        self.stay.set_outcome(Outcome::Ok);
        count(&self.signals.contended, self.mode);
        Since::Contended(now_ns())
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.signals.observe(self.signals.wait, self.mode, self.since_ns);
    }
}

/// A lock being held. It stands before the original guard in each guard here, so that it is dropped,
/// and the hold's end is stamped, before the lock is released.
#[derive(Debug)]
pub(crate) struct Hold<S: Deref<Target = LockSignals>> {
    signals: S,
    mode: Mode,
    since: Since,
}

impl<S: Deref<Target = LockSignals>> Hold<S> {
    pub(crate) fn new(signals: S, mode: Mode, since: Since) -> Self {
        Self { signals, mode, since }
    }
}

impl<S: Deref<Target = LockSignals>> Drop for Hold<S> {
    fn drop(&mut self) {
        self.signals.held(self.mode, self.since);
    }
}

fn count(by_mode: &[Count], mode: Mode) {
    if let Some(count) = by_mode.get(usize::from(mode.index())) {
        count.increment();
    }
}

/// Picks one in [`SAMPLE_EVERY`] of this thread's uncontended acquisitions.
fn is_sampled() -> bool {
    thread_local! {
        static COUNT: Cell<u32> = const { Cell::new(0) };
    }
    // A thread that is being torn down samples nothing.
    COUNT
        .try_with(|count| count.replace(count.get().wrapping_add(1)) % SAMPLE_EVERY == 0)
        .unwrap_or(false)
}
