//! Where expressions look: at one SLO, or at every SLO of a policy at once.

use plimsoll_model::catalog::{
    RECORDED_ALLOWED, RECORDED_BAD, RECORDED_BURN, RECORDED_EVERY_BAND, RECORDED_KNOWN,
    RECORDED_TOTAL, Recorded,
};
use plimsoll_slo::{Milli, Objective, length_name};
use std::time::Duration;

/// A burn in thousandths times an objective in parts per million makes 10⁹ of a ratio.
const RATIO: u64 = 1_000_000_000;

/// What the objective allows, as expressions know it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Allowed {
    /// One SLO's objective, written out.
    Written(Objective),
    /// Each SLO's own, recorded as a constant.
    Recorded,
}

/// Which recorded series expressions read.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Scope {
    /// Matchers of every series, without braces.
    pub(crate) matchers: String,
    /// The labels that the SLOs are split by.
    pub(crate) by: Vec<String>,
    /// What the objectives allow.
    pub(crate) allowed: Allowed,
}

impl Scope {
    pub(crate) fn by(&self) -> String {
        self.by.join(", ")
    }

    /// Returns the labels that tell one budget from another.
    pub(crate) fn identity(&self) -> String {
        let own = ["service", "slo"].into_iter();
        own.chain(self.by.iter().map(String::as_str)).collect::<Vec<_>>().join(", ")
    }

    pub(crate) fn total(&self, window: Duration) -> String {
        self.series(&RECORDED_TOTAL, window)
    }

    pub(crate) fn bad(&self, window: Duration) -> String {
        self.series(&RECORDED_BAD, window)
    }

    pub(crate) fn every_band(&self, window: Duration) -> String {
        self.series(&RECORDED_EVERY_BAND, window)
    }

    pub(crate) fn known(&self, window: Duration) -> String {
        self.series(&RECORDED_KNOWN, window)
    }

    pub(crate) fn burn(&self, window: Duration) -> String {
        self.series(&RECORDED_BURN, window)
    }

    pub(crate) fn series(&self, recorded: &Recorded, window: Duration) -> String {
        let (name, matchers, window) = (recorded.name, &self.matchers, length_name(window));
        format!("{name}{{{matchers},window=\"{window}\"}}")
    }

    /// Returns the constants of [`Allowed::Recorded`].
    pub(crate) fn constants(&self) -> String {
        format!("{}{{{}}}", RECORDED_ALLOWED.name, self.matchers)
    }

    /// Says that a window burns over the threshold: whole numbers are multiplied crosswise, so that
    /// no rounding decides.
    pub(crate) fn over(&self, window: Duration, burn: Milli) -> String {
        let (bad, total) = (self.bad(window), self.total(window));
        match self.allowed {
            Allowed::Written(objective) => {
                let threshold = burn.0.saturating_mul(objective.allowed_ppm().into());
                let common = greatest_common_divisor(threshold, RATIO);
                let (left, right) = (RATIO / common, threshold / common);
                format!("{bad} * {left} > {total} * {right}")
            }
            Allowed::Recorded => {
                format!("{bad} * {RATIO} > {} * {}", self.with_constants(&total), burn.0)
            }
        }
    }

    /// Writes what of `vector` burning `factor` times as fast as allowed makes bad.
    pub(crate) fn allowed_of(&self, vector: &str, factor: f64) -> String {
        match self.allowed {
            Allowed::Written(objective) => {
                let allowed = f64::from(objective.allowed_ppm()) * factor / 1e6;
                format!("{vector} * {}", decimal(allowed))
            }
            Allowed::Recorded => {
                format!("{} * {}", self.with_constants(vector), decimal(factor / 1e6))
            }
        }
    }

    fn with_constants(&self, vector: &str) -> String {
        format!("{vector} * on (service, slo) group_left () {}", self.constants())
    }
}

/// Writes a number without the digits that binary fractions add behind the fifteenth.
pub(crate) fn decimal(number: f64) -> String {
    let magnitude = number.abs().log10().floor();
    let digits = if magnitude.is_finite() { (14.0 - magnitude).clamp(0.0, 30.0) } else { 0.0 };
    let text = format!("{number:.*}", digits as usize);
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// Writes a length as whole seconds where it is, as PromQL reads numbers.
pub(crate) fn seconds(length: Duration) -> f64 {
    length.as_secs_f64()
}

pub(crate) fn ms(length: Duration) -> u128 {
    length.as_millis()
}

fn greatest_common_divisor(mut one: u64, mut other: u64) -> u64 {
    while other != 0 {
        (one, other) = (other, one % other);
    }
    one.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_threshold_is_two_whole_numbers_without_a_common_divisor() {
        let scope = Scope {
            matchers: "slo=\"a\"".into(),
            by: Vec::new(),
            allowed: Allowed::Written(Objective::from_ppm(999_000).expect("valid")),
        };
        // 14.4 × 0.1 % is 1.44 %, and that is 9 of 625.
        assert_eq!(
            scope.over(Duration::from_secs(3_600), Milli(14_400)),
            "slo:events_bad:increase{slo=\"a\",window=\"1h\"} * 625 \
             > slo:events:increase{slo=\"a\",window=\"1h\"} * 9"
        );
    }

    #[test]
    fn a_number_has_no_digits_of_binary_fractions() {
        assert_eq!(decimal(14.4 * 0.001), "0.0144");
        assert_eq!(decimal(0.1 + 0.2), "0.3");
        assert_eq!(decimal(2_592.0), "2592");
        assert_eq!(decimal(0.0), "0");
    }
}
