//! What a stretch of time held.

use plimsoll_model::{Counts, TimeMs};

/// How many fields a tally has.
pub(crate) const FIELDS: usize = 6;

/// What a stretch of time held for one SLO: its counts, and the target-time behind them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Good, bad, and what nobody saw by the rate known before.
    pub(crate) counts: Counts,
    /// Target-time that should have been seen.
    pub(crate) expected_ms: u64,
    /// Of it, what wasn't: kept in place of what was, because it is mostly zero.
    pub(crate) missing_ms: u64,
    /// Of that, what no rate was known for.
    pub(crate) unrated_ms: u64,
}

impl Tally {
    pub(crate) fn to_fields(self) -> [u64; FIELDS] {
        let Counts { good, bad, unknown } = self.counts;
        [good, bad, unknown, self.expected_ms, self.missing_ms, self.unrated_ms]
    }

    pub(crate) fn from_fields(fields: [u64; FIELDS]) -> Self {
        let [good, bad, unknown, expected_ms, missing_ms, unrated_ms] = fields;
        Self { counts: Counts { good, bad, unknown }, expected_ms, missing_ms, unrated_ms }
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        let (own, theirs) = (self.to_fields(), other.to_fields());
        Self::from_fields(std::array::from_fn(|at| own[at].saturating_add(theirs[at])))
    }

    pub(crate) fn minus(self, other: Self) -> Self {
        let (own, theirs) = (self.to_fields(), other.to_fields());
        Self::from_fields(std::array::from_fn(|at| own[at].saturating_sub(theirs[at])))
    }

    pub(crate) fn is_empty(self) -> bool {
        self == Self::default()
    }

    /// Returns `part / whole` of the tally, rounded down.
    pub(crate) fn share(self, part: u64, whole: u64) -> Self {
        let whole = u128::from(whole.max(1));
        Self::from_fields(self.to_fields().map(|field| {
            u64::try_from(u128::from(field) * u128::from(part) / whole).unwrap_or(u64::MAX)
        }))
    }
}

/// A stretch that is cut into pieces, each with its share of the whole: the shares add up to it.
#[derive(Debug)]
pub(crate) struct Pieces {
    from: i64,
    to: i64,
    whole: Tally,
    at: i64,
    done: Tally,
}

impl Pieces {
    pub(crate) fn new(from: TimeMs, to: TimeMs, whole: Tally) -> Self {
        Self { from: from.0, to: to.0, whole, at: from.0, done: Tally::default() }
    }

    /// Returns where the next piece begins, or `None` when all are cut.
    pub(crate) fn at(&self) -> Option<i64> {
        (self.at < self.to).then_some(self.at)
    }

    /// Cuts off the piece that ends at `end`.
    pub(crate) fn until(&mut self, end: i64) -> Tally {
        self.at = end.clamp(self.at.saturating_add(1), self.to);
        let part = self.at.abs_diff(self.from);
        let upto = self.whole.share(part, self.to.abs_diff(self.from));
        let piece = upto.minus(self.done);
        self.done = upto;
        piece
    }
}
