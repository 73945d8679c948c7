//! What the windows of one SLO cost.

mod scene;

use plimsoll_slo::Windows;
use scene::{HOUR, Scene, errors, ms};

const START: &str = "process_start_time_seconds";
const TOTAL: &str = "requests_total{code=\"200\"}";
const BAD: &str = "errors_total";

/// 30 days, every window of the workbook policy, a slice of one second, fifty thousand events a
/// second, bad ones, gaps and unknown time in every slot.
#[test]
fn a_month_of_every_window_fits_in_16_kib() {
    let mut scene = Scene::new(errors(), 1000);
    let mut requests = 0.0;
    for step in 0..40_000_i64 {
        // In steps of up to two minutes: what matters is that each slot holds something.
        let at = step * 64_800;
        requests += 50_000.0 * 64.8;
        let started = (step / 50) as f64 * 50.0 * 64.8 - 5.0;
        let since = requests - (step / 50) as f64 * 50.0 * 50_000.0 * 64.8;
        scene.scrape(at, &[(START, started), (TOTAL, since), (BAD, since / 7.0)]);
    }
    let start = 40_000 * 64_800;
    for second in 0..8000_i64 {
        let since = 50_000.0 * (second % 3000) as f64;
        let started = (start / 1000 + second / 3000 * 3000) as f64;
        scene
            .scrape(start + second * 1000, &[(START, started), (TOTAL, since), (BAD, since / 7.0)]);
    }
    let ledger = &scene.store.ledgers()[0];
    let month = ledger.window(ms(30 * 24 * HOUR));
    assert!(month.counts.good > 100_000_000_000 && month.counts.unknown > 1_000_000, "{month:?}");
    assert!(ledger.memory() <= 16 << 10, "{} bytes", ledger.memory());
}
