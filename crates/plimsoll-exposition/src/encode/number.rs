//! Numbers, as every text format writes them.

use std::fmt::Write;

/// Writes a whole number.
pub(super) fn push_whole(out: &mut String, value: u64) {
    out.push_str(itoa::Buffer::new().format(value));
}

/// Writes a number as Prometheus's clients do: shortest, exact, with an exponent when it is long.
pub(super) fn push_number(out: &mut String, value: f64) {
    /// Up to it, a number without a fraction is an integer that writes the same.
    const WHOLE_MAX: f64 = 9_007_199_254_740_992.0; // 2^53
    // A String takes every write, so there is no error to pass on.
    let _ = if value.is_nan() {
        out.write_str("NaN")
    } else if value.is_infinite() {
        out.write_str(if value > 0.0 { "+Inf" } else { "-Inf" })
    } else if value.is_sign_positive() && value < WHOLE_MAX && value.fract() == 0.0 {
        out.write_str(itoa::Buffer::new().format(value as u64))
    } else if value == 0.0 || (1e-6..1e17).contains(&value.abs()) {
        write!(out, "{value}")
    } else {
        write!(out, "{value:e}")
    };
}

/// Writes a bound in the one form that OpenMetrics gives it: with a point when it is whole.
pub(super) fn push_canonical(out: &mut String, value: f64) {
    push_number(out, value);
    if value.fract() == 0.0 && value.abs() < 1e17 {
        out.push_str(".0");
    }
}

/// Writes nanoseconds as seconds, digit for digit.
pub(super) fn push_seconds(out: &mut String, ns: u128) {
    const NS_PER_S: u128 = 1_000_000_000;
    out.push_str(itoa::Buffer::new().format(ns / NS_PER_S));
    let part = ns % NS_PER_S;
    if part > 0 {
        let mut digits = itoa::Buffer::new();
        // A one in front keeps the zeros that come first; it makes way for the point.
        let digits = digits.format(NS_PER_S + part).strip_prefix('1').unwrap_or_default();
        out.push('.');
        out.push_str(digits.trim_end_matches('0'));
    }
}
