//! Targets that come, crash and go: what no scenario script says.

mod scene;

use plimsoll_model::{Counts, TimeMs};
use scene::{HOUR, MINUTE, Scene, errors, ms};

const START: &str = "process_start_time_seconds";
const TOTAL: &str = "requests_total{code=\"200\"}";
const BAD: &str = "errors_total";

#[test]
fn a_counter_that_says_when_it_was_created_counts_from_there() {
    let mut scene = Scene::new(errors(), MINUTE);
    scene.scrape(0, &[(TOTAL, 100.0)]);
    let created = ("errors_created", 30.0);
    scene.scrape(MINUTE, &[(TOTAL, 200.0), (BAD, 50.0), created]);
    assert_eq!(scene.counts(5 * MINUTE), (50, 50, 0));
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
fn a_target_that_is_removed_is_expected_no_longer() {
    let mut scene = Scene::new(errors(), MINUTE);
    for minute in 0..=10 {
        scene.scrape(minute * MINUTE, &[(START, 1.0), (TOTAL, 600.0 * minute as f64)]);
    }
    // Nobody has to report a miss.
    scene.store.advance(TimeMs(20 * MINUTE));
    assert_eq!(scene.window(10 * MINUTE).counts.unknown, 6000);
    scene.store.remove_target(scene.target);
    scene.store.advance(TimeMs(30 * MINUTE));
    // What was lost before stays unknown.
    let after = scene.window(30 * MINUTE);
    assert_eq!((after.known, after.expected), (ms(10 * MINUTE), ms(20 * MINUTE)));
    assert_eq!(after.counts, Counts { good: 6000, bad: 0, unknown: 6000 });
}

#[test]
fn a_whole_scrape_from_the_past_is_refused() {
    let mut scene = Scene::new(errors(), 1000);
    scene.scrape(100_000, &[(START, 1.0), (TOTAL, 10.0), (BAD, 0.0)]);
    scene.scrape(100_000, &[(START, 1.0), (TOTAL, 12.0), (BAD, 0.0)]);
    let refused: Vec<_> =
        scene.store.refused(scene.target).iter().map(|(why, n)| (why.as_str(), *n)).collect();
    assert_eq!(refused, [("out_of_order", 3)]);
    scene.scrape(101_000, &[(START, 1.0), (TOTAL, 14.0), (BAD, 0.0)]);
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
