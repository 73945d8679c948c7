//! Pools as they are: deadpool, bb8 and rayon, and the threads of a runtime that may block.

#![allow(clippy::expect_used)] // A test that finds nothing has failed.

#[path = "../reading/mod.rs"]
mod reading;

use plimsoll::{Pooled, Registry, RuntimeProbe, Workers};
use reading::{histogram, value};
use std::convert::Infallible;
use std::future::Future;
use std::pin::pin;
use std::sync::mpsc;
use std::task::{Context, Waker};
use std::time::Duration;

fn in_use(registry: &Registry) -> Option<f64> {
    value(registry, "concurrency_pool_in_use", [("pool", "db")])
}

/// How many waits ended as ok, error, cancelled, timed out.
fn waits(registry: &Registry, pool: &str) -> [u64; 4] {
    ["ok", "error", "cancelled", "timed_out"].map(|outcome| {
        let labels = [("pool", pool), ("outcome", outcome)];
        histogram(registry, "concurrency_pool_wait_seconds", labels).count()
    })
}

/// Makes connections that are numbers.
#[derive(Debug)]
struct Connections;

impl deadpool::managed::Manager for Connections {
    type Type = u32;
    type Error = Infallible;

    async fn create(&self) -> Result<u32, Infallible> {
        Ok(7)
    }

    async fn recycle(
        &self,
        _: &mut u32,
        _: &deadpool::managed::Metrics,
    ) -> deadpool::managed::RecycleResult<Infallible> {
        Ok(())
    }
}

struct Dead(deadpool::managed::Pool<Connections>);

impl plimsoll::Pool for Dead {
    type Resource<'a> = deadpool::managed::Object<Connections>;
    type Error = deadpool::managed::PoolError<Infallible>;

    async fn get(&self) -> Result<Self::Resource<'_>, Self::Error> {
        self.0.get().await
    }

    fn size(&self) -> u64 {
        self.0.status().max_size as u64
    }

    fn is_timeout(error: &Self::Error) -> bool {
        matches!(error, deadpool::managed::PoolError::Timeout(_))
    }
}

#[tokio::test(start_paused = true)]
async fn deadpool_is_recorded_in_a_few_lines() {
    let registry = Registry::new();
    let pool = deadpool::managed::Pool::builder(Connections)
        .max_size(1)
        .wait_timeout(Some(Duration::from_secs(5)))
        .runtime(deadpool::Runtime::Tokio1)
        .build()
        .expect("a pool");
    let db = Pooled::named_in(&registry, "db", Dead(pool));
    let connection = db.acquire().await.expect("there is one");
    assert_eq!((in_use(&registry), **connection), (Some(1.0), 7));
    assert!(db.acquire().await.is_err(), "it is in use for longer than that");
    {
        let mut waiting = pin!(db.acquire());
        assert!(waiting.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    drop(connection);
    assert!(db.acquire().await.is_ok());
    assert_eq!((in_use(&registry), waits(&registry, "db")), (Some(0.0), [2, 0, 1, 1]));
    db.0.close();
    assert!(db.acquire().await.is_err());
    assert_eq!(waits(&registry, "db"), [2, 1, 1, 1]);
    let limit = || value(&registry, "concurrency_pool_in_use_limit", [("pool", "db")]);
    assert_eq!(limit(), Some(1.0));
}

impl bb8::ManageConnection for Connections {
    type Connection = u32;
    type Error = Infallible;

    async fn connect(&self) -> Result<u32, Infallible> {
        Ok(7)
    }

    async fn is_valid(&self, _: &mut u32) -> Result<(), Infallible> {
        Ok(())
    }

    fn has_broken(&self, _: &mut u32) -> bool {
        false
    }
}

struct Bb8(bb8::Pool<Connections>);

impl plimsoll::Pool for Bb8 {
    type Resource<'a> = bb8::PooledConnection<'a, Connections>;
    type Error = bb8::RunError<Infallible>;

    async fn get(&self) -> Result<Self::Resource<'_>, Self::Error> {
        self.0.get().await
    }

    fn size(&self) -> u64 {
        2
    }

    fn is_timeout(error: &Self::Error) -> bool {
        matches!(error, bb8::RunError::TimedOut)
    }
}

#[tokio::test]
async fn bb8_is_recorded_in_a_few_lines() {
    let registry = Registry::new();
    let pool = bb8::Pool::builder()
        .max_size(2)
        .connection_timeout(Duration::from_millis(20))
        .build(Connections)
        .await
        .expect("a pool");
    let db = Pooled::named_in(&registry, "db", Bb8(pool));
    let (first, second) = (db.acquire().await.expect("one"), db.acquire().await.expect("two"));
    assert_eq!((in_use(&registry), **first + **second), (Some(2.0), 14));
    assert!(db.acquire().await.is_err(), "there is no third");
    drop((first, second));
    assert_eq!((in_use(&registry), waits(&registry, "db")), (Some(0.0), [2, 0, 0, 1]));
}

fn busy(registry: &Registry) -> Option<f64> {
    value(registry, "concurrency_workers_busy", [("pool", "resize")])
}

#[test]
fn rayon_shows_its_workers_and_the_jobs_that_wait() {
    let registry = Registry::new();
    let workers = Workers::named_in(&registry, "resize", 1);
    let entered = workers.clone();
    let (ended, has_ended) = mpsc::channel();
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .spawn_handler(move |thread| {
            let (workers, ended) = (entered.clone(), ended.clone());
            std::thread::spawn(move || {
                workers.enter(|| thread.run());
                ended.send(()).expect("the test waits for it");
            });
            Ok(())
        })
        .build()
        .expect("a pool");
    let (go, gone) = mpsc::channel::<()>();
    let (begun, begins) = mpsc::channel();
    pool.spawn(workers.job(move || {
        begun.send(()).expect("the test waits for it");
        gone.recv().expect_err("the sender goes");
    }));
    begins.recv().expect("it begins");
    assert_eq!((busy(&registry), waits(&registry, "resize")), (Some(1.0), [1, 0, 0, 0]));
    drop(workers.job(|| ())); // It is never run.
    drop(go);
    assert_eq!(pool.install(workers.job(|| 1 + 1)), 2);
    assert_eq!((busy(&registry), waits(&registry, "resize")), (Some(0.0), [2, 0, 1, 0]));
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        pool.install(workers.job(|| panic!("on purpose")));
    }));
    assert!(panicked.is_err() && busy(&registry) == Some(0.0));
    let cpu = || value(&registry, "concurrency_worker_cpu_seconds", [("pool", "resize")]);
    let before = cpu().expect("it is registered");
    let spin = || (0..20_000_000_u64).fold(0, |sum, step| std::hint::black_box(sum + step));
    pool.install(workers.job(spin));
    drop(pool);
    has_ended.recv().expect("it ends");
    if cfg!(target_os = "linux") {
        assert!(before > 0.0 && cpu().expect("registered") > before, "it has computed");
    }
}

#[test]
fn a_runtimes_blocking_threads_and_polls_are_shown() {
    let registry = Registry::new();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().expect("a runtime");
    let probe = RuntimeProbe::named_in(&registry, "main", runtime.handle());
    let main = [("runtime", "main")];
    let blocking = || value(&registry, "concurrency_runtime_blocking_busy", main);
    let (go, gone) = mpsc::channel::<()>();
    let (begun, begins) = mpsc::channel();
    let job = probe.spawn_blocking(move || {
        begun.send(()).expect("the test waits for it");
        gone.recv().is_err()
    });
    begins.recv().expect("it begins");
    assert_eq!(blocking(), Some(1.0));
    drop(go);
    assert!(runtime.block_on(job).expect("no panic"));
    assert_eq!(blocking(), Some(0.0));
    let task = probe.spawn(async {
        tokio::task::yield_now().await;
        tokio::task::yield_now().await;
    });
    runtime.block_on(task).expect("no panic");
    let panicked = probe.spawn(async { panic!("on purpose") });
    assert!(runtime.block_on(panicked).is_err());
    let counts = |family| histogram(&registry, family, main).count();
    assert_eq!(counts("concurrency_runtime_poll_seconds"), 4, "three, and the one that panicked");
    assert_eq!(counts("concurrency_runtime_schedule_seconds"), 4, "each was woken once");
    let held = probe.spawn(std::future::pending::<()>());
    let (begun, begins) = mpsc::channel();
    let (never, stopped) = mpsc::channel::<()>();
    let left = probe.spawn_blocking(move || {
        begun.send(()).expect("the test waits for it");
        stopped.recv().is_err()
    });
    begins.recv().expect("it begins");
    assert_eq!(blocking(), Some(1.0));
    drop((held, left, never));
    runtime.shutdown_timeout(Duration::from_secs(10));
    assert_eq!(blocking(), Some(0.0), "nothing is left of a runtime that is gone");
}
