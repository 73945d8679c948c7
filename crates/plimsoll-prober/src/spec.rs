use crate::{Origin, Prober, ProberError, Serving};
use plimsoll_context::{Bounds, Clock, SystemClock};
use plimsoll_model::bucket::DEFAULT_BANDS;
use plimsoll_record::Registry;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// What a prober is to do: filled in by the caller, checked by [`build`](Self::build).
pub struct ProberSpec {
    pub(crate) origin: (String, Arc<dyn Origin>),
    pub(crate) stores: Vec<(String, Arc<dyn Serving>)>,
    pub(crate) interval: Duration,
    pub(crate) poll: Duration,
    pub(crate) timeout: Duration,
    pub(crate) edges: Vec<Duration>,
    pub(crate) bands: Vec<u64>,
    pub(crate) in_flight: Option<Arc<InFlight>>,
    pub(crate) on_gap: Option<Arc<OnGap>>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) seed: u64,
}

/// Tells how many decisions are in flight now, if that is known.
pub(crate) type InFlight = dyn Fn() -> Option<u64> + Send + Sync;

/// Is told of each gap.
pub(crate) type OnGap = dyn Fn(&Gap) + Send + Sync;

/// How long a marker took from the system of record to a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The store's name.
    pub store: String,
    /// Between the last look that didn't show it and the first that did, reckoned from the commit.
    pub length: Bounds,
    /// How many were in flight at the commit, if that is known.
    pub in_flight: Option<u64>,
    /// How many markers it stands for: more than one only after a store has shown none for long.
    pub markers: u64,
}

impl ProberSpec {
    /// Describes a prober that writes to `origin` each second on average, at random, and looks every 5 ms
    /// for what is written.
    ///
    /// `seed` makes the random intervals; a run that starts anew needs another one, since it also tells
    /// its markers from those of the last.
    pub fn new(name: impl Into<String>, origin: impl Origin + 'static, seed: u64) -> Self {
        Self {
            origin: (name.into(), Arc::new(origin)),
            stores: Vec::new(),
            interval: Duration::from_secs(1),
            poll: Duration::from_millis(5),
            timeout: Duration::from_secs(1),
            edges: Vec::new(),
            bands: DEFAULT_BANDS.to_vec(),
            in_flight: None,
            on_gap: None,
            clock: Arc::new(SystemClock),
            seed,
        }
    }

    /// Watches `store` as well. The name is the value of the label `store`.
    #[must_use]
    pub fn store(mut self, name: impl Into<String>, store: impl Serving + 'static) -> Self {
        self.stores.push((name.into(), Arc::new(store)));
        self
    }

    /// Sets the mean time between two markers. It is exponentially distributed, up to ten times the mean,
    /// so that markers see each moment alike: what periodic work does hides from none of them.
    #[must_use]
    pub fn interval(mut self, mean: Duration) -> Self {
        self.interval = mean;
        self
    }

    /// Sets how often a store is looked at that lacks a marker: bounds are no nearer than that. A store
    /// that shows all is left alone.
    #[must_use]
    pub fn poll(mut self, every: Duration) -> Self {
        self.poll = every;
        self
    }

    /// Sets how long a store may take to answer, before its answer counts as unknown.
    #[must_use]
    pub fn timeout(mut self, after: Duration) -> Self {
        self.timeout = after;
        self
    }

    /// Makes the histogram exact at these lengths: the thresholds of SLOs.
    #[must_use]
    pub fn edges(mut self, edges: &[Duration]) -> Self {
        self.edges = edges.to_vec();
        self
    }

    /// Sorts markers by how many are in flight when each is committed, as `in_flight` tells, into bands
    /// with these lower edges. Without it there is no label `band`; a marker at whose commit it isn't
    /// known is in none of the bands.
    #[must_use]
    pub fn banded(
        mut self,
        edges: &[u64],
        in_flight: impl Fn() -> Option<u64> + Send + Sync + 'static,
    ) -> Self {
        self.bands = edges.to_vec();
        self.in_flight = Some(Arc::new(in_flight));
        self
    }

    /// Calls `tell` of each gap, on the prober's task.
    #[must_use]
    pub fn on_gap(mut self, tell: impl Fn(&Gap) + Send + Sync + 'static) -> Self {
        self.on_gap = Some(Arc::new(tell));
        self
    }

    /// Takes times from `clock`, of which only the own one is used: nothing is compared between hosts.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Makes the prober, which records in the process's own registry.
    ///
    /// # Errors
    /// A value that can't be used, or a series that another instrument exports.
    pub fn build(self) -> Result<Prober, ProberError> {
        self.build_in(Registry::global())
    }

    /// Makes the prober, which records in `registry`.
    ///
    /// # Errors
    /// A value that can't be used, or a series that another instrument exports.
    pub fn build_in(self, registry: &Registry) -> Result<Prober, ProberError> {
        self.check()?;
        Prober::new(self, registry)
    }

    fn check(&self) -> Result<(), ProberError> {
        if self.stores.is_empty() {
            return Err(ProberError::NoStore);
        }
        for (at, (name, _)) in self.stores.iter().enumerate() {
            if self.stores.iter().take(at).any(|(other, _)| other == name) {
                return Err(ProberError::Twice(name.clone()));
            }
        }
        let lengths = [("interval", self.interval), ("poll", self.poll), ("timeout", self.timeout)];
        if let Some((what, _)) = lengths.iter().find(|(_, length)| length.is_zero()) {
            return Err(ProberError::Zero(what));
        }
        let ascend = self.bands.is_sorted_by(|low, high| low < high);
        if self.bands.first() != Some(&1) || !ascend || self.bands.len() > 16 {
            return Err(ProberError::Bands);
        }
        Ok(())
    }
}

impl fmt::Debug for ProberSpec {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stores: Vec<&str> = self.stores.iter().map(|(name, _)| name.as_str()).collect();
        out.debug_struct("ProberSpec")
            .field("origin", &self.origin.0)
            .field("stores", &stores)
            .field("interval", &self.interval)
            .field("poll", &self.poll)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
