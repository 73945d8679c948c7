//! The daemon's time: the process clock's, never before what the archive has seen.

use plimsoll_model::TimeMs;
use plimsoll_runtime::clock::{Clock, STEP_MS_MIN};
use std::sync::Arc;

/// A clock that may run ahead of the one that it is made of.
///
/// When the wall clock was set back while the daemon was down, its time begins where the archive
/// ends: otherwise new slices would fall among old ones, and count for windows that are long over.
#[derive(Clone)]
pub(crate) struct Timeline {
    clock: Arc<dyn Clock>,
    ahead_ms: i64,
}

impl Timeline {
    /// Makes the timeline that goes on after `last`, the last step that the archive knows.
    pub(crate) fn after(last: Option<TimeMs>, clock: Arc<dyn Clock>) -> Self {
        let ahead_ms = last.map_or(0, |last| last.0.saturating_sub(clock.now().0).max(0));
        if ahead_ms >= STEP_MS_MIN {
            tracing::warn!(
                ahead_ms,
                "the wall clock is behind the data file; times are shown ahead"
            );
        }
        Self { clock, ahead_ms }
    }

    /// Returns what others' clocks show at a time of this one. Less than a step is adjusting, and
    /// would only make equal times look different.
    pub(crate) fn on_the_wall(&self, at: TimeMs) -> TimeMs {
        let offset_ms = self.wall_offset_ms();
        if offset_ms.abs() < STEP_MS_MIN { at } else { TimeMs(at.0.saturating_add(offset_ms)) }
    }

    /// Returns the time of this clock at which others' clocks show `at`.
    pub(crate) fn own_time_of(&self, at: TimeMs) -> TimeMs {
        let offset_ms = self.wall_offset_ms();
        if offset_ms.abs() < STEP_MS_MIN { at } else { TimeMs(at.0.saturating_sub(offset_ms)) }
    }
}

impl Clock for Timeline {
    fn now(&self) -> TimeMs {
        TimeMs(self.clock.now().0.saturating_add(self.ahead_ms))
    }

    fn wall_offset_ms(&self) -> i64 {
        self.clock.wall_offset_ms().saturating_sub(self.ahead_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_runtime::clock::ManualClock;
    use std::time::Duration;

    #[test]
    fn time_goes_on_where_the_archive_ends_and_others_are_told_their_own() {
        let clock = ManualClock::new(TimeMs(10_000));
        let ahead = Timeline::after(Some(TimeMs(3_610_000)), Arc::new(clock.clone()));
        clock.advance(Duration::from_secs(5));
        assert_eq!(ahead.now(), TimeMs(3_615_000));
        assert_eq!(ahead.on_the_wall(ahead.now()), TimeMs(15_000));
        clock.step_wall(3_600_000);
        assert_eq!(ahead.on_the_wall(ahead.now()), TimeMs(3_615_000));
        let level = Timeline::after(Some(TimeMs(9_000)), Arc::new(clock.clone()));
        assert_eq!(level.now(), TimeMs(15_000));
    }
}
