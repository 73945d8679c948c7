//! Commit sequences in bounded memory: which commits a decision can't have seen.
//!
//! A key has a stripe, which many keys share. Of each stripe it is known how many commits have begun
//! and how many of those are over. A decision notes how many were over before it read, begins its own
//! commit before the store's, and ends it after. What began before its own and wasn't over when it
//! read, it can't be sure to have seen.
//!
//! That misses nothing: take two decisions of one key that both read before either's commit reached the
//! store. One began its commit after the other; the other's wasn't over when this one read, since a
//! commit is over only after it reached the store. So it counts the other. Which of two is told that it
//! was overtaken follows the order in which they began to commit; the store's own order may differ
//! while both are under way.

use crate::sync::{AtomicU64, Ordering};

/// The stripes of one kind of decision.
#[derive(Debug)]
pub(crate) struct Stripes(Box<[AtomicU64]>);

/// A stripe as it was before the data was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) stripe: usize,
    /// How many commits were over.
    pub(crate) over: u64,
}

/// How many commits may be under way on a stripe at once; those beyond would count as begun twice,
/// which shows conflicts that there aren't.
const UNDER_WAY_BITS: u32 = 20;

/// One more that has begun, and is under way.
const ONE: u64 = (1 << UNDER_WAY_BITS) + 1;

/// Returns how many commits have begun.
fn begun(word: u64) -> u64 {
    word >> UNDER_WAY_BITS
}

/// Returns how many commits are over; counts wrap together after 2⁴⁴.
fn over(word: u64) -> u64 {
    let under_way = word & ((1 << UNDER_WAY_BITS) - 1);
    begun(word).wrapping_sub(under_way) & (u64::MAX >> UNDER_WAY_BITS)
}

impl Stripes {
    /// Makes `count` stripes, a power of two.
    pub(crate) fn new(count: usize) -> Self {
        Self((0..count.max(1)).map(|_| AtomicU64::new(0)).collect())
    }

    /// Notes how a key's stripe stands. Acquire: what is read from the store afterwards isn't older.
    pub(crate) fn look(&self, hash: u64) -> Seen {
        let stripe = hash as usize % self.0.len();
        Seen { stripe, over: over(self.at(stripe).load(Ordering::Acquire)) }
    }

    /// Begins a commit, before the store's own. Returns how many others the decision can't be sure to
    /// have seen.
    pub(crate) fn begin(&self, seen: Seen) -> u64 {
        let before = self.at(seen.stripe).fetch_add(ONE, Ordering::AcqRel);
        begun(before).wrapping_sub(seen.over) & (u64::MAX >> UNDER_WAY_BITS)
    }

    /// Begins a commit if the decision has seen all others; otherwise changes nothing.
    pub(crate) fn begin_alone(&self, seen: Seen) -> bool {
        let unmoved = seen.over << UNDER_WAY_BITS;
        let moved = unmoved.wrapping_add(ONE);
        self.at(seen.stripe)
            .compare_exchange(unmoved, moved, Ordering::AcqRel, Ordering::Relaxed)
            .is_ok()
    }

    /// Ends a commit, whether the store took it or not. Release: who sees it sees what was stored.
    pub(crate) fn end(&self, stripe: usize) {
        self.at(stripe).fetch_sub(1, Ordering::Release);
    }

    #[expect(clippy::indexing_slicing, reason = "a stripe's place is its hash modulo their number")]
    fn at(&self, stripe: usize) -> &AtomicU64 {
        &self.0[stripe]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::model;

    #[test]
    fn a_commit_between_reading_and_committing_is_counted() {
        model(|| {
            let stripes = Stripes::new(1);
            let [first, second] = [stripes.look(7), stripes.look(8)];
            assert_eq!(stripes.begin(first), 0);
            stripes.end(0);
            assert_eq!(stripes.begin(second), 1, "of another key, but on the same stripe");
            stripes.end(0);
            let third = stripes.look(7);
            assert_eq!(stripes.begin(third), 0, "it has read after both");
        });
    }

    #[test]
    fn a_commit_that_was_under_way_is_counted_as_unseen() {
        model(|| {
            let stripes = Stripes::new(2);
            assert_eq!(stripes.begin(stripes.look(0)), 0);
            let meanwhile = stripes.look(0);
            stripes.end(0);
            assert_eq!(stripes.begin(meanwhile), 1);
            assert_eq!(stripes.begin(stripes.look(1)), 0, "the other stripe is another");
        });
    }

    #[test]
    fn only_one_of_those_who_saw_the_same_begins_alone() {
        model(|| {
            let stripes = Stripes::new(1);
            let seen = stripes.look(0);
            assert!(stripes.begin_alone(seen));
            assert!(!stripes.begin_alone(seen));
            assert!(!stripes.begin_alone(stripes.look(0)), "one is under way");
            stripes.end(0);
            assert!(!stripes.begin_alone(seen), "it has not seen that one");
            assert!(stripes.begin_alone(stripes.look(0)));
        });
    }

    #[test]
    fn counts_wrap_together() {
        model(|| {
            let stripes = Stripes::new(1);
            stripes.0[0].store(u64::MAX << UNDER_WAY_BITS, Ordering::Relaxed);
            let seen = [stripes.look(0), stripes.look(0)];
            assert_eq!(stripes.begin(seen[0]), 0);
            assert_eq!(stripes.begin(seen[1]), 1);
            stripes.end(0);
            stripes.end(0);
            assert_eq!(stripes.look(0).over, 1);
            assert!(stripes.begin_alone(stripes.look(0)));
        });
    }
}
