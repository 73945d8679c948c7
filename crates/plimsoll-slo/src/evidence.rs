use crate::{BadOf, Milli, Objective, PolicyRow, Slo};

/// The one-sided 95 % quantile of the normal distribution.
const Z: f64 = 1.645;

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
        let ratio_min = wilson_low(long);
        let ratio_threshold = threshold(row.burn, slo.objective);
        let events_suffice = long.bad >= slo.alerting.min_bad && ratio_min > ratio_threshold;
        Self {
            bad: long.bad,
            bad_min: slo.alerting.min_bad,
            ratio_min,
            ratio_threshold,
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

fn threshold(burn: Milli, objective: Objective) -> f64 {
    burn.0 as f64 * f64::from(objective.allowed_ppm()) / 1e9
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
}
