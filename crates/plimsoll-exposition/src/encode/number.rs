use std::fmt;

/// A number as Prometheus's clients write it: shortest, exact, with an exponent when it is long.
pub(super) struct Number(pub(super) f64);

impl fmt::Display for Number {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(value) = *self;
        if value.is_nan() {
            out.write_str("NaN")
        } else if value.is_infinite() {
            out.write_str(if value > 0.0 { "+Inf" } else { "-Inf" })
        } else if value == 0.0 || (1e-6..1e17).contains(&value.abs()) {
            write!(out, "{value}")
        } else {
            write!(out, "{value:e}")
        }
    }
}

/// Nanoseconds as seconds, digit for digit.
pub(super) struct Seconds(pub(super) u128);

impl fmt::Display for Seconds {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NS_PER_S: u128 = 1_000_000_000;
        let (whole, part) = (self.0 / NS_PER_S, self.0 % NS_PER_S);
        if part == 0 {
            return write!(out, "{whole}");
        }
        let digits = format!("{part:09}");
        write!(out, "{whole}.{}", digits.trim_end_matches('0'))
    }
}
