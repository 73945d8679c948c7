use super::alert::Alert;
use super::send_error::SendError;
use crate::client::{AccessError, Caller, reason};
use crate::config::Alertmanager;
use crate::instant::rfc3339;
use plimsoll_model::TimeMs;
use reqwest::{Method, Url};
use serde::Serialize;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

/// How often Alertmanager hears of the same alert, so that its silence means something.
pub(super) const REPEAT: Duration = Duration::from_secs(60);

/// How long Alertmanager believes the last word: long enough for three lost ones.
const BELIEVED: Duration = Duration::from_secs(240);

/// Alertmanager's API v2.
#[derive(Debug)]
pub(super) struct AlertmanagerSink {
    caller: Caller,
    url: Url,
    timeout: Duration,
}

/// One alert as `POST /api/v2/alerts` takes it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PostableAlert<'a> {
    labels: BTreeMap<&'a str, &'a str>,
    annotations: &'a BTreeMap<Cow<'static, str>, String>,
    starts_at: String,
    ends_at: String,
    #[serde(rename = "generatorURL", skip_serializing_if = "str::is_empty")]
    generator_url: &'a str,
}

impl AlertmanagerSink {
    pub(super) fn new(config: &Alertmanager) -> Result<Self, AccessError> {
        let https = config.url.scheme() == "https";
        let caller = Caller::new(&config.access, config.timeout, https)?;
        let mut url = config.url.clone();
        url.set_path(&format!("{}/api/v2/alerts", url.path().trim_end_matches('/')));
        Ok(Self { caller, url, timeout: config.timeout })
    }

    pub(super) fn url(&self) -> &Url {
        &self.url
    }

    pub(super) async fn send(&self, now: TimeMs, alerts: &[Alert]) -> Result<(), SendError> {
        let body: Vec<PostableAlert<'_>> =
            alerts.iter().map(|alert| postable(now, alert)).collect();
        let answer = self
            .caller
            .request(Method::POST, self.url.clone())?
            .json(&body)
            .send()
            .await
            .map_err(|error| SendError::Http(reason(&error, self.timeout)))?;
        SendError::unless_taken(answer).await
    }
}

/// A resolved alert ends when it resolved; a firing one somewhat later than its next repeat.
fn postable(now: TimeMs, alert: &Alert) -> PostableAlert<'_> {
    PostableAlert {
        labels: alert.labels.iter().collect(),
        annotations: &alert.annotations,
        starts_at: rfc3339(alert.since),
        ends_at: rfc3339(alert.resolved_at.unwrap_or(now + BELIEVED)),
        generator_url: alert.annotations.get("page_url").map_or("", String::as_str),
    }
}
