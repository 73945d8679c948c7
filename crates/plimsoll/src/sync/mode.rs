//! How a lock is held, and what its guard has to remember of that.

use super::lock::Lock;
use plimsoll_record::waits::{Seat, Site, Who};
use std::fmt::Debug;

/// A way to hold a lock.
pub(crate) trait Mode: Copy + Debug {
    /// Its place among the values of the label `mode`.
    const INDEX: u8;

    /// Begins a hold that needed no wait.
    fn begin(lock: &Lock, who: Who, site: Site) -> Self;

    /// Begins a hold that was acquired after a wait, at `at_ns`.
    fn begin_after(lock: &Lock, who: Who, site: Site, at_ns: u64) -> Self;

    /// Returns where the holder stands.
    fn seat(self) -> Seat;
}

/// Alone: a mutex, or the writer of a read-write lock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exclusive;

/// Together with others: a reader.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shared(Seat);

/// Together with readers, and with the right to become the writer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Upgradable;

/// A mode that one alone can hold a lock in.
macro_rules! single {
    ($mode:ident at $index:literal on $seat:ident) => {
        impl Mode for $mode {
            const INDEX: u8 = $index;

            #[inline]
            fn begin(lock: &Lock, who: Who, site: Site) -> Self {
                lock.resource.hold_at_once(Seat::$seat, who, site);
                Self
            }

            fn begin_after(lock: &Lock, who: Who, site: Site, at_ns: u64) -> Self {
                lock.resource.hold(Seat::$seat, who, site, at_ns);
                Self
            }

            #[inline]
            fn seat(self) -> Seat {
                Seat::$seat
            }
        }
    };
}

single!(Exclusive at 0 on ALONE);
single!(Upgradable at 2 on UPGRADABLE);

impl Mode for Shared {
    const INDEX: u8 = 1;

    #[inline]
    fn begin(lock: &Lock, who: Who, site: Site) -> Self {
        let seat = lock.resource.share_at_once(who, site);
        if seat.is_untold() {
            lock.count_at_once(Self::INDEX);
        }
        Self(seat)
    }

    fn begin_after(lock: &Lock, who: Who, site: Site, at_ns: u64) -> Self {
        Self(lock.resource.share(who, site, Some(at_ns)))
    }

    #[inline]
    fn seat(self) -> Seat {
        self.0
    }
}
