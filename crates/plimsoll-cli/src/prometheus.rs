//! The past of a server that speaks Prometheus's API: the samples as they were scraped.

use anyhow::{Context, bail};
use plimsoll_backtest::{Recording, selectors};
use plimsoll_model::{Labels, SeriesKey, TimeMs, catalog};
use plimsoll_slo::{Slo, length_name};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// The longest that one answer may take.
const TIMEOUT: Duration = Duration::from_secs(120);

/// How much is asked for at once: first, at least and at most.
const STRIDE: Duration = Duration::from_secs(3_600);
const STRIDE_MIN: Duration = Duration::from_secs(60);
const STRIDE_MAX: Duration = Duration::from_secs(86_400);

/// The samples of one stride: fewer make the next one longer, more make it shorter.
const SAMPLES_FEW: usize = 100_000;
const SAMPLES_MANY: usize = 500_000;

/// The series by which Prometheus tells whether a scrape succeeded.
const UP: &str = "up";

/// A server, and what is asked of it.
pub(crate) struct Server {
    http: reqwest::Client,
    url: String,
    /// What the SLOs read; whether it was ever found.
    wanted: BTreeMap<String, bool>,
    jobs: BTreeSet<String>,
    stride: Duration,
}

/// What was scraped in one stride.
#[derive(Default)]
struct Found {
    /// What the SLOs read.
    series: Vec<Series>,
    /// When processes started: restarts show in these.
    starts: Vec<Series>,
    /// When targets were scraped, in vain or not.
    scrapes: Vec<Series>,
}

/// What came of one question.
enum Answer {
    Series(Vec<Series>),
    /// Too much at once, in the server's words.
    TooMuch(String),
}

#[derive(Deserialize)]
struct Body {
    status: String,
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    warnings: Vec<String>,
    #[serde(default)]
    data: Data,
}

#[derive(Default, Deserialize)]
struct Data {
    #[serde(default)]
    result: Vec<Series>,
}

#[derive(Deserialize)]
struct Series {
    metric: BTreeMap<String, String>,
    /// Unix seconds, and the value as text.
    #[serde(default)]
    values: Vec<(f64, String)>,
}

impl Server {
    pub(crate) fn new(url: &str, slos: &[Arc<Slo>]) -> anyhow::Result<Self> {
        let named = slos.iter().flat_map(|slo| selectors(slo));
        let wanted: BTreeMap<String, bool> =
            named.map(|selector| (selector.to_string(), false)).collect();
        if wanted.is_empty() {
            bail!("none of the SLOs reads series of its own: there is nothing to ask for");
        }
        let http = reqwest::Client::builder().timeout(TIMEOUT).no_proxy().build()?;
        let url = url.trim_end_matches('/').to_owned();
        Ok(Self { http, url, wanted, jobs: BTreeSet::new(), stride: STRIDE })
    }

    /// Reads on: adds what was scraped after `from`, and returns until when, which is `to` at most.
    pub(crate) async fn read(
        &mut self,
        recording: &mut Recording,
        from: TimeMs,
        to: TimeMs,
    ) -> anyhow::Result<TimeMs> {
        loop {
            let until = (from + self.stride).min(to);
            let found = match self.read_stride(from, until).await? {
                Ok(found) => found,
                Err(_) if self.stride > STRIDE_MIN => {
                    self.stride = (self.stride / 2).max(STRIDE_MIN);
                    continue;
                }
                Err(said) => bail!("{} refuses even a minute at once: {said}", self.url),
            };
            let samples: usize = found.series.iter().map(|series| series.values.len()).sum();
            self.stride = match samples {
                0..SAMPLES_FEW => (self.stride * 2).min(STRIDE_MAX),
                SAMPLES_FEW..=SAMPLES_MANY => self.stride,
                _ => (self.stride / 2).max(STRIDE_MIN),
            };
            found.add_to(recording, from)?;
            return Ok(until);
        }
    }

    /// Returns what was asked for and never found.
    pub(crate) fn not_found(&self) -> impl Iterator<Item = &str> {
        self.wanted.iter().filter(|(_, found)| !**found).map(|(selector, _)| selector.as_str())
    }

    /// Reads every series that the SLOs name, when their processes started, and when they were
    /// scraped; or says why the server finds that too much.
    async fn read_stride(
        &mut self,
        from: TimeMs,
        until: TimeMs,
    ) -> anyhow::Result<Result<Found, String>> {
        let mut found = Found::default();
        let wanted: Vec<String> = self.wanted.keys().cloned().collect();
        for selector in wanted {
            let series = match self.ask(&selector, from, until).await? {
                Answer::Series(series) => series,
                Answer::TooMuch(said) => return Ok(Err(said)),
            };
            if !series.is_empty() {
                self.wanted.insert(selector, true);
            }
            let jobs = series.iter().map(|series| series.metric.get("job"));
            self.jobs.extend(jobs.map(|job| job.cloned().unwrap_or_default()));
            found.series.extend(series);
        }
        if self.jobs.is_empty() {
            return Ok(Ok(found));
        }
        let jobs: Vec<String> = self.jobs.iter().map(|job| escaped(job)).collect();
        let of_jobs = |name: &str| format!("{name}{{job=~{:?}}}", jobs.join("|"));
        match self.ask(&of_jobs(catalog::PROCESS_START_TIME.name), from, until).await? {
            Answer::Series(starts) => found.starts = starts,
            Answer::TooMuch(said) => return Ok(Err(said)),
        }
        match self.ask(&of_jobs(UP), from, until).await? {
            Answer::Series(scrapes) => found.scrapes = scrapes,
            Answer::TooMuch(said) => return Ok(Err(said)),
        }
        Ok(Ok(found))
    }

    /// Asks for raw samples: those of the stretch before `until`.
    async fn ask(&self, selector: &str, from: TimeMs, until: TimeMs) -> anyhow::Result<Answer> {
        let url = format!("{}/api/v1/query", self.url);
        let query = format!("{selector}[{}]", length_name(until.since(from)));
        let time = format!("{:.3}", until.0 as f64 / 1_000.0);
        let asked = self.http.get(&url).query(&[("query", query.as_str()), ("time", &time)]);
        let answer = asked.send().await.map_err(reqwest::Error::without_url);
        let answer = answer.with_context(|| {
            format!("nobody answers at {}: does the server run, and is the URL right?", self.url)
        })?;
        let status = answer.status();
        let body = answer.bytes().await.with_context(|| format!("{url} broke off"))?;
        let body: Body = serde_json::from_slice(&body)
            .with_context(|| format!("{url} answered {status}, not what Prometheus answers"))?;
        if body.status != "success" {
            let said = body.error.unwrap_or_else(|| "no reason".into());
            // Prometheus, Thanos and Mimir say so in about these words.
            if ["too many samples", "limit", "timed out"].iter().any(|word| said.contains(word)) {
                return Ok(Answer::TooMuch(said));
            }
            bail!("{url} answered {status}: {said}");
        }
        if !body.warnings.is_empty() {
            bail!("{url} answered in part only: {}", body.warnings.join("; "));
        }
        Ok(Answer::Series(body.data.result))
    }
}

impl Found {
    fn add_to(&self, recording: &mut Recording, from: TimeMs) -> anyhow::Result<()> {
        for series in self.series.iter().chain(&self.starts) {
            let key = series.key()?;
            for (at, value) in series.samples(from) {
                recording.add(&key, at, value)?;
            }
        }
        // After the counters, whose targets they are of.
        for series in &self.scrapes {
            let labels = series.key()?.labels;
            series.samples(from).for_each(|(at, _)| recording.add_scrape(&labels, at));
        }
        Ok(())
    }
}

impl Series {
    fn key(&self) -> anyhow::Result<SeriesKey> {
        let pairs = self.metric.iter().filter(|(name, _)| *name != "__name__");
        let labels = Labels::new(pairs.map(|(name, value)| (name.as_str(), value.as_str())));
        let labels = labels.context("the server named a series that can't be")?;
        let name = self.metric.get("__name__").map(String::as_str).unwrap_or_default();
        Ok(SeriesKey { name: name.into(), labels })
    }

    /// Iterates over the samples after `from`: before its version 3, Prometheus gave that instant too.
    fn samples(&self, from: TimeMs) -> impl Iterator<Item = (TimeMs, f64)> {
        let sample = |(at, value): &(f64, String)| {
            Some((TimeMs((at * 1_000.0).round() as i64), value.parse().ok()?))
        };
        self.values.iter().filter_map(sample).filter(move |(at, _)| *at > from)
    }
}

/// Keeps a job's name from being read as a pattern.
fn escaped(job: &str) -> String {
    let mut text = String::new();
    for letter in job.chars() {
        if !letter.is_alphanumeric() && !matches!(letter, '_' | '-' | '/' | ' ') {
            text.push('\\');
        }
        text.push(letter);
    }
    text
}
