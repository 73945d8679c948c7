//! Which version of a key a committed decision has read last, in bounded memory.

use crate::sync::{AtomicU64, Ordering};

/// A slot for each of so many keys and versions; a later one takes the place of an earlier one.
///
/// Two decisions that read the same version are counted unless another one of the same slot committed
/// between them: the excess is missed as seldom as a stale commit is seen where there is none.
#[derive(Debug)]
pub(crate) struct Claims(Box<[AtomicU64]>);

impl Claims {
    /// Makes so many slots.
    pub(crate) fn new(slots: usize) -> Self {
        Self((0..slots.max(1)).map(|_| AtomicU64::new(0)).collect())
    }

    /// Claims a version for a committed decision. Returns whether another one had it already.
    pub(crate) fn claim(&self, key: u64, version: u64) -> bool {
        let tag = mixed(key ^ mixed(version)).max(1);
        let place = tag as usize % self.0.len();
        self.0.get(place).is_some_and(|slot| slot.swap(tag, Ordering::Relaxed) == tag)
    }
}

/// Spreads the bits of a number over all of it: the finaliser of MurmurHash3, which loses none.
fn mixed(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    mixed = (mixed ^ (mixed >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    mixed ^ (mixed >> 33)
}

#[cfg(test)]
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
