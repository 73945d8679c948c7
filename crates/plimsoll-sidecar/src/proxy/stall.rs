//! How long something in flight may stand still.

use super::seats::Seat;
use super::shared::Timing;
use std::task::{Context, Poll};
use std::time::Duration;

/// Who has to do something before anything goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Awaited {
    /// The client, which owes the rest of its request.
    Request,
    /// The target, which doesn't take the request.
    Intake,
    /// The target, which owes the rest of a response whose length it has said.
    Response,
    /// The client, which doesn't take the response.
    Reader,
    /// Nobody owes anything: an answer takes as long as it takes, and an event comes when it happens.
    Event,
}

impl Awaited {
    /// Returns how long it may take, if there is a bound.
    fn limit(self, timing: &Timing) -> Option<Duration> {
        match self {
            Self::Request | Self::Intake | Self::Response | Self::Reader => Some(timing.body),
            Self::Event => timing.idle,
        }
    }
}

/// Watches whether anything moves.
#[derive(Debug)]
pub(crate) struct Stall {
    timing: Timing,
    seen: Option<(Awaited, u64)>,
}

impl Stall {
    pub(crate) fn new(timing: Timing) -> Self {
        Self { timing, seen: None }
    }

    /// Becomes ready when the same is awaited for too long without a move.
    pub(crate) fn poll(
        &mut self,
        context: &Context<'_>,
        seat: &Seat,
        awaited: Awaited,
        moves: u64,
    ) -> Poll<()> {
        if self.seen.replace((awaited, moves)) != Some((awaited, moves)) {
            match awaited.limit(&self.timing) {
                Some(limit) => seat.wait_at_most(limit),
                None => seat.wait_long(),
            }
        }
        seat.poll_late(context)
    }
}
