//! A level that is known only where it was looked at.

use plimsoll_model::{Bucket, HistogramValue, TimeMs};
use std::collections::VecDeque;
use std::time::Duration;

/// Upper bounds of the time at each level: none, one, and the powers of two.
const EDGES: [f64; 12] = [0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1_024.0];

/// How long a peak stands, in seconds.
const PEAK_S: i64 = 60;

/// The highest value of the last 60 s, second by second.
#[derive(Clone, Debug, Default)]
pub(crate) struct Highest(VecDeque<(i64, f64)>);

impl Highest {
    pub(crate) fn note(&mut self, at: TimeMs, value: f64) {
        let second = at.0.div_euclid(1_000);
        while self.0.front().is_some_and(|(before, _)| second - before > PEAK_S) {
            self.0.pop_front();
        }
        match self.0.back_mut() {
            Some((last, highest)) if *last == second => *highest = highest.max(value),
            _ => self.0.push_back((second, value)),
        }
    }

    pub(crate) fn get(&self) -> Option<f64> {
        self.0.iter().map(|(_, value)| *value).reduce(f64::max)
    }
}

/// What one look found of a gauge.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Look {
    pub(crate) at: TimeMs,
    pub(crate) level: f64,
    pub(crate) limit: Option<f64>,
}

/// A level from looks. From one look to the next it is taken to be what the first found; over a gap
/// nothing is taken to be anything.
#[derive(Clone, Debug)]
pub(crate) struct Sampled {
    last: Look,
    peak: Highest,
    /// Level × time in nanoseconds.
    time_ns: u128,
    saturated_ms: u64,
    /// Milliseconds at levels up to each of the edges; the last is above them all.
    at_level_ms: [u64; EDGES.len() + 1],
    /// Σ level × milliseconds.
    level_ms: f64,
}

impl Sampled {
    pub(crate) fn new(first: Look) -> Self {
        let mut peak = Highest::default();
        peak.note(first.at, first.level);
        let at_level_ms = [0; EDGES.len() + 1];
        Self { last: first, peak, time_ns: 0, saturated_ms: 0, at_level_ms, level_ms: 0.0 }
    }

    /// Takes the next look; `gap` is how far apart two may be to say anything of the time between.
    pub(crate) fn look(&mut self, look: Look, gap: Duration) {
        let before = std::mem::replace(&mut self.last, look);
        let passed_ms = u64::try_from(look.at.0 - before.at.0).unwrap_or(0);
        if u128::from(passed_ms) <= gap.as_millis() {
            // Both within a window, the level of its begin stands in it to its end.
            self.peak.note(look.at, before.level);
            self.time_ns += (before.level * passed_ms as f64 * 1e6) as u128;
            self.level_ms += before.level * passed_ms as f64;
            if before.limit.is_some_and(|limit| before.level >= limit) {
                self.saturated_ms += passed_ms;
            }
            let bucket = EDGES.partition_point(|edge| *edge < before.level);
            if let Some(ms) = self.at_level_ms.get_mut(bucket) {
                *ms += passed_ms;
            }
        }
        self.peak.note(look.at, look.level);
    }

    /// Says whether it has a limit now.
    pub(crate) fn is_limited(&self) -> bool {
        self.last.limit.is_some()
    }

    pub(crate) fn peak(&self) -> f64 {
        self.peak.get().unwrap_or(self.last.level)
    }

    pub(crate) fn time_ns(&self) -> u128 {
        self.time_ns
    }

    pub(crate) fn saturated_ns(&self) -> u128 {
        u128::from(self.saturated_ms) * 1_000_000
    }

    /// Returns the time at each level: one observation a millisecond.
    pub(crate) fn time_weighted(&self) -> HistogramValue {
        let buckets = EDGES.iter().zip(self.at_level_ms);
        let buckets = buckets.map(|(le, count)| Bucket { le: *le, count }).collect();
        let above = self.at_level_ms.last().copied().unwrap_or_default();
        HistogramValue { buckets, above, sum: self.level_ms }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GAP: Duration = Duration::from_millis(200);

    fn look(at_ms: i64, level: f64) -> Look {
        Look { at: TimeMs(at_ms), level, limit: Some(4.0) }
    }

    #[test]
    fn time_counts_between_looks_and_not_over_gaps() {
        let mut sampled = Sampled::new(look(1_000, 2.0));
        for (at_ms, level) in [(1_100, 4.0), (1_250, 0.5), (2_000, 7.0), (2_100, 0.0)] {
            sampled.look(look(at_ms, level), GAP);
        }
        // 2 × 100 ms + 4 × 150 ms, nothing over the gap of 750 ms, 7 × 100 ms.
        assert_eq!(sampled.time_ns(), 1_500_000_000);
        assert_eq!(sampled.saturated_ns(), 250_000_000);
        let time = sampled.time_weighted();
        assert_eq!((time.count(), time.sum), (350, 1_500.0));
        let at = |le: f64| time.buckets.iter().find(|bucket| bucket.le == le).unwrap().count;
        assert_eq!((at(1.0), at(2.0), at(4.0), at(8.0)), (0, 100, 150, 100));
        assert_eq!(sampled.peak(), 7.0);
    }

    #[test]
    fn a_peak_stands_for_a_minute() {
        let mut sampled = Sampled::new(look(0, 9.0));
        for at_ms in (100..62_000).step_by(100) {
            sampled.look(look(at_ms, 1.0), GAP);
            let expected = if at_ms < 61_000 { 9.0 } else { 1.0 };
            assert_eq!(sampled.peak(), expected, "at {at_ms} ms");
        }
    }
}
