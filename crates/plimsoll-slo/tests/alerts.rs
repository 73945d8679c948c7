//! The life of an alert: what begins it, what keeps it, what ends it.

mod script;

use plimsoll_slo::{
    Alert, AlertName, AlertState, Alerts, Assessment, Cause, Change, Period, Policy, Slo,
    Transition,
};
use script::{HOUR, MINUTE, Script, at, slo};

/// Runs a script minute by minute and gives each step's changes with its minute.
struct Life {
    script: Script,
    alerts: Alerts,
    slo: Slo,
    changes: Vec<(usize, AlertName, Change)>,
    minute: usize,
}

impl Life {
    fn new(slo: Slo) -> Self {
        let (script, alerts) = (Script::default(), Alerts::default());
        Self { script, alerts, slo, changes: Vec::new(), minute: 0 }
    }

    fn run(&mut self, minutes: usize, good: u64, bad: u64) {
        for _ in 0..minutes {
            self.script.run(1, good, bad);
            self.step();
        }
    }

    fn down(&mut self, minutes: usize) {
        for _ in 0..minutes {
            self.script.down(1, Some(600));
            self.step();
        }
    }

    fn step(&mut self) {
        self.minute += 1;
        let assessment: Assessment = self.script.assess(&self.slo);
        for Transition { change, alert } in self.alerts.step(self.script.now(), &assessment) {
            self.changes.push((self.minute, alert.name, change));
        }
    }

    fn page(&self) -> Option<&Alert> {
        self.alerts.iter().find(|alert| alert.name == AlertName::Page)
    }

    fn changes_of(&self, name: AlertName) -> Vec<(usize, Change)> {
        let of_name = self.changes.iter().filter(|(_, other, _)| *other == name);
        of_name.map(|(minute, _, change)| (*minute, *change)).collect()
    }
}

/// Only the fast row, so that the minutes can be told by hand.
fn fast() -> Slo {
    let mut slo = slo(999_000);
    slo.alerting.policy.rows.truncate(1);
    slo
}

#[test]
fn a_page_fires_once_and_is_resolved_after_its_hold_off() {
    let mut life = Life::new(fast());
    life.run(600, 600, 0);
    // Of 25,920 allowed in 30 days, 2 % are 518.4: at 300 bad a minute the second minute reaches it.
    // The hour is at 600 ÷ 36,000, the five minutes at 600 ÷ 3,000: both over 1.44 %.
    life.run(4, 300, 300);
    assert_eq!(life.changes_of(AlertName::Page), [(602, Change::Pended), (602, Change::Fired)]);
    assert_eq!(life.page().map(|page| page.since), Some(at(602)));
    // The last bad minute, 604, leaves the five minutes at 609; from then on it has to be quiet for
    // five minutes more.
    life.run(60, 600, 0);
    assert_eq!(life.changes_of(AlertName::Page).last(), Some(&(614, Change::Resolved)));
    let page = life.page().expect("kept");
    assert_eq!((page.state, page.since), (AlertState::Resolved, at(602)));
    assert_eq!(page.resolved_at, Some(at(614)));
}

#[test]
fn a_page_that_flaps_within_its_hold_off_stays_the_same_page() {
    let mut life = Life::new(fast());
    life.run(600, 600, 0);
    life.run(4, 300, 300);
    life.run(7, 600, 0);
    life.run(4, 300, 300);
    life.run(8, 600, 0);
    assert_eq!(life.changes_of(AlertName::Page), [(602, Change::Pended), (602, Change::Fired)]);
    life.run(10, 600, 0);
    assert_eq!(life.changes_of(AlertName::Page).last(), Some(&(625, Change::Resolved)));
    // After that, a new fault is a new page.
    life.run(3, 300, 300);
    let page = life.page().expect("there");
    assert_eq!((page.state, page.resolved_at), (AlertState::Firing, None));
    assert!(page.since > at(625));
}

fn hold_rows(slo: &mut Slo, pending_for: std::time::Duration) {
    slo.alerting.policy.rows.iter_mut().for_each(|row| row.pending_for = pending_for);
}

#[test]
fn a_condition_that_ends_while_it_pends_tells_nobody() {
    let mut slo = fast();
    hold_rows(&mut slo, 3 * MINUTE);
    let mut life = Life::new(slo.clone());
    life.run(600, 600, 0);
    life.run(2, 300, 300);
    life.run(10, 600, 0);
    let changes = life.changes_of(AlertName::Page);
    assert_eq!(changes.first(), Some(&(602, Change::Pended)));
    // Its five minutes are over the threshold until the bad ones leave them: it holds long enough.
    assert_eq!(changes.get(1), Some(&(605, Change::Fired)));
    hold_rows(&mut slo, 30 * MINUTE);
    let mut life = Life::new(slo);
    life.run(600, 600, 0);
    life.run(2, 300, 300);
    life.run(60, 600, 0);
    assert_eq!(life.changes_of(AlertName::Page), [(602, Change::Pended), (607, Change::Lapsed)]);
    assert_eq!(life.page(), None);
}

#[test]
fn a_restart_keeps_the_start_and_the_causes() {
    let mut life = Life::new(fast());
    life.run(600, 600, 0);
    life.run(4, 300, 300);
    let kept: Vec<Alert> = life.alerts.iter().cloned().collect();
    life.alerts = Alerts::restore(kept);
    life.run(1, 300, 300);
    assert_eq!(life.changes_of(AlertName::Page).len(), 2, "no second page");
    assert_eq!(life.page().map(|page| page.since), Some(at(602)));
    assert!(life.page().is_some_and(|page| !page.causes.is_empty()));
}

#[test]
fn a_cause_that_a_new_policy_lacks_ends_the_page() {
    let mut life = Life::new(fast());
    life.run(600, 600, 0);
    life.run(4, 300, 300);
    life.slo.alerting.policy = Policy { name: "none".into(), rows: Vec::new() };
    life.run(6, 600, 0);
    assert_eq!(life.changes_of(AlertName::Page).last(), Some(&(610, Change::Resolved)));
}

#[test]
fn a_target_that_comes_back_well_resolves_no_data() {
    let mut life = Life::new(slo(999_000));
    life.run(600, 600, 0);
    life.down(10);
    assert_eq!(life.changes_of(AlertName::NoData).last(), Some(&(605, Change::Fired)));
    life.run(10, 600, 0);
    assert_eq!(life.changes_of(AlertName::NoData).last(), Some(&(616, Change::Resolved)));
    assert_eq!(life.page(), None, "what nobody saw is never bad by itself");
}

#[test]
fn a_target_that_never_spoke_is_a_ticket() {
    let mut life = Life::new(slo(999_000));
    life.down(20);
    let changes = life.changes_of(AlertName::Ticket);
    assert_eq!(changes, [(5, Change::Pended), (5, Change::Fired)]);
    let ticket = life.alerts.firing(AlertName::Ticket).expect("fires");
    assert_eq!(ticket.causes, [Cause::NeverSeen]);
    assert_eq!(life.changes_of(AlertName::NoData), []);
}

#[test]
fn too_little_seen_is_a_ticket() {
    let mut life = Life::new(slo(999_000));
    life.run(600, 600, 0);
    // Every other scrape is lost: it is never dark for five minutes, yet a tenth of six hours is
    // lost after 36 missed ones; 37 are more than a tenth.
    for _ in 0..40 {
        life.down(1);
        life.run(1, 600, 0);
    }
    assert_eq!(life.changes_of(AlertName::Ticket).first(), Some(&(673, Change::Pended)));
    let ticket = life.alerts.firing(AlertName::Ticket).expect("fires");
    assert_eq!(ticket.causes, [Cause::Coverage]);
    assert_eq!(life.changes_of(AlertName::NoData), []);
}

#[test]
fn the_two_five_policy_gives_notice_first() {
    let mut slow = slo(999_000);
    slow.alerting.policy = Policy::two_five();
    let mut life = Life::new(slow);
    // 0.3 % bad: three times the pace. Over 2, so a notice; under 5, so no page.
    life.run(120, 997, 3);
    assert!(life.alerts.firing(AlertName::Notice).is_some());
    assert_eq!(life.page(), None);
}

#[test]
fn going_blind_gives_no_budget_back() {
    let mut hourly = slo(999_000);
    hourly.period = Period::Rolling(HOUR);
    hourly.alerting.policy = Policy { name: "none".into(), rows: Vec::new() };
    let mut life = Life::new(hourly);
    life.script.period = Some(HOUR);
    life.run(30, 0, 600);
    assert_eq!(life.changes_of(AlertName::Ticket).last(), Some(&(1, Change::Fired)));
    // The bad half hour has left the period after minute 90, yet nobody knows what came after it.
    life.down(120);
    assert!(life.alerts.firing(AlertName::Ticket).is_some());
    life.run(70, 600, 0);
    assert!(life.alerts.firing(AlertName::Ticket).is_none());
}
