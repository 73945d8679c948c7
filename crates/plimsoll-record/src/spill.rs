//! What a thread records while its log is full, because no one merges.

use crate::by::By;
use crate::edge::Edge;
use crate::fold::{Excess, Overflow, Taken};
use crate::sync::{AtomicU64, Mutex, Ordering, try_lock};

/// How often the owner tries the places in turn. Whoever merges holds one of them at a time, so that
/// the second try succeeds unless it moves on in the very moment.
const TRIES: usize = if cfg!(loom) { 4 } else { 64 };

/// Two places behind locks that are only ever tried: one owner fills them, one reader empties them.
#[derive(Debug)]
pub(crate) struct Spill {
    places: [Mutex<Overflow>; 2],
    /// Whether there is anything in them.
    filled: AtomicU64,
}

impl Spill {
    pub(crate) fn new() -> Self {
        let place = || Mutex::new(Overflow::default());
        Self { places: [place(), place()], filled: AtomicU64::new(0) }
    }

    /// Keeps an edge. Says whether it could.
    pub(crate) fn push(&self, edge: Edge, excess: &Excess) -> bool {
        let mut places = self.places.iter().cycle().take(TRIES);
        let Some(mut place) = places.find_map(try_lock) else { return false };
        place.push(edge, excess);
        // Under the lock, so that no one takes the edge and has its mark left behind.
        self.filled.store(1, Ordering::Release);
        true
    }

    /// Hands on what the owner has kept. Says whether that was all of it.
    ///
    /// A reader waits for an owner that has a place in use: what is kept there may be the entry of an
    /// exit that lies elsewhere.
    pub(crate) fn take(&self, by: By, into: &mut Taken<'_>) -> bool {
        if self.filled.load(Ordering::Acquire) == 0 {
            return true;
        }
        self.filled.store(0, Ordering::Relaxed);
        let mut all = true;
        for place in &self.places {
            // One at a time, so that the owner finds the other one free.
            let taken = by.lock(place).map(|mut place| place.take(into.excess));
            all &= taken.is_some();
            taken.unwrap_or_default().hand_on(into);
        }
        if !all {
            self.filled.store(1, Ordering::Relaxed);
        }
        all
    }
}
