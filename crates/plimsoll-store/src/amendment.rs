//! What a correction changes of a window.

use crate::tally::Tally;
use plimsoll_model::{Counts, TimeMs};
use plimsoll_slo::Span;

/// A stretch that somebody knows better about than what was seen of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Amendment {
    pub(crate) span: Span,
    /// What was seen of it.
    pub(crate) was: Tally,
    pub(crate) good: u64,
    pub(crate) bad: u64,
}

impl Amendment {
    /// Puts what is true in place of what was seen, for a window that reaches back to `from`. Of a
    /// stretch that the window's edge cuts, its part by time.
    pub(crate) fn apply(&self, seen: Tally, from: TimeMs) -> Tally {
        let whole = self.span.length();
        let inside = self.span.end.since(self.span.start.max(from));
        let part = |tally: Tally| tally.share(millis(inside), millis(whole));
        let counts = Counts { good: self.good, bad: self.bad, unknown: 0 };
        let expected_ms = self.was.expected_ms;
        let is = Tally { counts, expected_ms, ..Tally::default() };
        seen.minus(part(self.was)).plus(part(is))
    }
}

fn millis(length: std::time::Duration) -> u64 {
    u64::try_from(length.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_correction_changes_its_stretch_and_no_other() {
        let tally = |good, bad, unknown, missing_ms| Tally {
            counts: Counts { good, bad, unknown },
            expected_ms: 600,
            missing_ms,
            unrated_ms: missing_ms,
        };
        let span = Span { start: TimeMs(1_000), end: TimeMs(1_600) };
        let amendment = Amendment { span, was: tally(10, 40, 50, 300), good: 80, bad: 20 };
        let seen = tally(110, 45, 50, 300).plus(tally(0, 0, 0, 0));
        let all = amendment.apply(seen, TimeMs(0));
        assert_eq!(all, Tally { expected_ms: 1_200, ..tally(180, 25, 0, 0) });
        let half = amendment.apply(seen, TimeMs(1_300));
        assert_eq!(half, Tally { expected_ms: 1_200, ..tally(145, 35, 25, 150) });
        assert_eq!(amendment.apply(seen, TimeMs(1_600)), seen);
    }
}
