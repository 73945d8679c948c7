//! What the sidecar has exported, scrape after scrape: the latest value of each series and the highest.

use anyhow::Context;
use plimsoll_exposition::Format;
use plimsoll_exposition::decode::Decoder;
use plimsoll_model::{Labels, SeriesKey, catalog};
use plimsoll_runtime::shutdown::Stop;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::MissedTickBehavior;

/// How often it is scraped.
const SCRAPED_EVERY: Duration = Duration::from_millis(100);

/// Series that a scrape may have.
const SERIES_MAX: usize = 20_000;

/// What the summary is made of.
const WANTED: [&str; 8] = [
    catalog::IN_FLIGHT.name,
    catalog::OPERATIONS.name,
    catalog::BACKPRESSURE.name,
    catalog::PROCESS_LOCK_WAITERS.name,
    catalog::PROCESS_LOCK_OLDEST.name,
    catalog::PROCESS_THREADS.name,
    catalog::CONSUMER_LAG.name,
    catalog::CONSUMER_STATUS.name,
];

/// Looks at the sidecar's metrics; clones share what was seen.
#[derive(Clone)]
pub(super) struct Eyes {
    url: String,
    client: reqwest::Client,
    seen: Arc<Mutex<Seen>>,
}

/// What was seen so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen(HashMap<SeriesKey, Values>);

#[derive(Clone, Copy, Debug)]
struct Values {
    last: f64,
    max: f64,
}

impl Eyes {
    pub(super) fn on(sidecar: SocketAddr) -> Self {
        let url = format!("http://{sidecar}/metrics");
        Self { url, client: reqwest::Client::new(), seen: Arc::default() }
    }

    /// Looks again and again until `stop`.
    pub(super) async fn watch(self, stop: Stop) {
        let mut tick = tokio::time::interval(SCRAPED_EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while stop.run_until_stopped(tick.tick()).await.is_some() {
            if let Err(error) = self.look().await {
                tracing::warn!("the demo can't scrape its sidecar: {error:#}");
            }
        }
    }

    /// Looks once.
    ///
    /// # Errors
    /// The sidecar doesn't answer, or not with metrics.
    pub(super) async fn look(&self) -> anyhow::Result<()> {
        let answer = self.client.get(&self.url).send().await?.error_for_status()?;
        let body = answer.bytes().await?;
        self.lock().take(&body).context("its metrics can't be read")
    }

    /// Returns what was seen so far.
    pub(super) fn seen(&self) -> Seen {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seen {
    fn take(&mut self, body: &[u8]) -> anyhow::Result<()> {
        let mut decoder = Decoder::new(SERIES_MAX);
        let samples = decoder.decode(body, Format::Text)?.samples.clone();
        for (sample, series) in samples.iter().zip(decoder.series()) {
            let is_wanted = WANTED.iter().any(|name| series.name().starts_with(name));
            if is_wanted && !series.name().ends_with("_bucket") {
                let last = sample.value;
                let values = self.0.entry(series.key()?).or_insert(Values { last, max: last });
                *values = Values { last, max: values.max.max(last) };
            }
        }
        Ok(())
    }

    /// Returns the latest value of a series, summed over those that have all of `labels`; none if there
    /// is none.
    pub(super) fn last(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        self.of(name, labels).map(|values| values.last).reduce(|sum, value| sum + value)
    }

    /// Returns the highest value of those series that have all of `labels`.
    pub(super) fn max(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        self.of(name, labels).map(|values| values.max).reduce(f64::max)
    }

    fn of(&self, name: &str, labels: &[(&str, &str)]) -> impl Iterator<Item = Values> {
        let has = |of: &Labels| labels.iter().all(|(name, value)| of.get(name) == Some(*value));
        self.0
            .iter()
            .filter(move |(key, _)| &*key.name == name && has(&key.labels))
            .map(|(_, values)| *values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_value_stays_and_the_latest_is_summed() {
        let mut seen = Seen::default();
        let level = |ok, failed, waiters| {
            format!(
                "concurrency_operations_total{{operation=\"o\",outcome=\"ok\"}} {ok}\n\
                 concurrency_operations_total{{operation=\"o\",outcome=\"error\"}} {failed}\n\
                 concurrency_process_lock_waiters{{process=\"p\",rank=\"1\"}} {waiters}\n\
                 other{{operation=\"o\"}} 1\n"
            )
        };
        seen.take(level(5, 1, 9).as_bytes()).unwrap();
        seen.take(level(7, 2, 3).as_bytes()).unwrap();
        let total = "concurrency_operations_total";
        assert_eq!(seen.last(total, &[("operation", "o")]), Some(9.0));
        assert_eq!(seen.last(total, &[("outcome", "error")]), Some(2.0));
        let waiters = "concurrency_process_lock_waiters";
        assert_eq!((seen.max(waiters, &[]), seen.last(waiters, &[])), (Some(9.0), Some(3.0)));
        assert_eq!(seen.last("other", &[]), None, "nobody asked for it");
    }
}
