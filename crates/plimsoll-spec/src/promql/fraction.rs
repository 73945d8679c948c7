use plimsoll_slo::Ratio;
use std::num::NonZeroU32;

/// Digits after the point that a factor may have.
const DIGITS_MAX: u32 = 6;

/// The largest upper and lower number of a factor. Counts are kept in the least common units of all
/// factors, and have to fit in 63 bits: ten million events a scrape do at the worst.
const NUMERATOR_MAX: i128 = 100_000;
const DENOMINATOR_MAX: i128 = 10_000;

/// A fraction on the way through an expression, always in lowest terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fraction {
    numerator: i128,
    denominator: i128,
}

impl Fraction {
    pub(super) const ONE: Self = Self { numerator: 1, denominator: 1 };

    /// Reads a number as it is written in decimal; `None` if it is no fraction of moderate numbers.
    pub(super) fn of(number: f64) -> Option<Self> {
        if !number.is_finite() {
            return None;
        }
        let text = number.to_string();
        let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
        let digits = u32::try_from(part.len()).ok().filter(|digits| *digits <= DIGITS_MAX)?;
        let numerator: i128 = format!("{whole}{part}").parse().ok()?;
        Self::new(numerator, 10_i128.pow(digits))
    }

    fn new(numerator: i128, denominator: i128) -> Option<Self> {
        if denominator == 0 {
            return None;
        }
        let divisor = common_divisor(numerator.abs(), denominator.abs()).max(1);
        let sign = denominator.signum();
        let (numerator, denominator) = (sign * numerator / divisor, sign * denominator / divisor);
        let is_moderate = numerator.abs() <= NUMERATOR_MAX && denominator <= DENOMINATOR_MAX;
        is_moderate.then_some(Self { numerator, denominator })
    }

    pub(super) fn is_zero(self) -> bool {
        self.numerator == 0
    }

    pub(super) fn negated(self) -> Self {
        Self { numerator: -self.numerator, ..self }
    }

    pub(super) fn plus(self, other: Self) -> Option<Self> {
        let numerator = self.numerator * other.denominator + other.numerator * self.denominator;
        Self::new(numerator, self.denominator * other.denominator)
    }

    pub(super) fn times(self, other: Self) -> Option<Self> {
        Self::new(self.numerator * other.numerator, self.denominator * other.denominator)
    }

    pub(super) fn over(self, other: Self) -> Option<Self> {
        Self::new(self.numerator * other.denominator, self.denominator * other.numerator)
    }

    pub(super) fn ratio(self) -> Option<Ratio> {
        let denominator = u32::try_from(self.denominator).ok().and_then(NonZeroU32::new)?;
        Some(Ratio { numerator: i32::try_from(self.numerator).ok()?, denominator })
    }

    /// Returns the least number that both are whole in.
    pub(super) fn common_denominator(self, other: i128) -> Option<i128> {
        let common = other / common_divisor(other, self.denominator).max(1) * self.denominator;
        (common <= DENOMINATOR_MAX).then_some(common)
    }
}

fn common_divisor(one: i128, other: i128) -> i128 {
    if other == 0 { one } else { common_divisor(other, one % other) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decimal_is_the_fraction_that_it_is_written_as() {
        let ratio = |number: f64| {
            Fraction::of(number)
                .and_then(Fraction::ratio)
                .map(|ratio| (ratio.numerator, ratio.denominator.get()))
        };
        assert_eq!(ratio(0.1), Some((1, 10)));
        assert_eq!(ratio(-2.5), Some((-5, 2)));
        assert_eq!(ratio(300.0), Some((300, 1)));
        assert_eq!(ratio(0.000_1), Some((1, 10_000)));
        for none in [1.0 / 3.0, 1e-5, 1e6, 1e30, f64::NAN, f64::INFINITY] {
            assert_eq!(ratio(none), None, "{none}");
        }
        let third = Fraction::ONE.over(Fraction::of(3.0).expect("whole")).expect("moderate");
        assert_eq!(third.plus(third).and_then(Fraction::ratio).map(|sum| sum.numerator), Some(2));
        assert_eq!(Fraction::ONE.over(Fraction::of(0.0).expect("whole")), None);
    }
}
