//! Incidents whose page times are reckoned by hand.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "tests")]

use plimsoll_backtest::{Fired, Recording, Replay, json, page, promtool, text};
use plimsoll_model::{Labels, Selector, SeriesKey, TimeMs};
use plimsoll_slo::{
    AlertName, Alerting, Backend, Carried, EventsPart, Objective, Period, Policy, Sli, Slo,
};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

const MINUTE: i64 = 60_000;
/// A Monday at midnight.
const START: i64 = 1_767_571_200_000;

fn slo(policy: Policy) -> Arc<Slo> {
    let month = Duration::from_secs(30 * 86_400);
    let selector = |name: &str| Selector { name: name.into(), matchers: Vec::new() };
    Arc::new(Slo {
        service: "shop".into(),
        name: "api".into(),
        description: String::new(),
        labels: Labels::default(),
        objective: Objective::from_ppm(999_000).unwrap(),
        period: Period::Rolling(month),
        sli: Sli::Events {
            total: selector("requests_total").into(),
            part: EventsPart::Bad(selector("errors_total").into()),
            unknown: None,
        },
        backend: Backend::Own,
        exclusions: Vec::new(),
        by: Vec::new(),
        max_groups: 200,
        alerting: Alerting {
            policy,
            runbook: None,
            name: None,
            page: Carried::default(),
            ticket: Carried::default(),
            off: Vec::new(),
            min_bad: 5,
            no_data_after: Duration::from_secs(300),
        },
    })
}

/// Records `minutes` scrapes of 600 requests a minute each; `bad` says how many of a minute's fail,
/// and `None` that the target didn't answer.
fn record(minutes: i64, bad: impl Fn(i64) -> Option<i64>) -> Recording {
    let mut recording = Recording::default();
    record_into(&mut recording, 0..=minutes, bad);
    recording
}

/// Records some of these minutes.
fn record_into(
    recording: &mut Recording,
    minutes: RangeInclusive<i64>,
    bad: impl Fn(i64) -> Option<i64>,
) {
    let own = [("job", "shop"), ("instance", "shop:1")];
    let key = |name: &str| SeriesKey { name: name.into(), labels: Labels::new(own).unwrap() };
    let (total, errors) = (key("requests_total"), key("errors_total"));
    let mut sum = 0;
    for minute in 0..=*minutes.end() {
        let Some(bad) = bad(minute) else { continue };
        sum += bad;
        if !minutes.contains(&minute) {
            continue;
        }
        let at = TimeMs(START + minute * MINUTE);
        recording.add(&total, at, (minute * 600) as f64).unwrap();
        recording.add(&errors, at, sum as f64).unwrap();
    }
}

fn replay(policy: Policy, recording: &Recording) -> plimsoll_backtest::Outcome {
    let name = policy.name.clone();
    let replay = Replay { name, slos: vec![slo(policy)], step: Duration::from_secs(60) };
    replay.samples(recording, |_| true).expect("a replay")
}

fn minutes(fired: &Fired) -> (i64, Option<i64>) {
    let minute = |at: TimeMs| (at.0 - START) / MINUTE;
    (minute(fired.from), fired.to.map(minute))
}

fn of(outcome: &plimsoll_backtest::Outcome, name: AlertName) -> Vec<(i64, Option<i64>)> {
    let fired = outcome.slos[0].fired.iter().filter(|fired| fired.name == name);
    fired.map(minutes).collect()
}

/// A day at 600 a minute; from minute 600 on 12 % fail for an hour.
///
/// The page needs 14.4 × 0.1 % = 1.44 % in the last hour, which is 518.4 of 36,000: the eighth bad
/// minute makes 576. The share is 14.4 × 1 h ÷ 30 d = 2 % of the budget, 0.1 % of the 25,920,000
/// that 600 a minute make in a period: 518.4 again. The evidence needs b − 518.4 > 1.645 ·
/// √(0.0144 · 0.9856 · 36,000) = 37.2, so b > 555.6: the eighth minute too. So the page comes at
/// minute 608. Its last bad minute ends at 660. The five minutes up to 665 still hold none of it at
/// 665, and at 664 one: 72 of 3,000 is 2.4 %. The other row, 6 × over 6 h and 30 m, has 0.6 % of
/// 216,000 = 1,296 from minute 618 on (18 × 72 = 1,296 is not over, so 619), its share 5 % = 1,296
/// (reached), and its 30 minutes hold more than 0.6 % of 18,000 = 108 while two bad minutes are in
/// them: up to minute 688; at 689 one is left, 72. Then the hold-off of one short window, 30 minutes:
/// resolved at 719.
#[test]
fn a_page_comes_and_goes_when_reckoned_by_hand() {
    let recording =
        record(1_440, |minute| Some(if (601..=660).contains(&minute) { 72 } else { 0 }));
    let outcome = replay(Policy::workbook(), &recording);
    assert_eq!(of(&outcome, AlertName::Page), [(608, Some(719))]);
    // 60 × 72 = 4,320 of the 25,920 that the budget allows.
    let spent = outcome.slos[0].spent.low.unwrap();
    assert!((spent - 4_320.0 / 25_920.0).abs() < 1e-9, "{spent}");
    assert_eq!((outcome.slos[0].counts.bad, outcome.slos[0].counts.unknown), (4_320, 0));
}

#[test]
fn another_policy_pages_otherwise_and_both_are_told() {
    let recording =
        record(1_440, |minute| Some(if (601..=660).contains(&minute) { 12 } else { 0 }));
    // 2 %, 20 × as fast as allowed: an hour's 720 of 36,000 reach 1.44 % = 518.4 with the 44th bad
    // minute, 528; the evidence wants 556, the 47th, 564.
    let workbook = replay(Policy::workbook(), &recording);
    assert_eq!(of(&workbook, AlertName::Page)[0].0, 647);
    // The notice of two-five is 2 ×: 0.2 % of 36,000 = 72, share 2 × 1 h ÷ 30 d = 72 too; evidence
    // 72 + 1.645 · √(0.002 · 0.998 · 36,000) = 85.9: the eighth bad minute, 96.
    let gentle = replay(Policy::two_five(), &recording);
    assert_eq!(of(&gentle, AlertName::Notice)[0].0, 608);
    let both = [workbook, gentle];
    let words = text(&both);
    assert!(words.contains("2026-01-05T10:47:00Z"), "{words}");
    assert!(words.contains("with two-five") && words.contains("SloNotice"), "{words}");
    let html = page(&both);
    assert!(html.contains("<svg") && !html.contains("http"), "no asset from elsewhere");
    assert_eq!(json(&both)["replays"][1]["slos"][0]["alerts"][0]["from"], "2026-01-05T10:08:00Z");
}

#[test]
fn a_target_that_is_gone_pages_for_that() {
    let recording = record(1_440, |minute| (!(600..700).contains(&minute)).then_some(0));
    let outcome = replay(Policy::workbook(), &recording);
    // The last scrape is that of minute 599; five minutes later nothing is known any more.
    let fired = of(&outcome, AlertName::NoData);
    assert_eq!(fired.len(), 1, "{fired:?}");
    assert!((604..=606).contains(&fired[0].0), "{fired:?}");
    assert!(fired[0].1.is_some_and(|end| (700..=706).contains(&end)), "{fired:?}");
}

#[test]
fn what_is_not_recorded_is_said() {
    let mut recording = Recording::default();
    let replay = Replay {
        name: "x".into(),
        slos: vec![slo(Policy::workbook())],
        step: Duration::from_secs(60),
    };
    let said = replay.samples(&recording, |_| true).unwrap_err().to_string();
    assert!(said.starts_with("no sample lies in that range"), "{said}");
    let other = SeriesKey { name: "other_total".into(), labels: Labels::default() };
    recording.add(&other, TimeMs(START), 1.0).unwrap();
    let said = replay.samples(&recording, |_| true).unwrap_err().to_string();
    assert!(said.contains("recorded are: other_total"), "{said}");
}

#[test]
fn a_found_page_becomes_a_test() {
    let recording =
        record(1_440, |minute| Some(if (601..=660).contains(&minute) { 72 } else { 0 }));
    let outcome = replay(Policy::workbook(), &recording);
    let (rules, tests) = promtool(&recording, &outcome, "found.rules.yml").expect("YAML");
    assert!(rules.contains("alert: SloPage") && tests.contains("rule_files:\n- found.rules.yml"));
    assert!(tests.contains("shop/api pages at 2026-01-05T10:08:00Z"), "{tests}");
}

/// Two instances of one job, each at 60 a minute for an hour: the first ends when the second begins.
fn replaced(tells_failures: bool) -> Recording {
    let mut recording = Recording::default();
    let labels =
        |instance: &str| Labels::new([("job", "shop"), ("instance", instance)]).expect("labels");
    for minute in 0..=120_i64 {
        let (instance, since) = if minute < 60 { ("shop:1", 0) } else { ("shop:2", 60) };
        let at = TimeMs(START + minute * MINUTE);
        for name in ["requests_total", "errors_total"] {
            let key = SeriesKey { name: name.into(), labels: labels(instance) };
            let value = if name == "errors_total" { 0 } else { (minute - since) * 60 };
            recording.add(&key, at, value as f64).unwrap();
        }
        if tells_failures {
            recording.add_scrape(&labels(instance), at);
        }
    }
    recording
}

/// What the first counted from minute 0 to 59, and the second from 60 to 120: 59 + 60 minutes.
#[test]
fn a_target_that_was_replaced_is_expected_no_longer() {
    let outcome = replay(Policy::workbook(), &replaced(true));
    let counts = outcome.slos[0].counts;
    assert_eq!((counts.good, counts.bad), (119 * 60, 0));
    // Three minutes pass before its silence can be told from a missed scrape.
    assert!(counts.unknown <= 4 * 60, "{counts:?}");
    // Where failures aren't told, nobody can tell either.
    let blind = replay(Policy::workbook(), &replaced(false)).slos[0].counts;
    assert_eq!((blind.good, blind.unknown), (119 * 60, 61 * 60));
}

/// One target is scraped each 15 s and one each minute: neither is late.
#[test]
fn targets_of_several_intervals_are_all_on_time() {
    let mut recording = Recording::default();
    for (instance, seconds) in [("shop:1", 15), ("shop:2", 60)] {
        let labels = Labels::new([("job", "shop"), ("instance", instance)]).expect("labels");
        for scrape in 0..=(3_600 / seconds) {
            let at = TimeMs(START + scrape * seconds * 1_000);
            for (name, rate) in [("requests_total", 10), ("errors_total", 0)] {
                let key = SeriesKey { name: name.into(), labels: labels.clone() };
                recording.add(&key, at, (scrape * seconds * rate) as f64).unwrap();
            }
        }
    }
    assert_eq!(recording.interval(), Some(Duration::from_secs(15)));
    let slos = vec![slo(Policy::workbook())];
    let replay = Replay { name: "x".into(), slos, step: Duration::from_secs(15) };
    let outcome = replay.samples(&recording, |_| true).expect("a replay");
    let counts = outcome.slos[0].counts;
    assert_eq!((counts.good, counts.bad, counts.unknown), (2 * 36_000, 0, 0));
    assert_eq!(outcome.slos[0].coverage, Some(1.0));
}

/// A recording in pieces gives what it gives as a whole.
#[test]
fn pieces_are_the_whole() {
    let bad = |minute: i64| match minute {
        601..=660 => Some(72),
        900..=950 => None,
        _ => Some(0),
    };
    let whole = record(1_440, bad);
    let expected = replay(Policy::workbook(), &whole);
    let slos = vec![slo(Policy::workbook())];
    let replay = Replay { name: "workbook".into(), slos, step: Duration::from_secs(60) };
    let (from, to) = whole.span().unwrap();
    let mut run = replay.begin(from, to).unwrap();
    let mut piece = Recording::default();
    for minutes in [0..=299, 300..=919, 920..=929, 930..=1_440] {
        piece.clear();
        record_into(&mut piece, minutes, bad);
        run.play(&piece, |_| true);
    }
    let outcome = run.finish(&piece.names()).unwrap();
    assert_eq!(outcome.slos[0].fired, expected.slos[0].fired);
    assert_eq!(outcome.slos[0].counts, expected.slos[0].counts);
    assert_eq!(outcome.to, expected.to);
}
