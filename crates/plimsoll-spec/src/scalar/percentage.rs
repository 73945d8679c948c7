use std::str::FromStr;

/// A percentage in parts per million, exactly: `99.9%` is 999,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Percentage(pub u32);

/// Why a text isn't a percentage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PercentageError {
    /// No number, or no `%`.
    #[error("isn't a percentage: write it as 99.9%")]
    Syntax,
    /// More digits than parts per million have.
    #[error("is finer than one part per million: at most four digits follow the point")]
    TooFine,
    /// More than all.
    #[error("is more than 100%")]
    TooLarge,
}

impl FromStr for Percentage {
    type Err = PercentageError;

    fn from_str(text: &str) -> Result<Self, PercentageError> {
        use PercentageError::{Syntax, TooFine, TooLarge};
        let number = text.strip_suffix('%').ok_or(Syntax)?.trim_end();
        let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
        let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || fraction.is_empty() || !is_digits(whole) || !is_digits(fraction) {
            return Err(Syntax);
        }
        let fraction = fraction.trim_end_matches('0');
        if fraction.len() > 4 {
            return Err(TooFine);
        }
        let whole: u32 = whole.parse().map_err(|_| TooLarge)?;
        let ten_thousandths: u32 = format!("{fraction:0<4}").parse().map_err(|_| Syntax)?;
        let ppm = whole.checked_mul(10_000).and_then(|ppm| ppm.checked_add(ten_thousandths));
        ppm.filter(|ppm| *ppm <= 1_000_000).map(Self).ok_or(TooLarge)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentage_is_exact() {
        for (text, ppm) in [
            ("99.9%", 999_000),
            ("99%", 990_000),
            ("99.9999%", 999_999),
            ("99.90000%", 999_000),
            ("0.0001 %", 1),
            ("100%", 1_000_000),
        ] {
            assert_eq!(text.parse(), Ok(Percentage(ppm)), "{text}");
        }
    }

    #[test]
    fn what_could_be_read_two_ways_is_refused() {
        use PercentageError::{Syntax, TooFine, TooLarge};
        for (text, error) in [
            ("99.9", Syntax),
            ("0.999", Syntax),
            ("%", Syntax),
            (".5%", Syntax),
            ("-1%", Syntax),
            ("1e1%", Syntax),
            ("99.99999%", TooFine),
            ("100.1%", TooLarge),
            ("99999999999%", TooLarge),
        ] {
            assert_eq!(text.parse::<Percentage>(), Err(error), "{text}");
        }
    }
}
