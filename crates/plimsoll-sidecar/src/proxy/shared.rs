//! What all threads of a proxy share.

use super::recorded::Signals;
use super::target::Target;
use super::upstream::ConnectError;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What all threads of a proxy share.
pub(crate) struct Shared {
    pub(crate) target: Target,
    pub(crate) timing: Timing,
    pub(crate) signals: Arc<Signals>,
    /// Connections of clients.
    pub(crate) clients: Arc<Open>,
    /// Connections to the target.
    pub(crate) targets: Arc<Open>,
    pub(crate) clients_max: usize,
    fault: Mutex<Option<String>>,
}

/// How long things may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timing {
    /// A request's head, from its first byte to its last.
    pub(crate) header: Duration,
    /// A body that somebody owes or doesn't take, without a byte of it.
    pub(crate) body: Duration,
    /// Anything else in flight, without a byte either way; nothing is without a bound.
    pub(crate) idle: Option<Duration>,
    /// A connection to the target.
    pub(crate) connect: Duration,
    /// What is in flight when the stop comes.
    pub(crate) drain: Duration,
}

impl Shared {
    pub(crate) fn new(
        target: Target,
        timing: Timing,
        signals: Signals,
        clients_max: usize,
    ) -> Self {
        let (clients, targets) = Default::default();
        let signals = Arc::new(signals);
        Self { target, timing, signals, clients, targets, clients_max, fault: Mutex::default() }
    }

    /// Notes how the latest connection to the target went.
    pub(crate) fn tried(&self, error: Option<&ConnectError>) {
        let mut fault = self.fault.lock().unwrap_or_else(PoisonError::into_inner);
        *fault = error.map(ToString::to_string);
    }

    /// Returns why the latest connection to the target couldn't be made.
    pub(crate) fn fault(&self) -> Option<String> {
        self.fault.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// How many connections are open.
#[derive(Debug, Default)]
pub(crate) struct Open(AtomicUsize);

/// An open connection; dropped, it is none any more.
#[derive(Debug)]
pub(crate) struct Counted(Arc<Open>);

impl Open {
    pub(crate) fn enter(self: &Arc<Self>) -> Counted {
        self.0.fetch_add(1, Ordering::Relaxed);
        Counted(self.clone())
    }

    pub(crate) fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}
