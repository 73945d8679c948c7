use super::{kept, kept_resolved};
use crate::notify::{Alert, AlertList, Composer, RESOLVED_KEPT};
use crate::view::SloView;
use plimsoll_model::TimeMs;
use plimsoll_slo::{AlertState, Alerts, Transition};
use std::collections::{HashMap, HashSet};

/// Resolved alerts that are remembered at most.
const RESOLVED_MAX: usize = 1_000;

/// The key under which the archive keeps since when the daemon watches.
const WATCHING_SINCE: &str = "watching since";

/// The key under which the archive keeps what was resolved of late.
const RESOLVED: &str = "resolved";

/// The alerts of every ledger, and those that were resolved of late.
#[derive(Debug)]
pub(super) struct AlertBook {
    composer: Composer,
    by_ledger: HashMap<String, Alerts>,
    /// Resolved ones, oldest first, so that a sink that was away still hears of them.
    resolved: Vec<Alert>,
    watching_since: Option<TimeMs>,
}

impl AlertBook {
    pub(super) fn new(composer: Composer) -> Self {
        let (by_ledger, resolved) = (HashMap::new(), Vec::new());
        Self { composer, by_ledger, resolved, watching_since: None }
    }

    /// Takes up what the archive keeps.
    pub(super) fn restore(&mut self, records: Vec<(String, Vec<u8>)>) {
        for (id, bytes) in records {
            match id.as_str() {
                WATCHING_SINCE => {
                    let text = String::from_utf8_lossy(&bytes);
                    self.watching_since = text.parse().ok().map(TimeMs);
                }
                RESOLVED => self.resolved = kept_resolved::decode(&bytes),
                _ => drop(self.by_ledger.insert(id, Alerts::restore(kept::decode(&bytes)))),
            }
        }
    }

    /// Returns what the archive shall keep.
    pub(super) fn records(&self) -> Vec<(String, Vec<u8>)> {
        let time = |key: &str, at: TimeMs| (key.to_owned(), at.0.to_string().into_bytes());
        let watching = self.watching_since.map(|since| time(WATCHING_SINCE, since));
        let ledgers = self.by_ledger.iter();
        ledgers
            .filter(|(_, alerts)| alerts.iter().next().is_some())
            .map(|(id, alerts)| (id.clone(), kept::encode(alerts.iter())))
            .chain(watching)
            .chain([(RESOLVED.to_owned(), kept_resolved::encode(&self.resolved))])
            .collect()
    }

    /// Lets the alerts go of SLOs that aren't there any more.
    pub(super) fn keep_only<'a>(&mut self, ids: impl Iterator<Item = &'a str>) {
        let here: HashSet<&str> = ids.collect();
        self.by_ledger.retain(|id, _| here.contains(id.as_str()));
    }

    /// Says whether an alert of the SLO pends or fires: then each step matters to it.
    pub(super) fn goes_on(&self, id: &str) -> bool {
        let alerts = self.by_ledger.get(id);
        alerts.is_some_and(|alerts| alerts.iter().any(|alert| alert.state != AlertState::Resolved))
    }

    /// Takes one step for an SLO that isn't quiet; says what changed.
    pub(super) fn step(&mut self, now: TimeMs, slo: &SloView) -> Vec<Transition> {
        let alerts = self.by_ledger.entry(slo.id.clone()).or_default();
        let transitions = alerts.step(now, &slo.assessment);
        if alerts.iter().next().is_none() {
            self.by_ledger.remove(&slo.id);
        }
        transitions
    }

    /// Begins the list of what is told at `now`.
    pub(super) fn begin(&mut self, now: TimeMs) -> Vec<Alert> {
        let watching_since = *self.watching_since.get_or_insert(now);
        vec![self.composer.watchdog(watching_since)]
    }

    /// Adds what pends or fires of one SLO to the list, with the numbers of now.
    pub(super) fn tell(&mut self, slo: &SloView, list: &mut Vec<Alert>) {
        let alerts = self.by_ledger.get(&slo.id).into_iter().flat_map(Alerts::iter);
        let (over, going): (Vec<_>, Vec<_>) =
            alerts.partition(|alert| alert.state == AlertState::Resolved);
        list.extend(going.into_iter().map(|alert| self.composer.compose(slo, alert)));
        let over: Vec<Alert> =
            over.into_iter().map(|alert| self.composer.compose(slo, alert)).collect();
        over.into_iter().for_each(|alert| self.keep_resolved(alert));
    }

    /// Ends the list with what was resolved of late.
    pub(super) fn end(&mut self, now: TimeMs, mut list: Vec<Alert>) -> AlertList {
        let is_recent =
            |alert: &Alert| alert.resolved_at.is_some_and(|at| now.since(at) < RESOLVED_KEPT);
        self.resolved.retain(is_recent);
        list.extend(self.resolved.iter().cloned());
        list.into()
    }

    /// The words of a resolved alert stay as they were when it was resolved.
    fn keep_resolved(&mut self, alert: Alert) {
        let same = |other: &Alert| other.id == alert.id && other.since == alert.since;
        if !self.resolved.iter().any(same) {
            self.resolved.push(alert);
            let surplus = self.resolved.len().saturating_sub(RESOLVED_MAX);
            self.resolved.drain(..surplus);
        }
    }

    /// Returns the alerts of one ledger.
    pub(super) fn of(&self, id: &str) -> Vec<plimsoll_slo::Alert> {
        let alerts = self.by_ledger.get(id);
        alerts.into_iter().flat_map(Alerts::iter).cloned().collect()
    }
}
