//! The glance that spares an assessment: it may look twice for nothing, and never miss.

mod script;

use plimsoll_slo::is_quiet;
use script::{Script, level_slo, slo};

/// A small generator, so that a failure can be repeated.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) % end
    }
}

#[test]
fn what_is_quiet_at_a_glance_has_no_condition_that_is_met() {
    let mut random = Random(11);
    let slos = [slo(999_000), slo(990_000), slo(900_000), level_slo(999_000)];
    let (mut quiet, mut met) = (0, 0);
    for round in 0..3_000 {
        let mut script = Script::default();
        for _ in 0..=random.below(6) {
            let minutes = usize::try_from(random.below(200) + 1).unwrap_or(1);
            let demand = [0, 1, 60, 6_000][random.below(4) as usize];
            let bad =
                [0, 0, demand / 1_000, demand / 60, demand / 2, demand][random.below(6) as usize];
            match random.below(8) {
                0 => script.down(minutes, Some(demand)),
                1 => script.down(minutes, None),
                2 => script.gap(minutes, demand * 10, bad * 10),
                _ => script.run(minutes, demand - bad, bad),
            };
        }
        for slo in &slos {
            let is_met = script.assess(slo).conditions.iter().any(|condition| condition.is_met);
            if is_quiet(slo, &script, script.now()) {
                quiet += 1;
                assert!(!is_met, "round {round}: {:?}", script.assess(slo).conditions);
            } else {
                met += u32::from(is_met);
            }
        }
    }
    assert!(quiet > 1_000 && met > 1_000, "both happen often: {quiet} quiet, {met} met");
}

#[test]
fn a_service_within_its_objective_is_quiet() {
    let glance = |script: &Script| is_quiet(&slo(999_000), script, script.now());
    assert!(glance(Script::default().run(300, 10_000, 9)));
    assert!(!glance(Script::default().run(300, 10_000, 200)));
    // A young one that is over its allowed ratio has hardly spent any of its month.
    assert!(glance(Script::default().run(300, 10_000, 15)));
}
