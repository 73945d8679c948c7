//! Where time and chance come from; tests give their own.

use rand::Rng;
use std::fmt;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

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

/// The clocks of a process.
pub trait Clock: Send + Sync + 'static {
    /// Returns nanoseconds on a clock that nobody sets.
    fn now_ns(&self) -> u64;

    /// Returns microseconds since the Unix epoch, as the wall clock has them now.
    fn unix_us(&self) -> u64;
}

/// The clocks of the machine: the one that stamps the recorder's edges, and the wall's.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now_ns(&self) -> u64 {
        plimsoll_record::clock::now_ns()
    }

    #[allow(clippy::disallowed_methods)] // This is the clock module.
    fn unix_us(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
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
