//! Numbers: by hand where that is exact, by the standard library otherwise.

use super::word;

/// Powers of ten that a double holds exactly.
const POWERS_OF_TEN: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];

/// Up to this, a double holds every integer.
const EXACT_MAX: u64 = 1 << 53;

/// Powers of ten that go with [`digits`].
const WHOLE_POWERS_OF_TEN: [u64; 17] = {
    let (mut powers, mut exponent) = ([1; 17], 1);
    while exponent < 17 {
        powers[exponent] = powers[exponent - 1] * 10;
        exponent += 1;
    }
    powers
};

/// Reads the short decimal that `bytes` starts with, and says how long it is.
///
/// An integer of at most 2⁵³ over a power of ten of at most 10²² are both exact doubles, so their
/// quotient is the correctly rounded value (Clinger 1990). `None` means: ask [`number`].
#[inline]
pub(super) fn short_decimal(bytes: &[u8]) -> Option<(f64, usize)> {
    let negative = bytes.first() == Some(&b'-');
    let start = usize::from(negative);
    let (whole, length) = digits(bytes.get(start..)?)?;
    let mut end = start + length;
    let mut value = whole as f64;
    if bytes.get(end) == Some(&b'.') {
        let (part, part_length) = digits(bytes.get(end + 1..)?)?;
        let mantissa = whole.checked_mul(*WHOLE_POWERS_OF_TEN.get(part_length)?)?;
        let mantissa = mantissa.checked_add(part).filter(|mantissa| *mantissa <= EXACT_MAX)?;
        value = mantissa as f64 / POWERS_OF_TEN.get(part_length)?;
        end += 1 + part_length;
        if length + part_length == 0 {
            return None;
        }
    } else if length == 0 || whole > EXACT_MAX {
        return None;
    }
    Some((if negative { -value } else { value }, end))
}

/// Reads at most sixteen digits, and says how many there are; `None` when there are more.
#[inline]
fn digits(bytes: &[u8]) -> Option<(u64, usize)> {
    let (high, length) = word::digits(word::word(bytes));
    if length < 8 {
        return Some((high, length));
    }
    let (low, more) = word::digits(word::word(bytes.get(8..)?));
    if more == 8 && bytes.get(16).is_some_and(u8::is_ascii_digit) {
        return None;
    }
    Some((high * WHOLE_POWERS_OF_TEN.get(more)? + low, length + more))
}

/// Reads a whole token as Go's `ParseFloat` does, hexadecimal floats left out: decimals with an
/// exponent, `NaN`, and `Inf` or `Infinity` with a sign, in any case. A decimal that is too large
/// for a double is refused.
pub(super) fn number(token: &[u8]) -> Option<f64> {
    if let Some((value, length)) = short_decimal(token)
        && length == token.len()
    {
        return Some(value);
    }
    let is_decimal = |byte: &u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
    if token.iter().all(is_decimal) {
        return std::str::from_utf8(token)
            .ok()?
            .parse()
            .ok()
            .filter(|value: &f64| value.is_finite());
    }
    if token.eq_ignore_ascii_case(b"nan") {
        return Some(f64::NAN);
    }
    let (sign, word) = match token.split_first()? {
        (b'-', word) => (-1.0, word),
        (b'+', word) => (1.0, word),
        _ => (1.0, token),
    };
    let infinite = word.eq_ignore_ascii_case(b"inf") || word.eq_ignore_ascii_case(b"infinity");
    infinite.then_some(sign * f64::INFINITY)
}

/// Reads whole milliseconds, as Prometheus text has them.
pub(super) fn milliseconds(token: &[u8]) -> Option<i64> {
    std::str::from_utf8(token).ok()?.parse().ok()
}

/// Reads seconds, as OpenMetrics has them, to the nearest millisecond.
pub(super) fn seconds_as_ms(token: &[u8]) -> Option<i64> {
    let ms = (number(token)? * 1000.0).round();
    // Both bounds are exact doubles; the upper one is the first that an i64 can't hold.
    (-(2.0_f64.powi(63))..2.0_f64.powi(63)).contains(&ms).then_some(ms as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_go_accepts_is_accepted() {
        for (token, value) in [
            ("0", 0.0),
            ("+5", 5.0),
            ("-.5", -0.5),
            ("1.", 1.0),
            ("1.5e-3", 0.0015),
            ("1E+9", 1e9),
            ("9007199254740993", 9_007_199_254_740_992.0),
            ("18446744073709551616", 18_446_744_073_709_551_616.0),
            ("0.1000000000000000055511151231257827", 0.1),
            ("5e-324", 5e-324),
            ("1e-400", 0.0),
            ("+Inf", f64::INFINITY),
            ("inf", f64::INFINITY),
            ("-iNFinity", f64::NEG_INFINITY),
        ] {
            assert_eq!(number(token.as_bytes()), Some(value), "{token}");
        }
        assert!(number(b"-0").is_some_and(|zero| zero.is_sign_negative()));
        assert!(number(b"nAn").is_some_and(f64::is_nan));
    }

    #[test]
    fn what_go_refuses_is_refused() {
        for token in [
            "", "-", "+", ".", "e5", "1e", "1e+", "--1", "1.2.3", "1_000", "0x1p3", "0x10", "+nan",
            "-NaN", "infin", "Inf ", "1,5", "1e400", "-1e400", "١", "1\r",
        ] {
            assert_eq!(number(token.as_bytes()), None, "{token:?}");
        }
    }

    #[test]
    fn timestamps_are_whole_and_within_range() {
        assert_eq!(milliseconds(b"-1395066363000"), Some(-1_395_066_363_000));
        assert_eq!(milliseconds(b"1.5"), None);
        assert_eq!(milliseconds(b"9223372036854775808"), None);
        assert_eq!(seconds_as_ms(b"1520879607.789"), Some(1_520_879_607_789));
        assert_eq!(seconds_as_ms(b"1e300"), None);
        assert_eq!(seconds_as_ms(b"NaN"), None);
        assert_eq!(seconds_as_ms(b"-9223372036854775.808"), Some(i64::MIN));
        assert_eq!(seconds_as_ms(b"9223372036854775.808"), None);
    }

    proptest! {
        #[test]
        fn a_short_decimal_is_rounded_as_the_standard_library_rounds(
            token in "-?[0-9]{0,20}(\\.[0-9]{0,20})?"
        ) {
            if let Some((value, length)) = short_decimal(token.as_bytes()) {
                prop_assert_eq!(length, token.len());
                let expected: f64 = token.parse().expect("a decimal");
                prop_assert_eq!(value.to_bits(), expected.to_bits());
            }
        }

        #[test]
        fn every_double_survives(bits: u64) {
            let value = f64::from_bits(bits);
            prop_assume!(value.is_finite());
            for shown in [format!("{value}"), format!("{value:e}")] {
                prop_assert_eq!(number(shown.as_bytes()).map(f64::to_bits), Some(bits));
            }
        }
    }
}
