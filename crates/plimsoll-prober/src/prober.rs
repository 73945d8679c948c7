use crate::ProberError;
use crate::ledger::{Ledger, Span};
use crate::series::{Errors, Series};
use crate::spec::{Gap, InFlight, OnGap, ProberSpec};
use crate::store::{Origin, Reason, Serving, StoreError};
use crate::trouble::{Told, Troubles};
use futures_util::future::join_all;
use plimsoll_context::{Clock, Stamp};
use plimsoll_record::Registry;
use rand::{Rng, SeedableRng, rngs::SmallRng};
use std::future::Future;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

/// Measures how long committed state takes to become readable (C2), without touching the pipeline's
/// code: it need only pass the heartbeat's key on.
///
/// | series | what |
/// |---|---|
/// | histogram `concurrency_propagation_seconds{store,band}` | upper bound of how long a marker took from its commit until it was readable |
/// | gauge `concurrency_propagation_oldest_unseen_seconds{store}` | age of the oldest marker that isn't readable, 0 when all are, absent when that isn't known |
/// | `concurrency_prober_errors_total{store,reason}` | why it wasn't known |
///
/// Markers are written at random, so that a share of markers is a share of time. All times are of one
/// clock. A pipeline that is stuck shows in the gauge, which goes on growing by a second each second;
/// one that is idle shows 0, since it has passed the last marker on.
///
/// # Errors at run time
/// `reason` is `unreachable`, `timed_out`, `refused` (the store's own error), `garbled` (what is under
/// the key is no marker), `foreign` (another prober writes the same key) or `regressed` (the store shows
/// an older marker than before, as after a fail-over). A write that failed counts under the origin's name.
///
/// # Cancellation
/// [`run`](Self::run) may be dropped at any time; its gauges are absent from then on.
///
/// # Reading it
/// ```promql
/// histogram_quantile(0.99, sum by (le, store) (rate(concurrency_propagation_seconds_bucket[5m])))
/// max by (store) (concurrency_propagation_oldest_unseen_seconds) > 1  # stuck: the histogram says nothing
/// ```
#[derive(Debug)]
pub struct Prober {
    shared: Arc<Shared>,
    origin: Writer,
    stores: Vec<Looker>,
    interval: Duration,
}

/// What the writer, the lookers and whoever reads share. No lock is kept over an await.
#[derive(Debug)]
pub(crate) struct Shared {
    ledger: Mutex<Ledger>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) told: Told,
}

/// Writes markers.
struct Writer {
    name: String,
    origin: Arc<dyn Origin>,
    errors: Errors,
    random: SmallRng,
    interval: Duration,
    timeout: Duration,
    in_flight: Option<Arc<InFlight>>,
    /// Tells the lookers that there is something to look for.
    wrote: watch::Sender<()>,
}

/// Looks for them in one store.
struct Looker {
    place: usize,
    name: String,
    store: Arc<dyn Serving>,
    series: Arc<Series>,
    poll: Duration,
    timeout: Duration,
    on_gap: Option<Arc<OnGap>>,
    wrote: watch::Receiver<()>,
}

/// What is said of a store that shows another prober's markers.
const FOREIGN: &str =
    "it shows another prober's markers: give each prober a heartbeat's key of its own";

/// Up to when a store shows all that was committed, as far as a [`Prober`] knows. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Frontier {
    shared: Arc<Shared>,
    store: usize,
}

impl Prober {
    /// Makes what a checked specification describes.
    pub(crate) fn new(spec: ProberSpec, registry: &Registry) -> Result<Self, ProberError> {
        let mut random = SmallRng::seed_from_u64(spec.seed);
        let ledger = Mutex::new(Ledger::new(random.random(), spec.stores.len()));
        let clock = Arc::clone(&spec.clock);
        let shared = Arc::new(Shared { ledger, clock, told: Told::default() });
        let (wrote, written) = watch::channel(());
        let mut stores = Vec::new();
        for (place, (name, store)) in spec.stores.iter().enumerate() {
            stores.push(Looker {
                place,
                name: name.clone(),
                store: Arc::clone(store),
                series: Arc::new(Series::new(&spec, name, registry)?),
                poll: spec.poll,
                timeout: spec.timeout,
                on_gap: spec.on_gap.clone(),
                wrote: written.clone(),
            });
        }
        stores.iter().for_each(|looker| show_when_asked(registry, &shared, looker));
        let (name, origin) = spec.origin;
        let origin = Writer {
            errors: Errors::new(&name, registry)?,
            name,
            origin,
            random,
            interval: spec.interval,
            timeout: spec.timeout,
            in_flight: spec.in_flight,
            wrote,
        };
        Ok(Self { shared, origin, stores, interval: spec.interval })
    }

    /// Returns up to when the store of that name shows all that was committed, for
    /// [`Reading::as_of`](plimsoll_context::Reading::as_of): it makes a decision's staleness known
    /// without a word from the store. None when no store has that name.
    pub fn frontier(&self, store: &str) -> Option<Frontier> {
        let looker = self.stores.iter().find(|looker| looker.name == store)?;
        Some(Frontier { shared: Arc::clone(&self.shared), store: looker.place })
    }

    /// Returns what says why something isn't known, in words.
    pub fn troubles(&self) -> Troubles {
        let names = self.stores.iter().map(|looker| looker.name.clone()).collect();
        Troubles::new(Arc::clone(&self.shared), names, self.interval)
    }

    /// Probes until `stop` is there. It starts no task: whoever awaits it owns it.
    pub async fn run(mut self, stop: impl Future<Output = ()>) {
        let shared = &*self.shared;
        let looking = join_all(self.stores.iter_mut().map(|looker| looker.run(shared)));
        tokio::select! {
            () = stop => {}
            () = self.origin.run(shared) => {}
            _ = looking => {}
        }
    }
}

impl Drop for Prober {
    fn drop(&mut self) {
        self.stores.iter().for_each(|looker| looker.series.show_oldest_unseen(None));
    }
}

impl Writer {
    async fn run(&mut self, shared: &Shared) {
        loop {
            self.write(shared).await;
            let uniform: f64 = self.random.random();
            let gap = -(1.0 - uniform).ln();
            sleep(self.interval.mul_f64(gap.min(10.0))).await;
        }
    }

    async fn write(&self, shared: &Shared) {
        let marker = shared.ledger().next();
        let from_ns = shared.clock.own_ns();
        let written = in_time(self.timeout, self.origin.write(marker)).await;
        match written {
            Ok(()) => {
                let commit = Span { from_ns, until_ns: shared.clock.own_ns() };
                let in_flight = self.in_flight.as_ref().and_then(|in_flight| in_flight());
                shared.ledger().wrote(marker, commit, in_flight);
                shared.told.is_well(&self.name);
                self.wrote.send_replace(());
            }
            Err(error) => {
                shared.ledger().failed_to_write();
                self.errors.note(error.reason());
                shared.told.tell(&self.name, error.to_string());
            }
        }
    }
}

impl Looker {
    async fn run(&mut self, shared: &Shared) {
        loop {
            self.look(shared).await;
            if shared.ledger().lacks(self.place) {
                sleep(self.poll).await;
            } else if self.wrote.changed().await.is_err() {
                return;
            }
        }
    }

    async fn look(&self, shared: &Shared) {
        let from_ns = shared.clock.own_ns();
        let shown = in_time(self.timeout, self.store.newest()).await;
        let look = Span { from_ns, until_ns: shared.clock.own_ns() };
        let (visible, fault) = match shown {
            Ok(shown) => {
                let (visible, fault) = shared.ledger().saw(self.place, look, shown);
                match fault {
                    Some(Reason::Foreign) => shared.told.tell(&self.name, FOREIGN.to_owned()),
                    _ => shared.told.is_well(&self.name),
                }
                (visible, fault)
            }
            Err(error) => {
                shared.ledger().failed_to_look(self.place);
                shared.told.tell(&self.name, error.to_string());
                (Vec::new(), Some(error.reason()))
            }
        };
        fault.into_iter().for_each(|reason| self.series.note(reason));
        for visible in visible {
            self.series.observe(&visible);
            if let Some(tell) = &self.on_gap {
                tell(&Gap {
                    store: self.name.clone(),
                    length: visible.gap,
                    in_flight: visible.in_flight,
                    markers: visible.times,
                });
            }
        }
    }
}

impl Frontier {
    /// Returns the time; none when it isn't known.
    pub fn get(&self) -> Option<Stamp> {
        self.shared.ledger().frontier_ns(self.store).map(Stamp::Own)
    }
}

impl Shared {
    /// Each change is whole when the lock is let go, so a panic elsewhere leaves nothing half done.
    pub(crate) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Shows the oldest unseen whenever somebody looks, so that it grows while nothing else happens.
fn show_when_asked(registry: &Registry, shared: &Arc<Shared>, looker: &Looker) {
    let (shared, place) = (Arc::clone(shared), looker.place);
    let series = Arc::downgrade(&looker.series);
    registry.on_snapshot(move || {
        let Some(series) = series.upgrade() else { return ControlFlow::Break(()) };
        let now_ns = shared.clock.own_ns();
        series.show_oldest_unseen(shared.ledger().oldest_unseen_ns(place, now_ns));
        ControlFlow::Continue(())
    });
}

async fn in_time<T>(
    limit: Duration,
    answer: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    timeout(limit, answer).await.unwrap_or(Err(StoreError::TimedOut))
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Writer").field("interval", &self.interval).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Looker {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Looker").field("name", &self.name).finish_non_exhaustive()
    }
}
