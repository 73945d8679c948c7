//! The originals' own examples, with the paths of the mirrors.

use plimsoll::sync::{parking_lot, std as standard, tokio as mirror};
use std::sync::Arc;
use std::thread;

#[test]
fn ten_threads_add_up_under_a_mutex() {
    const N: usize = 10;
    let data = Arc::new(standard::Mutex::new(0));
    let (tx, rx) = standard::mpsc::channel();
    for _ in 0..N {
        let (data, tx) = (Arc::clone(&data), tx.clone());
        thread::spawn(move || {
            let mut data = data.lock().unwrap();
            *data += 1;
            if *data == N {
                tx.send(()).unwrap();
            }
        });
    }
    rx.recv().unwrap();
    assert_eq!(*data.lock().unwrap(), N);
}

#[test]
fn a_thread_is_told_that_it_may_go_on() {
    let pair = Arc::new((standard::Mutex::new(false), standard::Condvar::new()));
    let pair2 = Arc::clone(&pair);
    thread::spawn(move || {
        let (lock, cvar) = &*pair2;
        *lock.lock().unwrap() = true;
        cvar.notify_one();
    });
    let (lock, cvar) = &*pair;
    let mut started = lock.lock().unwrap();
    while !*started {
        started = cvar.wait(started).unwrap();
    }
    let pair = Arc::new((parking_lot::Mutex::new(false), parking_lot::Condvar::new()));
    let pair2 = Arc::clone(&pair);
    thread::spawn(move || {
        let (lock, cvar) = &*pair2;
        *lock.lock() = true;
        cvar.notify_one();
    });
    let (lock, cvar) = &*pair;
    let mut started = lock.lock();
    if !*started {
        cvar.wait(&mut started);
    }
    assert!(*started);
}

#[tokio::test]
async fn tasks_count_under_a_mutex() {
    let count = Arc::new(mirror::Mutex::new(0));
    let tasks: Vec<_> = (0..5)
        .map(|_| {
            let count = Arc::clone(&count);
            tokio::spawn(async move {
                for _ in 0..10 {
                    *count.lock().await += 1;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(*count.lock().await, 50);
}

#[tokio::test]
async fn readers_see_what_a_writer_wrote() {
    let lock = mirror::RwLock::new(5);
    {
        let (r1, r2) = (lock.read().await, lock.read().await);
        assert_eq!((*r1, *r2), (5, 5));
    }
    let mut w = lock.write().await;
    *w += 1;
    let r = w.downgrade();
    assert_eq!(*r, 6);
}

#[tokio::test]
async fn a_ring_tells_who_lags() {
    let (tx, mut rx) = mirror::broadcast::channel(2);
    tx.send(10).unwrap();
    tx.send(20).unwrap();
    tx.send(30).unwrap();
    assert!(rx.recv().await.is_err());
    assert_eq!((rx.recv().await.unwrap(), rx.recv().await.unwrap()), (20, 30));
}

#[tokio::test]
async fn a_value_is_watched_until_its_sender_goes() {
    let (tx, mut rx) = mirror::watch::channel("hello");
    let told = tokio::spawn(async move {
        let mut seen = vec![*rx.borrow_and_update()];
        while rx.changed().await.is_ok() {
            seen.push(*rx.borrow_and_update());
        }
        seen
    });
    tokio::task::yield_now().await;
    tx.send("world").unwrap();
    tokio::task::yield_now().await;
    drop(tx);
    assert_eq!(told.await.unwrap(), ["hello", "world"]);
}

#[tokio::test]
async fn a_config_is_made_once() {
    static ONCE: mirror::OnceCell<u32> = mirror::OnceCell::const_new();
    assert_eq!(*ONCE.get_or_init(|| async { 1 + 1 }).await, 2);
    assert_eq!(ONCE.get(), Some(&2));
    let notify = Arc::new(mirror::Notify::new());
    let received = tokio::spawn({
        let notify = Arc::clone(&notify);
        async move { notify.notified().await }
    });
    notify.notify_one();
    received.await.unwrap();
    let (tx, rx) = mirror::oneshot::channel();
    tokio::spawn(async move { tx.send(3) });
    assert_eq!(rx.await, Ok(3));
}

#[tokio::test]
async fn locks_are_made_in_constants() {
    static COUNT: mirror::Mutex<u32> = mirror::Mutex::const_new(7);
    static NAMES: mirror::RwLock<Vec<&str>> = mirror::RwLock::const_new(Vec::new());
    assert!(COUNT.try_lock().is_ok_and(|count| *count == 7));
    let add = || async {
        *COUNT.lock().await += 1;
        NAMES.write().await.push("again");
    };
    tokio::join!(add(), add());
    assert_eq!((*COUNT.lock().await, NAMES.read().await.len()), (9, 2));
    let mut alone = mirror::Mutex::const_new(vec![1]);
    alone.get_mut().push(2);
    assert_eq!(alone.into_inner(), [1, 2]);
    assert_eq!(mirror::RwLock::const_new(3).into_inner(), 3);
}
