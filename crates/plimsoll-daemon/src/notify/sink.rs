use super::alert::Alert;
use super::alertmanager::{self, AlertmanagerSink};
use super::send_error::SendError;
use super::tally::SinkHealth;
use super::webhook::{self, WebhookSink};
use crate::client::AccessError;
use crate::config::{Alertmanager, Webhook};
use plimsoll_model::TimeMs;
use std::io::Write;
use std::time::Duration;

/// Most alerts that one request carries, so that no receiver's limit on bodies is met.
pub(super) const BATCH: usize = 256;

/// Who is told.
#[derive(Debug)]
pub(super) enum Sink {
    Alertmanager(AlertmanagerSink),
    Webhook(WebhookSink),
    /// A line of JSON for each change on the standard output.
    Stdout,
    /// The daemon's own log.
    Log,
}

impl Sink {
    pub(super) fn alertmanager(config: &Alertmanager) -> Result<Self, AccessError> {
        AlertmanagerSink::new(config).map(Self::Alertmanager)
    }

    pub(super) fn webhook(config: &Webhook) -> Result<Self, AccessError> {
        WebhookSink::new(config).map(Self::Webhook)
    }

    /// Returns the value of the label `sink`.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Alertmanager(_) => "alertmanager",
            Self::Webhook(_) => "webhook",
            Self::Stdout => "stdout",
            Self::Log => "log",
        }
    }

    /// Returns what is known of the sink before it was told anything.
    pub(super) fn health(&self) -> SinkHealth {
        let to = match self {
            Self::Alertmanager(sink) => sink.url().origin().ascii_serialization(),
            Self::Webhook(sink) => sink.url().origin().ascii_serialization(),
            Self::Stdout | Self::Log => String::new(),
        };
        SinkHealth { kind: self.kind(), to, ..SinkHealth::default() }
    }

    /// Returns how often the sink hears of the same alert again.
    pub(super) fn repeat(&self) -> Option<Duration> {
        match self {
            Self::Alertmanager(_) => Some(alertmanager::REPEAT),
            Self::Webhook(_) | Self::Stdout | Self::Log => None,
        }
    }

    /// Says whether the alert is for this sink: the watchdog's endless one is only for a sink that
    /// notices its silence.
    pub(super) fn wants(&self, alert: &Alert) -> bool {
        !alert.slo_id.is_empty() || matches!(self, Self::Alertmanager(_))
    }

    pub(super) async fn send(&self, now: TimeMs, alerts: &[Alert]) -> Result<(), SendError> {
        match self {
            Self::Alertmanager(sink) => sink.send(now, alerts).await,
            Self::Webhook(sink) => sink.send(now, alerts).await,
            Self::Stdout => print(&webhook::lines(alerts)),
            Self::Log => {
                for alert in alerts {
                    log(alert);
                }
                Ok(())
            }
        }
    }
}

/// Who reads the output may be gone, and then it is tried again as with every sink.
fn print(lines: &str) -> Result<(), SendError> {
    let mut out = std::io::stdout().lock();
    let written = out.write_all(lines.as_bytes()).and_then(|()| out.flush());
    written.map_err(|error| SendError::Http(error.to_string()))
}

fn log(alert: &Alert) {
    tracing::warn!(
        alert = alert.alertname,
        severity = alert.severity,
        slo = %alert.slo_id,
        phase = ?alert.phase(),
        since = %crate::instant::rfc3339(alert.since),
        "{}",
        alert.annotations.get("summary").map_or("", String::as_str),
    );
}
