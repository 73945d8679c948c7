//! The file as it was written.

use super::{CollectorConfig, Pace, Planned};
use crate::{
    AmplifyConfig, HostConfig, KafkaConfig, NatsConfig, PageConfig, PgbouncerConfig,
    PostgresConfig, ProcessConfig, ProxyConfig, RabbitMqConfig, RedisConfig,
};
use plimsoll_spec::{Length, Parsed};
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// More often than this, a look costs more than what it sees is worth.
const INTERVAL_MIN: Duration = Duration::from_millis(20);

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawConfig {
    pub(super) listen: Option<Parsed<SocketAddr>>,
    pub(super) proc_root: Option<PathBuf>,
    pub(super) sys_root: Option<PathBuf>,
    pub(super) amplify: Vec<RawCollector<AmplifyConfig>>,
    pub(super) host: Vec<RawCollector<HostConfig>>,
    pub(super) postgres: Vec<RawCollector<PostgresConfig>>,
    pub(super) proxy: Vec<RawCollector<ProxyConfig>>,
    pub(super) process: Vec<RawCollector<ProcessConfig>>,
    pub(super) nats: Vec<RawCollector<NatsConfig>>,
    pub(super) redis: Vec<RawCollector<RedisConfig>>,
    pub(super) kafka: Vec<RawCollector<KafkaConfig>>,
    pub(super) rabbitmq: Vec<RawCollector<RabbitMqConfig>>,
    pub(super) pgbouncer: Vec<RawCollector<PgbouncerConfig>>,
    pub(super) nginx: Vec<RawCollector<PageConfig>>,
    pub(super) haproxy: Vec<RawCollector<PageConfig>>,
}

/// What every kind of collector takes, and what this kind does.
#[derive(Debug, Deserialize)]
pub(super) struct RawCollector<T> {
    label: Option<String>,
    interval: Option<Parsed<Length>>,
    deadline: Option<Parsed<Length>>,
    #[serde(flatten)]
    of: T,
}

impl<T> RawCollector<T> {
    fn map<U>(self, to: impl FnOnce(T) -> U) -> RawCollector<U> {
        let Self { label, interval, deadline, of } = self;
        RawCollector { label, interval, deadline, of: to(of) }
    }
}

impl RawCollector<CollectorConfig> {
    /// Plans it; what only shows between its keys is a fault of one of them, or of none, with the reason.
    pub(super) fn planned(self) -> Result<Planned, (&'static str, String)> {
        self.of.check().map_err(|reason| ("", reason.to_string()))?;
        let own = self.of.pace();
        let interval = self.interval.map_or(own.interval, |length| length.0.0);
        // Who looks more often than the deadline is used to waiting less, unless told otherwise.
        let deadline = self.deadline.map_or(own.deadline.min(interval), |length| length.0.0);
        if deadline > interval {
            let reason =
                format!("is longer than the interval of {interval:?}: rounds don't overlap");
            return Err(("deadline", reason));
        }
        Ok(Planned { label: self.label, pace: Pace { interval, deadline }, collector: self.of })
    }
}

/// Says of what kind a list's collectors are.
pub(super) fn all<T>(
    list: Vec<RawCollector<T>>,
    kind: fn(T) -> CollectorConfig,
) -> Vec<RawCollector<CollectorConfig>> {
    list.into_iter().map(|raw| raw.map(kind)).collect()
}

/// Accepts a length of 20 ms or more, for the keys `interval` and `deadline` of every kind.
pub(crate) fn interval(text: &str) -> Result<(), String> {
    let length = text.parse::<Length>().map_err(|error| error.to_string())?;
    if length.0 < INTERVAL_MIN {
        return Err(format!("is below {INTERVAL_MIN:?}"));
    }
    Ok(())
}

/// Accepts a length of time.
pub(crate) fn length(text: &str) -> Result<(), String> {
    text.parse::<Length>().map(drop).map_err(|error| error.to_string())
}
