//! Bursts that are over long before anyone looks.

use super::{LIMIT, account};
use crate::Outcome;
use crate::account::Accounts;
use crate::edge::Draft;
use crate::given_up::{MS, TestClock};
use crate::recorder::Recorder;
use std::sync::atomic::Ordering;

const S: u64 = 1_000 * MS;

/// How high the burst of a number is: at the limit or above it.
fn height(burst: u64) -> u64 {
    LIMIT + burst * 37 % 11
}

#[test]
fn bursts_of_a_fifth_of_a_second_are_seen_in_full_by_a_scrape_each_fifteen() {
    const SCRAPES: u64 = 40;
    let clock = TestClock::default();
    let at = |now_ns| clock.now_ns.store(now_ns, Ordering::SeqCst);
    let recorder = Recorder::new(clock.clone(), Accounts::default());
    recorder.merge().sink.open(account(0)).expect("room");
    let mut owner = recorder.adopt().expect("nobody else wants one");
    for scrape in 0..SCRAPES {
        // Three bursts between two scrapes: one each five seconds.
        for burst in 3 * scrape..3 * scrape + 3 {
            at((5 * burst + 1) * S);
            let entered =
                (0..height(burst)).map(|_| recorder.record(&mut owner, Draft::enter(0, 1)));
            let entered: Vec<_> = entered.collect();
            at((5 * burst + 1) * S + 200 * MS);
            for key in entered {
                recorder.record(&mut owner, Draft::leave(0, key, 1).ending(Outcome::Ok, 0));
            }
        }
        let now_ns = (15 * scrape + 15) * S;
        at(now_ns);
        let mut merge = recorder.merge();
        assert_eq!((merge.watermark_ns(), merge.inexact_ns()), (now_ns, 0));
        let level = merge.sink.activity_at(0, now_ns).expect("open").level();
        let bursts = 3 * scrape + 3;
        // Each entry of a burst comes a nanosecond after the one before, and so does each exit.
        let integral_ns: u64 = (0..bursts).map(|burst| height(burst) * 200 * MS).sum();
        assert_eq!((level.now(), level.integral_ns()), (0, i128::from(integral_ns)));
        // From the entry that reaches the limit to the exit that leaves it.
        let above_ns: u64 = (0..bursts).map(|burst| height(burst) - LIMIT).sum();
        assert_eq!(level.saturated_ns(), bursts * (200 * MS - (LIMIT - 1)) + above_ns);
        let peak = (bursts.saturating_sub(12)..bursts).map(height).max();
        assert_eq!(Some(level.peak()), peak, "of the last 60 s");
    }
}
