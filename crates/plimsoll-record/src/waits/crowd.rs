//! How long all waiters of one resource together have waited, in one word.

use std::sync::atomic::{AtomicU64, Ordering};

/// Bits of the number of waiters; the rest of the word sums up stamps.
const COUNT_BITS: u32 = 16;

/// Beyond so many waiters, the wait of one more isn't charged.
const COUNT_MAX: u64 = (1 << COUNT_BITS) - 1;

/// The integral of the number of waiters over time, and how much of it has been charged.
///
/// With `n` waiters and S = Σ stamps of those that came − Σ stamps of those that went, the integral at
/// a time t is n·t − S. Both lie in one word, S modulo 2⁴⁸ ns: a slice is exact up to 78 hours of
/// waiting, and no reader ever sees one without the other.
#[derive(Debug, Default)]
pub(super) struct Crowd {
    word: AtomicU64,
    charged: AtomicU64,
}

impl Crowd {
    /// Says whether anybody waits.
    #[inline]
    pub(super) fn is_there(&self) -> bool {
        self.count() != 0
    }

    /// Returns how many wait.
    #[inline]
    pub(super) fn count(&self) -> u64 {
        self.word.load(Ordering::Relaxed) & COUNT_MAX
    }

    /// Adds a waiter that began at `at_ns`. Says whether there was room for it.
    pub(super) fn join(&self, at_ns: u64) -> bool {
        let step = (at_ns << COUNT_BITS) | 1;
        let joined = self.word.fetch_update(Ordering::AcqRel, Ordering::Relaxed, |word| {
            (word & COUNT_MAX < COUNT_MAX).then(|| word.wrapping_add(step))
        });
        joined.is_ok()
    }

    /// Takes a waiter out that had room, at `at_ns`.
    pub(super) fn leave(&self, at_ns: u64) {
        self.word.fetch_sub((at_ns << COUNT_BITS) | 1, Ordering::AcqRel);
    }

    /// Returns how much longer they have waited at `at_ns` than when it was last asked.
    ///
    /// It is negative when another asked for a later time before; the sum of all answers is the
    /// integral, whoever asks in which order.
    pub(super) fn uncharged_ns(&self, at_ns: u64) -> i64 {
        loop {
            let charged = self.charged.load(Ordering::Acquire);
            // Loaded after `charged`: were it older than what another has charged in between, the
            // exchange would fail.
            let total = integral(self.word.load(Ordering::Acquire), at_ns);
            let swapped =
                self.charged.compare_exchange(charged, total, Ordering::AcqRel, Ordering::Relaxed);
            if swapped.is_ok() {
                return (total.wrapping_sub(charged) as i64) >> COUNT_BITS;
            }
        }
    }
}

/// Returns n·t − S in the upper bits of a word, so that it wraps as S does.
fn integral(word: u64, at_ns: u64) -> u64 {
    let count = word & COUNT_MAX;
    let stamps = word & !COUNT_MAX;
    (count.wrapping_mul(at_ns) << COUNT_BITS).wrapping_sub(stamps)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng, rngs::SmallRng};

    #[test]
    fn slices_equal_a_replay_even_past_the_wrap() {
        let mut random = SmallRng::seed_from_u64(7);
        let crowd = Crowd::default();
        let (mut now, mut began, mut charged, mut waited) = (1 << 47, Vec::new(), 0_i64, 0_i64);
        let mut slices = Vec::new();
        for _ in 0..100_000 {
            now += random.random_range(0..1 << 34);
            match random.random_range(0..3) {
                0 if began.len() < 100 => {
                    assert!(crowd.join(now));
                    began.push(now);
                }
                1 if !began.is_empty() => {
                    let since: u64 = began.swap_remove(random.random_range(0..began.len()));
                    crowd.leave(now);
                    waited += (now - since) as i64;
                }
                _ => {
                    let slice = crowd.uncharged_ns(now);
                    charged += slice;
                    slices.push(slice);
                    let live: i64 = began.iter().map(|since| (now - since) as i64).sum();
                    assert_eq!(charged, waited + live);
                }
            }
        }
        assert!(slices.iter().all(|slice| *slice >= 0));
        assert!(now > 1 << 48, "the stamps wrapped");
    }

    #[test]
    fn threads_that_charge_at_once_charge_the_sum() {
        let crowd = Crowd::default();
        let charged = AtomicU64::new(0);
        let waited = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for seed in 0..4 {
                let (crowd, charged, waited) = (&crowd, &charged, &waited);
                scope.spawn(move || {
                    let mut random = SmallRng::seed_from_u64(seed);
                    for turn in 1..50_000_u64 {
                        let at_ns = turn * 1_000 + random.random_range(0..900);
                        assert!(crowd.join(at_ns));
                        let stay_ns = random.random_range(0..5_000);
                        let slice = crowd.uncharged_ns(at_ns + stay_ns / 2);
                        charged.fetch_add(slice as u64, Ordering::Relaxed);
                        crowd.leave(at_ns + stay_ns);
                        waited.fetch_add(stay_ns, Ordering::Relaxed);
                        let slice = crowd.uncharged_ns(at_ns + stay_ns);
                        charged.fetch_add(slice as u64, Ordering::Relaxed);
                    }
                });
            }
        });
        assert_eq!(charged.into_inner(), waited.into_inner());
    }

    #[test]
    fn one_too_many_is_left_out() {
        let crowd = Crowd::default();
        for _ in 0..COUNT_MAX {
            assert!(crowd.join(5));
        }
        assert!(!crowd.join(5));
        assert_eq!(crowd.uncharged_ns(6), COUNT_MAX as i64);
    }
}
