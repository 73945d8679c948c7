//! Why something isn't known, in words for whoever looks after it.

use crate::prober::Shared;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Why a prober doesn't know all that it is asked. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Troubles {
    shared: Arc<Shared>,
    /// The stores, by their places.
    stores: Vec<String>,
    patience: Duration,
}

/// One thing that a prober doesn't know, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// The store's name, or the origin's.
    pub store: String,
    /// One sentence that says what is wrong, without an address or a password.
    pub reason: String,
}

/// By store or origin: why the last attempt came to nothing.
#[derive(Debug, Default)]
pub(crate) struct Told(Mutex<BTreeMap<String, String>>);

/// How many markers a pipeline may lack from the start before it is asked whether it passes them on.
const MARKERS_LACKED: u32 = 10;

impl Troubles {
    pub(crate) fn new(shared: Arc<Shared>, stores: Vec<String>, interval: Duration) -> Self {
        Self { shared, stores, patience: interval.saturating_mul(MARKERS_LACKED) }
    }

    /// Returns what isn't known now, by name; nothing when all is.
    pub fn now(&self) -> Vec<Trouble> {
        let mut told = self.shared.told.all();
        let (now_ns, ledger) = (self.shared.clock.own_ns(), self.shared.ledger());
        for (place, store) in self.stores.iter().enumerate() {
            let waits = ledger.waits_since_ns(place).map(|ns| now_ns.saturating_sub(ns));
            let waits = waits.map(Duration::from_nanos).filter(|waits| *waits > self.patience);
            if waits.is_some() && !told.contains_key(store) {
                let reason =
                    "no marker was ever seen there: does the pipeline pass the heartbeat on?";
                told.insert(store.clone(), reason.to_owned());
            }
        }
        told.into_iter().map(|(store, reason)| Trouble { store, reason }).collect()
    }
}

impl Told {
    pub(crate) fn tell(&self, name: &str, reason: String) {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.insert(name.to_owned(), reason);
    }

    pub(crate) fn is_well(&self, name: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
    }

    fn all(&self) -> BTreeMap<String, String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
