//! What every channel records.

use crate::{Backpressure, Name, QueueProbe, Reason};
use plimsoll_record::Registry;

/// The instruments of one channel. Cloning shares them.
#[derive(Clone, Debug)]
pub(crate) struct Channel {
    pub(crate) depth: QueueProbe,
    pub(crate) pushed_back: Backpressure,
}

impl Channel {
    /// Makes the instruments of a channel of `capacity` messages, or without a bound.
    pub(crate) fn new(registry: &Registry, name: &Name, capacity: Option<usize>) -> Self {
        Self {
            depth: QueueProbe::made(registry, name, capacity.map(|capacity| capacity as u64)),
            pushed_back: Backpressure::made(registry, name),
        }
    }
}

impl Channel {
    /// Begins to wait for room, until the returned value is dropped.
    pub(crate) fn wait_for_room(&self) -> RoomWait<'_> {
        RoomWait { channel: self, reason: Reason::Full }
    }
}

/// A send that found no room. It counts when it is dropped, so one that is cancelled counts as well,
/// and each counts once.
#[derive(Debug)]
pub(crate) struct RoomWait<'a> {
    channel: &'a Channel,
    reason: Reason,
}

impl RoomWait<'_> {
    /// Ends the wait because it took too long.
    pub(crate) fn timed_out(mut self) {
        self.reason = Reason::Timeout;
    }
}

impl Drop for RoomWait<'_> {
    fn drop(&mut self) {
        self.channel.pushed_back.count(self.reason);
    }
}
