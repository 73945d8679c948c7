//! `parking_lot`, and with it `lock_api`.

use crate::{acquisitions, holds, until_waiting, waiters, waits};
use plimsoll::Registry;
use plimsoll::sync::parking_lot::{
    FairMutex, MappedMutexGuard, Mutex, MutexGuard, RwLock, RwLockReadGuard,
    RwLockUpgradableReadGuard, RwLockWriteGuard,
};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

const SOON: Duration = Duration::from_millis(1);

#[test]
fn a_wait_is_counted_and_one_that_gives_up_too() {
    let registry = Registry::new();
    let ledger = Mutex::named_in(&registry, "ledger", 0);
    thread::scope(|scope| {
        let held = ledger.lock();
        assert!(scope.spawn(|| ledger.try_lock_for(SOON).is_none()).join().expect("no panic"));
        assert_eq!((waits(&registry, "exclusive").count(), waiters(&registry, "ledger")), (2, 0.0));
        assert_eq!(acquisitions(&registry, "exclusive", "true"), 0.0);
        scope.spawn(|| *ledger.lock() += 1);
        until_waiting(&registry, "ledger", 1.0);
        drop(held);
    });
    assert_eq!(acquisitions(&registry, "exclusive", "true"), 1.0);
    assert_eq!((holds(&registry, "exclusive"), *ledger.lock()), (2, 1));
}

#[test]
fn a_part_is_held_as_the_whole() {
    let registry = Registry::new();
    let ledger = Mutex::named_in(&registry, "ledger", (1, "x".to_owned()));
    let name: MappedMutexGuard<'_, String> = MutexGuard::map(ledger.lock(), |ledger| &mut ledger.1);
    let Err(name) = MappedMutexGuard::try_map(name, |_| None::<&mut str>) else {
        panic!("there is no such part");
    };
    assert!(ledger.is_locked());
    MutexGuard::unlock_fair({
        drop(name);
        ledger.lock()
    });
    assert_eq!(acquisitions(&registry, "exclusive", "false"), 2.0);
}

#[test]
fn unlocking_for_a_while_makes_two_holds_even_in_a_panic() {
    let registry = Registry::new();
    let ledger = FairMutex::named_in(&registry, "ledger", 0);
    let mut held = ledger.lock();
    MutexGuardOf::unlocked(&mut held, || *ledger.lock() += 1);
    assert_eq!((*held, acquisitions(&registry, "exclusive", "false")), (1, 3.0));
    let caught = catch_unwind(AssertUnwindSafe(|| {
        MutexGuardOf::unlocked(&mut held, || panic!("on purpose"));
    }));
    assert!(caught.is_err() && ledger.is_locked());
    *held += 1;
    MutexGuardOf::bump(&mut held);
    drop(held);
    assert_eq!(acquisitions(&registry, "exclusive", "false"), 5.0);
    assert_eq!(*ledger.lock(), 2);
}

type MutexGuardOf<'a> = plimsoll::sync::parking_lot::FairMutexGuard<'a, i32>;

#[test]
fn an_upgrade_waits_for_the_readers() {
    let registry = Registry::new();
    let ledger = RwLock::named_in(&registry, "ledger", 0);
    let reading = Barrier::new(2);
    thread::scope(|scope| {
        let (tell, told) = std::sync::mpsc::channel();
        let reader = scope.spawn({
            let (registry, ledger, reading) = (&registry, &ledger, &reading);
            move || {
                let _reader = ledger.read();
                reading.wait();
                told.recv().expect("the upgrade is near");
                until_waiting(registry, "ledger", 1.0);
            }
        });
        reading.wait();
        let upgradable = ledger.upgradable_read();
        let Err(upgradable) = RwLockUpgradableReadGuard::try_upgrade(upgradable) else {
            panic!("there is a reader");
        };
        let Err(upgradable) = RwLockUpgradableReadGuard::try_upgrade_for(upgradable, SOON) else {
            panic!("the reader doesn't leave");
        };
        assert_eq!(waits(&registry, "exclusive").count(), 1, "it waited in vain");
        tell.send(()).expect("the reader listens");
        let mut writer = RwLockUpgradableReadGuard::upgrade(upgradable);
        reader.join().expect("no panic");
        *writer += 1;
        let mut upgradable = RwLockWriteGuard::downgrade_to_upgradable(writer);
        assert!(ledger.try_read().is_some() && ledger.try_upgradable_read().is_none());
        upgradable.with_upgraded(|value| *value += 1);
        let reader = RwLockUpgradableReadGuard::downgrade(upgradable);
        assert_eq!(*RwLockReadGuard::map(reader, |value| value), 2);
    });
    assert_eq!(acquisitions(&registry, "exclusive", "true"), 1.0);
    assert_eq!(acquisitions(&registry, "exclusive", "false"), 1.0, "the second upgrade");
    assert_eq!(acquisitions(&registry, "upgradable", "false"), 4.0);
    assert!(!ledger.is_locked());
    let reader = RwLockWriteGuard::downgrade(ledger.write());
    assert!(ledger.try_read().is_some() && ledger.try_write().is_none());
    drop(reader);
    assert!(ledger.try_write_for(SOON).is_some());
}

#[test]
fn a_reader_may_read_again_before_a_writer_that_waits() {
    let registry = Registry::new();
    let ledger = RwLock::named_in(&registry, "ledger", 0);
    thread::scope(|scope| {
        let reader = ledger.read();
        scope.spawn(|| *ledger.write() += 1);
        until_waiting(&registry, "ledger", 1.0);
        let again = ledger.read_recursive();
        assert_eq!(*again + *reader, 0);
    });
    assert_eq!(*ledger.read(), 1);
}
