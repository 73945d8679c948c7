//! Where pushed bodies go: to the engine of the configuration that runs now.

use crate::source::{Heard, PushedBatch};
use crate::timeline::Timeline;
use plimsoll_exposition::Interest;
use plimsoll_exposition::push::Point;
use plimsoll_model::TimeMs;
use plimsoll_runtime::clock::Clock;
use std::sync::{Arc, PoisonError, RwLock};
use tokio::sync::{Semaphore, SemaphorePermit, mpsc};

/// Bodies that are read at once: what they take in memory is bounded by so many of the largest.
const BODIES: usize = 4;

/// Points that wait for the engine: as many as one body may hold at most.
const POINTS: usize = 1_000_000;

/// The way to the engine of one configuration.
#[derive(Clone, Debug)]
pub(crate) struct Door {
    news: mpsc::Sender<Heard>,
    /// What the engine has a use for.
    pub(crate) interest: Arc<Interest>,
    /// One for each point that may wait for the engine.
    room: Arc<Semaphore>,
    /// How large a body may be, before and after it is unpacked.
    pub(crate) body_bytes: usize,
}

/// Shares of the largest body that bodies are unpacked and read in.
const SHARES: u32 = 1_024;

/// Takes pushed points in, whichever configuration runs.
#[derive(Debug)]
pub(crate) struct Inbox {
    door: RwLock<Option<Door>>,
    /// One for each body that may be read now.
    pub(crate) permits: Semaphore,
    /// What is unpacked and read at once is together no longer than the largest body.
    shares: Semaphore,
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
        Self {
            door: RwLock::new(None),
            permits: Semaphore::new(BODIES),
            shares: Semaphore::new(SHARES as usize),
        }
    }

    /// Waits for the turn of a body that is so long once it is unpacked.
    pub(crate) async fn turn(&self, bytes: usize, bytes_max: usize) -> Option<SemaphorePermit<'_>> {
        let part = bytes.min(bytes_max) as u64 * u64::from(SHARES) / bytes_max.max(1) as u64;
        let shares = u32::try_from(part).unwrap_or(SHARES).clamp(1, SHARES);
        // It is never closed.
        self.shares.acquire_many(shares).await.ok()
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
    pub(crate) fn new(
        news: mpsc::Sender<Heard>,
        interest: Arc<Interest>,
        body_bytes: usize,
    ) -> Self {
        Self { news, interest, room: Arc::new(Semaphore::new(POINTS)), body_bytes }
    }

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
        let count = u32::try_from(points.len()).map_err(|_| InboxError::Full)?;
        let room = self.room.clone().try_acquire_many_owned(count);
        let room = room.map_err(|_| InboxError::Full)?;
        let batch = PushedBatch { via, at: clock.now(), points, _room: room };
        self.news.try_send(Heard::Pushed(batch)).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => InboxError::Full,
            mpsc::error::TrySendError::Closed(_) => InboxError::Closed,
        })
    }
}
