use crate::Name;
use crate::instrument::{Level, Stay};
use plimsoll_model::catalog;
use plimsoll_record::{ActivitySpec, Outcome, Registry, Split};
use std::ops::{Deref, DerefMut};

/// Records a queue of any make (M2): wrap what goes in, unwrap what comes out.
///
/// | series | what |
/// |---|---|
/// | level `concurrency_queue_depth{queue}` | messages in it, with its capacity as limit and the age of the oldest |
/// | histogram `concurrency_queue_time_seconds{queue}` | how long each message was in it, dropped ones too |
/// | gauge `concurrency_queue_wait_min_seconds{queue}` | the shortest of these within the last 60 s: above 0 for long, the queue stands |
///
/// [`sync::tokio::mpsc`](crate::sync::tokio::mpsc) does this by itself.
///
/// # Cost
/// Two clock reads and two log edges a message.
///
/// # Cancellation
/// A [`Queued`] that is dropped, alone or with its queue, leaves the depth.
///
/// # Reading it
/// ```promql
/// rate(concurrency_queue_depth_time_seconds_total{queue="orders"}[5m])       # exact mean depth
/// rate(concurrency_queue_depth_saturated_seconds_total{queue="orders"}[5m])  # share of time full
/// ```
///
/// # Example
/// ```
/// use plimsoll::{Queued, QueueProbe};
/// use std::collections::VecDeque;
///
/// let probe = QueueProbe::limited("orders", 100);
/// let mut queue: VecDeque<Queued<String>> = VecDeque::new();
/// queue.push_back(probe.queued("two teas".to_owned()));
/// let order: Option<String> = queue.pop_front().map(Queued::taken);
/// # assert_eq!(order.as_deref(), Some("two teas"));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct QueueProbe {
    depth: Level,
}

impl QueueProbe {
    /// Makes the probe of a queue without a bound in the global registry.
    pub fn named(name: impl Into<Name>) -> Self {
        Self::named_in(Registry::global(), name)
    }

    /// Makes the probe of a queue without a bound in `registry`.
    pub fn named_in(registry: &Registry, name: impl Into<Name>) -> Self {
        Self::made(registry, &name.into(), None)
    }

    /// Makes the probe of a queue that holds `capacity` messages in the global registry.
    pub fn limited(name: impl Into<Name>, capacity: u64) -> Self {
        Self::limited_in(Registry::global(), name, capacity)
    }

    /// Makes the probe of a queue that holds `capacity` messages in `registry`.
    pub fn limited_in(registry: &Registry, name: impl Into<Name>, capacity: u64) -> Self {
        Self::made(registry, &name.into(), Some(capacity))
    }

    pub(crate) fn made(registry: &Registry, name: &Name, capacity: Option<u64>) -> Self {
        let mut spec = ActivitySpec::new(&catalog::QUEUE_DEPTH, name.under("queue"))
            .duration(&catalog::QUEUE_TIME, Split::None)
            .duration_edges(&name.edges_ns)
            .duration_min(&catalog::QUEUE_WAIT_MIN);
        spec.limit = capacity;
        Self { depth: Level::new(registry, spec) }
    }

    /// Wraps a message that goes into the queue now.
    pub fn queued<T>(&self, message: T) -> Queued<T> {
        Queued { stay: self.enter(), message }
    }

    /// Counts a message that goes into the queue now, until the returned value is dropped.
    pub(crate) fn enter(&self) -> Stay {
        self.depth.enter()
    }
}

/// A message in a queue. Dropped, it leaves the queue.
#[derive(Debug)]
#[must_use = "dropping it takes the message out of the queue"]
pub struct Queued<T> {
    stay: Stay,
    message: T,
}

impl<T> Queued<T> {
    /// Takes the message out of the queue.
    pub fn taken(self) -> T {
        self.stay.end(Outcome::Ok);
        self.message
    }
}

impl<T> Deref for Queued<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.message
    }
}

impl<T> DerefMut for Queued<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.message
    }
}
