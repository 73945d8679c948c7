use crate::Name;
use crate::clock::now_ns;
use crate::instrument::{Count, Distribution, Level, Value};
use crate::name::ns;
use crate::watched::{PollSignals, Watched};
use plimsoll_model::catalog;
use plimsoll_record::{ActivitySpec, HistogramSpec, Registry};
use std::future::Future;
use std::ops::ControlFlow;
use std::sync::Arc;
use tokio::runtime::{Handle, RuntimeMetrics};
use tokio::task::JoinHandle;

/// Shows a tokio runtime (M3), as long as the probe lives.
///
/// | series | what |
/// |---|---|
/// | gauge `concurrency_runtime_workers{runtime}` | worker threads |
/// | `concurrency_runtime_busy_seconds_total{runtime,worker}` | time each worker spent running tasks |
/// | gauge `concurrency_runtime_queue_depth{runtime,queue="global"}` | tasks that wait in the queue all workers share |
/// | histogram `concurrency_runtime_schedule_seconds{runtime}` | how long a task that was woken waited for a worker; of tasks that are [watched](RuntimeProbe::watch) |
/// | histogram `concurrency_runtime_poll_seconds{runtime}` | how long each poll of such a task kept its worker |
/// | level `concurrency_runtime_blocking_busy{runtime}` | threads that block for [`RuntimeProbe::spawn_blocking`] |
///
/// The first three are tokio's own stable counts, read when someone takes a snapshot. The probe has no
/// thread, no task and no timer of its own, so it shows a runtime that is starved as well. The depth of
/// a worker's own queue and of the blocking queue are shown by no stable release of tokio, and so
/// neither by this.
///
/// # Cost
/// Nothing until a snapshot; then a few relaxed loads a worker. A poll of a watched task costs two clock
/// reads and an observation or two, its wake-up one clock read; a blocking job two clock reads
/// and two log edges.
///
/// # Cancellation
/// A poll is timed when it is over, also by a panic. A task that is aborted before a poll isn't. A
/// blocking job that never ran counts in no level. Dropping the probe makes its gauges absent; the rest
/// stands.
///
/// # Reading it
/// ```promql
/// sum by (runtime) (rate(concurrency_runtime_busy_seconds_total[5m])) / concurrency_runtime_workers  # utilisation
/// histogram_quantile(0.99, sum by (runtime, le) (rate(concurrency_runtime_schedule_seconds_bucket[5m])))  # a starved runtime
/// histogram_quantile(0.99, sum by (runtime, le) (rate(concurrency_runtime_poll_seconds_bucket[5m])))  # a task that blocks it
/// ```
///
/// # Example
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let probe = plimsoll::RuntimeProbe::named("main", &tokio::runtime::Handle::current());
/// let task = probe.spawn(async { 1 + 1 });
/// let file = probe.spawn_blocking(|| std::fs::metadata("."));
/// # assert!(task.await.is_ok() && file.await.is_ok());
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "dropping the probe ends the recording"]
pub struct RuntimeProbe {
    runtime: Handle,
    polls: PollSignals,
    blocking: Level,
    _shown: Arc<Shown>,
}

#[derive(Debug)]
struct Shown {
    metrics: RuntimeMetrics,
    workers: Value,
    queue_depth: Value,
    busy: Vec<Count>,
}

impl RuntimeProbe {
    /// Shows `runtime` in the global registry.
    pub fn named(name: impl Into<Name>, runtime: &Handle) -> Self {
        Self::named_in(Registry::global(), name, runtime)
    }

    /// Shows `runtime` in `registry`.
    pub fn named_in(registry: &Registry, name: impl Into<Name>, runtime: &Handle) -> Self {
        let name = name.into();
        let metrics = runtime.metrics();
        let labels = |key, value: &str| name.with(&[("runtime", &name.text), (key, value)]);
        let busy = |worker: usize| {
            let worker = worker.to_string();
            Count::new(registry, &catalog::RUNTIME_BUSY, labels("worker", &worker))
        };
        let shown = Arc::new(Shown {
            workers: Value::new(registry, &catalog::RUNTIME_WORKERS, name.under("runtime")),
            queue_depth: Value::new(
                registry,
                &catalog::RUNTIME_QUEUE_DEPTH,
                labels("queue", "global"),
            ),
            busy: (0..metrics.num_workers()).map(busy).collect(),
            metrics,
        });
        let read = Arc::downgrade(&shown);
        registry.on_snapshot(move || match read.upgrade() {
            Some(shown) => {
                shown.read();
                ControlFlow::Continue(())
            }
            None => ControlFlow::Break(()),
        });
        let labels = name.under("runtime");
        let histogram = |signal| {
            let spec = HistogramSpec::new(signal, labels.clone()).edges(&name.edges_ns);
            Distribution::new(registry, spec)
        };
        let polls = PollSignals {
            schedule: histogram(&catalog::RUNTIME_SCHEDULE),
            poll: histogram(&catalog::RUNTIME_POLL),
        };
        let blocking = ActivitySpec::new(&catalog::RUNTIME_BLOCKING_BUSY, labels);
        let blocking = Level::new(registry, blocking);
        Self { runtime: runtime.clone(), polls, blocking, _shown: shown }
    }

    /// Spawns a task that is [watched](RuntimeProbe::watch).
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.runtime.spawn(self.watch(future))
    }

    /// Times the polls of a future, and how long it waits for each after it was woken, at first from
    /// now on. Watch whole tasks: a part of one is woken with its task.
    pub fn watch<F: Future>(&self, future: F) -> Watched<F> {
        Watched::new(future, self.polls, now_ns())
    }

    /// Runs `work` on a thread that may block, which counts as busy meanwhile: see
    /// [`tokio::task::spawn_blocking`].
    pub fn spawn_blocking<O: Send + 'static>(
        &self,
        work: impl FnOnce() -> O + Send + 'static,
    ) -> JoinHandle<O> {
        let blocking = self.blocking;
        self.runtime.spawn_blocking(move || {
            let _stay = blocking.enter();
            work()
        })
    }
}

impl Shown {
    fn read(&self) {
        self.workers.set(Some(self.metrics.num_workers() as f64));
        self.queue_depth.set(Some(self.metrics.global_queue_depth() as f64));
        for (worker, busy) in self.busy.iter().enumerate() {
            busy.raise_to(ns(self.metrics.worker_total_busy_duration(worker)));
        }
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        self.workers.set(None);
        self.queue_depth.set(None);
    }
}
