use super::alert::{Alert, Phase};
use plimsoll_model::TimeMs;
use std::collections::HashMap;
use std::time::Duration;

/// What one sink has been told about each alert: nothing leaves it before the sink has said yes.
///
/// It compares the alerts of now with what was delivered, so that there is no queue that could
/// overflow or forget: after an outage of the sink, exactly what it missed is due.
#[derive(Debug)]
pub(crate) struct Outbox {
    /// How often a sink that forgets wants to hear the same again.
    repeat: Option<Duration>,
    told: HashMap<Incarnation, Told>,
}

/// One life of an alert: a second firing of the same alert is another.
type Incarnation = (String, TimeMs);

#[derive(Clone, Copy, Debug)]
struct Told {
    phase: Phase,
    at: TimeMs,
}

impl Outbox {
    /// Makes an empty box; everything that fires is due, as after a restart it has to be.
    pub(crate) fn new(repeat: Option<Duration>) -> Self {
        Self { repeat, told: HashMap::new() }
    }

    /// Returns what the sink has yet to hear, oldest first.
    pub(crate) fn due(&self, now: TimeMs, alerts: &[Alert]) -> Vec<Alert> {
        let mut due: Vec<Alert> =
            alerts.iter().filter(|alert| self.is_due(now, alert)).cloned().collect();
        due.sort_by_key(|alert| alert.since);
        due
    }

    fn is_due(&self, now: TimeMs, alert: &Alert) -> bool {
        if alert.phase() == Phase::Pending {
            return false;
        }
        let Some(told) = self.told.get(&incarnation(alert)) else { return true };
        told.phase != alert.phase()
            || self.repeat.is_some_and(|repeat| now.since(told.at) >= repeat)
    }

    /// Notes that the sink has taken `alerts`.
    pub(crate) fn delivered(&mut self, now: TimeMs, alerts: &[Alert]) {
        for alert in alerts {
            self.told.insert(incarnation(alert), Told { phase: alert.phase(), at: now });
        }
    }

    /// Forgets what is no longer an alert, so that the box is as small as the list of alerts.
    pub(crate) fn forget(&mut self, alerts: &[Alert]) {
        let living: std::collections::HashSet<Incarnation> =
            alerts.iter().map(incarnation).collect();
        self.told.retain(|key, _| living.contains(key));
    }
}

fn incarnation(alert: &Alert) -> Incarnation {
    (alert.id.clone(), alert.since)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::Facts;
    use plimsoll_model::Labels;
    use std::collections::BTreeMap;

    fn alert(since: i64, resolved_at: Option<i64>) -> Alert {
        Alert {
            id: "shop/checkout/SloPage".into(),
            slo_id: "shop/checkout".into(),
            alertname: "SloPage",
            severity: "page",
            since: TimeMs(since),
            fired: true,
            resolved_at: resolved_at.map(TimeMs),
            labels: Labels::default(),
            annotations: BTreeMap::new(),
            facts: Facts::default(),
        }
    }

    #[test]
    fn it_is_due_until_it_is_taken_and_again_when_it_changes() {
        let mut outbox = Outbox::new(None);
        let firing = [alert(100, None)];
        assert_eq!(outbox.due(TimeMs(100), &firing), firing);
        assert_eq!(outbox.due(TimeMs(200), &firing), firing, "nobody took it");
        outbox.delivered(TimeMs(200), &firing);
        assert_eq!(outbox.due(TimeMs(1_000_000), &firing), []);
        let resolved = [alert(100, Some(300))];
        assert_eq!(outbox.due(TimeMs(300), &resolved), resolved);
        outbox.delivered(TimeMs(300), &resolved);
        let both = [alert(400, None), alert(100, Some(300))];
        assert_eq!(outbox.due(TimeMs(400), &both), both[..1], "another life of the same alert");
    }

    #[test]
    fn a_sink_that_forgets_hears_it_each_minute() {
        let mut outbox = Outbox::new(Some(Duration::from_secs(60)));
        let firing = [alert(0, None)];
        outbox.delivered(TimeMs(0), &firing);
        assert_eq!(outbox.due(TimeMs(59_999), &firing), []);
        assert_eq!(outbox.due(TimeMs(60_000), &firing), firing);
    }

    #[test]
    fn what_only_pends_is_nobodys_business_and_what_is_gone_is_forgotten() {
        let mut outbox = Outbox::new(None);
        let pending = Alert { fired: false, ..alert(0, None) };
        assert_eq!(outbox.due(TimeMs(0), std::slice::from_ref(&pending)), []);
        outbox.delivered(TimeMs(0), &[alert(0, None)]);
        outbox.forget(&[]);
        assert!(outbox.told.is_empty());
    }
}
