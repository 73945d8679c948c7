use crate::Name;
use crate::instrument::{Count, Value};
use crate::name::ns;
use plimsoll_model::catalog;
use plimsoll_record::Registry;
use std::ops::ControlFlow;
use std::sync::Arc;
use tokio::runtime::{Handle, RuntimeMetrics};

/// Shows a tokio runtime (M3), as long as the probe lives.
///
/// | series | what |
/// |---|---|
/// | gauge `concurrency_runtime_workers{runtime}` | worker threads |
/// | `concurrency_runtime_busy_seconds_total{runtime,worker}` | time each worker spent running tasks |
/// | gauge `concurrency_runtime_queue_depth{runtime,queue="global"}` | tasks that wait in the queue all workers share |
///
/// It reads tokio's own stable counts when someone takes a snapshot. It has no thread, no task and no
/// timer of its own, so it shows a runtime that is starved as well.
///
/// # Cost
/// Nothing until a snapshot; then a few relaxed loads a worker.
///
/// # Cancellation
/// There is nothing to cancel. Dropping the probe makes its gauges absent; the counter stands.
///
/// # Reading it
/// ```promql
/// sum by (runtime) (rate(concurrency_runtime_busy_seconds_total[5m])) / concurrency_runtime_workers  # utilisation
/// ```
///
/// # Example
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let _probe = plimsoll::RuntimeProbe::named("main", &tokio::runtime::Handle::current());
/// # }
/// ```
#[derive(Debug)]
#[must_use = "dropping the probe ends the recording"]
pub struct RuntimeProbe {
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
        Self { _shown: shown }
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
