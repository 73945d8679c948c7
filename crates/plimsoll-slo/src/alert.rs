use crate::{AlertName, Assessment, Cause, Condition};
use plimsoll_model::{Interval, TimeMs};
use std::time::Duration;

/// Where an alert is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AlertState {
    /// Its condition holds, not yet for long enough.
    Pending,
    /// It fires.
    Firing,
    /// It fired, and is over.
    Resolved,
}

impl AlertState {
    /// Returns its name, as `firing`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Firing => "firing",
            Self::Resolved => "resolved",
        }
    }
}

/// One alert of an SLO. Plain data: what is kept of it over a restart is what goes on.
#[derive(Clone, Debug, PartialEq)]
pub struct Alert {
    /// Which one; an SLO has each at most once.
    pub name: AlertName,
    /// Where it is.
    pub state: AlertState,
    /// When it began to pend, or, once it fires, to fire.
    pub since: TimeMs,
    /// When it was resolved.
    pub resolved_at: Option<TimeMs>,
    /// What keeps it: causes that were met and aren't surely over.
    pub causes: Vec<Cause>,
    /// Since when nothing keeps it, while it still fires.
    pub quiet_since: Option<TimeMs>,
    /// How long nothing may keep it before it is resolved.
    pub hold_off: Duration,
    /// The part of the budget that it stands for, the largest of its causes.
    pub share: Interval,
}

/// What happened to an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Its condition began to hold.
    Pended,
    /// It fires.
    Fired,
    /// It is over.
    Resolved,
    /// Its condition ended before it fired; nobody was told of it.
    Lapsed,
}

/// A change, and the alert after it.
#[derive(Clone, Debug, PartialEq)]
pub struct Transition {
    /// What happened.
    pub change: Change,
    /// The alert after it.
    pub alert: Alert,
}

/// The alerts of one SLO, or of one label set of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Alerts {
    alerts: Vec<Alert>,
}

impl Alerts {
    /// Takes up alerts where they were left, so that one that fires keeps its start.
    pub fn restore(alerts: Vec<Alert>) -> Self {
        Self { alerts }
    }

    /// Returns the alerts that pend, fire, or fired last.
    pub fn iter(&self) -> impl Iterator<Item = &Alert> {
        self.alerts.iter()
    }

    /// Returns the alert of that name, if it fires.
    pub fn firing(&self, name: AlertName) -> Option<&Alert> {
        self.iter().find(|alert| alert.name == name && alert.state == AlertState::Firing)
    }

    /// Takes one step with a new assessment, and returns what changed.
    pub fn step(&mut self, now: TimeMs, assessment: &Assessment) -> Vec<Transition> {
        let mut transitions = Vec::new();
        if assessment.is_excluded {
            // Windows that an exclusion empties say neither that something begins nor that it is over.
            return transitions;
        }
        for name in AlertName::ALL {
            let of_name = |condition: &&Condition| condition.alert == name;
            let conditions: Vec<&Condition> =
                assessment.conditions.iter().filter(of_name).collect();
            // Whoever was paged for a burn sees that the service has gone dark: a second page for
            // the same SLO would tell nothing new. The first fires on, because blindness ends none.
            let is_told = name == AlertName::NoData && self.firing(AlertName::Page).is_some();
            let at = self.alerts.iter().position(|alert| alert.name == name);
            let alert = match at.map(|at| self.alerts.swap_remove(at)) {
                Some(alert) if alert.state != AlertState::Resolved => Some(alert),
                Some(over) if is_told || !conditions.iter().any(|condition| condition.is_met) => {
                    self.alerts.push(over);
                    None
                }
                _ if is_told => None,
                _ => begin(name, &conditions, now, &mut transitions),
            };
            let next = alert.and_then(|alert| go_on(alert, &conditions, now, &mut transitions));
            self.alerts.extend(next);
        }
        transitions
    }
}

fn begin(
    name: AlertName,
    conditions: &[&Condition],
    now: TimeMs,
    transitions: &mut Vec<Transition>,
) -> Option<Alert> {
    if !conditions.iter().any(|condition| condition.is_met) {
        return None;
    }
    let alert = Alert {
        name,
        state: AlertState::Pending,
        since: now,
        resolved_at: None,
        causes: Vec::new(),
        quiet_since: None,
        hold_off: Duration::ZERO,
        share: Interval::default(),
    };
    transitions.push(Transition { change: Change::Pended, alert: alert.clone() });
    Some(alert)
}

/// Moves a pending or firing alert on; `None` once a pending one lapsed.
fn go_on(
    mut alert: Alert,
    conditions: &[&Condition],
    now: TimeMs,
    transitions: &mut Vec<Transition>,
) -> Option<Alert> {
    alert.hold(conditions);
    let mut tell = |change, alert: &Alert| {
        transitions.push(Transition { change, alert: alert.clone() });
    };
    if alert.state == AlertState::Pending {
        let met = conditions.iter().filter(|condition| condition.is_met);
        let Some(pending_for) = met.map(|condition| condition.pending_for).min() else {
            tell(Change::Lapsed, &alert);
            return None;
        };
        if now.since(alert.since) >= pending_for {
            alert.state = AlertState::Firing;
            alert.since = now;
            tell(Change::Fired, &alert);
        }
        return Some(alert);
    }
    if !alert.causes.is_empty() {
        alert.quiet_since = None;
        return Some(alert);
    }
    let quiet_since = *alert.quiet_since.get_or_insert(now);
    if now.since(quiet_since) >= alert.hold_off {
        alert.state = AlertState::Resolved;
        alert.resolved_at = Some(now);
        tell(Change::Resolved, &alert);
    }
    Some(alert)
}

impl Alert {
    /// Takes causes in that are met, and lets those go that are surely over or no longer looked at.
    fn hold(&mut self, conditions: &[&Condition]) {
        let keeps = |condition: &&&Condition| {
            condition.is_met || (!condition.is_over && self.causes.contains(&condition.cause))
        };
        let kept: Vec<&&Condition> = conditions.iter().filter(keeps).collect();
        if let Some(hold_off) = kept.iter().map(|condition| condition.hold_off).max() {
            self.hold_off = hold_off;
            let largest = |one: Option<f64>, other: Option<f64>| match (one, other) {
                (Some(one), Some(other)) => Some(one.max(other)),
                (one, other) => one.or(other),
            };
            self.share = kept.iter().fold(Interval::default(), |share, condition| Interval {
                low: largest(share.low, condition.share.low),
                high: largest(share.high, condition.share.high),
            });
        }
        self.causes = kept.iter().map(|condition| condition.cause).collect();
    }
}
