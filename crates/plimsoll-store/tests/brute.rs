//! Random services against a replay that shares nothing with the engine but the minutes: every window,
//! budget and alert is worked out anew from a list of minutes, with calendars, exclusions, composites.

#![allow(clippy::expect_used, clippy::panic, reason = "a test")]

mod scene;

use plimsoll_model::TimeMs;
use plimsoll_slo::{
    AlertName, Alerts, CalendarUnit, Change, Composite, EventsPart, Exclusion, Period, Sli, Slo,
    Windows, Zone, assess,
};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use scene::{MINUTE, Scene, errors, selector, slo};
use std::sync::Arc;
use std::time::Duration;

const LIVES: u64 = 100;
/// Short of six hours, so that every window is cut to the minute.
const MINUTES: i64 = 350;

/// When Paris changed its clocks in 2026, in minutes since the epoch.
const TO_SUMMER: i64 = 1_774_746_000 / 60;
const TO_WINTER: i64 = 1_792_890_000 / 60;

/// 99.9 % and the workbook's page rows over 30 days, in thousandths, minutes, minutes.
const ALLOWED: u128 = 1_000;
const ROWS: [(u128, i64, i64); 2] = [(14_400, 60, 5), (6_000, 360, 30)];

/// What one minute held.
#[derive(Clone, Copy, Debug, Default)]
struct Minute {
    good: u64,
    bad: u64,
    excluded: bool,
}

/// A life, minute by minute from `begin` on.
#[derive(Default)]
struct Truth {
    begin: i64,
    minutes: Vec<Minute>,
}

impl Truth {
    fn now(&self) -> i64 {
        self.begin + self.minutes.len() as i64
    }

    /// Sums the minutes after `from`: good, bad, how many counted.
    fn since(&self, from: i64, with_excluded: bool) -> (u128, u128, i64) {
        let skipped = usize::try_from((from - self.begin).max(0)).expect("positive");
        let counted = self.minutes.iter().skip(skipped).filter(|it| with_excluded || !it.excluded);
        counted.fold((0, 0, 0), |(good, bad, count), minute| {
            (good + u128::from(minute.good), bad + u128::from(minute.bad), count + 1)
        })
    }

    fn window(&self, length: i64) -> (u128, u128) {
        let (good, bad, _) = self.since(self.now() - length, false);
        (good, bad)
    }

    /// Says whether a row of the policy pages, by the text of the rule.
    fn burns(&self, (burn, long, short): (u128, i64, i64), period_start: i64) -> bool {
        let over = |length| {
            let (good, bad) = self.window(length);
            bad * 1_000_000_000 > burn * ALLOWED * (good + bad)
        };
        let (good, bad) = self.window(long);
        let (all_good, all_bad, known) = self.since(period_start, false);
        let share = bad * 1_000_000_000 * known as u128
            >= burn * ALLOWED * long as u128 * (all_good + all_bad);
        let (n, p) = ((good + bad) as f64, bad as f64 / (good + bad).max(1) as f64);
        let z = 1.645_f64;
        let wilson = (p + z * z / (2.0 * n)
            - z * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt())
            / (1.0 + z * z / n);
        over(long) && over(short) && share && bad >= 5 && wilson > burn as f64 / 1e6
    }

    fn under(&self, burn: u128, length: i64) -> bool {
        let (good, bad) = self.window(length);
        good + bad == 0 || bad * 1_000_000_000 < burn * ALLOWED * (good + bad)
    }

    fn outage(&self, short: i64) -> bool {
        let (good, bad) = self.window(short);
        bad >= 20 && bad * 10 >= (good + bad) * 9
    }
}

/// A page as the rules tell it: each row and each outage begins it and has to be over.
#[derive(Default)]
struct Page {
    firing: bool,
    held: [bool; 4],
    quiet_since: Option<i64>,
    hold_off: i64,
}

impl Page {
    fn step(&mut self, truth: &Truth, period_start: i64) -> Option<Change> {
        let now = truth.now();
        if truth.minutes.last().is_some_and(|minute| minute.excluded) {
            return None;
        }
        let (mut held, mut any_met, mut hold_off) = ([false; 4], false, None);
        for (at, row) in ROWS.into_iter().enumerate() {
            let (burn, long, short) = row;
            let burns = truth.burns(row, period_start);
            let is_over = !burns && (truth.under(burn, long) || truth.under(burn, short));
            let outage = truth.outage(short);
            let causes = [(burns, is_over), (outage, truth.under(burn, short))];
            for (which, (met, over)) in causes.into_iter().enumerate() {
                let cause = 2 * at + which;
                any_met |= met;
                held[cause] = met || (!over && self.firing && self.held[cause]);
                if held[cause] {
                    hold_off = Some(hold_off.map_or(short, |longest: i64| longest.max(short)));
                }
            }
        }
        if !self.firing && !any_met {
            return None;
        }
        (self.held, self.hold_off) = (held, hold_off.unwrap_or(self.hold_off));
        if !self.firing {
            (self.firing, self.quiet_since) = (true, None);
            return Some(Change::Fired);
        }
        if hold_off.is_some() {
            self.quiet_since = None;
            return None;
        }
        let quiet_since = *self.quiet_since.get_or_insert(now);
        (now - quiet_since >= self.hold_off).then(|| {
            self.firing = false;
            Change::Resolved
        })
    }
}

/// Returns when the day in Paris that the minute before `now` lies in began.
fn midnight(now: i64) -> i64 {
    let offset = |at: i64| if (TO_SUMMER..TO_WINTER).contains(&at) { 120 } else { 60 };
    let local = now - 1 + offset(now - 1);
    let guess = local.div_euclid(1_440) * 1_440;
    // The clocks change in the night's second hour, so that midnight has the offset of before.
    guess - offset(guess - 120)
}

fn slos(exclusion: &Arc<Exclusion>) -> Vec<Slo> {
    let mut auth = Slo { name: "auth".into(), ..errors() };
    auth.exclusions = vec![exclusion.clone()];
    let zone: Zone = "Europe/Paris".parse().expect("a zone");
    let daily = Period::Calendar { unit: CalendarUnit::Day, zone };
    let day = Slo { name: "day".into(), period: daily, ..auth.clone() };
    let (total, bad) = (selector("orders_total"), selector("failed_total"));
    let mut billing = slo(
        "billing",
        Sli::Events { total: total.into(), part: EventsPart::Bad(bad.into()), unknown: None },
    );
    billing.exclusions = auth.exclusions.clone();
    let names = ["auth", "billing"].map(str::to_owned);
    let all_of = slo("all", Sli::Composite(Composite::AllOf(names.to_vec())));
    let weights = names.into_iter().zip([700_000, 300_000]).collect();
    let weighted = slo("mean", Sli::Composite(Composite::Weighted(weights)));
    vec![auth, day, billing, all_of, weighted]
}

/// Makes a minute: mostly good, with faults, silences and outages.
fn minute(random: &mut SmallRng, mood: &mut u32) -> (u64, u64) {
    if random.random_range(0..25) == 0 {
        *mood = random.random_range(0..8);
    }
    let traffic =
        random.random_range(0..[600_u64, 10, 600, 600, 0, 40, 600, 5][*mood as usize].max(1));
    let bad_per_mille = [0, 0, 5, 100, 0, 1_000, 1, 300][*mood as usize];
    let bad = (0..traffic).filter(|_| random.random_range(0..1_000) < bad_per_mille).count() as u64;
    (traffic - bad, bad)
}

#[test]
fn every_window_budget_and_page_equals_the_replay() {
    let (mut fired, mut resolved, mut crossed) = (0, 0, 0);
    for seed in 0..LIVES {
        let mut random = SmallRng::seed_from_u64(seed);
        // Around a midnight, often one of those that the clocks change after.
        let anchor = [TO_SUMMER, TO_WINTER, 1_780_000_000 / 60][random.random_range(0..3)];
        let begin = anchor - random.random_range(0..MINUTES);
        let start_excluded = begin + random.random_range(0..MINUTES);
        let excluded_minutes = random.random_range(1..90);
        let exclusion = Arc::new(Exclusion {
            reason: "maintenance".into(),
            start: chrono::DateTime::from_timestamp(start_excluded * 60, 0)
                .expect("a time")
                .naive_utc(),
            recurrence: None,
            duration: Duration::from_secs(60 * excluded_minutes),
            zone: Zone::UTC,
        });
        let excluded = start_excluded..start_excluded + excluded_minutes as i64;
        let mut scene = Scene::of(slos(&exclusion), MINUTE);
        let (mut auth, mut billing) =
            (Truth { begin, ..Truth::default() }, Truth { begin, ..Truth::default() });
        let (mut page, mut alerts) = (Page::default(), Alerts::default());
        let (mut moods, mut sums) = ([0; 2], [0.0; 4]);
        for now in begin..=begin + MINUTES {
            let minutes = moods.each_mut().map(|mood| minute(&mut random, mood));
            if now > begin {
                let is_excluded = excluded.contains(&(now - 1));
                for (truth, (good, bad)) in [&mut auth, &mut billing].into_iter().zip(minutes) {
                    truth.minutes.push(Minute { good, bad, excluded: is_excluded });
                }
                for (at, (good, bad)) in minutes.into_iter().enumerate() {
                    sums[2 * at] += (good + bad) as f64;
                    sums[2 * at + 1] += bad as f64;
                }
            }
            let names = ["requests_total", "errors_total", "orders_total", "failed_total"];
            let mut body: Vec<(&str, f64)> = names.into_iter().zip(sums).collect();
            body.push(("process_start_time_seconds", begin as f64 * 60.0 - 100.0));
            scene.scrape(now * MINUTE, &body);
            if now == begin {
                continue;
            }
            let what = format!("seed {seed}, minute {}", now - begin);
            let changes = hold_windows(&scene, &auth, &what, &mut alerts);
            let expected = page.step(&auth, begin);
            let found = changes
                .into_iter()
                .find(|change| matches!(change, Change::Fired | Change::Resolved));
            assert_eq!(found, expected, "{what}");
            fired += u32::from(expected == Some(Change::Fired));
            resolved += u32::from(expected == Some(Change::Resolved));
            crossed += u32::from(hold_day(&scene, &auth, &what));
            hold_composites(&scene, &auth, &billing, &what);
        }
    }
    assert!(fired > 20 && resolved > 3 && crossed > 200, "{fired} {resolved} {crossed}");
}

/// Holds the rolling SLO against its truth, and returns what happened to its page.
fn hold_windows(scene: &Scene, truth: &Truth, what: &str, alerts: &mut Alerts) -> Vec<Change> {
    let ledger = &scene.store.ledgers()[0];
    for length in [5, 30, 60, 120, 360] {
        let held = ledger.window(Duration::from_secs(60 * length as u64)).counts;
        let found = (u128::from(held.good), u128::from(held.bad));
        // Windows past two hours have edges of 1/120 of their length: a slot of three minutes.
        let edges = 0..=(length / 120);
        let fits = edges.map(|back| truth.window(length + back)).any(|sum| sum == found);
        assert!(fits, "{what}: {length} minutes hold {found:?}, not {:?}", truth.window(length));
    }
    let (good, bad, minutes) = truth.since(truth.begin, true);
    let observed = ledger.observed();
    assert_eq!(
        (u128::from(observed.counts.good), u128::from(observed.counts.bad)),
        (good, bad),
        "{what}"
    );
    assert_eq!(observed.expected.as_secs(), 60 * minutes as u64, "{what}");
    let now = TimeMs(truth.now() * MINUTE);
    let assessment = assess(ledger.slo(), ledger, now);
    let (good, bad, known) = truth.since(truth.begin, false);
    let excluded = truth.minutes.len() as i64 - known;
    let period = (30 * 1_440 - excluded) as f64;
    let allowed = (good + bad) as f64 * period / known.max(1) as f64 / 1_000.0;
    if allowed > 0.0 {
        let spent = assessment.budget.spent.low.expect("known");
        assert!((spent - bad as f64 / allowed).abs() < 1e-9 * (1.0 + spent), "{what}: {spent}");
    }
    let transitions = alerts.step(now, &assessment);
    let pages = transitions.into_iter().filter(|change| change.alert.name == AlertName::Page);
    pages.map(|change| change.change).collect()
}

/// Holds the daily SLO against its truth; says whether a midnight lies behind it.
fn hold_day(scene: &Scene, truth: &Truth, what: &str) -> bool {
    let ledger = &scene.store.ledgers()[1];
    let start = midnight(truth.now());
    let (good, bad, minutes) = truth.since(start, false);
    let held = ledger.period();
    assert_eq!((u128::from(held.counts.good), u128::from(held.counts.bad)), (good, bad), "{what}");
    assert_eq!(held.expected.as_secs(), 60 * minutes as u64, "{what}");
    let (good, bad, _) = truth.since(start, true);
    let held = ledger.observed().counts;
    assert_eq!((u128::from(held.good), u128::from(held.bad)), (good, bad), "{what}: observed");
    start > truth.begin
}

fn hold_composites(scene: &Scene, auth: &Truth, billing: &Truth, what: &str) {
    let all_of = &scene.store.ledgers()[3];
    let is_bad = |minute: &Minute| minute.bad * 1_000 > minute.good + minute.bad;
    let both = auth.minutes.iter().zip(&billing.minutes);
    let bad = both.filter(|(one, other)| is_bad(one) || is_bad(other)).count() as u64;
    let held = all_of.period().counts;
    assert_eq!(
        (held.good + held.bad, held.bad),
        (60_000 * auth.minutes.len() as u64, 60_000 * bad),
        "{what}"
    );
    let weighted = &scene.store.ledgers()[4];
    let (mut weights, mut sum) = (0.0, 0.0);
    for (weight, truth) in [(0.7, auth), (0.3, billing)] {
        let (good, bad) = truth.window(60);
        if good + bad > 0 {
            weights += weight;
            sum += weight * bad as f64 / (good + bad) as f64;
        }
    }
    let held = weighted.window(Duration::from_secs(3_600)).counts;
    let length = 60_000.0 * auth.minutes.len().min(60) as f64;
    let expected = if weights > 0.0 { sum / weights * length } else { 0.0 };
    assert!((held.bad as f64 - expected).abs() <= 2.0, "{what}: {held:?} is not {expected}");
}
