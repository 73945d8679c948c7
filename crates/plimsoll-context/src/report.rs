use crate::Bounds;

/// Whether a decision was taken on context that was good for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Surely: staleness is within the validity window, clock error included, and so is the coherence
    /// gap, which is never longer.
    Valid,
    /// Surely not: one of them is beyond it.
    Invalid,
    /// It can't be said; a decision that has declared no reading is one of these.
    Unknown,
}

/// What a decision's keys went through between its reading and its commit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Conflicts {
    /// Keys of which another commit was made meanwhile, or on whose stripe one was.
    pub stale_keys: u32,
    /// How many such commits there were, over all keys.
    pub commits_missed: u64,
    /// Keys whose version another committed decision has read as well, before this one committed.
    pub excess_keys: u32,
    /// Keys of which it isn't known, and which are in none of the other counts.
    pub unknown_keys: u32,
}

/// What is known of a decision that has committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// The lower edge of the in-flight band that it is counted in.
    pub band: u64,
    /// How long what it read had been replaced at its commit; of several readings the longest.
    pub staleness: Bounds,
    /// How far apart its sources stood in time.
    pub spread: Bounds,
    /// The least time by which what it read never existed at one instant.
    pub coherence_gap: Bounds,
    /// Who overtook it.
    pub conflicts: Conflicts,
    /// Whether its context was good for it.
    pub verdict: Verdict,
}

/// A decision that the store has taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Committed<T> {
    /// What the store's commit returned.
    pub value: T,
    /// What is known of the decision.
    pub report: Report,
}

/// How a guarded commit went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a refused decision has to be taken anew"]
pub enum Guarded<T> {
    /// The store has taken it, and it overtook nobody.
    Committed(Committed<T>),
    /// It was overtaken, or may have been: read again and decide anew.
    Refused,
}
