use crate::StoreError;
use crate::adequacy::Adequacy;
use crate::environment::{ns, since};
use plimsoll::instrument::{Count, Distribution, Level, Stay, Value};
use plimsoll::{Clock, Name, Outcome, Registry};
use plimsoll_model::{Labels, Signal, catalog};
use plimsoll_record::{ActivitySpec, HistogramSpec, Split};
use std::time::Duration;

/// What a look-up found.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Found {
    Hit,
    Stale,
    Miss,
    Error,
}

/// What part a call took in a rebuild.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Role {
    Leader,
    Follower,
    Fallback,
    Abandoned,
}

/// What a write came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Write {
    First,
    Duplicate,
    Regressed,
    Refused,
}

/// What went wrong.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    StoreFailed,
    StoreTimedOut,
    CircuitOpen,
    TooLarge,
    Unreadable,
    LeaseFailed,
    LeaseTimedOut,
    WaitTimedOut,
    Full,
    WentBack,
}

impl Fault {
    const NAMES: [&'static str; 10] = [
        "store_failed",
        "store_timed_out",
        "circuit_open",
        "too_large",
        "unreadable",
        "lease_failed",
        "lease_timed_out",
        "wait_timed_out",
        "full",
        "went_back",
    ];
}

impl From<&StoreError> for Fault {
    fn from(error: &StoreError) -> Self {
        match error {
            StoreError::Failed(_) => Self::StoreFailed,
            StoreError::TimedOut(_) => Self::StoreTimedOut,
            StoreError::CircuitOpen(_) => Self::CircuitOpen,
            StoreError::TooLarge { .. } => Self::TooLarge,
            StoreError::Unreadable { .. } => Self::Unreadable,
        }
    }
}

/// What a cache records.
pub(crate) struct Signals {
    lookups: [Count; 4],
    calls: [Count; 4],
    writes: [Count; 4],
    faults: [Count; Fault::NAMES.len()],
    rebuild: Distribution,
    /// Of a cache with a lock.
    adequacy: Option<Adequacy>,
    outlasting_lease: Value,
    lease_ttl_suggested: Value,
    herd: Distribution,
    waiters: Level,
    stale_served: Count,
    stale_age: Distribution,
    skewed: Count,
}

impl Signals {
    /// Makes them; durations of rebuilds are exact at `ttl`, that of the lease.
    pub(crate) fn new(
        registry: &Registry,
        name: &Name,
        is_fenced: bool,
        ttl: Option<Duration>,
    ) -> Self {
        let count = |signal: &'static Signal, own: &[(&'static str, &str)]| {
            let own = [&[("cache", name.text())], own].concat();
            Count::new(registry, signal, name.with(&own))
        };
        let labels = name.under("cache");
        let spec = |signal| HistogramSpec::new(signal, labels.clone()).edges(name.edges_ns());
        let ttl_ns = ttl.map(ns);
        let rebuild = spec(&catalog::REBUILD).split(Split::OUTCOME).edges(ttl_ns.as_slice());
        let value = |signal| Value::new(registry, signal, labels.clone());
        let herd = HistogramSpec::new(&catalog::REBUILD_HERD, labels.clone());
        let fenced = if is_fenced { "true" } else { "false" };
        Self {
            lookups: ["hit", "stale", "miss", "error"]
                .map(|result| count(&catalog::CACHE_LOOKUPS, &[("result", result)])),
            calls: ["leader", "follower", "fallback", "abandoned"]
                .map(|role| count(&catalog::REBUILD_CALLS, &[("role", role)])),
            writes: ["first", "duplicate", "regressed", "refused"].map(|result| {
                count(&catalog::REBUILD_WRITES, &[("result", result), ("fenced", fenced)])
            }),
            faults: Fault::NAMES.map(|fault| count(&catalog::CACHE_FAULTS, &[("fault", fault)])),
            rebuild: Distribution::new(registry, rebuild),
            adequacy: ttl.map(Adequacy::new),
            outlasting_lease: value(&catalog::REBUILD_OUTLASTING_LEASE),
            lease_ttl_suggested: value(&catalog::REBUILD_LEASE_TTL_SUGGESTED),
            herd: Distribution::new(registry, herd),
            waiters: Level::new(
                registry,
                ActivitySpec::new(&catalog::REBUILD_WAITERS, labels.clone()),
            ),
            stale_served: count(&catalog::STALE_SERVED, &[]),
            stale_age: Distribution::new(registry, spec(&catalog::STALE_SERVED_AGE)),
            skewed: Count::new(registry, &catalog::CLOCK_SKEW, Labels::default()),
        }
    }

    #[inline]
    pub(crate) fn found(&self, found: Found) {
        add(&self.lookups, found as usize);
    }

    pub(crate) fn wrote(&self, write: Write) {
        add(&self.writes, write as usize);
    }

    pub(crate) fn fault(&self, fault: Fault) {
        add(&self.faults, fault as usize);
    }

    pub(crate) fn herd(&self, followers: u64) {
        self.herd.observe(followers);
    }

    /// Takes for how long a rebuild needed its lease.
    pub(crate) fn needed(&self, length: Duration) {
        if let Some(advice) = self.adequacy.as_ref().and_then(|adequacy| adequacy.note(length)) {
            self.outlasting_lease.set(Some(advice.outlasting_ratio));
            self.lease_ttl_suggested.set(Some(advice.ttl.as_secs_f64()));
        }
    }

    pub(crate) fn skew(&self) {
        self.skewed.increment();
    }

    pub(crate) fn stale(&self, age: Duration) {
        self.stale_served.increment();
        self.stale_age.observe(ns(age));
    }
}

fn add(counts: &[Count], index: usize) {
    if let Some(count) = counts.get(index) {
        count.increment();
    }
}

/// A call that waits for a rebuild. Dropped without an end, it has abandoned it.
pub(crate) struct Call<'a> {
    signals: &'a Signals,
    role: Role,
    _waiting: Stay,
}

impl<'a> Call<'a> {
    pub(crate) fn begin(signals: &'a Signals) -> Self {
        Self { signals, role: Role::Abandoned, _waiting: signals.waiters.enter() }
    }

    pub(crate) fn end(mut self, role: Role) {
        self.role = role;
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        add(&self.signals.calls, self.role as usize);
    }
}

/// A rebuild that runs. Dropped without an end, it was cancelled.
pub(crate) struct Running<'a> {
    signals: &'a Signals,
    clock: &'a dyn Clock,
    since_ns: u64,
    outcome: Outcome,
}

impl<'a> Running<'a> {
    pub(crate) fn begin(signals: &'a Signals, clock: &'a dyn Clock) -> Self {
        Self { signals, clock, since_ns: clock.own_ns(), outcome: Outcome::Cancelled }
    }

    /// Ends it and returns how long it took.
    pub(crate) fn end(mut self, outcome: Outcome) -> Duration {
        self.outcome = outcome;
        self.elapsed()
    }

    fn elapsed(&self) -> Duration {
        since(self.clock, self.since_ns)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.signals.rebuild.observe_as(ns(self.elapsed()), self.outcome.index());
    }
}
