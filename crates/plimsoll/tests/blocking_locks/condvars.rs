//! Condvars: whoever is parked at one holds nothing and waits for no lock.

use crate::{acquisitions, until_waiting, waiters, waits};
use plimsoll::Registry;
use plimsoll::sync::{parking_lot, std as standard};
use std::thread;
use std::time::Duration;

const SOON: Duration = Duration::from_millis(1);

#[test]
fn a_parked_thread_lets_others_have_the_mutex() {
    let registry = Registry::new();
    let ledger = standard::Mutex::named_in(&registry, "ledger", 0);
    let paid = standard::Condvar::named_in(&registry, "paid");
    thread::scope(|scope| {
        let parked = scope.spawn(|| {
            let ledger = ledger.lock().expect("sound");
            *paid.wait_while(ledger, |amount| *amount < 2).expect("sound")
        });
        for count in 1..=2 {
            until_waiting(&registry, "paid", 1.0);
            *ledger.lock().expect("sound") = count;
            paid.notify_one();
        }
        assert_eq!(parked.join().expect("no panic"), 2);
    });
    assert_eq!((waiters(&registry, "paid"), waiters(&registry, "ledger")), (0.0, 0.0));
    let again = acquisitions(&registry, "exclusive", "false");
    let after_a_wait = acquisitions(&registry, "exclusive", "true");
    assert!(again + after_a_wait >= 4.0, "{again} and {after_a_wait}");
    let held = ledger.lock().expect("sound");
    let (held, result) = paid.wait_timeout(held, SOON).expect("sound");
    assert!(result.timed_out());
    let (held, result) = paid.wait_timeout_while(held, SOON, |_| false).expect("sound");
    assert!(!result.timed_out() && *held == 2);
}

#[test]
fn being_parked_is_no_wait_for_a_lock() {
    let registry = Registry::new();
    let ledger = parking_lot::Mutex::named_in(&registry, "ledger", 0);
    let paid = parking_lot::Condvar::named_in(&registry, "paid");
    let mut held = ledger.lock();
    assert!(paid.wait_for(&mut held, SOON).timed_out());
    assert!(paid.wait_while_for(&mut held, |amount| *amount == 0, SOON).timed_out());
    drop(held);
    let waited = waits(&registry, "exclusive");
    assert_eq!((waited.count(), waited.sum), (3, 0.0));
    assert!(!paid.notify_one(), "nobody is parked");
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut held = ledger.lock();
            paid.wait_while(&mut held, |amount| *amount == 0);
            *held += 1;
        });
        until_waiting(&registry, "paid", 1.0);
        *ledger.lock() = 1;
        while paid.notify_all() == 0 {
            thread::yield_now();
        }
    });
    assert_eq!((*ledger.lock(), waiters(&registry, "paid")), (2, 0.0));
}
