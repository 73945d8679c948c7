//! Time that never steps.
//!
//! The timeline is anchored to the wall clock once and then follows the monotonic clock, so that
//! a window has the length that really passed. When somebody sets the wall clock, a
//! [`StepWatch`] says by how much, so that whoever prints dates can anchor anew.

use plimsoll_model::TimeMs;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Where a process takes its time from.
pub trait Clock: Send + Sync + 'static {
    /// Returns the present on the timeline.
    fn now(&self) -> TimeMs;

    /// Returns how far the wall clock is ahead of the timeline, in milliseconds.
    ///
    /// It is zero at the start, and adding it to a time of the timeline gives what a clock on the
    /// wall would show.
    fn wall_offset_ms(&self) -> i64;
}

impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn now(&self) -> TimeMs {
        (**self).now()
    }

    fn wall_offset_ms(&self) -> i64 {
        (**self).wall_offset_ms()
    }
}

/// The clocks of the machine.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    anchor: Instant,
    anchor_wall: TimeMs,
}

#[allow(clippy::disallowed_methods)] // this is the clock module that everybody else uses
impl SystemClock {
    /// Anchors a timeline to the wall clock, now.
    ///
    /// Two clocks of one process may differ by the wall clock's steps between their starts, so a
    /// process starts one and passes it on.
    pub fn start() -> Self {
        Self { anchor: Instant::now(), anchor_wall: wall() }
    }

    fn monotonic(&self) -> TimeMs {
        self.anchor_wall + Instant::now().duration_since(self.anchor)
    }
}

#[allow(clippy::disallowed_methods)] // as above
fn wall() -> TimeMs {
    // A wall clock before 1970 isn't set at all: zero is as good as any other value.
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    TimeMs(0) + since_epoch
}

impl Clock for SystemClock {
    fn now(&self) -> TimeMs {
        self.monotonic()
    }

    fn wall_offset_ms(&self) -> i64 {
        wall().0.saturating_sub(self.monotonic().0)
    }
}

/// A clock that a test moves; clones show the same time.
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<Hands>);

#[derive(Debug)]
struct Hands {
    now_ms: AtomicI64,
    wall_offset_ms: AtomicI64,
}

impl ManualClock {
    /// Makes a clock that stands at `now`, with the wall clock in step.
    pub fn new(now: TimeMs) -> Self {
        Self(Arc::new(Hands { now_ms: AtomicI64::new(now.0), wall_offset_ms: AtomicI64::new(0) }))
    }

    /// Lets time pass.
    pub fn advance(&self, length: Duration) {
        let ms = i64::try_from(length.as_millis()).unwrap_or(i64::MAX);
        self.0.now_ms.fetch_add(ms, Ordering::Relaxed);
    }

    /// Sets the wall clock forward, or back when `by_ms` is negative; no time passes.
    pub fn step_wall(&self, by_ms: i64) {
        self.0.wall_offset_ms.fetch_add(by_ms, Ordering::Relaxed);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> TimeMs {
        TimeMs(self.0.now_ms.load(Ordering::Relaxed))
    }

    fn wall_offset_ms(&self) -> i64 {
        self.0.wall_offset_ms.load(Ordering::Relaxed)
    }
}

/// The least difference that is a step, in milliseconds: less is what adjusting a clock does.
pub const STEP_MS_MIN: i64 = 1_000;

/// Notices when the wall clock was set.
#[derive(Debug)]
pub struct StepWatch {
    known_offset_ms: i64,
}

impl StepWatch {
    /// Starts to watch `clock` from how its wall clock stands now.
    pub fn new(clock: &(impl Clock + ?Sized)) -> Self {
        Self { known_offset_ms: clock.wall_offset_ms() }
    }

    /// Returns by how many milliseconds the wall clock was set since it was last asked: forward
    /// if positive, back if negative. It says each step once.
    pub fn observe_step(&mut self, clock: &(impl Clock + ?Sized)) -> Option<i64> {
        let offset_ms = clock.wall_offset_ms();
        let step_ms = offset_ms.saturating_sub(self.known_offset_ms);
        if step_ms.saturating_abs() < STEP_MS_MIN {
            return None;
        }
        self.known_offset_ms = offset_ms;
        Some(step_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_timeline_starts_at_the_wall_clock_and_keeps_its_pace() {
        let clock = SystemClock::start();
        let first = clock.now();
        assert!(clock.wall_offset_ms().abs() < STEP_MS_MIN);
        assert!(first.0 > 1_600_000_000_000, "{first}");
        assert!(clock.now() >= first);
    }

    #[test]
    fn a_step_of_the_wall_clock_moves_no_time_and_is_said_once() {
        let clock = ManualClock::new(TimeMs(5_000));
        let mut watch = StepWatch::new(&clock);
        assert_eq!(watch.observe_step(&clock), None);
        clock.step_wall(-3_600_000);
        assert_eq!(clock.now(), TimeMs(5_000));
        assert_eq!(watch.observe_step(&clock), Some(-3_600_000));
        assert_eq!(watch.observe_step(&clock), None);
        clock.step_wall(999);
        assert_eq!(watch.observe_step(&clock), None, "an adjustment is no step");
        clock.step_wall(1);
        assert_eq!(watch.observe_step(&clock), Some(1_000), "but adjustments add up");
        clock.advance(Duration::from_secs(2));
        assert_eq!(clock.now(), TimeMs(7_000));
    }
}
