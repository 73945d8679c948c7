//! The clocks of the façade: the one that stamps edges, and the wall's.

use crate::name::ns;
use std::fmt::Debug;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

pub(crate) use plimsoll_record::clock::now_ns;

/// Where times come from that a service can replace in its tests: a clock that nobody sets, and the one
/// on the wall, which is what stores stamp their content with.
pub trait Clock: Debug + Send + Sync + 'static {
    /// Returns nanoseconds since some start, on a clock that never steps.
    fn own_ns(&self) -> u64;

    /// Returns what the wall clock shows.
    fn wall(&self) -> SystemTime;
}

/// The clocks of the machine; its own one is that of [`plimsoll_record::clock::now_ns`].
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[inline]
    fn own_ns(&self) -> u64 {
        now_ns()
    }

    #[inline]
    fn wall(&self) -> SystemTime {
        wall()
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

/// Returns what the wall clock shows.
#[inline]
#[allow(clippy::disallowed_methods)] // This is the clock module.
pub(crate) fn wall() -> SystemTime {
    SystemTime::now()
}

/// Returns what the monotonic clock shows, where an interface wants it as an instant.
#[allow(clippy::disallowed_methods)] // This is the clock module.
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Seconds since the Unix epoch, as a timestamp gauge has them; negative before it.
pub(crate) fn unix_seconds(at: SystemTime) -> f64 {
    match at.duration_since(UNIX_EPOCH) {
        Ok(since) => since.as_secs_f64(),
        Err(before) => -before.duration().as_secs_f64(),
    }
}
