//! Early refresh by chance (XFetch).
//!
//! Vattani, Chierichetti, Lowenstein, *Optimal Probabilistic Cache Stampede Prevention*, VLDB 2015:
//! rebuild when `now − δ·β·ln(u) ≥ expiry`, where `δ` is how long a rebuild takes and `u` is uniform on
//! (0, 1]. The later and the slower, the likelier, so that mostly one caller rebuilds, and before the
//! entry expires.

use std::time::Duration;

/// The longest lead that a draw can give, in rebuilds: `u` is at least 2⁻⁵³.
const LEAD_MAX: f64 = 53.0 * std::f64::consts::LN_2;

/// Says whether an entry that is fresh for `left` and took `rebuild` to build is to be rebuilt already.
/// `draw` is called only where chance can decide.
pub(crate) fn is_due(
    left: Duration,
    rebuild: Duration,
    beta: f64,
    draw: impl FnOnce() -> f64,
) -> bool {
    let (left_s, weight_s) = (left.as_secs_f64(), rebuild.as_secs_f64() * beta);
    if weight_s == 0.0 || left_s > weight_s * LEAD_MAX {
        return false;
    }
    -draw().ln() * weight_s >= left_s
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_due_at(left_s: f64, rebuild_s: f64, draw: f64) -> bool {
        let (left, rebuild) = (Duration::from_secs_f64(left_s), Duration::from_secs_f64(rebuild_s));
        is_due(left, rebuild, 1.0, || draw)
    }

    #[test]
    fn the_draw_decides_at_the_formulas_edge() {
        // −ln(e⁻²) = 2: a rebuild of 1 s leads by 2 s.
        let draw = (-2.0_f64).exp();
        assert!(is_due_at(1.99, 1.0, draw));
        assert!(!is_due_at(2.01, 1.0, draw));
        assert!(is_due_at(3.99, 2.0, draw), "twice as slow, twice as early");
    }

    #[test]
    fn the_share_that_is_early_is_that_of_an_exponential() {
        // P(δ·E ≥ left) = e^(−left/δ) = e⁻¹ for left = δ.
        let draws = 100_000;
        let early =
            (1..=draws).filter(|n| is_due_at(1.0, 1.0, f64::from(*n) / f64::from(draws))).count();
        let share = early as f64 / f64::from(draws);
        assert!((share - (-1.0_f64).exp()).abs() < 1e-3, "{share}");
    }

    #[test]
    fn chance_is_asked_only_where_it_can_decide() {
        let never = |rebuild, beta| {
            is_due(Duration::from_secs(60), rebuild, beta, || unreachable!("it is asked"))
        };
        assert!(!never(Duration::from_secs(1), 1.0));
        assert!(!never(Duration::ZERO, 1.0));
        assert!(!never(Duration::from_secs(600), 0.0));
    }

    #[test]
    fn rubbish_from_a_store_is_no_panic() {
        assert!(is_due(Duration::MAX, Duration::MAX, 1_000.0, || 1e-9));
        assert!(!is_due(Duration::MAX, Duration::MAX, 1_000.0, || 1.0));
    }
}
