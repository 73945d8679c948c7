use std::time::Duration;

/// What a store has for a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry<V> {
    /// The value.
    pub value: V,
    /// How long ago it was written, by the store's own clock.
    pub age: Duration,
    /// Says that the store's clock was set back: its age would be below zero, and is given as zero.
    pub is_skewed: bool,
    /// How long it took to build.
    pub rebuild: Duration,
    /// Which rebuild it comes from; a later one has a greater number.
    pub generation: u64,
}

/// What a store is given to keep.
#[derive(Clone, Copy, Debug)]
pub struct Fresh<'a, V> {
    /// The value.
    pub value: &'a V,
    /// How long it took to build.
    pub rebuild: Duration,
    /// Which rebuild it comes from.
    pub generation: u64,
    /// How long it is of use; the store may forget it then.
    pub keep: Duration,
}

/// What a write came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// It was stored.
    Stored {
        /// The generation of the value that it replaced, if there was one and the store can tell.
        previous: Option<u64>,
    },
    /// A later generation is there, which stays.
    Refused {
        /// The generation that is there.
        by: u64,
    },
}

/// What a caller gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Served<V> {
    /// The value.
    pub value: V,
    /// How old it is; zero for one that was just built, absent for a fallback.
    pub age: Option<Duration>,
    /// Where it comes from.
    pub from: Origin,
}

/// Where a value comes from that was served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// From the store, and fresh.
    Hit,
    /// From a rebuild that the caller began or waited for.
    Rebuild,
    /// Stale: from the store while it is refreshed, or from this process's copy while the store or the
    /// rebuild fails.
    Stale,
    /// From the configured fallback, since there was nothing else.
    Fallback,
}
