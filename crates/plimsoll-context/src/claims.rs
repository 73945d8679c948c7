//! Which version of a key a committed decision has read last, in bounded memory.

use crate::sync::{AtomicU64, Ordering};
use std::hash::{BuildHasher, RandomState};

/// A slot for each of so many keys and versions; a later one takes the place of an earlier one.
///
/// Two decisions that read the same version are counted unless another one of the same slot committed
/// between them: the excess is missed as seldom as a stale commit is seen where there is none.
#[derive(Debug)]
pub(crate) struct Claims {
    slots: Box<[AtomicU64]>,
    hasher: RandomState,
}

impl Claims {
    /// Makes so many slots.
    pub(crate) fn new(slots: usize) -> Self {
        let slots = (0..slots.max(1)).map(|_| AtomicU64::new(0)).collect();
        Self { slots, hasher: RandomState::new() }
    }

    /// Claims a version for a committed decision. Returns whether another one had it already.
    pub(crate) fn claim(&self, key: u64, version: u64) -> bool {
        let tag = self.hasher.hash_one((key, version)).max(1);
        let place = tag as usize % self.slots.len();
        self.slots.get(place).is_some_and(|slot| slot.swap(tag, Ordering::Relaxed) == tag)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn every_claim_of_a_version_but_the_first_is_too_many() {
        let claims = Claims::new(1 << 16);
        let too_many = [(1, 5), (1, 5), (1, 6), (1, 5), (2, 5)]
            .map(|(key, version)| claims.claim(key, version));
        assert_eq!(too_many, [false, true, false, true, false]);
    }

    #[test]
    fn a_slot_that_another_took_is_forgotten() {
        let claims = Claims::new(1);
        assert_eq!([1, 2, 1].map(|key| claims.claim(key, 0)), [false; 3]);
    }
}
