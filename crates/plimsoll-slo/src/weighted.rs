use crate::{BadOf, Objective, Reason, WindowBurn};
use plimsoll_model::{Counts, WindowCounts};
use std::time::Duration;

/// Puts the windows of weighted parts together: the composite's ratio is Σ wᵢ rᵢ ÷ Σ wᵢ over the parts
/// that had demand, each rᵢ = Σ bad ÷ Σ total of that part's window.
///
/// The weights are parts per million. The composite counts milliseconds of `length`, the part of the
/// window that was watched: so many of them bad as the ratio's lower bound says, so many unknown as
/// the upper bound lies above it. A part without any data may have any ratio; one without demand, or
/// without a target, has none and weighs nothing.
pub fn weigh(parts: &[(u32, WindowCounts)], length: Duration) -> WindowCounts {
    let whole_ms = length.as_millis();
    let mut sum = Sum::default();
    for (weight, held) in parts {
        sum.add(u128::from(*weight), held, whole_ms);
    }
    let Some(weights) = std::num::NonZeroU128::new(sum.weights) else {
        // Nothing was asked of any part, which is known as far as the parts were seen.
        let known = parts.iter().map(|(_, held)| held.known).max().unwrap_or_default();
        let expected = parts.iter().map(|(_, held)| held.expected).max().unwrap_or_default();
        let (known, expected) = (known.min(length), expected.min(length));
        return WindowCounts { known, expected, ..WindowCounts::default() };
    };
    let part = |value: u128| u64::try_from(value / weights).unwrap_or(u64::MAX);
    let (bad, most) = (part(sum.low), part(sum.high).min(millis(whole_ms)));
    let unknown = most.saturating_sub(bad);
    let good = millis(whole_ms).saturating_sub(bad).saturating_sub(unknown);
    WindowCounts {
        counts: Counts { good, bad, unknown },
        known: Duration::from_millis(part(sum.known)),
        expected: length,
        ..WindowCounts::default()
    }
}

/// Sums over parts, each times its weight, in milliseconds of the window.
#[derive(Default)]
struct Sum {
    weights: u128,
    low: u128,
    high: u128,
    known: u128,
}

impl Sum {
    fn add(&mut self, weight: u128, held: &WindowCounts, whole_ms: u128) {
        // A ratio has nothing to do with the objective that a burn is measured by.
        let Some(any) = Objective::from_ppm(500_000) else { return };
        let burn = WindowBurn::new(Duration::ZERO, *held, any);
        if matches!(burn.reason, Some(Reason::NoDemand | Reason::NoTarget)) {
            return;
        }
        let of = |BadOf { bad, total }: BadOf| {
            u128::from(bad).saturating_mul(whole_ms) / u128::from(total.max(1))
        };
        let high = burn.high().map_or(whole_ms, of);
        let expected = held.expected.as_millis().max(1);
        self.weights += weight;
        self.low += weight * of(burn.low());
        self.high += weight * high;
        self.known += weight * (whole_ms.saturating_mul(held.known.as_millis()) / expected);
    }
}

fn millis(ms: u128) -> u64 {
    u64::try_from(ms).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);

    fn held(good: u64, bad: u64, known_minutes: u64) -> WindowCounts {
        WindowCounts {
            counts: Counts { good, bad, unknown: 0 },
            known: Duration::from_secs(60 * known_minutes),
            expected: HOUR,
            ..WindowCounts::default()
        }
    }

    #[test]
    fn the_ratio_is_the_weighted_mean_of_the_parts_ratios() {
        // 0.7 × 10 % + 0.3 × 20 % = 13 % of 3,600,000 ms, whatever each part's traffic.
        let parts = [(700_000, held(90, 10, 60)), (300_000, held(8_000, 2_000, 60))];
        let whole = weigh(&parts, HOUR);
        assert_eq!(whole.counts, Counts { good: 3_132_000, bad: 468_000, unknown: 0 });
        assert_eq!((whole.known, whole.expected), (HOUR, HOUR));
    }

    #[test]
    fn a_part_that_nobody_saw_may_be_anything_and_an_idle_one_weighs_nothing() {
        let blind = WindowCounts { expected: HOUR, ..WindowCounts::default() };
        let whole = weigh(&[(700_000, held(90, 10, 60)), (300_000, blind)], HOUR);
        // 7 % surely, 37 % at most.
        assert_eq!(whole.counts, Counts { good: 2_268_000, bad: 252_000, unknown: 1_080_000 });
        assert_eq!(whole.known, Duration::from_secs(2_520), "0.7 of the hour");
        let whole = weigh(&[(700_000, held(90, 10, 60)), (300_000, held(0, 0, 60))], HOUR);
        assert_eq!(whole.counts, Counts { good: 3_240_000, bad: 360_000, unknown: 0 });
        let idle = weigh(&[(1_000_000, held(0, 0, 60))], HOUR);
        assert_eq!((idle.counts, idle.known, idle.expected), (Counts::default(), HOUR, HOUR));
    }
}
