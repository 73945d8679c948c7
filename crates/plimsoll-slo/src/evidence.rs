use crate::wide::compare_products;
use crate::{BadOf, Milli, Objective, PolicyRow, Slo};

/// The one-sided 95 % quantile of the normal distribution.
const Z: f64 = 1.645;

/// Its square in millionths, exactly.
const Z_SQUARED_PPM: u128 = 2_706_025;

/// A ratio is compared in parts of so many: thousandths of a burn times parts per million.
const WHOLE: u128 = 1_000_000_000;

/// Whether enough happened to believe a burn: one failure of sixty is no rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Evidence {
    /// Bad events of the long window.
    pub bad: u64,
    /// How many it takes.
    pub bad_min: u64,
    /// The least ratio that the events support.
    pub ratio_min: f64,
    /// The ratio that it has to be over.
    pub ratio_threshold: f64,
    /// Whether both hold. Always so for time SLIs: each millisecond was seen, none is a sample.
    pub is_enough: bool,
}

impl Evidence {
    pub(crate) fn new(slo: &Slo, row: &PolicyRow, long: BadOf) -> Self {
        let threshold = threshold(row.burn, slo.objective);
        let events_suffice = long.bad >= slo.alerting.min_bad && is_proved(long, threshold);
        Self {
            bad: long.bad,
            bad_min: slo.alerting.min_bad,
            ratio_min: wilson_low(long),
            ratio_threshold: threshold as f64 / WHOLE as f64,
            is_enough: slo.sli.counts_time() || events_suffice,
        }
    }
}

/// Returns the one-sided lower bound of the ratio at z = 1.645.
///
/// E. B. Wilson, “Probable inference, the law of succession, and statistical inference”, 1927.
pub(crate) fn wilson_low(bad_of: BadOf) -> f64 {
    if bad_of.total == 0 {
        return 0.0;
    }
    let (total, ratio) = (bad_of.total as f64, bad_of.ratio());
    let centre = ratio + Z * Z / (2.0 * total);
    let spread = Z * (ratio * (1.0 - ratio) / total + Z * Z / (4.0 * total * total)).sqrt();
    ((centre - spread) / (1.0 + Z * Z / total)).max(0.0)
}

/// Says whether [`wilson_low`] is over `threshold` parts of [`WHOLE`], without a root or a rounding.
///
/// Wilson's interval holds the ratios p that |b ÷ n − p| ≤ z √(p (1 − p) ÷ n) is true for, so its
/// lower end is over p when b ÷ n is over p and (b − p n)² > z² p (1 − p) n.
fn is_proved(bad_of: BadOf, threshold: u128) -> bool {
    let (bad, total) = (u128::from(bad_of.bad) * WHOLE, u128::from(bad_of.total));
    let surplus = match (WHOLE.checked_sub(threshold), threshold.checked_mul(total)) {
        (Some(rest), Some(allowed)) if bad > allowed => Some((bad - allowed, rest)),
        _ => None,
    };
    surplus.is_some_and(|(surplus, rest)| {
        // Both sides times 1000², so that z² is an integer.
        let surplus = surplus.saturating_mul(1_000);
        compare_products([surplus, surplus], [Z_SQUARED_PPM * threshold * rest, total]).is_gt()
    })
}

fn threshold(burn: Milli, objective: Objective) -> u128 {
    u128::from(burn.0) * u128::from(objective.allowed_ppm())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_is_that_of_the_published_formula() {
        // Worked by hand: n = 60, p = 1/60, z² = 2.706025.
        // centre 0.016667 + 0.022550 = 0.039217; spread 1.645 √(0.000273148 + 0.000187918) = 0.035322
        // (0.039217 − 0.035322) ÷ 1.045100 = 0.003727
        assert!((wilson_low(BadOf { bad: 1, total: 60 }) - 0.003727).abs() < 1e-6);
        // n = 100, p = 1/2: (0.5 + 0.013530 − 1.645 √(0.0025 + 0.0000676506)) ÷ 1.027060 = 0.418833
        assert!((wilson_low(BadOf { bad: 50, total: 100 }) - 0.418833).abs() < 1e-5);
        assert_eq!(wilson_low(BadOf { bad: 0, total: 0 }), 0.0);
        assert_eq!(wilson_low(BadOf { bad: 0, total: 50 }), 0.0);
    }
    #[test]
    fn the_integers_decide_as_the_formula_does() {
        let mut random = 7_u64;
        let mut draw = |below: u64| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (random >> 20) % below
        };
        let mut proved = 0;
        for _ in 0..20_000 {
            let total = 1 + draw(1_000_000) / (1 + draw(1_000));
            let bad_of = BadOf { bad: draw(total + 1) / (1 + draw(50)), total };
            let threshold = 1 + u128::from(draw(999_999_999) / (1 + draw(1_000)));
            let (low, limit) = (wilson_low(bad_of), threshold as f64 / 1e9);
            // Floats can't tell what lies closer than this.
            if (low - limit).abs() > 1e-9 {
                assert_eq!(is_proved(bad_of, threshold), low > limit, "{bad_of:?} {threshold}");
                proved += u32::from(low > limit);
            }
        }
        assert!(proved > 2_000, "{proved}");
        assert!(is_proved(BadOf { bad: u64::MAX, total: u64::MAX }, 999_999_999));
        assert!(!is_proved(BadOf { bad: u64::MAX, total: u64::MAX }, 1_000_000_000));
        assert!(!is_proved(BadOf { bad: 1, total: 1 }, u128::MAX));
    }
}
