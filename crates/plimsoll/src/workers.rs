use crate::Name;
use crate::clock::now_ns;
use crate::cpu::ThreadCpu;
use crate::instrument::{Count, Distribution, Level};
use crate::pool::Lease;
use crate::who::{blocking, task_or_root};
use plimsoll_model::catalog;
use plimsoll_record::waits::{Kind, Resource, What};
use plimsoll_record::{ActivitySpec, HistogramSpec, Outcome, Registry, Split};
use std::ops::ControlFlow;
use std::panic::Location;
use std::sync::{Arc, Mutex, PoisonError};

/// Records threads that work off jobs, of any make (M3): rayon's, a pool of your own.
///
/// | series | what |
/// |---|---|
/// | level `concurrency_workers_busy{pool}` | workers that run a job, with the number of workers as limit |
/// | histogram `concurrency_pool_wait_seconds{pool,outcome}` | how long each job waited for a worker; `cancelled` if it was dropped unrun |
/// | `concurrency_worker_cpu_seconds_total{pool}` | CPU time of the workers that were [entered](Workers::enter); Linux only, else it stays 0 |
///
/// # Cost
/// Three clock reads, two log edges and an observation a job. The CPU time is read when someone takes a
/// snapshot: a file a worker.
///
/// # Cancellation
/// A job that is dropped before it runs is `cancelled`. A job that panics leaves the level.
///
/// # Reading it
/// ```promql
/// rate(concurrency_workers_busy_time_seconds_total{pool="resize"}[5m]) / concurrency_workers_busy_limit{pool="resize"}  # utilisation
/// rate(concurrency_worker_cpu_seconds_total{pool="resize"}[5m])  # how much of that is computing
/// ```
///
/// # Example
/// With rayon the two closures are all there is to it:
/// ```
/// use plimsoll::Workers;
///
/// let workers = Workers::named("resize", 2);
/// let entered = workers.clone();
/// let pool = rayon::ThreadPoolBuilder::new()
///     .num_threads(2)
///     .spawn_handler(move |thread| {
///         let workers = entered.clone();
///         std::thread::spawn(move || workers.enter(|| thread.run()));
///         Ok(())
///     })
///     .build()?;
/// let sum = pool.install(workers.job(|| (1..=4).sum::<u32>()));
/// assert_eq!(sum, 10);
/// # Ok::<(), rayon::ThreadPoolBuildError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Workers {
    busy: Level,
    wait: Distribution,
    cpu: Arc<Cpu>,
    resource: Arc<Resource>,
}

/// The CPU time of a pool's workers.
#[derive(Debug)]
struct Cpu {
    total: Count,
    workers: Mutex<CpuTimes>,
}

#[derive(Debug, Default)]
struct CpuTimes {
    running: Vec<ThreadCpu>,
    /// Of those that have ended.
    ended_ns: u64,
}

impl Workers {
    /// Records a pool of `size` workers in the global registry.
    #[track_caller]
    pub fn named(name: impl Into<Name>, size: u64) -> Self {
        Self::named_in(Registry::global(), name, size)
    }

    /// Records a pool of `size` workers in `registry`.
    #[track_caller]
    pub fn named_in(registry: &Registry, name: impl Into<Name>, size: u64) -> Self {
        let name = name.into();
        let labels = name.under("pool");
        let wait = HistogramSpec::new(&catalog::POOL_WAIT, labels.clone()).split(Split::OUTCOME);
        let busy = ActivitySpec::new(&catalog::WORKERS_BUSY, labels.clone()).limit(size);
        let cpu = Arc::new(Cpu {
            total: Count::new(registry, &catalog::WORKER_CPU, labels),
            workers: Mutex::default(),
        });
        let read = Arc::downgrade(&cpu);
        registry.on_snapshot(move || match read.upgrade() {
            Some(cpu) => {
                cpu.read();
                ControlFlow::Continue(())
            }
            None => ControlFlow::Break(()),
        });
        let what = What::new(Kind::Pool, &*name.text);
        let sharers = usize::try_from(size).unwrap_or(usize::MAX);
        Self {
            busy: Level::new(registry, busy),
            wait: Distribution::new(registry, wait.edges(&name.edges_ns)),
            cpu,
            resource: Resource::new(Arc::new(what), sharers, Location::caller()),
        }
    }

    /// Changes the number of workers from now on.
    pub fn set_size(&self, size: u64) {
        self.busy.set_limit(Some(size));
    }

    /// Makes a job of `work` that waits for a worker from now on; run, it keeps that worker busy.
    #[track_caller]
    pub fn job<O, F: FnOnce() -> O>(&self, work: F) -> impl FnOnce() -> O + use<O, F> {
        let (site, resource) = (Location::caller(), Arc::clone(&self.resource));
        let wait = JobWait { wait: self.wait, since_ns: now_ns(), outcome: Outcome::Cancelled };
        let busy = self.busy;
        move || {
            wait.end();
            let _lease = Lease::new(&resource, task_or_root(), site, busy.enter());
            work()
        }
    }

    /// Runs `blocks`, which waits for a job of this pool: rayon's `install`, or the receipt of a result.
    ///
    /// It shows the wait to others, so that a job that waits for its own pool, while every worker is
    /// busy with such a job, is found as a deadlock.
    #[track_caller]
    pub fn wait_for<O>(&self, blocks: impl FnOnce() -> O) -> O {
        let _wait = self.resource.wait(blocking(Location::caller()));
        blocks()
    }

    /// Runs a worker's whole life, whose CPU time counts.
    pub fn enter<O>(&self, worker: impl FnOnce() -> O) -> O {
        let _left = ThreadCpu::own().map(|own| self.cpu.enter(own));
        worker()
    }
}

/// A job that waits for a worker. It counts when it is dropped.
struct JobWait {
    wait: Distribution,
    since_ns: u64,
    outcome: Outcome,
}

impl JobWait {
    fn end(mut self) {
        self.outcome = Outcome::Ok;
    }
}

impl Drop for JobWait {
    fn drop(&mut self) {
        self.wait.observe_as(now_ns().saturating_sub(self.since_ns), self.outcome.index());
    }
}

impl Cpu {
    fn enter(&self, worker: ThreadCpu) -> Entered<'_> {
        let mut workers = self.workers.lock().unwrap_or_else(PoisonError::into_inner);
        workers.running.push(worker.clone());
        Entered { cpu: self, worker }
    }

    fn read(&self) {
        let workers = self.workers.lock().unwrap_or_else(PoisonError::into_inner);
        let running_ns: u64 = workers.running.iter().filter_map(ThreadCpu::ns).sum();
        self.total.raise_to(workers.ended_ns + running_ns);
    }
}

/// A worker at work, until it is dropped.
struct Entered<'a> {
    cpu: &'a Cpu,
    worker: ThreadCpu,
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        let mut workers = self.cpu.workers.lock().unwrap_or_else(PoisonError::into_inner);
        workers.ended_ns += self.worker.ns().unwrap_or(0);
        workers.running.retain(|running| *running != self.worker);
        drop(workers);
        self.cpu.read();
    }
}
