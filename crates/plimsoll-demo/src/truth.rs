//! What really happened, kept apart from every instrument, so that the daemon can be held to it.
//!
//! The load generator counts answers by itself, and the queue's time at its limit is measured here
//! under a plain mutex by those who push and pull: no line of the recorder takes part. What is held
//! beyond a card's limit the cards themselves count, as they hold it.

use crate::answers::Answers;
use serde::Serialize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// The truth of one run, as it is at `GET /truth`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Truth {
    /// Authorisations that were answered with a status below 500.
    pub authorized_good: u64,
    /// Authorisations that were answered with a status of 500 or more.
    pub authorized_bad: u64,
    /// Milliseconds that the order queue was at its limit.
    pub queue_full_ms: u64,
    /// Amounts that plain commits held beyond a card's limit.
    pub held_beyond_plain: u64,
    /// Amounts that guarded commits held beyond a card's limit.
    pub held_beyond_guarded: u64,
}

/// How an amount was held on a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Commit {
    /// Whoever else held one since the card was read.
    Plain,
    /// Only if nobody did.
    Guarded,
}

/// Keeps the truth; clones share it.
#[derive(Clone)]
pub(crate) struct Witness {
    capacity: i64,
    authorized: Answers,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    depth: i64,
    held_beyond_plain: u64,
    held_beyond_guarded: u64,
    full: Duration,
    full_since: Option<Instant>,
}

impl Witness {
    /// Makes a witness of a queue that holds `capacity` orders.
    pub(crate) fn new(capacity: usize) -> Self {
        let capacity = i64::try_from(capacity).unwrap_or(i64::MAX);
        Self { capacity, authorized: Answers::default(), state: Arc::default() }
    }

    /// Returns where the answers to authorisations are counted.
    pub(crate) fn authorized(&self) -> Answers {
        self.authorized.clone()
    }

    /// Counts an order that entered the queue.
    pub(crate) fn pushed(&self) {
        self.moved(1);
    }

    /// Counts an order that left the queue.
    pub(crate) fn pulled(&self) {
        self.moved(-1);
    }

    /// Counts an amount that was held beyond a card's limit.
    pub(crate) fn held_beyond(&self, commit: Commit) {
        let mut state = self.lock();
        match commit {
            Commit::Plain => state.held_beyond_plain += 1,
            Commit::Guarded => state.held_beyond_guarded += 1,
        }
    }

    /// Returns the truth so far.
    pub(crate) fn so_far(&self) -> Truth {
        let answered = self.authorized.so_far();
        let state = self.lock();
        let full = state.full + state.full_since.map_or(Duration::ZERO, |since| since.elapsed());
        Truth {
            authorized_good: answered.good,
            authorized_bad: answered.bad,
            queue_full_ms: u64::try_from(full.as_millis()).unwrap_or(u64::MAX),
            held_beyond_plain: state.held_beyond_plain,
            held_beyond_guarded: state.held_beyond_guarded,
        }
    }

    fn moved(&self, by: i64) {
        let mut state = self.lock();
        let now = Instant::now();
        state.depth += by;
        match (state.depth >= self.capacity, state.full_since) {
            (true, None) => state.full_since = Some(now),
            (false, Some(since)) => {
                state.full += now - since;
                state.full_since = None;
            }
            _ => {}
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn only_time_at_the_limit_counts() {
        let witness = Witness::new(2);
        witness.pushed();
        tokio::time::advance(Duration::from_secs(1)).await;
        witness.pushed();
        tokio::time::advance(Duration::from_millis(300)).await;
        witness.pulled();
        tokio::time::advance(Duration::from_secs(1)).await;
        witness.pushed();
        tokio::time::advance(Duration::from_millis(50)).await;
        assert_eq!(witness.so_far().queue_full_ms, 350);
    }
}
