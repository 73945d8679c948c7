//! Points of one target, put together by their own time.
//!
//! A sender cuts what it has to say into bodies as it likes. A frame is what was scraped, or
//! collected, at one time; it is complete once the next one has begun, or when enough time has
//! passed for its last piece to come.

use plimsoll_model::{RefusalReason, Sample, Scrape, SeriesIndex, TimeMs};
use std::collections::BTreeMap;
use std::time::Duration;

/// How long a frame waits for its last piece: Prometheus sends a batch that isn't full after five
/// seconds.
const SETTLED_AFTER: Duration = Duration::from_secs(6);

/// A point may be this far ahead: clocks of two hosts differ.
const AHEAD_MS_MAX: i64 = 60_000;

/// A point may be this old: what Prometheus keeps to send after an outage.
const AGE_MS_MAX: i64 = 7_200_000;

/// Collectors stamp what belongs together at slightly different times.
const TOGETHER_MS_MAX: i64 = 500;

/// The most frames that wait: an outage's backlog comes in order, and each waits for the next only.
const FRAMES_MAX: usize = 1_000;

/// The frames of one target that aren't handed on yet.
#[derive(Debug)]
pub(super) struct Frames {
    /// By the time of the first point.
    waiting: BTreeMap<i64, Frame>,
    together_ms: i64,
    /// Until when everything was handed on.
    done_ms: Option<i64>,
}

/// What a target said at one time.
#[derive(Debug)]
pub(super) struct Frame {
    /// The time of its last point.
    pub(super) at: TimeMs,
    pub(super) is_down: bool,
    arrived: TimeMs,
    samples: BTreeMap<SeriesIndex, Sample>,
}

impl Frames {
    pub(super) fn new(interval: Duration) -> Self {
        let half = i64::try_from(interval.as_millis() / 2).unwrap_or(i64::MAX);
        let together_ms = half.min(TOGETHER_MS_MAX);
        Self { waiting: BTreeMap::new(), together_ms, done_ms: None }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Says why a point of that time can't be taken at `now`.
    pub(super) fn refusal(&self, at_ms: i64, now: TimeMs) -> Option<RefusalReason> {
        if at_ms > now.0.saturating_add(AHEAD_MS_MAX) {
            Some(RefusalReason::InFuture)
        } else if at_ms < now.0.saturating_sub(AGE_MS_MAX) {
            Some(RefusalReason::TooOld)
        } else if self.done_ms.is_some_and(|done| at_ms <= done) {
            Some(RefusalReason::OutOfOrder)
        } else {
            None
        }
    }

    /// Adds what a point says.
    pub(super) fn add(&mut self, at_ms: i64, now: TimeMs, samples: Vec<Sample>) {
        let frame = self.frame(at_ms, now);
        for sample in samples {
            frame.put(sample);
        }
    }

    /// Notes whether the sender's own scrape of the target went well.
    pub(super) fn note_up(&mut self, at_ms: i64, now: TimeMs, is_up: bool) {
        self.frame(at_ms, now).is_down |= !is_up;
    }

    fn frame(&mut self, at_ms: i64, now: TimeMs) -> &mut Frame {
        let near = self.waiting.range(at_ms - self.together_ms..=at_ms + self.together_ms);
        let start = near.map(|(start, _)| *start).next().unwrap_or(at_ms);
        let frame = self.waiting.entry(start).or_insert_with(|| Frame {
            at: TimeMs(at_ms),
            is_down: false,
            arrived: now,
            samples: BTreeMap::new(),
        });
        frame.at = frame.at.max(TimeMs(at_ms));
        frame
    }

    /// Takes out the oldest frame, if it is complete at `now`, or if it is the last chance. One
    /// whose time is still to come waits for it: nothing is counted ahead of the daemon's clock.
    pub(super) fn next(&mut self, now: TimeMs, is_last: bool) -> Option<Frame> {
        let (_, oldest) = self.waiting.first_key_value()?;
        let is_complete =
            is_last || self.waiting.len() > 1 || now.since(oldest.arrived) >= SETTLED_AFTER;
        if !is_complete || oldest.at > now {
            return None;
        }
        let (_, mut frame) = self.waiting.pop_first()?;
        // A frame that came after a later one was handed on would be out of order as a whole.
        if self.done_ms.is_some_and(|done| frame.at.0 <= done) {
            frame.at = TimeMs(self.done_ms.unwrap_or_default() + 1);
        }
        self.done_ms = Some(frame.at.0);
        Some(frame)
    }

    /// Says whether so many frames wait that the oldest have to be handed on at once.
    pub(super) fn is_full(&self) -> bool {
        self.waiting.len() >= FRAMES_MAX
    }
}

impl Frame {
    /// A later word about a series replaces the one before; what was counted in between adds up.
    fn put(&mut self, sample: Sample) {
        let known = self.samples.entry(sample.series).or_insert(Sample {
            value: if sample.is_delta { 0.0 } else { sample.value },
            ..sample
        });
        known.value = if sample.is_delta { known.value + sample.value } else { sample.value };
    }

    pub(super) fn scrape(&self) -> Scrape {
        Scrape { samples: self.samples.values().copied().collect(), ..Scrape::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(series: u32, value: f64, is_delta: bool) -> Sample {
        Sample { series: SeriesIndex(series), value, at_ms: None, is_delta }
    }

    fn frames() -> Frames {
        Frames::new(Duration::from_secs(15))
    }

    #[test]
    fn pieces_of_one_time_come_together_in_any_order() {
        let mut frames = frames();
        frames.add(15_000, TimeMs(15_100), vec![sample(2, 20.0, false)]);
        frames.add(15_003, TimeMs(15_200), vec![sample(1, 10.0, false)]);
        assert!(frames.next(TimeMs(20_000), false).is_none(), "its last piece may still come");
        frames.add(30_000, TimeMs(30_100), vec![sample(1, 11.0, false)]);
        let frame = frames.next(TimeMs(30_100), false).expect("the next one has begun");
        assert_eq!(frame.at, TimeMs(15_003));
        assert_eq!(frame.scrape().samples, [sample(1, 10.0, false), sample(2, 20.0, false)]);
        assert!(frames.next(TimeMs(36_000), false).is_none());
        assert!(frames.next(TimeMs(36_100), false).is_some(), "nothing came for long enough");
    }

    #[test]
    fn a_clock_that_runs_ahead_is_waited_for() {
        let mut frames = frames();
        frames.add(45_000, TimeMs(15_000), vec![sample(1, 10.0, false)]);
        assert!(frames.next(TimeMs(44_999), false).is_none());
        assert!(frames.next(TimeMs(44_999), true).is_none());
        assert!(frames.next(TimeMs(45_000), false).is_some());
    }

    #[test]
    fn what_was_counted_in_between_adds_up_and_a_total_is_replaced() {
        let mut frames = frames();
        for value in [3.0, 4.0] {
            frames.add(1_000, TimeMs(1_000), vec![sample(1, value, true), sample(2, value, false)]);
        }
        let frame = frames.next(TimeMs(1_000), true).expect("all are handed on");
        assert_eq!(frame.scrape().samples, [sample(1, 7.0, true), sample(2, 4.0, false)]);
    }

    #[test]
    fn a_time_that_cannot_be_is_refused_with_the_reason() {
        let mut frames = frames();
        let now = TimeMs(10_000_000);
        assert_eq!(frames.refusal(now.0 + 60_001, now), Some(RefusalReason::InFuture));
        assert_eq!(frames.refusal(now.0 - 7_200_001, now), Some(RefusalReason::TooOld));
        assert_eq!(frames.refusal(now.0, now), None);
        frames.add(now.0, now, vec![sample(1, 1.0, false)]);
        assert!(frames.next(now, true).is_some());
        assert_eq!(frames.refusal(now.0, now), Some(RefusalReason::OutOfOrder));
        assert_eq!(frames.refusal(now.0 + 1, now), None);
    }
}
