//! Every await of the mirrors and pools, cancelled in every way: nothing is left in any level, and
//! nothing of it is acquired, sent or received.

#![allow(clippy::expect_used)] // A test that finds nothing has failed.

mod reading;

use plimsoll::sync::tokio::{
    Mutex, Notify, OnceCell, RwLock, Semaphore, broadcast, mpsc, oneshot, watch,
};
use plimsoll::{Operation, PoolProbe, Registry};
use reading::value;
use std::future::{Future, pending};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

type Waiting = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What is waited for, held so that each wait is one for ever.
struct World {
    registry: Registry,
    mutex: Arc<Mutex<()>>,
    rwlock: Arc<RwLock<()>>,
    semaphore: Arc<Semaphore>,
    notify: Arc<Notify>,
    once: Arc<OnceCell<u32>>,
    pool: PoolProbe,
    operation: Operation,
    full: mpsc::Sender<u32>,
    empty: Arc<Mutex<mpsc::Receiver<u32>>>,
    _receiver: mpsc::Receiver<u32>,
    _sender: mpsc::Sender<u32>,
}

impl World {
    fn new() -> Self {
        let registry = Registry::new();
        let (full, receiver) = mpsc::channel_named_in(&registry, "full", 1);
        full.try_send(1).expect("room");
        let (sender, empty) = mpsc::channel_named_in(&registry, "empty", 1);
        Self {
            mutex: Arc::new(Mutex::named_in(&registry, "mutex", ())),
            rwlock: Arc::new(RwLock::named_in(&registry, "rwlock", ())),
            semaphore: Arc::new(Semaphore::named_in(&registry, "semaphore", 1)),
            notify: Arc::new(Notify::named_in(&registry, "notify")),
            once: Arc::new(OnceCell::named_in(&registry, "once")),
            pool: PoolProbe::named_in(&registry, "pool", 1),
            operation: Operation::named_in(&registry, "operation"),
            empty: Arc::new(Mutex::named_in(&registry, "receiver", empty)),
            full,
            _receiver: receiver,
            _sender: sender,
            registry,
        }
    }

    /// Waits, each for something that is held.
    fn waits(&self) -> Vec<Waiting> {
        let (mutex, owned) = (Arc::clone(&self.mutex), Arc::clone(&self.mutex));
        let (read, write) = (Arc::clone(&self.rwlock), Arc::clone(&self.rwlock));
        let (one, many) = (Arc::clone(&self.semaphore), Arc::clone(&self.semaphore));
        let (notify, once) = (Arc::clone(&self.notify), Arc::clone(&self.once));
        let (send, reserve, empty) =
            (self.full.clone(), self.full.clone(), Arc::clone(&self.empty));
        let (pool, operation) = (self.pool.clone(), self.operation);
        vec![
            Box::pin(async move { drop(mutex.lock().await) }),
            Box::pin(async move { drop(owned.lock_owned().await) }),
            Box::pin(async move { drop(read.read_owned().await) }),
            Box::pin(async move { drop(write.write().await) }),
            Box::pin(async move { drop(one.acquire().await) }),
            Box::pin(async move { drop(many.acquire_many_owned(1).await) }),
            Box::pin(async move { notify.notified().await }),
            Box::pin(async move {
                let _ = once.get_or_init(pending).await;
            }),
            Box::pin(async move { drop(pool.acquire(pending::<Result<(), ()>>()).await) }),
            Box::pin(async move {
                let _ = send.send(2).await;
            }),
            Box::pin(async move { drop(reserve.reserve().await) }),
            Box::pin(async move {
                let _ = empty.lock().await.recv().await;
            }),
            Box::pin(async move {
                let _call = operation.enter();
                pending().await
            }),
        ]
    }

    /// What is left in the levels that waits are in.
    fn left(&self) -> Vec<(&'static str, f64)> {
        let level = |family, label, name| {
            let value = value(&self.registry, family, [(label, name)]);
            (name, value.expect("it is registered"))
        };
        let waiters = ["mutex", "rwlock", "notify", "once", "receiver"];
        let waiters = waiters.map(|lock| level("concurrency_lock_waiters", "lock", lock));
        let others = [
            level("concurrency_in_flight", "operation", "operation"),
            level("concurrency_pool_in_use", "pool", "pool"),
            level("concurrency_queue_depth", "queue", "empty"),
        ];
        waiters.into_iter().chain(others).filter(|(_, left)| *left != 0.0).collect()
    }

    /// Says that nothing was taken in vain: all of it is free at once.
    fn is_free(&self) {
        assert_eq!(self.left(), []);
        assert!(self.mutex.try_lock().is_ok() && self.rwlock.try_write().is_ok());
        assert!(self.empty.try_lock().is_ok());
        assert_eq!((self.semaphore.available_permits(), self.full.capacity()), (1, 0));
        assert_eq!(self.once.get(), None);
        let depth = value(&self.registry, "concurrency_queue_depth", [("queue", "full")]);
        assert_eq!(depth, Some(1.0));
    }
}

/// Cancels each wait with `cancel`, while everything is held.
async fn each<F: Future<Output = ()>>(cancel: impl Fn(Waiting) -> F) {
    let world = World::new();
    let locks = (world.mutex.lock().await, world.rwlock.write().await);
    let permit = world.semaphore.acquire().await.expect("open");
    for waiting in world.waits() {
        cancel(waiting).await;
        assert_eq!(world.left(), []);
    }
    drop((locks, permit));
    world.is_free();
}

#[tokio::test]
async fn a_wait_that_is_dropped_before_its_first_poll_was_none() {
    each(|waiting| async { drop(waiting) }).await;
}

#[tokio::test]
async fn a_wait_that_is_dropped_after_a_poll_leaves_nothing() {
    each(|mut waiting| async move {
        let mut context = Context::from_waker(Waker::noop());
        assert!(waiting.as_mut().poll(&mut context).is_pending());
    })
    .await;
}

#[tokio::test]
async fn a_wait_that_loses_a_select_leaves_nothing() {
    each(|waiting| async move {
        tokio::select! {
            biased;
            () = waiting => panic!("it is held"),
            () = tokio::task::yield_now() => {}
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_wait_whose_time_runs_out_leaves_nothing() {
    each(|waiting| async move {
        assert!(tokio::time::timeout(Duration::from_secs(1), waiting).await.is_err());
    })
    .await;
}

#[tokio::test]
async fn a_wait_whose_task_is_aborted_leaves_nothing() {
    each(|waiting| async move {
        let task = tokio::spawn(waiting);
        tokio::task::yield_now().await;
        task.abort();
        assert!(task.await.is_err_and(|error| error.is_cancelled()));
    })
    .await;
}

#[test]
fn waits_and_holds_leave_with_their_runtime() {
    let world = World::new();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().expect("one");
    let (mutex, rwlock) = (Arc::clone(&world.mutex), Arc::clone(&world.rwlock));
    let semaphore = Arc::clone(&world.semaphore);
    let (begun, begins) = std::sync::mpsc::channel();
    runtime.spawn(async move {
        let _held = (mutex.lock().await, rwlock.write().await, semaphore.acquire().await);
        begun.send(()).expect("the test waits for it");
        pending::<()>().await;
    });
    begins.recv().expect("it holds them");
    for waiting in world.waits() {
        runtime.spawn(waiting);
    }
    while world.left().len() < 4 {
        std::thread::yield_now(); // Until mutex, lock, notification and operation are waited in.
    }
    drop(runtime);
    world.is_free();
}

#[tokio::test]
async fn a_receive_that_is_cancelled_has_received_nothing() {
    let registry = Registry::new();
    let (tell, mut told) = broadcast::channel_named_in(&registry, "told", 2);
    let (show, mut shown) = watch::channel_named_in(&registry, "shown", 0);
    let (answer, mut answered) = oneshot::channel_named_in(&registry, "answered");
    let mut context = Context::from_waker(Waker::noop());
    assert!(pin!(told.recv()).poll(&mut context).is_pending());
    assert!(pin!(shown.changed()).poll(&mut context).is_pending());
    assert!(Pin::new(&mut answered).poll(&mut context).is_pending());
    tell.send(1).expect("a receiver");
    show.send(2).expect("a receiver");
    answer.send(3).expect("a receiver");
    assert_eq!((told.recv().await, *shown.borrow(), answered.await), (Ok(1), 2, Ok(3)));
    for queue in ["told", "shown", "answered"] {
        assert_eq!(value(&registry, "concurrency_queue_depth", [("queue", queue)]), Some(0.0));
    }
}

#[test]
fn permits_are_blocked_for_merged_and_split() {
    let registry = Registry::new();
    let db = Arc::new(Semaphore::named_in(&registry, "db", 3));
    let in_use = || value(&registry, "concurrency_pool_in_use", [("pool", "db")]);
    let mut some = db.blocking_acquire().expect("open");
    some.merge(db.blocking_acquire_many(2).expect("open"));
    assert_eq!((some.num_permits(), in_use()), (3, Some(3.0)));
    let one = some.split(1).expect("there are three");
    assert!(some.split(3).is_none());
    assert_eq!((some.num_permits(), one.num_permits(), in_use()), (2, 1, Some(3.0)));
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| Arc::clone(&db).blocking_acquire_owned().is_ok());
        while plimsoll_record::waits::live().iter().all(|wait| wait.resource.what().name != "db") {
            std::thread::yield_now();
        }
        drop(one);
        assert!(waiting.join().expect("no panic"));
    });
    drop(some);
    let peak = value(&registry, "concurrency_pool_in_use_peak", [("pool", "db")]);
    assert_eq!((in_use(), peak), (Some(0.0), Some(3.0)), "never more than there are");
    db.close();
    assert!(db.blocking_acquire().is_err());
}
