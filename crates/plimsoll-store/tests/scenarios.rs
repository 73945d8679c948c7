//! The store's share of the scenarios that every engine gets wrong somewhere: the numbers are
//! counted by hand.

mod scene;

use plimsoll_model::{Counts, TimeMs};
use plimsoll_slo::{EventsPart, LevelBound, Sli, Windows};
use plimsoll_store::TargetIndex;
use scene::{HOUR, MINUTE, Scene, errors, ms, selector, slo, within};
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
fn a_level_over_its_limit_for_200_ms_is_200_ms_bad() {
    let signal = selector("concurrency_queue_depth{queue=\"orders\"}");
    let mut scene =
        Scene::new(slo("queue", Sli::Level { signal, bound: LevelBound::BelowLimit }), 15_000);
    let saturated = "concurrency_queue_depth_saturated_seconds_total{queue=\"orders\"}";
    for step in 0..=20_i64 {
        let seconds = if step < 7 { 31.125 } else { 31.325 };
        scene.scrape(step * 15_000, &[(START, 1.0), (saturated, seconds)]);
    }
    assert_eq!(scene.counts(5 * MINUTE), (299_800, 200, 0));
}

#[test]
fn a_level_at_most_reads_the_time_weighted_buckets() {
    let signal = selector("concurrency_queue_depth");
    let mut scene =
        Scene::new(slo("queue", Sli::Level { signal, bound: LevelBound::AtMost(100) }), 1000);
    let bucket = |le: &str| format!("concurrency_queue_depth_time_weighted_bucket{{le=\"{le}\"}}");
    let (at_64, at_100, all) = (bucket("64"), bucket("100"), bucket("+Inf"));
    scene.scrape(0, &[(START, 1.0), (&at_64, 5.0), (&at_100, 10.0), (&all, 10.0)]);
    scene.scrape(1000, &[(START, 1.0), (&at_64, 400.0), (&at_100, 760.0), (&all, 1010.0)]);
    assert_eq!(scene.counts(5 * MINUTE), (750, 250, 0));
    assert_eq!(scene.store.ledgers()[0].between_edges(), None);
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
fn a_counter_that_reappears_under_a_new_label_set_is_a_baseline() {
    let mut scene = Scene::new(errors(), MINUTE);
    for minute in 0..=5 {
        scene.scrape(minute * MINUTE, &[(START, 1.0), (TOTAL, 1e6), (BAD, 1000.0)]);
    }
    scene.store.remove_target(scene.target);
    let mut relabelled = scene::target("a:1", MINUTE);
    relabelled.labels = plimsoll_model::Labels::new([("region", "eu")]).expect("valid");
    scene.target = scene.store.add_target(relabelled);
    scene.scrape(6 * MINUTE, &[(START, 1.0), (TOTAL, 1e6), (BAD, 1000.0)]);
    scene.scrape(7 * MINUTE, &[(START, 1.0), (TOTAL, 1e6 + 60.0), (BAD, 1001.0)]);
    assert_eq!(scene.counts(HOUR), (59, 1, 0));
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

#[test]
fn a_threshold_between_two_edges_leaves_the_middle_unknown() {
    let mut scene = Scene::new(within("latency_seconds", 300), 1000);
    let bucket = |le: &str| format!("latency_seconds_bucket{{route=\"/\",le=\"{le}\"}}");
    let edges = ["0.1", "0.25", "0.5", "1", "+Inf"].map(bucket);
    let at = |scene: &mut Scene, at: i64, values: [f64; 5]| {
        let mut series = vec![(START, 1.0)];
        series.extend(edges.iter().map(String::as_str).zip(values));
        scene.scrape(at, &series);
    };
    at(&mut scene, 0, [0.0; 5]);
    at(&mut scene, 1000, [10.0, 60.0, 85.0, 95.0, 100.0]);
    assert_eq!(scene.counts(5 * MINUTE), (60, 15, 25));
    assert_eq!(scene.store.ledgers()[0].between_edges(), Some((0.25, 0.5)));
    assert_eq!(scene.window(5 * MINUTE).known, ms(1000));
}

#[test]
fn a_lag_slice_is_bad_if_any_partition_is_over() {
    let signal = selector("concurrency_consumer_lag_seconds{group=\"billing\"}");
    let lag = Sli::Lag { signal, at_most: Duration::from_secs(10) };
    let mut scene = Scene::new(slo("lag", lag), 1000);
    let partition =
        |n: u32| format!("concurrency_consumer_lag_seconds{{group=\"billing\",partition=\"{n}\"}}");
    let (first, second) = (partition(0), partition(1));
    for second_of in 1..=20_i64 {
        let behind = if (6..=8).contains(&second_of) { 10.5 } else { 10.0 };
        scene.scrape(second_of * 1000, &[(&first, 0.5), (&second, behind)]);
    }
    let window = scene.window(20_000);
    assert_eq!(window.counts, Counts { good: 17_000, bad: 3000, unknown: 0 });
    assert_eq!((window.known, window.expected), (ms(20_000), ms(20_000)));
    // Absent is unknown, and so is a target that is down: ten slices without a sample.
    scene.scrape(21_000, &[(START, 1.0)]);
    scene.scrape(22_000, &[(START, 1.0)]);
    scene.miss(23_000);
    scene.store.advance(TimeMs(30_000));
    assert_eq!(scene.counts(30_000), (17_000, 3000, 10_000));
}

#[test]
fn a_band_filter_counts_only_what_met_the_load() {
    let mut slo = within("staleness_seconds", 300);
    if let Sli::Within { when, .. } = &mut slo.sli {
        let operation = "authorize".into();
        *when = Some(plimsoll_slo::InFlightAtLeast { operation, at_least: 64 });
    }
    let mut scene = Scene::new(slo, 1000);
    let names: Vec<String> = ["16", "64", "128", ""]
        .iter()
        .flat_map(|band| {
            ["0.3", "+Inf"]
                .map(|le| format!("staleness_seconds_bucket{{band=\"{band}\",le=\"{le}\"}}"))
        })
        .collect();
    let at = |scene: &mut Scene, at: i64, values: [f64; 8]| {
        let mut series = vec![(START, 1.0)];
        series.extend(names.iter().map(String::as_str).zip(values));
        scene.scrape(at, &series);
    };
    at(&mut scene, 0, [0.0; 8]);
    at(&mut scene, 1000, [1.0, 10.0, 90.0, 100.0, 7.0, 10.0, 0.0, 1000.0]);
    assert_eq!(scene.counts(5 * MINUTE), (97, 13, 0));
}

#[test]
fn each_label_set_of_by_is_a_ledger_of_its_own_up_to_the_bound() {
    let mut slo = errors();
    (slo.by, slo.max_groups) = (vec!["region".into()], 2);
    let mut scene = Scene::new(slo, MINUTE);
    assert!(scene.store.ledgers().is_empty());
    let regions =
        ["eu", "us", "ap", "af"].map(|region| format!("requests_total{{region=\"{region}\"}}"));
    for minute in 0..=1 {
        let mut series = vec![(START, 1.0)];
        series.extend(regions.iter().map(|name| (name.as_str(), 60.0 * minute as f64)));
        scene.scrape(minute * MINUTE, &series);
    }
    let ids: Vec<&str> = scene.store.ledgers().iter().map(|ledger| ledger.id()).collect();
    assert_eq!(ids, [r#"shop/availability{region="eu"}"#, r#"shop/availability{region="us"}"#]);
    assert_eq!(scene.store.fed_by(scene.target), ids);
    assert_eq!(scene.store.fed_by(TargetIndex(7)), [""; 0]);
    assert_eq!(scene.store.groups_refused("shop/availability"), 2);
    assert_eq!(scene.counts(HOUR), (60, 0, 0));
}

#[test]
fn torn_counters_settle_in_the_next_scrape() {
    let good = EventsPart::Good(selector("good_total"));
    let mut scene =
        Scene::new(slo("s", Sli::Events { total: selector("all_total"), part: good }), 1000);
    // The body was read between the two increments: one more good than there were events.
    for (second, all, good) in [(0, 0.0, 0.0), (1, 10.0, 11.0), (2, 20.0, 18.0)] {
        scene.scrape(second * 1000, &[(START, -9.0), ("all_total", all), ("good_total", good)]);
    }
    assert_eq!(scene.counts(5 * MINUTE), (18, 2, 0));
}

#[test]
fn levels_show_what_the_last_scrape_held() {
    let mut scene = Scene::new(errors(), 1000);
    let of = |part: &str| format!("concurrency_in_flight{part}{{operation=\"auth\"}}");
    let (now, limit, peak) = (of(""), of("_limit"), of("_peak"));
    let (time, full) = (of("_time_seconds_total"), of("_saturated_seconds_total"));
    for second in 0..=30_i64 {
        let spent = 3.0 * second as f64;
        let series =
            [(&*now, 4.0), (&limit, 8.0), (&peak, 7.0), (&time, spent), (&full, spent / 6.0)];
        scene.scrape(second * 1000, &series);
    }
    let levels = scene.store.levels();
    assert_eq!(levels.len(), 1);
    let level = &levels[0];
    assert_eq!(
        (level.name, level.labels.to_string()),
        ("concurrency_in_flight", "{operation=\"auth\"}".into())
    );
    assert_eq!((level.now, level.limit, level.peak), (Some(4.0), Some(8.0), Some(7.0)));
    assert_eq!((level.mean, level.saturated_ratio), (Some(3.0), Some(0.5)));
    assert_eq!((level.oldest_age_seconds, level.at), (None, TimeMs(30_000)));
    scene.scrape(31_000, &[(START, 1.0)]);
    assert!(scene.store.levels().is_empty());
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
