//! Exponential buckets, of OpenTelemetry and of Prometheus's native histograms, around a threshold.

use super::point::Edges;

/// Scales that either format allows.
const SCALE_MIN: i32 = -10;
const SCALE_MAX: i32 = 20;

/// A histogram in exponential buckets: bucket `i` holds what is above 2^(i/2^scale) and at most
/// 2^((i + 1)/2^scale), as OpenTelemetry numbers them.
#[derive(Clone, Debug, Default)]
pub(super) struct Exponential {
    pub(super) scale: i32,
    pub(super) count: u64,
    /// Observations that are zero, or so near to it that they count as zero.
    pub(super) zero: u64,
    /// Observations below zero, which are at or below every threshold.
    pub(super) negative: u64,
    /// Buckets in ascending order.
    pub(super) positive: Vec<(i64, u64)>,
}

impl Exponential {
    /// Returns what lies around `threshold`; `None` for a scale that no format has.
    pub(super) fn around(&self, threshold: f64) -> Option<Edges> {
        if !(SCALE_MIN..=SCALE_MAX).contains(&self.scale) || threshold <= 0.0 {
            return None;
        }
        let per_octave = f64::from(self.scale).exp2();
        let position = threshold.log2() * per_octave;
        let near = position.round();
        // A threshold that is an edge up to the last bits of a logarithm is that edge.
        let (below, above) = if (position - near).abs() < 1e-9 * position.abs().max(1.0) {
            (near, near)
        } else {
            (position.floor(), position.ceil())
        };
        let edge = |at: f64| if below == above { threshold } else { (at / per_octave).exp2() };
        let upto = |at: f64| {
            let inside = self.positive.iter().filter(|(index, _)| ((index + 1) as f64) <= at);
            let sum: u64 = inside.map(|(_, count)| *count).fold(0, u64::saturating_add);
            sum.saturating_add(self.zero).saturating_add(self.negative).min(self.count)
        };
        Some(Edges {
            lower: edge(below),
            lower_count: upto(below),
            upper: edge(above),
            upper_count: upto(above),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edge_splits_exactly_and_another_threshold_lies_between_two() {
        // Scale 1: edges are powers of the root of two. Buckets (0.25, 0.354], (0.354, 0.5], (0.5, 0.707].
        let histogram = Exponential {
            scale: 1,
            count: 100,
            zero: 5,
            negative: 0,
            positive: vec![(-4, 10), (-3, 20), (-2, 65)],
        };
        let exact = histogram.around(0.5).expect("a good scale");
        assert_eq!((exact.lower, exact.upper), (0.5, 0.5));
        assert_eq!((exact.lower_count, exact.upper_count), (35, 35));
        let between = histogram.around(0.3).expect("a good scale");
        assert_eq!((between.lower_count, between.upper_count), (5, 15));
        assert!((between.lower - 0.25).abs() < 1e-12 && (between.upper - 0.353_553).abs() < 1e-6);
        assert!(Exponential { scale: 99, ..histogram }.around(0.5).is_none());
    }

    #[test]
    fn coarse_scales_have_wide_buckets() {
        // Scale -1: edges are powers of four. (1, 4] holds all.
        let histogram =
            Exponential { scale: -1, count: 7, positive: vec![(0, 7)], ..Exponential::default() };
        let edges = histogram.around(2.0).expect("a good scale");
        assert_eq!((edges.lower, edges.upper), (1.0, 4.0));
        assert_eq!((edges.lower_count, edges.upper_count), (0, 7));
    }
}
