//! The two clocks that a decision is judged by.

use std::fmt::Debug;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Where times come from: a clock that never steps, and the one on the wall, which is what stores stamp
/// their content with.
pub trait Clock: Debug + Send + Sync {
    /// Returns nanoseconds since some start, on a clock that never steps.
    fn own_ns(&self) -> u64;

    /// Returns what the wall clock shows.
    fn wall(&self) -> SystemTime;
}

/// The clocks of the machine; its own one is that of [`plimsoll_record::clock::now_ns`].
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn own_ns(&self) -> u64 {
        plimsoll_record::clock::now_ns()
    }

    #[allow(clippy::disallowed_methods)] // This is the clock module.
    fn wall(&self) -> SystemTime {
        SystemTime::now()
    }
}

/// Clocks that a test moves. They start at one hour, with the wall clock in step since 1970.
#[derive(Debug)]
pub struct ManualClock {
    own_ns: AtomicU64,
    wall_ahead_ns: AtomicI64,
}

impl ManualClock {
    /// Makes clocks that stand at one hour.
    #[expect(clippy::new_without_default, reason = "clocks that stand still are no default")]
    pub fn new() -> Self {
        let start_ns = ns(Duration::from_secs(3_600));
        Self { own_ns: AtomicU64::new(start_ns), wall_ahead_ns: AtomicI64::new(0) }
    }

    /// Lets time pass on both.
    pub fn advance(&self, length: Duration) {
        self.own_ns.fetch_add(ns(length), Ordering::Relaxed);
    }

    /// Sets the wall clock forward, or back when `by_ms` is negative; no time passes.
    pub fn step_wall(&self, by_ms: i64) {
        self.wall_ahead_ns.fetch_add(by_ms.saturating_mul(1_000_000), Ordering::Relaxed);
    }
}

impl Clock for ManualClock {
    fn own_ns(&self) -> u64 {
        self.own_ns.load(Ordering::Relaxed)
    }

    fn wall(&self) -> SystemTime {
        let ahead_ns = self.wall_ahead_ns.load(Ordering::Relaxed);
        UNIX_EPOCH + Duration::from_nanos(self.own_ns().saturating_add_signed(ahead_ns))
    }
}

/// Nanoseconds of a duration; 584 years are enough.
pub(crate) fn ns(length: Duration) -> u64 {
    u64::try_from(length.as_nanos()).unwrap_or(u64::MAX)
}

/// Nanoseconds since 1970, negative before; 292 years either way are enough.
pub(crate) fn unix_ns(at: SystemTime) -> i64 {
    match at.duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_nanos()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, |ns| -ns),
    }
}

/// As a time or a difference of times; what doesn't fit is as good as the largest.
pub(crate) fn signed(ns: u64) -> i64 {
    i64::try_from(ns).unwrap_or(i64::MAX)
}
