use crate::StoreError;
use crate::environment::{ns, since};
use plimsoll::instrument::{Count, Distribution, Value};
use plimsoll::{Clock, Name, Registry};
use plimsoll_model::{Signal, catalog};
use plimsoll_record::HistogramSpec;
use std::time::Duration;

/// Where it was seen that a lease was lost.
#[derive(Clone, Copy, Debug)]
pub(super) enum Seen {
    Renewal,
    Release,
    Write,
}

/// What a lock records.
pub(super) struct Signals {
    wait: Distribution,
    hold: Distribution,
    margin: Distribution,
    overrun: Distribution,
    lost: [Count; 3],
    renewals: [Count; 3],
    token: Value,
}

impl Signals {
    pub(super) fn new(registry: &Registry, name: &Name, ttl: Duration) -> Self {
        let labels = name.under("lease");
        let distribution = |signal: &'static Signal| {
            let spec = HistogramSpec::new(signal, labels.clone());
            // An edge at the time to live makes the share of longer holds exact.
            Distribution::new(registry, spec.edges(name.edges_ns()).edges(&[ns(ttl)]))
        };
        let count = |signal: &'static Signal, label: &'static str, value: &str| {
            Count::new(registry, signal, name.with(&[("lease", name.text()), (label, value)]))
        };
        Self {
            wait: distribution(&catalog::LEASE_WAIT),
            hold: distribution(&catalog::LEASE_HOLD),
            margin: distribution(&catalog::LEASE_MARGIN),
            overrun: distribution(&catalog::LEASE_OVERRUN),
            lost: ["renewal", "release", "write"]
                .map(|seen| count(&catalog::LEASE_LOST, "seen", seen)),
            renewals: ["ok", "lost", "error"]
                .map(|result| count(&catalog::LEASE_RENEWALS, "result", result)),
            token: Value::new(registry, &catalog::LEASE_FENCING_TOKEN, labels),
        }
    }

    pub(super) fn token(&self, token: u64) {
        self.token.set(Some(token as f64));
    }

    pub(super) fn renewal(&self, renewed: &Result<bool, StoreError>) {
        let [ok, lost, error] = &self.renewals;
        match renewed {
            Ok(true) => ok.increment(),
            Ok(false) => lost.increment(),
            Err(_) => error.increment(),
        }
    }

    pub(super) fn lost(&self, seen: Seen, late_ns: u64) {
        let [renewal, release, write] = &self.lost;
        match seen {
            Seen::Renewal => renewal.increment(),
            Seen::Release => release.increment(),
            Seen::Write => write.increment(),
        }
        self.overrun.observe(late_ns);
    }

    pub(super) fn margin(&self, left: Duration) {
        self.margin.observe(ns(left));
    }

    pub(super) fn held(&self, held: Duration) {
        self.hold.observe(ns(held));
    }
}

/// A wait for a lease, which is recorded however it ends.
pub(super) struct Waiting<'a> {
    signals: &'a Signals,
    clock: &'a dyn Clock,
    since_ns: u64,
}

impl<'a> Waiting<'a> {
    pub(super) fn begin(signals: &'a Signals, clock: &'a dyn Clock) -> Self {
        Self { signals, clock, since_ns: clock.own_ns() }
    }

    pub(super) fn age(&self) -> Duration {
        since(self.clock, self.since_ns)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.signals.wait.observe(ns(self.age()));
    }
}
