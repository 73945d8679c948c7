//! The cards: the system of record of what is held on each, and the version that each hold gives it.

use crate::truth::{Commit, Witness};
use async_trait::async_trait;
use plimsoll_context::{Clock, SystemClock};
use plimsoll_prober::{Marker, Origin, StoreError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How many cards there are.
pub(crate) const CARDS: usize = 10_000;

/// Cents that may be held on a card at once.
const LIMIT_CENTS: u64 = 10_000;

/// How long an amount is held: then the card has room again.
const HELD_FOR: Duration = Duration::from_secs(5);

/// One card, as it is or as it was.
#[derive(Clone, Copy, Debug)]
pub(super) struct Card {
    /// How many holds there were.
    pub(super) version: u64,
    /// When the last one was made, on the process's own clock; 0 before the first.
    pub(super) since_ns: u64,
    held_cents: u64,
    held_until: Instant,
}

impl Card {
    /// Says whether the card has room for `cents` more.
    pub(super) fn has_room(&self, cents: u64) -> bool {
        self.held_cents().saturating_add(cents) <= LIMIT_CENTS
    }

    fn held_cents(&self) -> u64 {
        if Instant::now() < self.held_until { self.held_cents } else { 0 }
    }

    /// Holds `cents` more. Returns whether they were beyond the limit.
    fn hold(&mut self, cents: u64) -> bool {
        let is_beyond = !self.has_room(cents);
        self.held_cents = self.held_cents().saturating_add(cents);
        self.held_until = Instant::now() + HELD_FOR;
        self.since_ns = SystemClock.own_ns();
        self.version += 1;
        is_beyond
    }
}

/// All cards, and the heartbeat that is committed beside them.
#[derive(Clone)]
pub(super) struct Book {
    pub(super) cards: Vec<Card>,
    pub(super) heartbeat: Option<Marker>,
}

/// The cards; clones share them.
#[derive(Clone)]
pub(super) struct Cards {
    book: Arc<Mutex<Book>>,
    witness: Witness,
}

impl Cards {
    pub(super) fn new(witness: Witness) -> Self {
        let card = Card { version: 0, since_ns: 0, held_cents: 0, held_until: Instant::now() };
        let book = Book { cards: vec![card; CARDS], heartbeat: None };
        Self { book: Arc::new(Mutex::new(book)), witness }
    }

    /// Copies all there is, as of a time on the process's own clock.
    pub(super) fn copy(&self) -> (Book, u64) {
        let book = self.lock();
        (book.clone(), SystemClock.own_ns())
    }

    /// Holds an amount on a card, whoever held one since it was read. Returns its new version; none when
    /// there is no such card.
    pub(super) fn hold(&self, card: usize, cents: u64) -> Option<u64> {
        let mut book = self.lock();
        let card = book.cards.get_mut(card)?;
        if card.hold(cents) {
            self.witness.held_beyond(Commit::Plain);
        }
        Some(card.version)
    }

    /// Holds an amount on a card that still has `version`; none when it has another.
    pub(super) fn hold_if(&self, card: usize, version: u64, cents: u64) -> Option<()> {
        let mut book = self.lock();
        let card = book.cards.get_mut(card).filter(|card| card.version == version)?;
        if card.hold(cents) {
            self.witness.held_beyond(Commit::Guarded);
        }
        Some(())
    }

    fn lock(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Origin for Cards {
    async fn write(&self, marker: Marker) -> Result<(), StoreError> {
        self.lock().heartbeat = Some(marker);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::truth::Truth;

    fn beyond(witness: &Witness) -> (u64, u64) {
        let Truth { held_beyond_plain, held_beyond_guarded, .. } = witness.so_far();
        (held_beyond_plain, held_beyond_guarded)
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_beyond_the_limit_while_it_is_held_is_counted() {
        let witness = Witness::new(1);
        let cards = Cards::new(witness.clone());
        assert_eq!(cards.hold(7, 6_000), Some(1));
        assert_eq!(cards.hold(8, 6_000), Some(1), "another card");
        assert_eq!(beyond(&witness), (0, 0));
        assert_eq!(cards.hold(7, 6_000), Some(2));
        assert_eq!(beyond(&witness), (1, 0));
        tokio::time::advance(HELD_FOR).await;
        assert_eq!(cards.hold(7, 6_000), Some(3), "it has room again");
        assert_eq!(beyond(&witness), (1, 0));
        assert_eq!(cards.hold(CARDS, 1), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_compared_hold_is_refused_once_the_card_has_changed() {
        let witness = Witness::new(1);
        let cards = Cards::new(witness.clone());
        assert_eq!(cards.hold_if(7, 0, 6_000), Some(()));
        assert_eq!(cards.hold_if(7, 0, 6_000), None);
        assert_eq!(beyond(&witness), (0, 0));
        assert_eq!(cards.hold_if(7, 1, 6_000), Some(()), "who doesn't look may go beyond");
        assert_eq!(beyond(&witness), (0, 1));
    }
}
