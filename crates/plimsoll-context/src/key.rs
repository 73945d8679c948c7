use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::OnceLock;

/// What decisions may conflict over: a card, an account, a seat.
///
/// It is a hash: two keys that are the same have the same one. What clients give may be hashed as it
/// is: its hash is keyed by a secret of the process, so that nobody can make keys collide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ConflictKey(pub(crate) u64);

impl ConflictKey {
    /// Makes the key of what `key` names.
    pub fn of(key: impl Hash) -> Self {
        static SECRET: OnceLock<RandomState> = OnceLock::new();
        Self(SECRET.get_or_init(RandomState::new).hash_one(key))
    }

    /// Takes a hash that is spread evenly already.
    pub const fn from_hash(hash: u64) -> Self {
        Self(hash)
    }
}
