//! Tasks that wait for each other.

use super::{cycles_of, kinds_of, waits_of};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use plimsoll::sync::tokio::{Mutex, RwLock, Semaphore, mpsc};
use plimsoll::{PoolProbe, Registry};
use std::future::pending;
use std::sync::Arc;
use tokio::sync::Barrier;
use tokio::task::{JoinHandle, yield_now};

async fn until_waiting(test: &str, count: usize) {
    while waits_of(test).len() < count {
        yield_now().await;
    }
}

fn end(tasks: impl IntoIterator<Item = JoinHandle<()>>) {
    tasks.into_iter().for_each(|task| task.abort());
}

/// Locks one after the other, when all have their first.
fn takes(first: &Arc<Mutex<()>>, then: &Arc<Mutex<()>>, ready: &Arc<Barrier>) -> JoinHandle<()> {
    let (first, then, ready) = (Arc::clone(first), Arc::clone(then), Arc::clone(ready));
    tokio::spawn(async move {
        let _first = first.lock().await;
        ready.wait().await;
        let _then = then.lock().await;
    })
}

fn mutex(name: &'static str) -> Arc<Mutex<()>> {
    Arc::new(Mutex::named_in(&Registry::new(), name, ()))
}

#[tokio::test]
async fn two_tasks_that_lock_in_opposite_order() {
    let (a, b) = (mutex("abba-a"), mutex("abba-b"));
    let ready = Arc::new(Barrier::new(2));
    let tasks = [takes(&a, &b, &ready), takes(&b, &a, &ready)];
    until_waiting("abba", 2).await;
    let cycles = cycles_of("abba");
    assert_eq!(cycles.len(), 1);
    let ids: Vec<_> = tasks.iter().map(|task| format!("task {}", task.id())).collect();
    for wait in &cycles[0].waits {
        assert!(ids.contains(&wait.by.who.to_string()), "{:?} of {ids:?}", wait.by.who);
        assert!(wait.by.site.file().ends_with("tasks.rs"), "{:?}", wait.by.site);
        let (holders, more) = wait.resource.holders();
        assert_eq!((holders.len(), more), (1, 0));
        assert_ne!(holders[0].who, wait.by.who);
        let site = holders[0].site.expect("it was locked through the mirror");
        assert_eq!(site.line() + 2, wait.by.site.line(), "two lines lie between the locks");
    }
    end(tasks);
    while !waits_of("abba").is_empty() {
        yield_now().await;
    }
    assert!(cycles_of("abba").is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_tasks_in_a_ring() {
    let locks = [mutex("ring-a"), mutex("ring-b"), mutex("ring-c")];
    let ready = Arc::new(Barrier::new(3));
    let tasks = [0, 1, 2].map(|n| takes(&locks[n], &locks[(n + 1) % 3], &ready));
    until_waiting("ring", 3).await;
    assert_eq!(kinds_of("ring"), [("lock", 3)]);
    end(tasks);
}

#[tokio::test]
async fn a_task_that_locks_what_it_has() {
    let lock = mutex("self");
    let task = takes(&lock, &lock, &Arc::new(Barrier::new(1)));
    until_waiting("self", 1).await;
    assert_eq!(kinds_of("self"), [("self", 1)]);
    end([task]);
}

#[tokio::test]
async fn a_reader_that_reads_again_behind_a_writer() {
    let lock = Arc::new(RwLock::named_in(&Registry::new(), "reread", ()));
    let first = lock.read().await;
    let writer = tokio::spawn({
        let lock = Arc::clone(&lock);
        async move { drop(lock.write().await) }
    });
    until_waiting("reread", 1).await;
    assert_eq!(kinds_of("reread"), [], "the reader goes on");
    let again = lock.read();
    tokio::pin!(again);
    tokio::select! {
        biased;
        _ = &mut again => unreachable!("the writer is first"),
        () = yield_now() => {}
    }
    // The reader waits for itself, because nobody passes the writer; the writer is only a victim.
    assert_eq!(kinds_of("reread"), [("self", 1)]);
    drop(first);
    end([writer]);
}

#[tokio::test]
async fn a_task_that_waits_for_its_own_pool() {
    let pool = PoolProbe::named_in(&Registry::new(), "own-pool", 2);
    let permits = Arc::new(tokio::sync::Semaphore::new(2));
    let connect = || {
        let permits = Arc::clone(&permits);
        async move { permits.acquire_owned().await }
    };
    let task = tokio::spawn({
        let pool = pool.clone();
        let (one, two, three) = (connect(), connect(), connect());
        async move {
            let one = pool.acquire(one).await.expect("open");
            let two = pool.acquire(two).await.expect("open");
            assert_eq!((one.num_permits(), two.num_permits()), (1, 1)); // It uses both.
            drop(pool.acquire(three).await);
        }
    });
    until_waiting("own-pool", 1).await;
    assert_eq!(kinds_of("own-pool"), [("self", 1)]);
    end([task]);
}

#[tokio::test]
async fn tasks_that_hold_all_permits_and_want_more() {
    let db = Arc::new(Semaphore::named_in(&Registry::new(), "permits", 2));
    let ready = Arc::new(Barrier::new(2));
    let tasks = [0, 1].map(|_| {
        let (db, ready) = (Arc::clone(&db), Arc::clone(&ready));
        tokio::spawn(async move {
            let _one = db.acquire().await;
            ready.wait().await;
            let _another = db.acquire().await;
        })
    });
    until_waiting("permits", 2).await;
    assert_eq!(kinds_of("permits"), [("semaphore", 2)]);
    end(tasks);
}

#[tokio::test]
async fn two_tasks_that_fill_each_others_queue() {
    let registry = Registry::new();
    let (to_one, one) = mpsc::channel_named_in(&registry, "queues-one", 1);
    let (to_two, two) = mpsc::channel_named_in(&registry, "queues-two", 1);
    let flood = |mut from: mpsc::Receiver<()>, to: mpsc::Sender<()>| {
        tokio::spawn(async move {
            while from.recv().await.is_some() {
                // Each message makes two: soon both queues are full.
                let (first, second) = (to.send(()).await, to.send(()).await);
                assert!(first.and(second).is_ok());
            }
        })
    };
    to_one.send(()).await.expect("open");
    to_two.send(()).await.expect("open");
    let tasks = [flood(one, to_two), flood(two, to_one)];
    until_waiting("queues", 2).await;
    assert_eq!(kinds_of("queues"), [("channel", 2)]);
    end(tasks);
}

/// Many futures of one task that share a few permits: some hold, others wait, and all go on.
#[tokio::test]
async fn futures_of_one_task_that_share_permits_are_no_deadlock() {
    let db = Semaphore::named_in(&Registry::new(), "buffered", 2);
    let query = || async {
        let _permit = db.acquire().await;
        pending::<()>().await;
    };
    let mut queries: FuturesUnordered<_> = (0..3).map(|_| query()).collect();
    let all = queries.next();
    tokio::pin!(all);
    tokio::select! {
        biased;
        _ = &mut all => unreachable!("they never end"),
        () = yield_now() => {}
    }
    assert_eq!(waits_of("buffered").len(), 1, "two hold, and one waits");
    assert_eq!(kinds_of("buffered"), []);
}

#[tokio::test]
async fn a_long_hold_and_an_idle_receiver_are_no_deadlock() {
    let lock = mutex("idle-lock");
    let (orders, mut queue) = mpsc::channel_named_in::<()>(&Registry::new(), "idle-queue", 1);
    let _held = lock.lock().await;
    let receiver = tokio::spawn(async move { assert!(queue.recv().await.is_none()) });
    let waiter = takes(&lock, &lock, &Arc::new(Barrier::new(1)));
    until_waiting("idle", 1).await;
    assert_eq!(kinds_of("idle"), []);
    drop(orders);
    receiver.await.expect("it ends with the last sender");
    end([waiter]);
}

#[tokio::test]
async fn a_slow_receiver_is_no_deadlock() {
    let (orders, mut queue) = mpsc::channel_named_in(&Registry::new(), "slow-queue", 1);
    let receiver = tokio::spawn(async move {
        queue.recv().await;
        pending::<()>().await;
    });
    let sender = tokio::spawn(async move { while orders.send(()).await.is_ok() {} });
    until_waiting("slow", 1).await;
    assert_eq!(kinds_of("slow"), []);
    end([receiver, sender]);
}

/// The loop of nearly every server: it takes a permit for each connection, and hands it on.
#[tokio::test]
async fn permits_that_were_handed_on_accuse_nobody() {
    let slots = Arc::new(Semaphore::named_in(&Registry::new(), "accept", 2));
    let accept = tokio::spawn({
        let slots = Arc::clone(&slots);
        async move {
            loop {
                let permit = Arc::clone(&slots).acquire_owned().await.expect("open");
                tokio::spawn(async move {
                    let _permit = permit;
                    pending::<()>().await;
                });
            }
        }
    });
    until_waiting("accept", 1).await;
    assert_eq!(kinds_of("accept"), []);
    end([accept]);
}

#[tokio::test]
async fn owned_permits_are_held_by_whoever_uses_them() {
    let db = Arc::new(Semaphore::named_in(&Registry::new(), "owned", 1));
    let task = tokio::spawn(async move {
        let permit = Arc::clone(&db).acquire_owned().await.expect("open");
        assert_eq!(permit.num_permits(), 1);
        let _another = db.acquire().await;
        drop(permit);
    });
    until_waiting("owned", 1).await;
    assert_eq!(kinds_of("owned"), [("self", 1)]);
    end([task]);
}

#[tokio::test]
async fn a_guard_that_was_handed_on_is_held_by_whoever_uses_it() {
    let lock = Arc::new(Mutex::named_in(&Registry::new(), "handed", 0));
    let mut guard = Arc::clone(&lock).lock_owned().await;
    let user = tokio::spawn(async move {
        *guard += 1;
        pending::<()>().await;
    });
    yield_now().await;
    let waiter = tokio::spawn(async move { drop(lock.lock().await) });
    until_waiting("handed", 1).await;
    let holders = waits_of("handed")[0].resource.holders().0;
    assert_eq!(holders[0].who.to_string(), format!("task {}", user.id()));
    assert_eq!(kinds_of("handed"), []);
    end([user, waiter]);
}
