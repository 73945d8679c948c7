use std::time::Duration;

/// A length of time that isn't known better than by its bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// It is at least this.
    pub lower: Duration,
    /// It is at most this; `None` when nothing bounds it.
    pub upper: Option<Duration>,
}

impl Bounds {
    /// Nothing is known.
    pub const UNKNOWN: Self = Self { lower: Duration::ZERO, upper: None };

    /// Nothing at all.
    pub(crate) const ZERO: Self = Self { lower: Duration::ZERO, upper: Some(Duration::ZERO) };

    /// A length that was measured to lie between two values, each with an error.
    pub(crate) fn measured(lower_ns: i64, upper_ns: Option<i64>, error_ns: i64) -> Self {
        let length = |ns: i64| Duration::from_nanos(u64::try_from(ns).unwrap_or(0));
        Self {
            lower: length(lower_ns.saturating_sub(error_ns)),
            upper: upper_ns.map(|ns| length(ns.max(0).saturating_add(error_ns))),
        }
    }

    /// Says whether the length is surely within `limit`, surely beyond it, or neither.
    pub(crate) fn within(self, limit: Duration) -> Option<bool> {
        if self.lower > limit {
            Some(false)
        } else if self.upper.is_some_and(|upper| upper <= limit) {
            Some(true)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_clock_error_widens_both_bounds_and_none_is_negative() {
        let bounds = Bounds::measured(5_000_000, Some(9_000_000), 2_000_000);
        assert_eq!(bounds, Bounds { lower: ms(3), upper: Some(ms(11)) });
        let bounds = Bounds::measured(-5_000_000, Some(-1), 2_000_000);
        assert_eq!(bounds, Bounds { lower: ms(0), upper: Some(ms(2)) });
    }

    #[test]
    fn only_what_is_certain_is_within_or_beyond() {
        let of = |lower, upper: Option<u64>| Bounds { lower: ms(lower), upper: upper.map(ms) };
        let is = [
            (of(0, Some(300)), Some(true)),
            (of(0, Some(301)), None),
            (of(300, Some(400)), None),
            (of(301, Some(400)), Some(false)),
            (of(301, None), Some(false)),
            (Bounds::UNKNOWN, None),
        ];
        for (bounds, within) in is {
            assert_eq!(bounds.within(ms(300)), within, "{bounds:?}");
        }
    }
}
