//! What several collectors look at: the first that needs it looks, the others take what it saw.

use plimsoll_model::TimeMs;
use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Something that is looked at once for all.
#[derive(Debug)]
pub(super) struct Shared<T>(Mutex<Seen<T>>);

#[derive(Debug)]
struct Seen<T> {
    what: T,
    /// The number of the last look; the first has 1.
    look: u64,
    at: TimeMs,
}

/// The last look that a collector took.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Taken(u64);

/// What the last look saw, for as long as nobody else may look.
pub(super) struct Fresh<'a, T>(MutexGuard<'a, Seen<T>>);

impl<T> Shared<T> {
    pub(super) fn new(what: T) -> Self {
        Self(Mutex::new(Seen { what, look: 0, at: TimeMs(0) }))
    }

    /// Returns what the last look saw, after a new one if the collector has `taken` the last already
    /// or if that is older than `age_max`.
    ///
    /// # Errors
    /// What the look says; then the last one stands.
    pub(super) fn fresh<E>(
        &self,
        taken: &mut Taken,
        (now, age_max): (TimeMs, Duration),
        look: impl FnOnce(&mut T) -> Result<(), E>,
    ) -> Result<Fresh<'_, T>, E> {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let age_ms = u128::try_from(now.0.saturating_sub(seen.at.0)).unwrap_or_default();
        if seen.look <= taken.0 || age_ms > age_max.as_millis() {
            look(&mut seen.what)?;
            seen.look += 1;
            seen.at = now;
        }
        taken.0 = seen.look;
        Ok(Fresh(seen))
    }
}

impl<T> Deref for Fresh<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0.what
    }
}

impl<T> DerefMut for Fresh<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0.what
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_look_serves_everybody_once_while_it_is_fresh() {
        let shared = Shared::new(0);
        let [mut one, mut other] = [Taken::default(); 2];
        let half = Duration::from_millis(500);
        let look = |taken: &mut Taken, at_ms| {
            let fresh = shared.fresh(taken, (TimeMs(at_ms), half), |count| {
                *count += 1;
                Ok::<_, ()>(())
            });
            *fresh.unwrap()
        };
        assert_eq!((look(&mut one, 1_000), look(&mut other, 1_400)), (1, 1));
        // Who has taken it needs a new one; that serves the other too, until it is old.
        assert_eq!((look(&mut one, 1_400), look(&mut other, 1_900)), (2, 2));
        assert_eq!((look(&mut one, 2_000), look(&mut other, 2_501)), (3, 4));
    }

    #[test]
    fn a_look_that_fails_is_none() {
        let shared = Shared::new(7);
        let mut taken = Taken::default();
        let when = (TimeMs(0), Duration::ZERO);
        assert!(shared.fresh(&mut taken, when, |_| Err("no")).is_err());
        assert_eq!(*shared.fresh(&mut taken, when, |_| Ok::<_, ()>(())).unwrap(), 7);
    }
}
