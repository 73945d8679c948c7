#[cfg(doc)]
use super::Resource;

/// A holder's place in its [`Resource`], to be given back when it releases. One word, so that a guard
/// that has it stays in registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub struct Seat(u64);

impl Seat {
    /// It holds alone.
    pub const ALONE: Self = Self(u64::MAX);

    /// It reads, and may become the writer: the first of the seats.
    pub const UPGRADABLE: Self = Self(0);

    /// Of a sharer that nobody knows of, which was acquired at once; below it the time at which one was
    /// acquired after a wait.
    const UNTOLD: u64 = u64::MAX - 1;

    /// Beyond these numbers there are no seats, but times: no clock reads so little.
    const PLACES: u64 = 1 << 10;

    /// Returns the seat at this place.
    #[inline]
    pub(super) fn at(place: usize) -> Self {
        Self(place as u64)
    }

    /// Returns the stand of a sharer for whom there is no seat, acquired after a wait at `since_ns`, or at
    /// once.
    pub(super) fn untold(since_ns: Option<u64>) -> Self {
        Self(
            since_ns
                .map_or(Self::UNTOLD, |since_ns| since_ns.clamp(Self::PLACES, Self::UNTOLD - 1)),
        )
    }

    /// Says whether nobody knows of this holder, because there are too many.
    #[inline]
    pub fn is_untold(self) -> bool {
        self != Self::ALONE && self.0 >= Self::PLACES
    }

    /// Returns when a holder that nobody knows of acquired it, if that was after a wait.
    pub(super) fn untold_since_ns(self) -> Option<u64> {
        Some(self.0).filter(|since_ns| self.is_untold() && *since_ns < Self::UNTOLD)
    }

    /// Returns the place; one beyond all seats of a holder that nobody knows of.
    #[inline]
    pub(super) fn place(self) -> usize {
        self.0 as usize
    }
}

/// A hold that has ended, and was timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// It made others wait: from its acquisition on if that was after a wait, else from the first waiter
    /// on, so many nanoseconds.
    MadeWait(u64),
    /// It needed no wait, made nobody wait, and is one of the sample; so many nanoseconds.
    Sampled(u64),
}
