//! Where time and chance come from; tests give their own.

use plimsoll::{Clock, SystemClock};
use rand::Rng;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

/// Time and chance.
#[derive(Clone)]
pub struct Environment {
    /// The clocks.
    pub clock: Arc<dyn Clock>,
    /// The source of chance.
    pub random: Arc<dyn Random>,
}

impl Default for Environment {
    /// The machine's.
    fn default() -> Self {
        Self { clock: Arc::new(SystemClock), random: Arc::new(SystemRandom) }
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Environment").finish_non_exhaustive()
    }
}

/// A source of chance.
pub trait Random: Send + Sync + 'static {
    /// Returns a number above 0 and up to 1, each as likely.
    fn unit(&self) -> f64;

    /// Returns a number that nobody else draws.
    fn unique(&self) -> u128;
}

/// The generator of the thread, which the operating system seeds.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn unit(&self) -> f64 {
        1.0 - rand::rng().random::<f64>()
    }

    fn unique(&self) -> u128 {
        rand::rng().random()
    }
}

/// Microseconds since 1970 on the wall; a clock before that isn't set at all.
pub(crate) fn wall_us(clock: &dyn Clock) -> u64 {
    let since = clock.wall().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

/// Returns how long ago the process's own clock showed `since_ns`.
pub(crate) fn since(clock: &dyn Clock, since_ns: u64) -> Duration {
    Duration::from_nanos(clock.own_ns().saturating_sub(since_ns))
}

/// Nanoseconds of a duration; 584 years are enough.
pub(crate) fn ns(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
