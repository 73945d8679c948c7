//! Services whose truth is worked out by hand: objective 99.9 %, 30 days, the workbook's policy.

mod script;

use plimsoll_model::Interval;
use plimsoll_slo::{AlertName, BadOf, Reason, WindowBurn};
use plimsoll_slo::{Assessment, Cause};
use script::{DAY, HOUR, MINUTE, Script, assert_close, level_slo, slo};
use std::time::Duration;

fn window(assessment: &Assessment, length: Duration) -> WindowBurn {
    let found = assessment.windows.iter().find(|burn| burn.length == length);
    *found.unwrap_or_else(|| panic!("no window of {length:?}"))
}

fn met(assessment: &Assessment) -> Vec<Cause> {
    let met = assessment.conditions.iter().filter(|condition| condition.is_met);
    met.map(|condition| condition.cause).collect()
}

#[test]
fn silence_after_traffic_is_no_demand() {
    let mut script = Script::default();
    script.run(60, 600, 0).run(10, 0, 0);
    let assessment = script.assess(&slo(999_000));
    let burn = window(&assessment, 5 * MINUTE);
    assert_eq!((burn.reason, burn.burn), (Some(Reason::NoDemand), Interval::default()));
    assert!(assessment.reasons.contains(&("burn.5m".into(), Reason::NoDemand)));
    assert_eq!(assessment.budget.spent, Interval::exactly(0.0));
    assert_eq!(assessment.budget.remaining, Interval::exactly(1.0));
    assert_eq!(assessment.coverage, Some(1.0));
    assert_eq!(met(&assessment), []);
}

#[test]
fn no_error_ever_is_a_burn_of_zero() {
    let mut script = Script::default();
    script.run(60, 600, 0);
    let assessment = script.assess(&slo(999_000));
    assert_eq!((assessment.counts.good, assessment.counts.bad), (36_000, 0));
    assert_eq!(assessment.ratio, Interval::exactly(0.0));
    assert_eq!(window(&assessment, HOUR).burn, Interval::exactly(0.0));
    assert_eq!(assessment.forecast.exhaustion_seconds, Interval::default());
    assert!(assessment.reasons.contains(&("exhaustion_seconds".into(), Reason::NotBurning)));
}

#[test]
fn a_rough_start_costs_its_share_of_a_whole_period() {
    // 60 bad of the 25,920 that 30 days at 600 a minute allow.
    let mut script = Script::default();
    script.run(5, 588, 12);
    let early = script.assess(&slo(999_000));
    assert_close(early.budget.expected, 25_920_000.0, 1e-3);
    assert_close(early.budget.spent.low, 0.002_315, 5e-7);
    script.run(2 * 1_440 - 5, 600, 0);
    assert!(script.replay(&slo(999_000)).iter().all(Vec::is_empty), "not one minute alerts");
    script.run(28 * 1_440, 600, 0);
    let late = script.assess(&slo(999_000));
    assert_eq!((late.counts.bad, late.counts.known()), (60, 25_920_000));
    assert_close(late.budget.spent.low, 0.002_315, 5e-7);
    assert_close(late.budget.spent.high, 0.002_315, 5e-7);
}

#[test]
fn a_bad_hour_at_night_weighs_what_it_served() {
    let mut script = Script::default();
    script.run(23 * 60, 6_000, 0).run(60, 5, 5);
    let assessment = script.assess(&slo(999_000));
    assert_eq!((assessment.counts.bad, assessment.counts.known()), (300, 8_280_600));
    assert_close(assessment.ratio.low, 0.000_036, 5e-7);
    let page = &assessment.rows[0];
    assert!(page.is_long_over && page.is_short_over, "half of all fails");
    assert_close(page.share.low, 0.001_208, 5e-7);
    assert_close(Some(page.share_min), 0.02, 1e-9);
    assert_eq!(met(&assessment), [], "but 0.12 % of the budget is no page");
}

#[test]
fn a_bad_hour_at_peak_pages() {
    let mut script = Script::default();
    script.run(23 * 60, 10, 0).run(60, 3_000, 3_000);
    let assessment = script.assess(&slo(999_000));
    assert_eq!((assessment.counts.bad, assessment.counts.known()), (180_000, 373_800));
    assert_close(assessment.ratio.low, 0.4815, 5e-5);
    assert!(met(&assessment).contains(&Cause::Burn { long: HOUR, short: 5 * MINUTE }));
}

#[test]
fn what_a_gap_held_pages_once_it_is_known() {
    let mut script = Script::default();
    script.run(870, 600, 0).down(30, Some(600));
    let blind = script.assess(&slo(999_000));
    assert_eq!(met(&blind), [Cause::NoData]);
    assert_eq!(window(&blind, 5 * MINUTE).burn, Interval { low: Some(0.0), high: Some(1_000.0) });

    let mut script = Script::default();
    script.run(870, 600, 0).gap(30, 14_400, 3_600);
    let after = script.assess(&slo(999_000));
    assert_eq!((after.counts.bad, after.counts.known()), (3_600, 540_000));
    assert_close(after.ratio.low, 0.006_67, 5e-6);
    let page = &after.rows[0];
    assert_close(page.share.low, 0.139, 5e-4);
    assert_close(page.long.burn.low, 100.0, 1e-9);
    assert_eq!(page.short.ratio.low, Some(0.0), "the gap's bad ones may all lie before the window");
    assert_eq!(page.short.low_extended(), BadOf { bad: 3_600, total: 18_000 });
    assert!(met(&after).contains(&Cause::Burn { long: HOUR, short: 5 * MINUTE }));
}

#[test]
fn a_burst_of_a_level_weighs_its_milliseconds() {
    let mut script = Script::default();
    script.run(4, 60_000, 0).run(1, 59_800, 200);
    let assessment = script.assess(&level_slo(999_000));
    let burn = window(&assessment, 5 * MINUTE);
    assert_eq!((burn.held.counts.bad, burn.held.counts.known()), (200, 300_000));
    assert_close(burn.burn.low, 0.67, 5e-3);
    assert_eq!((assessment.unit.as_str(), met(&assessment)), ("ms", Vec::new()));
}

#[test]
fn the_first_full_second_of_a_level_is_no_outage() {
    let mut script = Script::default();
    script.run(1, 0, 60_000);
    assert!(
        !met(&script.assess(&level_slo(999_000))).contains(&Cause::Outage { short: 5 * MINUTE })
    );
    script.run(4, 0, 60_000);
    assert!(
        met(&script.assess(&level_slo(999_000))).contains(&Cause::Outage { short: 5 * MINUTE })
    );
}

#[test]
fn one_failure_of_sixty_is_no_evidence() {
    let mut script = Script::default();
    script.run(59, 1, 0).run(1, 0, 1);
    let assessment = script.assess(&slo(999_000));
    let page = &assessment.rows[0];
    assert!(page.is_long_over && page.is_short_over && page.is_share_reached);
    assert_close(Some(page.evidence.ratio_min), 0.0037, 5e-5);
    assert_close(Some(page.evidence.ratio_threshold), 0.0144, 1e-12);
    assert!(!page.evidence.is_enough);
    assert_eq!(met(&assessment), []);
    // Were it only the count that is missing, more traffic of the same kind would page.
    let mut busy = Script::default();
    busy.run(60, 590, 10);
    assert!(
        met(&busy.assess(&slo(999_000))).contains(&Cause::Burn { long: HOUR, short: 5 * MINUTE })
    );
}

#[test]
fn four_failures_of_four_are_no_evidence() {
    let mut script = Script::default();
    script.run(56, 0, 0).run(4, 0, 1);
    assert_eq!(met(&script.assess(&slo(999_000))), [Cause::Exhausted], "2.88 are allowed a month");
    script.run(1, 0, 1);
    let burn = Cause::Burn { long: HOUR, short: 5 * MINUTE };
    assert!(met(&script.assess(&slo(999_000))).contains(&burn));
}

#[test]
fn a_service_without_a_request_has_spent_nothing() {
    let mut script = Script::default();
    script.run(60, 0, 0);
    let assessment = script.assess(&slo(999_000));
    assert_eq!(assessment.budget.spent, Interval::exactly(0.0));
    assert_eq!(assessment.budget.reason, None);
    assert!(assessment.reasons.contains(&("ratio".into(), Reason::NoDemand)));
    assert_eq!(met(&assessment), []);
}

#[test]
fn an_outage_at_night_pages_whatever_its_share() {
    let outage = Cause::Outage { short: 5 * MINUTE };
    let mut script = Script::default();
    script.run(23 * 60, 6_000, 0);
    for minute in 1..=360 {
        script.run(1, 0, 10);
        let assessment = script.assess(&slo(999_000));
        assert_eq!(met(&assessment).contains(&outage), minute >= 5, "minute {minute}");
        assert!(assessment.rows[0].share.high < Some(0.02), "minute {minute}");
        if minute == 5 {
            let low = assessment.rows[0].short.low();
            assert_eq!(low, BadOf { bad: 50, total: 50 });
            assert_close(assessment.rows[0].share.low, 0.000_193_6, 5e-8);
        }
    }
}

#[test]
fn a_target_that_goes_down_pages_after_five_minutes() {
    let mut script = Script::default();
    script.run(10, 600, 0).down(5, Some(600));
    let fired = script.replay(&slo(999_000));
    assert!(fired[..14].iter().all(Vec::is_empty), "{fired:?}");
    assert!(fired[14].contains(&AlertName::NoData));
    let assessment = script.assess(&slo(999_000));
    assert_eq!(window(&assessment, 5 * MINUTE).coverage, Some(0.0));
}

#[test]
fn going_blind_ends_no_page() {
    for rate in [Some(600), None] {
        let mut script = Script::default();
        script.run(120, 600, 0).run(60, 300, 300).down(2 * 1_440, rate);
        let fired = script.replay(&slo(999_000));
        let first = fired.iter().position(|names| names.contains(&AlertName::Page));
        let first = first.expect("it pages");
        assert!(first < 180, "at minute {first}");
        assert!(fired[first..].iter().all(|names| names.contains(&AlertName::Page)), "{rate:?}");
        let no_data = fired.iter().any(|names| names.contains(&AlertName::NoData));
        assert!(!no_data, "whoever was paged isn't paged again for the dark");
    }
}

#[test]
fn an_unreachable_pair_is_left_out_and_the_others_stay() {
    let mut slo = slo(900_000);
    let lost = slo.alerting.policy.split_off_unreachable(slo.objective);
    assert_eq!(lost.iter().map(|row| row.burn.0).collect::<Vec<_>>(), [14_400]);
    assert_eq!(slo.alerting.policy.rows.len(), 3);
    let mut script = Script::default();
    script.run(6 * 60, 0, 600);
    assert!(
        met(&script.assess(&slo)).contains(&Cause::Burn { long: 6 * HOUR, short: 30 * MINUTE })
    );
}

#[test]
fn the_budget_of_a_gappy_period_is_what_its_known_time_promises() {
    // Half of two days known, at 600 a minute: a period is still 30 days of 600 a minute.
    let mut script = Script::default();
    script.run(1_440, 600, 0).down(1_440, Some(600));
    let assessment = script.assess(&slo(999_000));
    assert_close(assessment.budget.expected, 25_920_000.0, 1e-3);
    assert_eq!(assessment.coverage, Some(0.5));
    // Nothing was seen to go wrong; at worst 864,000 of the 25,920 that are allowed.
    assert_eq!(assessment.budget.spent.low, Some(0.0));
    assert_close(assessment.budget.spent.high, 864_000.0 / 25_920.0, 1e-9);
    assert_close(assessment.budget.remaining.low, 1.0 - 864_000.0 / 25_920.0, 1e-9);
}

#[test]
fn the_budget_ends_when_the_pace_says() {
    // 30 days at 1,000 a minute, half of the 43,200 allowed spent long ago; now 10 a minute are bad,
    // 600 an hour: the 21,000 that remain after that hour last 35 hours.
    let mut script = Script::default();
    script.run(21_600, 999, 1).run(21_540, 1_000, 0).run(60, 990, 10);
    let assessment = script.assess(&slo(999_000));
    assert_eq!((assessment.counts.bad, assessment.counts.known()), (22_200, 43_200_000));
    assert_close(assessment.forecast.exhaustion_seconds.low, 35.0 * 3_600.0, 1e-3);
    assert_close(assessment.forecast.exhaustion_seconds.high, 35.0 * 3_600.0, 1e-3);
    // The rolling period gives one a minute back meanwhile, which the forecast doesn't count on:
    // 22,200 + 9 × 2,400 after 40 hours.
    script.run(40 * 60, 990, 10);
    let spent = script.assess(&slo(999_000));
    assert_eq!(spent.forecast.exhaustion_seconds, Interval::exactly(0.0));
    assert!(met(&spent).contains(&Cause::Exhausted));
}

#[test]
fn counts_at_the_end_of_their_range_neither_panic_nor_hide() {
    let mut script = Script::default();
    script.run(60, 0, u64::MAX).down(5, Some(u64::MAX)).gap(3, u64::MAX, u64::MAX);
    let assessment = script.assess(&slo(999_000));
    assert_eq!(assessment.counts.bad, u64::MAX);
    assert!(!met(&assessment).is_empty());
    assert!(slo(999_000).windows(MINUTE).contains(&(30 * DAY)));
}
