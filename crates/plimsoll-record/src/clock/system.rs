use super::{Clock, hardware};
use std::sync::OnceLock;
use std::sync::atomic::{Ordering, compiler_fence, fence};
use std::time::{Duration, Instant, SystemTime};

/// How long the counter is compared with [`Instant`]: long enough for a few parts per million.
const CALIBRATION: Duration = Duration::from_millis(5);

/// The process's clock: the time-stamp counter where it is invariant, else [`Instant`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct SystemClock {
    source: Source,
    /// The kernel fences all threads when a reader asks, so that owners needn't.
    asymmetric: bool,
    resolution_ns: u64,
}

#[derive(Clone, Copy, Debug)]
enum Source {
    /// Ticks since `start`, times `ns_per_tick` in units of 2⁻³².
    Counter {
        start: u64,
        ns_per_tick: u64,
    },
    Monotonic {
        start: Instant,
    },
}

impl SystemClock {
    /// Returns the process's clock; the first call calibrates it, which takes 5 ms.
    #[inline]
    pub(crate) fn get() -> Self {
        static CLOCK: OnceLock<SystemClock> = OnceLock::new();
        *CLOCK.get_or_init(Self::calibrate)
    }

    /// Returns how far apart two readings are at least: nearer edges on two threads have no order.
    pub(crate) fn resolution_ns(self) -> u64 {
        self.resolution_ns
    }

    fn calibrate() -> Self {
        let source = if hardware::has_invariant_counter() && kernel_trusts_counter() {
            counter()
        } else {
            Source::Monotonic { start: instant() }
        };
        let mut clock =
            Self { source, asymmetric: hardware::register_membarrier(), resolution_ns: 0 };
        clock.resolution_ns = (0..64)
            .map(|_| clock.now_ns().abs_diff(clock.now_ns()))
            .filter(|apart| *apart > 0)
            .min()
            .unwrap_or(1);
        clock
    }
}

impl Clock for SystemClock {
    #[inline]
    fn now_ns(&self) -> u64 {
        match self.source {
            Source::Counter { start, ns_per_tick } => {
                ns_between(start, hardware::ticks_in_order(), ns_per_tick)
            }
            Source::Monotonic { start } => start_to_now_ns(start),
        }
    }

    /// With `membarrier` alone: it interrupts the processor, and a reading that was made ahead of its
    /// turn is made again. A fence would let it pass.
    #[inline]
    fn now_early_ns(&self) -> u64 {
        match self.source {
            Source::Counter { start, ns_per_tick } if self.asymmetric => {
                ns_between(start, hardware::ticks_early(), ns_per_tick)
            }
            _ => self.now_ns(),
        }
    }

    #[inline]
    fn owner_fence(&self) {
        if self.asymmetric { compiler_fence(Ordering::SeqCst) } else { fence(Ordering::SeqCst) }
    }

    fn reader_fence(&self) {
        fence(Ordering::SeqCst);
        if self.asymmetric {
            // Registered, so it can't be refused; were it, the watermark would be less sharp, and
            // late edges are counted.
            hardware::process_fence();
        }
    }
}

#[inline]
fn ns_between(start: u64, ticks: u64, ns_per_tick: u64) -> u64 {
    let since = u128::from(ticks.saturating_sub(start));
    ((since * u128::from(ns_per_tick)) >> 32) as u64
}

/// Compares the counter with [`Instant`] over [`CALIBRATION`].
fn counter() -> Source {
    let (start, began) = pair();
    let mut end = pair();
    while end.1.duration_since(began) < CALIBRATION {
        end = pair();
    }
    let ns = end.1.duration_since(began).as_nanos();
    let ticks = u128::from(end.0.saturating_sub(start)).max(1);
    Source::Counter { start, ns_per_tick: ((ns << 32) / ticks) as u64 }
}

/// Reads both clocks at one moment: of several attempts the one that took least.
fn pair() -> (u64, Instant) {
    let attempt = || {
        let before = hardware::ticks_in_order();
        let now = instant();
        let after = hardware::ticks_in_order();
        (after.saturating_sub(before), before.midpoint(after), now)
    };
    let (_, ticks, now) =
        (0..16).map(|_| attempt()).min_by_key(|taken| taken.0).unwrap_or_else(attempt);
    (ticks, now)
}

/// Linux drops the counter from its clocks when it has seen it go astray.
fn kernel_trusts_counter() -> bool {
    let clocks = "/sys/devices/system/clocksource/clocksource0/available_clocksource";
    std::fs::read_to_string(clocks).map_or(cfg!(not(target_os = "linux")), |names| {
        names.split_whitespace().any(|name| name == "tsc")
    })
}

#[allow(clippy::disallowed_methods)] // This is the clock module.
fn instant() -> Instant {
    Instant::now()
}

#[allow(clippy::disallowed_methods)] // This is the clock module.
pub(super) fn wall_unix_ns() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}

fn start_to_now_ns(start: Instant) -> u64 {
    u64::try_from(instant().saturating_duration_since(start).as_nanos()).unwrap_or(u64::MAX)
}
