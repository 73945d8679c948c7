//! Sums of counters, with factors and signs, counted by hand.

mod scene;

use plimsoll_slo::{EventsPart, Linear, Ratio, Sli, Term};
use plimsoll_store::{Archive, Limits, Store};
use scene::{Directory, MINUTE, Scene, flush, ms, selector, slo};
use std::num::NonZeroU32;

const START: (&str, f64) = ("process_start_time_seconds", -9.0);

fn sum(terms: &[(i32, u32, &str)]) -> Linear {
    let term = |(numerator, denominator, text): &(i32, u32, &str)| Term {
        factor: Ratio {
            numerator: *numerator,
            denominator: NonZeroU32::new(*denominator).unwrap_or(NonZeroU32::MIN),
        },
        selector: selector(text),
    };
    Linear(terms.iter().map(term).collect())
}

fn scene(total: Linear, part: EventsPart) -> Scene {
    Scene::new(slo("sums", Sli::Events { total, part, unknown: None }), 1000)
}

#[test]
fn slow_is_what_the_bucket_does_not_hold() {
    let slow = sum(&[(1, 1, "s_count"), (-1, 1, "s_bucket{le=\"0.50\"}")]);
    let mut scene = scene(selector("s_count").into(), EventsPart::Bad(slow));
    for (second, count, bucket) in [(0, 0.0, 0.0), (1, 10.0, 8.0), (2, 30.0, 25.0)] {
        let series = [START, ("s_count", count), ("s_bucket{le=\"0.5\"}", bucket)];
        scene.scrape(second * 1000, &series);
    }
    assert_eq!(scene.counts(5 * MINUTE), (25, 5, 0), "0.50 and 0.5 are one bound");
}

#[test]
fn fractions_stay_exact_and_leave_their_rest_for_later() {
    // Of three lookups two are reads; of 1/3 + 1/2 the least common unit is a sixth.
    let total = sum(&[(1, 3, "lookups_total"), (1, 2, "writes_total")]);
    let bad = sum(&[(1, 2, "failures_total")]);
    let mut scene = scene(total, EventsPart::Bad(bad));
    for second in 0..=60 {
        let n = f64::from(second);
        let series =
            [START, ("lookups_total", n), ("writes_total", n), ("failures_total", n / 4.0)];
        scene.scrape(i64::from(second) * 1000, &series);
    }
    // 60/3 + 60/2 = 50 events; 15 failures are 7 events and a half.
    assert_eq!(scene.counts(5 * MINUTE), (43, 7, 0));
}

#[test]
fn what_is_below_zero_is_taken_off_what_comes_next() {
    let total = sum(&[(1, 1, "all_total"), (-1, 1, "probes_total")]);
    let mut scene = scene(total, EventsPart::Bad(selector("bad_total").into()));
    let series = |all: f64, probes: f64, bad: f64| {
        [START, ("all_total", all), ("probes_total", probes), ("bad_total", bad)]
    };
    scene.scrape(0, &series(0.0, 0.0, 0.0));
    // A body cut between the two counters: five probes that weren't counted among all yet.
    scene.scrape(1000, &series(10.0, 15.0, 1.0));
    assert_eq!(scene.counts(5 * MINUTE), (0, 0, 0));
    let directory = Directory::new("sums");
    let mut archive = Archive::open(&directory.0).expect("opened");
    flush(&mut archive, &mut scene);
    let slos = scene.store.ledgers().iter().map(|ledger| ledger.slo().clone()).collect();
    let limits = Limits { slice: ms(scene.slice) };
    scene.store = Store::new(slos, limits).expect("valid");
    scene.target = scene.store.add_target(scene::target("a:1", scene.slice));
    archive.load(&mut scene.store).expect("loaded");
    scene.scrape(2000, &series(30.0, 15.0, 1.0));
    assert_eq!(scene.counts(5 * MINUTE), (14, 1, 0));
}

#[test]
fn a_series_may_count_twice_and_a_gauge_of_ones_is_time() {
    let total = sum(&[(1, 1, "a_total"), (1, 1, "a_total{code=\"500\"}")]);
    let mut scene = scene(total, EventsPart::Bad(selector("a_total{code=\"500\"}").into()));
    for (second, ok, bad) in [(0, 0.0, 0.0), (1, 6.0, 2.0)] {
        let series = [START, ("a_total{code=\"200\"}", ok), ("a_total{code=\"500\"}", bad)];
        scene.scrape(second * 1000, &series);
    }
    assert_eq!(scene.counts(5 * MINUTE), (8, 2, 0));

    let mut scene = Scene::new(slo("up", Sli::Up { signal: selector("probe_success") }), 1000);
    for second in 1..=20_i64 {
        let other = if (6..=8).contains(&second) { 0.0 } else { 1.0 };
        let series = [("probe_success{to=\"a\"}", 1.0), ("probe_success{to=\"b\"}", other)];
        scene.scrape(second * 1000, &series);
    }
    assert_eq!(scene.counts(20_000), (17_000, 3_000, 0));
}
