//! What the merge is fed from.

use crate::budget::Budget;
use crate::fold::Excess;
use crate::log::Log;
use crate::shared::{SHARED_LOGS, SharedLog};
use crate::sync::{Arc, AtomicU64, Mutex};

/// What the merge is fed from, besides the logs that it has already.
#[derive(Debug)]
pub(crate) struct Inlets {
    /// Logs that the merge hasn't seen.
    pub(crate) logs: Mutex<Vec<Arc<Log>>>,
    pub(crate) shared: Vec<Mutex<SharedLog>>,
    /// How many edges were begun in the shared logs, and how many of them done.
    pub(crate) shared_begun: AtomicU64,
    pub(crate) shared_done: AtomicU64,
    pub(crate) excess: Excess,
    pub(crate) budget: Budget,
}

impl Inlets {
    pub(crate) fn new() -> Self {
        Self {
            logs: Mutex::new(Vec::new()),
            shared: (0..SHARED_LOGS).map(|id| Mutex::new(SharedLog::new(id))).collect(),
            shared_begun: AtomicU64::new(0),
            shared_done: AtomicU64::new(0),
            excess: Excess::new(),
            budget: Budget::new(),
        }
    }
}
