//! A restart forgets nothing.
#![allow(clippy::expect_used, clippy::panic, reason = "a test")]

mod life;
mod scene;

use life::{all_windows, slos, tick};
use plimsoll_model::{Counts, TimeMs};
use plimsoll_slo::{Objective, Sli, Slo};
use plimsoll_store::{Archive, HistoryPoint, Limits, Mark, Recent, Store};
use scene::{DAY, Directory, HOUR, MINUTE, Scene, errors, flush, ms, selector, within};
use std::sync::Arc;
use std::time::Duration;

const START: &str = "process_start_time_seconds";
const TOTAL: &str = "requests_total";
const BAD: &str = "errors_total";

/// Starts the engine anew over the same file.
fn restart(scene: &mut Scene, archive: &Archive, slos: Vec<Slo>) {
    let limits = Limits { slice: ms(scene.slice) };
    let slos = slos.into_iter().map(Arc::new).collect();
    scene.store = Store::new(slos, limits).expect("valid");
    scene.target = scene.store.add_target(scene::target("a:1", scene.slice));
    archive.load(&mut scene.store).expect("loaded");
}

fn history_of(archive: &Archive, (from, to): (i64, i64), step: i64) -> Vec<HistoryPoint> {
    let stretch = (TimeMs(from), TimeMs(to));
    let history = archive.history("shop/availability", stretch, ms(step), &Recent::default());
    history.expect("read")
}

#[test]
fn a_kill_forgets_nothing_that_was_flushed() {
    let directory = Directory::new("kill");
    let mut scene = Scene::of(slos(), MINUTE);
    let mut archive = Archive::open(&directory.0).expect("opened");
    for minute in 0..5000 {
        tick(&mut scene, minute);
        if minute % 41 == 0 {
            flush(&mut archive, &mut scene);
        }
    }
    flush(&mut archive, &mut scene);
    let before = all_windows(&scene.store);
    assert_eq!(before.len(), 5, "{before:?}");
    // A kill leaves the file as it is at that moment: open, and never closed.
    let killed = Directory::new("killed");
    std::fs::create_dir_all(&killed.0).expect("made");
    std::fs::copy(directory.file(), killed.file()).expect("copied");
    let archive = Archive::open(&killed.0).expect("opened again");
    restart(&mut scene, &archive, slos());
    assert_eq!(all_windows(&scene.store), before);
    // And both go on alike: the engine that was restarted and one that never was.
    let mut other = Scene::of(slos(), MINUTE);
    (0..5000).for_each(|minute| tick(&mut other, minute));
    for minute in 5000..5200 {
        tick(&mut scene, minute);
        tick(&mut other, minute);
    }
    assert_eq!(all_windows(&scene.store), all_windows(&other.store));
}

#[test]
fn a_counter_goes_on_over_the_daemon_s_own_downtime() {
    let directory = Directory::new("downtime");
    let mut scene = Scene::new(errors(), MINUTE);
    let mut archive = Archive::open(&directory.0).expect("opened");
    for minute in 0..=10 {
        scene.scrape(minute * MINUTE, &[(START, 1.0), (TOTAL, 600.0 * minute as f64)]);
    }
    flush(&mut archive, &mut scene);
    restart(&mut scene, &archive, vec![errors()]);
    // Down for twenty minutes: unknown until the first scrape tells.
    scene.store.advance(TimeMs(30 * MINUTE));
    let blind = scene.window(HOUR);
    assert_eq!(blind.counts, Counts { good: 6000, bad: 0, unknown: 12_000 });
    assert_eq!((blind.known, blind.expected), (ms(10 * MINUTE), ms(30 * MINUTE)));
    // The error series was born meanwhile, in the same process.
    scene.scrape(31 * MINUTE, &[(START, 1.0), (TOTAL, 18_600.0), (BAD, 31.0)]);
    assert_eq!(scene.counts(HOUR), (18_569, 31, 0));
    assert_eq!(scene.window(5 * MINUTE).cut, Counts { good: 12_569, bad: 31, unknown: 0 });
}

#[test]
fn a_changed_objective_keeps_the_counts_and_a_changed_sli_starts_anew() {
    let directory = Directory::new("changed");
    let mut scene = Scene::new(errors(), MINUTE);
    let mut archive = Archive::open(&directory.0).expect("opened");
    for minute in 0..=60 {
        let n = minute as f64;
        scene.scrape(
            minute * MINUTE,
            &[(START, 1.0), (TOTAL, 600.0 * n), (BAD, n), ("odd_total", 1e6 + n)],
        );
    }
    flush(&mut archive, &mut scene);
    let mut stricter = errors();
    stricter.objective = Objective::from_ppm(990_000).expect("valid");
    restart(&mut scene, &archive, vec![stricter]);
    assert_eq!(scene.counts(HOUR), (35_940, 60, 0));

    let mut other = errors();
    if let Sli::Events { part: plimsoll_slo::EventsPart::Bad(bad), .. } = &mut other.sli {
        *bad = selector("odd_total").into();
    }
    restart(&mut scene, &archive, vec![other.clone()]);
    assert_eq!(scene.counts(HOUR), (0, 0, 0));
    // Nobody followed the counter that now matters: its million isn't news.
    let series = [(START, 1.0), (TOTAL, 36_600.0), (BAD, 61.0), ("odd_total", 1e6 + 61.0)];
    scene.scrape(61 * MINUTE, &series);
    scene.scrape(62 * MINUTE, &[(START, 1.0), (TOTAL, 37_200.0), ("odd_total", 1e6 + 64.0)]);
    assert_eq!(scene.counts(HOUR), (1197, 3, 0));
    flush(&mut archive, &mut scene);
    let history = history_of(&archive, (0, DAY), DAY);
    assert_eq!(history.iter().map(|point| point.counts.bad).collect::<Vec<_>>(), [3]);
    // Back to the first one: its past is still there.
    restart(&mut scene, &archive, vec![errors()]);
    assert_eq!(scene.counts(HOUR), (35_940, 60, 0));
}

#[test]
fn history_adds_up_in_any_step_and_ends_with_the_period() {
    let directory = Directory::new("history");
    let mut slo = errors();
    slo.period = plimsoll_slo::Period::Rolling(Duration::from_secs(86_400));
    let mut scene = Scene::new(slo, MINUTE);
    let mut archive = Archive::open(&directory.0).expect("opened");
    for minute in 0..=36 * 60_i64 {
        let n = minute as f64;
        match minute {
            // Down for an hour; 60 bad within it.
            600..660 => scene.miss(minute * MINUTE),
            _ => {
                let bad = if minute < 600 { 0.0 } else { 60.0 };
                scene.scrape(minute * MINUTE, &[(START, 1.0), (TOTAL, 10.0 * n), (BAD, bad)]);
            }
        }
        if minute % 12 == 0 {
            flush(&mut archive, &mut scene);
        }
    }
    let history = |from: i64, step: i64| history_of(&archive, (from, 36 * HOUR), step);
    let hours = history(12 * HOUR, HOUR);
    assert_eq!(hours.len(), 24);
    for point in &hours {
        assert_eq!(point.counts, Counts { good: 600, bad: 0, unknown: 0 }, "{:?}", point.at);
        assert_eq!((point.known, point.expected), (ms(HOUR), ms(HOUR)));
    }
    assert_eq!(history(12 * HOUR, 1).len(), 24 * 60);
    // What is older than the period is let go, a run of slots at a time.
    let first = history(0, 1).first().map(|point| point.at).expect("some");
    assert!((TimeMs(10 * HOUR)..=TimeMs(12 * HOUR)).contains(&first), "{first:?}");
    let stretch = (TimeMs(0), TimeMs(36 * HOUR));
    let none = archive.history("shop/none", stretch, ms(1), &Recent::default());
    assert_eq!(none.expect("read"), []);
}

#[test]
fn alerts_and_marks_come_back() {
    let directory = Directory::new("marks");
    let mut archive = Archive::open(&directory.0).expect("opened");
    let mark = |at: i64, text: &str| Mark {
        kind: "deploy".into(),
        service: "shop".into(),
        at: TimeMs(at),
        text: text.into(),
    };
    for (at, text) in [(5, "b"), (3, "a"), (5, "c"), (9, "d")] {
        archive.put_mark(&mark(at, text)).expect("kept");
    }
    let alerts = |bytes: u8| Some(vec![("shop/a page".to_string(), vec![bytes; 3])]);
    let mut checkpoint = Scene::new(errors(), MINUTE).store.checkpoint();
    checkpoint.alerts = alerts(1);
    archive.flush(checkpoint.clone()).expect("flushed");
    checkpoint.alerts = alerts(2);
    archive.flush(checkpoint.clone()).expect("flushed");
    checkpoint.alerts = None;
    archive.flush(checkpoint).expect("flushed");
    drop(archive);
    let archive = Archive::open(&directory.0).expect("opened again");
    assert_eq!(archive.alerts().expect("read"), alerts(2).expect("some"));
    let texts: Vec<String> = archive
        .marks(TimeMs(3), TimeMs(8))
        .expect("read")
        .into_iter()
        .map(|mark| mark.text)
        .collect();
    assert_eq!(texts, ["a", "b", "c"]);
}

#[test]
fn what_no_period_reaches_is_let_go() {
    let directory = Directory::new("forget");
    let mut archive = Archive::open(&directory.0).expect("opened");
    let mut scene = Scene::new(errors(), MINUTE);
    scene.scrape(0, &[(START, 1.0), (TOTAL, 0.0)]);
    scene.scrape(MINUTE, &[(START, 1.0), (TOTAL, 600.0)]);
    flush(&mut archive, &mut scene);
    let points = |archive: &Archive| history_of(archive, (0, DAY), DAY).len();
    // Another SLO takes over, with another target; each start looks at the last one's time.
    for (day, left) in [(29, 1), (31, 1), (32, 0)] {
        let limits = Limits { slice: ms(MINUTE) };
        let other = Arc::new(within("latency_seconds", 250));
        scene.store = Store::new(vec![other], limits).expect("valid");
        scene.target = scene.store.add_target(scene::target("b:1", MINUTE));
        archive.load(&mut scene.store).expect("loaded");
        scene.scrape(day * DAY, &[(START, 1.0)]);
        flush(&mut archive, &mut scene);
        assert_eq!(points(&archive), left, "day {day}");
    }
}
