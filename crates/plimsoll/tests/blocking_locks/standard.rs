//! `std::sync::{Mutex, RwLock}`.

use crate::{acquisitions, holds, unnamed, until_waiting, waiters, waits};
use plimsoll::Registry;
use plimsoll::sync::std::{Mutex, RwLock, TryLockError};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::thread;

#[test]
fn an_uncontended_lock_waits_no_time() {
    let registry = Registry::new();
    let ledger = Mutex::named_in(&registry, "ledger", 0);
    for _ in 0..128 {
        *ledger.lock().expect("sound") += 1;
    }
    assert_eq!(acquisitions(&registry, "exclusive", "false"), 128.0);
    let waits = waits(&registry, "exclusive");
    assert_eq!((waits.count(), waits.sum, holds(&registry, "exclusive")), (128, 0.0, 0));
    assert_eq!(ledger.into_inner().expect("sound"), 128);
}

#[test]
fn a_wait_is_counted_and_both_holds_with_it() {
    let registry = Registry::new();
    let ledger = Mutex::named_in(&registry, "ledger", 0);
    thread::scope(|scope| {
        let held = ledger.lock().expect("sound");
        assert!(matches!(ledger.try_lock(), Err(TryLockError::WouldBlock)));
        scope.spawn(|| *ledger.lock().expect("sound") += 1);
        until_waiting(&registry, "ledger", 1.0);
        drop(held);
    });
    assert_eq!((waiters(&registry, "ledger"), holds(&registry, "exclusive")), (0.0, 2));
    assert_eq!(acquisitions(&registry, "exclusive", "true"), 1.0);
    let waits = waits(&registry, "exclusive");
    assert_eq!(waits.count(), 2, "what was only tried waited for nothing");
    assert!(waits.sum > 0.0);
}

#[test]
fn a_poisoned_lock_counts_and_gives_the_same_error() {
    let registry = Registry::new();
    let ledger = Arc::new(Mutex::named_in(&registry, "ledger", 1));
    let holder = thread::spawn({
        let ledger = Arc::clone(&ledger);
        move || {
            let _held = ledger.lock();
            panic!("on purpose");
        }
    });
    assert!(holder.join().is_err());
    assert!(ledger.is_poisoned());
    let held = ledger.lock().expect_err("poisoned").into_inner();
    assert!(matches!(ledger.try_lock(), Err(TryLockError::WouldBlock)));
    drop(held);
    assert!(matches!(ledger.try_lock(), Err(TryLockError::Poisoned(_))));
    assert_eq!(acquisitions(&registry, "exclusive", "false"), 3.0);
    ledger.clear_poison();
    assert_eq!(*ledger.lock().expect("cured"), 1);
}

#[test]
fn readers_share_and_a_writer_waits_for_them() {
    let registry = Registry::new();
    let ledger = RwLock::named_in(&registry, "ledger", 0);
    thread::scope(|scope| {
        let (first, second) = (ledger.read().expect("sound"), ledger.read().expect("sound"));
        scope.spawn(|| *ledger.write().expect("sound") += 1);
        until_waiting(&registry, "ledger", 1.0);
        drop(first);
        drop(second);
    });
    assert_eq!(acquisitions(&registry, "shared", "false"), 2.0);
    assert_eq!(acquisitions(&registry, "exclusive", "true"), 1.0);
    assert_eq!(holds(&registry, "exclusive"), 1);
    assert_eq!(*ledger.read().expect("sound"), 1);
}

#[test]
fn a_static_is_called_after_its_place() {
    static LEDGER: Mutex<u32> = Mutex::new(1);
    *LEDGER.lock().expect("sound") += 1;
    assert_eq!(*LEDGER.lock().expect("sound"), 2);
    assert_eq!(unnamed("concurrency_lock_waiters", file!()), Some(0.0));
}

#[test]
fn it_is_what_the_original_is() {
    fn is_alike<T: Send + Sync + UnwindSafe + RefUnwindSafe + Default>() {}
    is_alike::<Mutex<u32>>();
    is_alike::<RwLock<u32>>();
    let unsized_lock: Arc<Mutex<[u32]>> = Arc::new(Mutex::new([1, 2]));
    assert_eq!(unsized_lock.lock().expect("sound").len(), 2);
    let written = format!("{:?}", Mutex::from(5));
    assert_eq!(written, format!("{:?}", std::sync::Mutex::from(5)));
}

thread_local! {
    static LAST: Last = const { Last };
}

/// Uses a lock while its thread is torn down.
struct Last;

static TORN_DOWN: Mutex<u32> = Mutex::new(0);

impl Drop for Last {
    fn drop(&mut self) {
        *TORN_DOWN.lock().expect("sound") += 1;
    }
}

#[test]
fn it_works_while_a_thread_is_torn_down() {
    for _ in 0..10 {
        thread::spawn(|| {
            LAST.with(|_| drop(TORN_DOWN.lock()));
        })
        .join()
        .expect("no panic");
    }
    assert_eq!(*TORN_DOWN.lock().expect("sound"), 10);
}
