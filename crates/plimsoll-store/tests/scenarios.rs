//! The store's share of the scenarios that every engine gets wrong somewhere: the numbers are
//! counted by hand.

mod scene;

use plimsoll_model::{Counts, TimeMs};
use plimsoll_slo::Windows;
use scene::{HOUR, MINUTE, Scene, errors, ms};
use std::time::Duration;

const START: &str = "process_start_time_seconds";
const TOTAL: &str = "requests_total{code=\"200\"}";
const BAD: &str = "errors_total";

#[test]
fn a_series_that_appears_in_the_same_process_counts_from_zero() {
    let mut scene = Scene::new(errors(), MINUTE);
    scene.scrape(0, &[(START, 1.0), (TOTAL, 100.0)]);
    scene.scrape(MINUTE, &[(START, 1.0), (TOTAL, 200.0), (BAD, 50.0)]);
    assert_eq!(scene.counts(5 * MINUTE), (50, 50, 0));
    // Without a start time the same could be an old counter that was just let through.
    let mut scene = Scene::new(errors(), MINUTE);
    scene.scrape(0, &[(TOTAL, 100.0)]);
    scene.scrape(MINUTE, &[(TOTAL, 200.0), (BAD, 50.0)]);
    assert_eq!(scene.counts(5 * MINUTE), (100, 0, 0));
    // Unless the counter itself says when it was created.
    let mut scene = Scene::new(errors(), MINUTE);
    scene.scrape(0, &[(TOTAL, 100.0)]);
    let created = ("errors_created", 30.0);
    scene.scrape(MINUTE, &[(TOTAL, 200.0), (BAD, 50.0), created]);
    assert_eq!(scene.counts(5 * MINUTE), (50, 50, 0));
}

#[test]
fn a_gap_without_a_restart_belongs_to_its_stretch_as_a_whole() {
    let mut scene = Scene::new(errors(), MINUTE);
    let outage = 15 * HOUR - 30 * MINUTE;
    for minute in 0..=outage / MINUTE {
        let requests = 600.0 * minute as f64;
        scene.scrape(minute * MINUTE, &[(START, 1.0), (TOTAL, requests), (BAD, 0.0)]);
    }
    for minute in 1..30 {
        scene.miss(outage + minute * MINUTE);
    }
    let blind = scene.window(HOUR);
    assert_eq!(blind.counts, Counts { good: 31 * 600, bad: 0, unknown: 29 * 600 });
    assert_eq!((blind.known, blind.expected), (ms(31 * MINUTE), ms(HOUR)));

    scene.scrape(15 * HOUR, &[(START, 1.0), (TOTAL, 540_000.0), (BAD, 3600.0)]);
    assert_eq!(scene.counts(30 * 24 * HOUR), (536_400, 3600, 0));
    assert_eq!(scene.window(30 * 24 * HOUR).known, ms(15 * HOUR));
    assert_eq!(scene.counts(30 * MINUTE), (14_400, 3600, 0));
    // The five minutes cut the gap: nothing surely lies inside, all of it may.
    let cut = scene.window(5 * MINUTE);
    assert_eq!(cut.counts, Counts::default());
    assert_eq!(cut.cut, Counts { good: 14_400, bad: 3600, unknown: 0 });
    assert_eq!((cut.known, cut.expected), (ms(5 * MINUTE), ms(5 * MINUTE)));
}

/// 0 → 1000 until minute 10, instant restart, six minutes of silence, 1500 at minute 16.
fn restart_in_a_gap(with_start_time: bool) -> Scene {
    let mut scene = Scene::new(errors(), MINUTE);
    for minute in 0..=25_i64 {
        let (start, requests) = match minute {
            0..=10 => (-600.0, 100.0 * minute as f64),
            _ => (600.0, 1500.0 + 100.0 * (minute as f64 - 16.0)),
        };
        let series = [(TOTAL, requests), (START, start)];
        match minute {
            11..=15 => scene.miss(minute * MINUTE),
            _ if with_start_time => scene.scrape(minute * MINUTE, &series),
            _ => scene.scrape(minute * MINUTE, &series[..1]),
        }
    }
    scene
}

#[test]
fn a_restart_in_a_gap_counts_from_the_start_time() {
    let scene = restart_in_a_gap(true);
    let window = scene.window(20 * MINUTE);
    assert_eq!(window.counts, Counts { good: 2900, bad: 0, unknown: 0 });
    assert!(!window.rate_unknown);
}

#[test]
fn a_gap_without_a_start_time_has_no_upper_bound() {
    let scene = restart_in_a_gap(false);
    let window = scene.window(20 * MINUTE);
    assert_eq!(window.counts.good, 1900);
    assert!(window.rate_unknown);
    assert_eq!((window.known, window.expected), (ms(14 * MINUTE), ms(20 * MINUTE)));
}

#[test]
fn what_was_lost_before_a_restart_is_unknown_by_the_rate() {
    let mut scene = Scene::new(errors(), MINUTE);
    for minute in 0..=10 {
        scene.scrape(minute * MINUTE, &[(START, -60.0), (TOTAL, 600.0 * minute as f64)]);
    }
    // The new process started 20 s before the next scrape and counted 180 since.
    scene.scrape(11 * MINUTE, &[(START, 640.0), (TOTAL, 180.0), (BAD, 18.0)]);
    let window = scene.window(5 * MINUTE);
    assert_eq!(window.counts, Counts { good: 4 * 600 + 162, bad: 18, unknown: 400 });
    assert_eq!((window.known, window.expected), (ms(260_000), ms(300_000)));
}

#[test]
fn a_process_that_starts_while_it_is_awaited_counts_from_its_start() {
    let mut scene = Scene::new(errors(), MINUTE);
    scene.store.advance(TimeMs(0));
    scene.miss(MINUTE);
    scene.scrape(2 * MINUTE, &[(START, 90.0), (TOTAL, 300.0), (BAD, 3.0)]);
    let window = scene.window(HOUR);
    assert_eq!(window.counts, Counts { good: 297, bad: 3, unknown: 0 });
    assert_eq!(
        (window.known, window.expected, window.rate_unknown),
        (ms(30_000), ms(30_000), false)
    );
}

#[test]
fn a_crash_before_any_rate_is_known_is_worth_the_rate_after_it() {
    let mut scene = Scene::new(errors(), MINUTE);
    scene.scrape(0, &[(START, -5.0), (TOTAL, 40.0)]);
    scene.scrape(MINUTE, &[(START, 40.0), (TOTAL, 200.0)]);
    let window = scene.window(HOUR);
    assert_eq!(window.counts, Counts { good: 200, bad: 0, unknown: 400 });
    assert!(!window.rate_unknown);
}

#[test]
fn a_target_that_is_down_is_expected_and_not_known() {
    let mut scene = Scene::new(errors(), MINUTE);
    for minute in 0..=10 {
        scene.scrape(minute * MINUTE, &[(START, 1.0), (TOTAL, 600.0 * minute as f64)]);
    }
    for minute in 11..=15 {
        scene.miss(minute * MINUTE);
    }
    let window = scene.window(5 * MINUTE);
    assert_eq!((window.known, window.expected), (Duration::ZERO, ms(5 * MINUTE)));
    assert_eq!(window.counts, Counts { good: 0, bad: 0, unknown: 3000 });
    assert_eq!(scene.store.ledgers()[0].last_known(), Some(TimeMs(10 * MINUTE)));
    // Nobody has to report the miss.
    scene.store.advance(TimeMs(20 * MINUTE));
    assert_eq!(scene.window(10 * MINUTE).counts.unknown, 6000);
    // Once it is removed, nothing more is expected, and what was lost stays unknown.
    scene.store.remove_target(scene.target);
    scene.store.advance(TimeMs(30 * MINUTE));
    let after = scene.window(30 * MINUTE);
    assert_eq!((after.known, after.expected), (ms(10 * MINUTE), ms(20 * MINUTE)));
    assert_eq!(after.counts, Counts { good: 6000, bad: 0, unknown: 6000 });
}

#[test]
fn a_sample_that_cannot_be_makes_its_interval_unknown_until_the_next_good_one() {
    for wrong in [f64::NAN, -5.0, f64::INFINITY] {
        let mut scene = Scene::new(errors(), MINUTE);
        for minute in 0..=10 {
            let bad = if minute == 10 { wrong } else { 6.0 * minute as f64 };
            let requests = 600.0 * minute as f64;
            scene.scrape(minute * MINUTE, &[(START, 1.0), (TOTAL, requests), (BAD, bad)]);
        }
        assert_eq!(scene.counts(10 * MINUTE), (9 * 594, 54, 600));
        let refused = scene.store.refused(scene.target);
        assert_eq!(refused.len(), 1);
        assert_eq!((refused[0].0.as_str(), refused[0].1), ("not_a_number", 1));
        scene.scrape(11 * MINUTE, &[(START, 1.0), (TOTAL, 6600.0), (BAD, 66.0)]);
        assert_eq!(scene.counts(15 * MINUTE), (6534, 66, 0));
    }
}

#[test]
fn samples_out_of_order_or_in_the_future_are_refused() {
    let mut scene = Scene::new(errors(), 1000);
    let target = scene.target;
    let scrape = |scene: &mut Scene, at: i64, total: f64, stamp: i64| {
        let series = [(START, 1.0, None), (TOTAL, total, Some(stamp)), (BAD, 0.0, None)];
        scene.scrape_stamped(target, at, &series);
        scene.store.advance(TimeMs(at));
    };
    scrape(&mut scene, 100_000, 10.0, 99_000);
    scrape(&mut scene, 101_000, 11.0, 100_000);
    scrape(&mut scene, 102_000, 10.0, 99_500);
    scrape(&mut scene, 103_000, 99.0, 103_000 + HOUR);
    assert_eq!(scene.counts(5 * MINUTE).0, 1);
    // A whole scrape from the past.
    scrape(&mut scene, 103_000, 12.0, 103_000);
    let refused: Vec<_> =
        scene.store.refused(target).iter().map(|(reason, n)| (reason.as_str(), *n)).collect();
    assert_eq!(refused, [("in_future", 1), ("out_of_order", 4)]);
    scrape(&mut scene, 104_000, 14.0, 104_000);
    assert_eq!(scene.counts(5 * MINUTE), (4, 0, 0));
}

#[test]
fn the_clock_can_stand_or_step_back_without_losing_a_slice() {
    let mut scene = Scene::new(errors(), MINUTE);
    for minute in 0..=10 {
        scene.scrape(minute * MINUTE, &[(START, 1.0), (TOTAL, 600.0 * minute as f64)]);
    }
    scene.store.advance(TimeMs(0));
    scene.store.advance(TimeMs(5 * MINUTE));
    scene.scrape(11 * MINUTE, &[(START, 1.0), (TOTAL, 6600.0)]);
    assert_eq!(scene.counts(HOUR), (6600, 0, 0));
    assert_eq!(scene.counts(5 * MINUTE), (3000, 0, 0));
}

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
