//! What the scenario scripts don't say of budgets and evidence: objective 99.9 %, 30 days, the
//! workbook's policy.

mod script;

use plimsoll_model::Interval;
use plimsoll_slo::{Assessment, Cause, Reason};
use script::{DAY, HOUR, MINUTE, Script, assert_close, level_slo, slo};

fn met(assessment: &Assessment) -> Vec<Cause> {
    let met = assessment.conditions.iter().filter(|condition| condition.is_met);
    met.map(|condition| condition.cause).collect()
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
