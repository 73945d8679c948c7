//! Where pushed bodies go: to the engine of the configuration that runs now.

use crate::source::{Heard, PushedBatch};
use crate::timeline::Timeline;
use plimsoll_exposition::Interest;
use plimsoll_exposition::push::Point;
use plimsoll_model::TimeMs;
use plimsoll_runtime::clock::Clock;
use std::sync::{Arc, PoisonError, RwLock};
use tokio::sync::{Semaphore, mpsc};

/// Bodies that are read at once: what they take in memory is bounded by so many of the largest.
const BODIES: usize = 4;

/// The way to the engine of one configuration.
#[derive(Clone, Debug)]
pub(crate) struct Door {
    pub(crate) news: mpsc::Sender<Heard>,
    /// What the engine has a use for.
    pub(crate) interest: Arc<Interest>,
    /// How large a body may be, before and after it is unpacked.
    pub(crate) body_bytes: usize,
}

/// Takes pushed points in, whichever configuration runs.
#[derive(Debug)]
pub(crate) struct Inbox {
    door: RwLock<Option<Door>>,
    /// One for each body that may be read now.
    pub(crate) permits: Semaphore,
}

/// Why points weren't taken; the sender is to send them again.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InboxError {
    #[error("the engine has too much to do: send it again")]
    Full,
    #[error("the configuration is being replaced: send it again")]
    Closed,
}

impl Inbox {
    pub(crate) fn new() -> Self {
        Self { door: RwLock::new(None), permits: Semaphore::new(BODIES) }
    }

    pub(crate) fn open(&self, door: Door) {
        *self.door.write().unwrap_or_else(PoisonError::into_inner) = Some(door);
    }

    pub(crate) fn close(&self) {
        *self.door.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Returns the way to the engine that runs now.
    pub(crate) fn door(&self) -> Result<Door, InboxError> {
        let door = self.door.read().unwrap_or_else(PoisonError::into_inner);
        door.clone().ok_or(InboxError::Closed)
    }
}

impl Door {
    /// Hands points on; their times become those of the daemon's clock.
    pub(crate) fn send(
        &self,
        via: &'static str,
        mut points: Vec<Point>,
        clock: &Timeline,
    ) -> Result<(), InboxError> {
        if points.is_empty() {
            return Ok(());
        }
        let own = |at_ms: i64| clock.own_time_of(TimeMs(at_ms)).0;
        for point in &mut points {
            point.at_ms = own(point.at_ms);
            point.start_ms = point.start_ms.map(own);
        }
        let batch = PushedBatch { via, at: clock.now(), points };
        self.news.try_send(Heard::Pushed(batch)).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => InboxError::Full,
            mpsc::error::TrySendError::Closed(_) => InboxError::Closed,
        })
    }
}
