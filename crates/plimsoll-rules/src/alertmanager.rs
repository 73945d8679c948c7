//! Alertmanager's routing: who hears of what, when, and what keeps quiet beside what.

use serde::Serialize;
use std::collections::BTreeMap;

/// The words that stand above the file.
pub(crate) const PREAMBLE: &str = "\
# Routing of Plimsoll's alerts. Before use, point the receivers at your pager and your ticket
# system, and set the hours and the time zone of the mute interval.
#
# - page: at once, and again every hour until it is over.
# - ticket and notice: collected per service and region, never outside working hours.
# - PlimsollWatchdog: every minute to a dead man's switch, which raises the alarm when it stops.
# - A cause mutes its effects. Nothing that pages is ever muted.
";

/// The receivers that page, take tickets, and wait for the watchdog.
const RECEIVERS: [&str; 3] = [PAGER, TICKETS, WATCHDOG];
const PAGER: &str = "pager";
const TICKETS: &str = "tickets";
const WATCHDOG: &str = "watchdog";
const OUT_OF_HOURS: &str = "out-of-hours";

/// A cause, the effects that it mutes, and the labels that both must share. Each pair shares at
/// least one label that both always have: labels that both lack count as shared.
const INHIBITIONS: [(&str, &str, &[&str]); 9] = [
    ("SloPage|SloNoData", "SloTicket|SloNotice", &["service", "region", "slo"]),
    ("SloTicket", "SloNotice", &["service", "region", "slo"]),
    ("PlimsollDaemonDown", "PlimsollTargetDown", &["job"]),
    ("PlimsollTargetDown", "Concurrency.+|PlimsollRecorder.+", &["job", "instance"]),
    (
        "ConcurrencyLockWaitHigh|ConcurrencyPoolSaturated",
        "ConcurrencyLimitSaturated",
        &["job", "instance"],
    ),
    (
        "ConcurrencyDeadlock",
        "ConcurrencyLockWaitHigh|ConcurrencyPoolSaturated",
        &["job", "instance"],
    ),
    ("ConcurrencyQueueSaturated", "ConcurrencyQueueStanding", &["job", "instance", "queue"]),
    ("ConcurrencyQueueSaturated", "ConcurrencyBackpressureSustained", &["job", "instance"]),
    (
        "ConcurrencyConsumerStalled",
        "ConcurrencyConsumerLagHigh",
        &["job", "instance", "group", "topic", "partition"],
    ),
];

/// An Alertmanager configuration, as far as the routing needs it.
#[derive(Clone, Debug, Serialize)]
pub struct Config {
    route: Route,
    receivers: Vec<Receiver>,
    inhibit_rules: Vec<InhibitRule>,
    time_intervals: Vec<NamedInterval>,
}

#[derive(Clone, Debug, Default, Serialize)]
struct Route {
    receiver: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    matchers: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    group_by: Vec<&'static str>,
    group_wait: &'static str,
    group_interval: &'static str,
    repeat_interval: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    mute_time_intervals: Vec<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    routes: Vec<Route>,
}

#[derive(Clone, Debug, Serialize)]
struct Receiver {
    name: &'static str,
    webhook_configs: Vec<Webhook>,
}

#[derive(Clone, Debug, Serialize)]
struct Webhook {
    url: String,
    send_resolved: bool,
}

#[derive(Clone, Debug, Serialize)]
struct InhibitRule {
    source_matchers: Vec<String>,
    target_matchers: Vec<String>,
    equal: Vec<&'static str>,
}

#[derive(Clone, Debug, Serialize)]
struct NamedInterval {
    name: &'static str,
    time_intervals: Vec<Interval>,
}

#[derive(Clone, Debug, Serialize)]
struct Interval {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    weekdays: Vec<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    times: Vec<BTreeMap<&'static str, &'static str>>,
    location: &'static str,
}

/// Returns `alerts/alertmanager.yaml`.
pub fn config() -> Config {
    Config {
        route: route(),
        receivers: RECEIVERS.iter().map(|name| receiver(name)).collect(),
        inhibit_rules: INHIBITIONS.iter().map(inhibition).collect(),
        time_intervals: vec![out_of_hours()],
    }
}

/// An alert whose severity nobody knows is a ticket, not silence.
fn route() -> Route {
    Route {
        receiver: TICKETS,
        group_by: vec!["service", "region"],
        group_wait: "30s",
        group_interval: "5m",
        repeat_interval: "12h",
        routes: vec![
            Route {
                receiver: WATCHDOG,
                matchers: vec!["alertname=\"PlimsollWatchdog\"".into()],
                group_wait: "0s",
                group_interval: "1m",
                repeat_interval: "1m",
                ..Route::default()
            },
            Route { group_wait: "10s", group_interval: "1m", ..severity("page", PAGER, "1h") },
            Route { mute_time_intervals: vec![OUT_OF_HOURS], ..severity("ticket", TICKETS, "1d") },
            Route { mute_time_intervals: vec![OUT_OF_HOURS], ..severity("notice", TICKETS, "3d") },
        ],
        ..Route::default()
    }
}

fn severity(name: &str, receiver: &'static str, repeat_interval: &'static str) -> Route {
    Route {
        receiver,
        matchers: vec![format!("severity=\"{name}\"")],
        group_wait: "5m",
        group_interval: "15m",
        repeat_interval,
        ..Route::default()
    }
}

fn receiver(name: &'static str) -> Receiver {
    let webhook =
        Webhook { url: format!("http://127.0.0.1:9095/{name}"), send_resolved: name != WATCHDOG };
    Receiver { name, webhook_configs: vec![webhook] }
}

fn inhibition((cause, effect, shared): &(&str, &str, &'static [&'static str])) -> InhibitRule {
    InhibitRule {
        source_matchers: vec![format!("alertname=~\"{cause}\"")],
        target_matchers: vec![format!("alertname=~\"{effect}\""), "severity!=\"page\"".into()],
        equal: shared.to_vec(),
    }
}

fn out_of_hours() -> NamedInterval {
    const ZONE: &str = "UTC";
    let span = |start, end| BTreeMap::from([("start_time", start), ("end_time", end)]);
    NamedInterval {
        name: OUT_OF_HOURS,
        time_intervals: vec![
            Interval { weekdays: vec!["saturday", "sunday"], times: vec![], location: ZONE },
            Interval {
                weekdays: vec!["monday:friday"],
                times: vec![span("00:00", "08:00"), span("18:00", "24:00")],
                location: ZONE,
            },
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alerting;

    #[test]
    fn every_name_in_an_inhibition_is_an_alert() {
        let file = alerting::file();
        let names: Vec<&str> = file.alerts().map(|alert| alert.alert.as_str()).collect();
        for (cause, effect, _) in INHIBITIONS {
            for name in cause.split('|').chain(effect.split('|')) {
                let stem = name.trim_end_matches(".+");
                assert!(
                    names
                        .iter()
                        .any(|known| *known == name || (stem != name && known.starts_with(stem))),
                    "{name} is no alert"
                );
            }
        }
    }
}
