use super::alert::{Alert, Phase};
use super::send_error::SendError;
use crate::client::{AccessError, Caller, reason};
use crate::config::{Access, Secret, Webhook};
use crate::instant::rfc3339;
use plimsoll_model::TimeMs;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, Url};
use serde::Serialize;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

/// The header that says when a body was signed, in seconds since the Unix epoch: a receiver
/// refuses what is old, so that nobody can send it again.
const TIMESTAMP: &str = "x-plimsoll-timestamp";

/// The header that proves who sent a body and when: `sha256=` and in hex the HMAC-SHA256 of the
/// timestamp, a point and the body.
const SIGNATURE: &str = "x-plimsoll-signature-256";

const TIMEOUT: Duration = Duration::from_secs(10);

/// A receiver of every change as JSON.
#[derive(Debug)]
pub(super) struct WebhookSink {
    caller: Caller,
    url: Url,
    secret: Option<Secret>,
}

/// The body: what changed, each change whole, so that a receiver needs no memory.
#[derive(Debug, Serialize)]
struct Message<'a> {
    version: u32,
    sent_at: String,
    alerts: Vec<Change<'a>>,
}

#[derive(Debug, Serialize)]
struct Change<'a> {
    id: &'a str,
    status: Phase,
    labels: BTreeMap<&'a str, &'a str>,
    annotations: &'a BTreeMap<Cow<'static, str>, String>,
    starts_at: String,
    ends_at: Option<String>,
}

impl WebhookSink {
    pub(super) fn new(config: &Webhook) -> Result<Self, AccessError> {
        let https = config.url.scheme() == "https";
        let caller = Caller::new(&Access::default(), TIMEOUT, https)?;
        Ok(Self { caller, url: config.url.clone(), secret: config.secret.clone() })
    }

    pub(super) fn url(&self) -> &Url {
        &self.url
    }

    pub(super) async fn send(&self, now: TimeMs, alerts: &[Alert]) -> Result<(), SendError> {
        let message = Message {
            version: 1,
            sent_at: rfc3339(now),
            alerts: alerts.iter().map(change).collect(),
        };
        let body =
            serde_json::to_vec(&message).map_err(|error| SendError::Http(error.to_string()))?;
        let mut request = self
            .caller
            .request(Method::POST, self.url.clone())?
            .header(CONTENT_TYPE, "application/json");
        if let Some(secret) = &self.secret {
            let key = secret
                .read()
                .map_err(|source| AccessError::Read { file: secret.file().into(), source })?;
            let timestamp = now.0.div_euclid(1_000).to_string();
            let signed = [timestamp.as_bytes(), b".", &body].concat();
            request = request.header(SIGNATURE, signature(&key, &signed));
            request = request.header(TIMESTAMP, timestamp);
        }
        let answer = request
            .body(body)
            .send()
            .await
            .map_err(|error| SendError::Http(reason(&error, TIMEOUT)))?;
        SendError::unless_taken(answer).await
    }
}

/// Writes each alert as a line of JSON, as it stands in the body of a webhook.
pub(super) fn lines(alerts: &[Alert]) -> String {
    let line = |alert| serde_json::to_string(&change(alert)).unwrap_or_default() + "\n";
    alerts.iter().map(line).collect()
}

fn change(alert: &Alert) -> Change<'_> {
    Change {
        id: &alert.id,
        status: alert.phase(),
        labels: alert.labels.iter().collect(),
        annotations: &alert.annotations,
        starts_at: rfc3339(alert.since),
        ends_at: alert.resolved_at.map(rfc3339),
    }
}

fn signature(key: &str, body: &[u8]) -> String {
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, key.as_bytes());
    let tag = ring::hmac::sign(&key, body);
    let hex: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256={hex}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_that_of_rfc_4231_case_2() {
        assert_eq!(
            signature("Jefe", b"what do ya want for nothing?"),
            "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }
}
