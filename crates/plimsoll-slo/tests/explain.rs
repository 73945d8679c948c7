//! The words that an operator reads: every number of the decision, in one known shape.

mod script;

use plimsoll_slo::explain;
use script::{Script, slo};

#[test]
fn a_page_after_a_gap_is_explained() {
    let mut script = Script::default();
    script.run(870, 600, 0).gap(30, 14_400, 3_600);
    let mut slo = slo(999_000);
    slo.alerting.policy.rows.truncate(1);
    let expected = "\
checkout/auth: 99.9 % over 30d, policy workbook
  counts     536400 good, 3600 bad, 0 unknown events
  coverage   100 %
  bad ratio  0.6667 %
  budget     13.89 % spent, of what 25920000 expected events allow
  lasts      6h12m
page at 14.4 times over 1h and 5m:
  1h         burns 100 (3600 of 36000 surely bad); has to be over 14.4: yes
  5m         burns 0 to 1000 (0 of 14400 surely bad), 200 with the gap that it cuts (3600 of 18000); has to be over 14.4: yes
  share      13.89 % of the budget; has to be 2 % at least: yes
  evidence   3600 bad, which prove 9.743 %; has to be 5 and over 1.44 %: yes
  or outage  3600 of 18000 bad in 5m; has to be 90 % and 20 at least: no
page for nothing seen for 5m: no
ticket for nothing ever seen: no
ticket for less than 90 % seen: no
ticket for the whole budget spent: no
so SloPage is due
";
    assert_eq!(explain(&slo, &script.assess(&slo)), expected);
}

#[test]
fn what_is_not_known_is_said_so() {
    let mut script = Script::default();
    script.down(10, None);
    let mut slo = slo(999_000);
    slo.alerting.policy.rows.truncate(1);
    let text = explain(&slo, &script.assess(&slo));
    assert!(text.contains("bad ratio  never seen\n"), "{text}");
    assert!(text.contains("ticket for nothing ever seen: yes\n"), "{text}");
    assert!(text.ends_with("so SloTicket is due\n"), "{text}");
    assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
}
