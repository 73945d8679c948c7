//! A service's life of every kind of SLO, minute by minute, with gaps.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]

use crate::scene::{MINUTE, Scene, errors, selector, slo, within};
use plimsoll_slo::{Sli, Slo, Windows};
use plimsoll_store::Store;
use std::time::Duration;

/// Counters, a histogram, a gauge of lag, and groups.
pub fn slos() -> Vec<Slo> {
    let lag = Sli::Lag {
        signal: selector("concurrency_consumer_lag_seconds"),
        at_most: Duration::from_secs(10),
    };
    let mut by = errors();
    (by.name, by.by) = ("by-region".into(), vec!["region".into()]);
    vec![errors(), within("latency_seconds", 250), slo("lag", lag), by]
}

/// Lives one minute; three of 97 are missed.
pub fn tick(scene: &mut Scene, minute: i64) {
    let n = minute as f64;
    if minute % 97 < 3 {
        return scene.miss(minute * MINUTE);
    }
    scene.scrape(
        minute * MINUTE,
        &[
            ("process_start_time_seconds", 1.0),
            ("requests_total{region=\"eu\"}", 600.0 * n),
            ("requests_total{region=\"us\"}", 40.0 * n),
            ("errors_total{region=\"us\"}", (n / 7.0).floor()),
            ("latency_seconds_bucket{le=\"0.25\"}", 9.0 * n),
            ("latency_seconds_bucket{le=\"+Inf\"}", 10.0 * n),
            ("concurrency_consumer_lag_seconds{partition=\"0\"}", n % 40.0 - 25.0),
        ],
    );
}

/// Returns everything that every window of every ledger holds, to be compared.
pub fn all_windows(store: &Store) -> Vec<String> {
    let describe = |ledger: &plimsoll_store::Ledger| {
        let windows = ledger.slo().windows(ledger.slice());
        let windows: Vec<_> = windows.into_iter().map(|length| ledger.window(length)).collect();
        format!(
            "{} {:?} {:?} {windows:?}",
            ledger.id(),
            ledger.watched_since(),
            ledger.last_known()
        )
    };
    store.ledgers().iter().map(describe).collect()
}
