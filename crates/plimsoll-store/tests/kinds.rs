//! What each kind of SLI makes of what is scraped, counted by hand.

mod scene;

use plimsoll_model::{Counts, TimeMs};
use plimsoll_slo::{EventsPart, LevelBound, Sli};
use plimsoll_store::TargetIndex;
use scene::{HOUR, MINUTE, Scene, errors, ms, selector, slo, within};
use std::time::Duration;

const START: &str = "process_start_time_seconds";

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
    let part = EventsPart::Good(selector("good_total").into());
    let sli = Sli::Events { total: selector("all_total").into(), part, unknown: None };
    let mut scene = Scene::new(slo("s", sli), 1000);
    // The body was read between the two increments: one more good than there were events.
    for (second, all, good) in [(0, 0.0, 0.0), (1, 10.0, 11.0), (2, 20.0, 18.0)] {
        scene.scrape(second * 1000, &[(START, -9.0), ("all_total", all), ("good_total", good)]);
    }
    assert_eq!(scene.counts(5 * MINUTE), (18, 2, 0));
}

#[test]
fn a_verdict_that_is_unknown_is_neither_good_nor_bad() {
    let verdict = |verdict: &str| selector(&format!("decisions_total{{verdict=\"{verdict}\"}}"));
    let all = selector("decisions_total{outcome=\"committed\"}");
    for part in
        [EventsPart::Good(verdict("valid").into()), EventsPart::Bad(verdict("invalid").into())]
    {
        let unknown = Some(verdict("unknown").into());
        let mut scene =
            Scene::new(slo("s", Sli::Events { total: all.clone().into(), part, unknown }), 1000);
        for second in 0..=10_i64 {
            let of = |verdict: &str, outcome: &str, each: f64| {
                let labels = format!("outcome=\"{outcome}\",verdict=\"{verdict}\"");
                (format!("decisions_total{{{labels}}}"), each * second as f64)
            };
            let all = [
                of("valid", "committed", 7.0),
                of("invalid", "committed", 1.0),
                of("unknown", "committed", 2.0),
                of("", "aborted", 40.0),
            ];
            let series = all.iter().map(|(name, value)| (name.as_str(), *value));
            let series: Vec<_> = std::iter::once((START, -9.0)).chain(series).collect();
            scene.scrape(second * 1000, &series);
        }
        assert_eq!(scene.counts(5 * MINUTE), (70, 10, 20));
    }
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
