//! Alerts as the archive keeps them: JSON, which a newer version can still read.

use plimsoll_model::{Interval, TimeMs};
use plimsoll_slo::{Alert, AlertName, AlertState, Cause};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// One alert of one ledger.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    name: String,
    state: String,
    since_ms: i64,
    resolved_at_ms: Option<i64>,
    causes: Vec<KeptCause>,
    quiet_since_ms: Option<i64>,
    hold_off_ms: u64,
    share: (Option<f64>, Option<f64>),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
enum KeptCause {
    Burn { long_ms: u64, short_ms: u64 },
    Outage { short_ms: u64 },
    NoData,
    NeverSeen,
    Coverage,
    Exhausted,
}

/// Writes the alerts of one ledger.
pub(super) fn encode<'a>(alerts: impl Iterator<Item = &'a Alert>) -> Vec<u8> {
    let kept: Vec<Kept> = alerts.map(keep).collect();
    // Numbers, strings and lists: nothing here that JSON can't hold.
    serde_json::to_vec(&kept).unwrap_or_default()
}

/// Reads them; what this version doesn't know is left out, because a firing alert that can't be
/// read is found anew at the next step.
pub(super) fn decode(bytes: &[u8]) -> Vec<Alert> {
    let kept: Vec<Kept> = serde_json::from_slice(bytes).unwrap_or_default();
    kept.into_iter().filter_map(restore).collect()
}

fn keep(alert: &Alert) -> Kept {
    Kept {
        name: alert.name.as_str().into(),
        state: alert.state.as_str().into(),
        since_ms: alert.since.0,
        resolved_at_ms: alert.resolved_at.map(|at| at.0),
        causes: alert.causes.iter().map(keep_cause).collect(),
        quiet_since_ms: alert.quiet_since.map(|at| at.0),
        hold_off_ms: ms(alert.hold_off),
        share: (alert.share.low, alert.share.high),
    }
}

fn restore(kept: Kept) -> Option<Alert> {
    let states = [AlertState::Pending, AlertState::Firing, AlertState::Resolved];
    Some(Alert {
        name: AlertName::ALL.into_iter().find(|name| name.as_str() == kept.name)?,
        state: states.into_iter().find(|state| state.as_str() == kept.state)?,
        since: TimeMs(kept.since_ms),
        resolved_at: kept.resolved_at_ms.map(TimeMs),
        causes: kept.causes.iter().map(restore_cause).collect(),
        quiet_since: kept.quiet_since_ms.map(TimeMs),
        hold_off: Duration::from_millis(kept.hold_off_ms),
        share: Interval { low: kept.share.0, high: kept.share.1 },
    })
}

fn keep_cause(cause: &Cause) -> KeptCause {
    match *cause {
        Cause::Burn { long, short } => KeptCause::Burn { long_ms: ms(long), short_ms: ms(short) },
        Cause::Outage { short } => KeptCause::Outage { short_ms: ms(short) },
        Cause::NoData => KeptCause::NoData,
        Cause::NeverSeen => KeptCause::NeverSeen,
        Cause::Coverage => KeptCause::Coverage,
        Cause::Exhausted => KeptCause::Exhausted,
    }
}

fn restore_cause(kept: &KeptCause) -> Cause {
    let length = Duration::from_millis;
    match *kept {
        KeptCause::Burn { long_ms, short_ms } => {
            Cause::Burn { long: length(long_ms), short: length(short_ms) }
        }
        KeptCause::Outage { short_ms } => Cause::Outage { short: length(short_ms) },
        KeptCause::NoData => Cause::NoData,
        KeptCause::NeverSeen => Cause::NeverSeen,
        KeptCause::Coverage => Cause::Coverage,
        KeptCause::Exhausted => Cause::Exhausted,
    }
}

fn ms(length: Duration) -> u64 {
    u64::try_from(length.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alert_is_kept_whole() {
        let long = Duration::from_secs(3_600);
        let short = Duration::from_millis(417);
        let alert = Alert {
            name: AlertName::Page,
            state: AlertState::Firing,
            since: TimeMs(1_767_225_600_123),
            resolved_at: None,
            causes: vec![Cause::Burn { long, short }, Cause::Outage { short }, Cause::Exhausted],
            quiet_since: Some(TimeMs(1_767_225_601_000)),
            hold_off: short,
            share: Interval { low: Some(0.1), high: None },
        };
        assert_eq!(decode(&encode([&alert].into_iter())), [alert]);
        assert_eq!(decode(b"not json"), []);
        assert_eq!(decode(br#"[{"name":"SloPage"}]"#), []);
    }
}
