//! What every channel records.

use super::called::Called;
use crate::who::task_or_root;
use crate::{Backpressure, QueueProbe, Reason};
use plimsoll_record::waits::{By, Kind, Resource, Seat, Site, Wait, What, Who};
use std::sync::Arc;

/// The instruments of one channel. Cloning shares them.
#[derive(Clone, Debug)]
pub(crate) struct Channel {
    pub(crate) depth: QueueProbe,
    pub(crate) pushed_back: Backpressure,
    /// The room that senders wait for, if it is bounded: its receiver counts as the holder.
    room: Option<Arc<Resource>>,
}

impl Channel {
    /// Makes the instruments of a channel of `capacity` messages, or without a bound.
    pub(crate) fn new(called: &Called<'_>, capacity: Option<usize>) -> Self {
        let capacity = capacity.map(|capacity| capacity as u64);
        let (depth, pushed_back) = called.shared(|registry, name| {
            (QueueProbe::made(registry, name, capacity), Backpressure::made(registry, name))
        });
        Self { depth, pushed_back, room: None }
    }

    /// Makes the instruments of a channel whose senders wait when `capacity` messages are in it.
    pub(crate) fn bounded(called: &Called<'_>, capacity: usize) -> Self {
        let what = What::new(Kind::Channel, &*called.name().text);
        let room = Some(Resource::new(Arc::new(what), 0, called.site));
        Self { room, ..Self::new(called, Some(capacity)) }
    }

    /// Begins to wait for room, until the returned value is dropped.
    pub(crate) fn wait_for_room(&self, by: By) -> RoomWait<'_> {
        let wait = self.room.as_ref().map(|room| room.wait(by));
        RoomWait { channel: self, reason: Reason::Full, _wait: wait }
    }

    /// Notes who receives, of a channel that several may receive from.
    pub(crate) fn note_one_receiver(&self, site: Site) {
        if let Some(room) = &self.room {
            room.attend_alone(task_or_root(), site);
        }
    }

    /// Notes that somebody else may receive.
    pub(crate) fn note_more_receivers(&self) {
        if let Some(room) = &self.room {
            room.hand_to(Seat::ALONE, Who::UNKNOWN);
        }
    }

    /// Notes who receives, so that whoever waits for room waits for it.
    pub(crate) fn note_receiver(&self, who: Who, site: Site) {
        if let Some(room) = &self.room {
            room.attend(who, site);
        }
    }
}

/// A send that found no room. It counts when it is dropped, so one that is cancelled counts as well,
/// and each counts once.
#[derive(Debug)]
pub(crate) struct RoomWait<'a> {
    channel: &'a Channel,
    reason: Reason,
    _wait: Option<Wait>,
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
