use anyhow::{Context, bail};
use plimsoll_backtest::{Recording, RecordingError, selectors};
use plimsoll_model::{Labels, SeriesKey, TimeMs, catalog};
use plimsoll_slo::{Slo, length_name};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// So many points of a series are asked for at once; Prometheus answers 11,000 at most.
const POINTS_MAX: i64 = 5_000;

/// The longest that one answer may take.
const TIMEOUT: Duration = Duration::from_secs(120);

/// What is asked of a server that speaks Prometheus's API.
pub(crate) struct Asked<'a> {
    pub(crate) url: &'a str,
    pub(crate) from: TimeMs,
    pub(crate) to: TimeMs,
    pub(crate) step: Duration,
}

impl Asked<'_> {
    /// Reads every series that the SLOs name, and when their processes started.
    pub(crate) async fn read(
        &self,
        slos: &[Arc<Slo>],
        tell: impl Fn(f64),
    ) -> anyhow::Result<Recording> {
        let named: BTreeSet<String> = slos
            .iter()
            .flat_map(|slo| selectors(slo))
            .map(|selector| selector.to_string())
            .collect();
        if named.is_empty() {
            bail!("none of the SLOs reads series of its own: there is nothing to ask for");
        }
        let http = reqwest::Client::builder().timeout(TIMEOUT).no_proxy().build()?;
        let (mut recording, mut jobs) = (Recording::default(), BTreeSet::new());
        for (done, selector) in named.iter().enumerate() {
            let whole = (named.len() + 1) as f64;
            let tell = |part: f64| tell((done as f64 + part) / whole);
            let found = self.series(&http, selector, &mut recording, tell).await?;
            if found.is_empty() {
                eprintln!("warning: {selector}: no such series in that range");
            }
            jobs.extend(found);
        }
        if jobs.is_empty() {
            return Err(RecordingError::Empty.into());
        }
        // Restarts show in these; they are read after the counters, whose targets they are of.
        let pattern: Vec<String> = jobs.iter().map(|job| escaped(job)).collect();
        let started = catalog::PROCESS_START_TIME.name;
        let starts = format!("{started}{{job=~{:?}}}", pattern.join("|"));
        self.series(&http, &starts, &mut recording, |_| {}).await?;
        Ok(recording)
    }

    /// Reads one selector's series; returns the jobs that they are of.
    async fn series(
        &self,
        http: &reqwest::Client,
        selector: &str,
        recording: &mut Recording,
        tell: impl Fn(f64),
    ) -> anyhow::Result<BTreeSet<String>> {
        let mut jobs = BTreeSet::new();
        let step_ms = i64::try_from(self.step.as_millis()).unwrap_or(i64::MAX).max(1);
        let mut start = self.from.0;
        while start <= self.to.0 {
            let end = start.saturating_add(step_ms.saturating_mul(POINTS_MAX)).min(self.to.0);
            // Without the function a gap would be filled with the last value for five minutes.
            let query = format!("last_over_time({selector}[{}])", length_name(self.step));
            let answer = self.ask(http, &query, start, end).await?;
            for series in answer.as_array().into_iter().flatten() {
                let key = key(&series["metric"])?;
                jobs.insert(key.labels.get("job").unwrap_or_default().to_owned());
                for (at, value) in points(&series["values"]) {
                    recording.add(&key, at, value)?;
                }
            }
            tell((end - self.from.0) as f64 / (self.to.0 - self.from.0).max(1) as f64);
            start = end.saturating_add(step_ms);
        }
        Ok(jobs)
    }

    async fn ask(
        &self,
        http: &reqwest::Client,
        query: &str,
        start: i64,
        end: i64,
    ) -> anyhow::Result<Value> {
        let url = format!("{}/api/v1/query_range", self.url.trim_end_matches('/'));
        let seconds = |ms: i64| format!("{:.3}", ms as f64 / 1_000.0);
        let (start, end) = (seconds(start), seconds(end));
        let step = format!("{}", self.step.as_secs_f64());
        let form = [("query", query), ("start", &start), ("end", &end), ("step", &step)];
        let answer = http.get(&url).query(&form).send().await;
        let answer = answer.map_err(reqwest::Error::without_url).with_context(|| {
            format!("nobody answers at {}: does the server run, and is the URL right?", self.url)
        })?;
        let status = answer.status();
        let mut body: Value =
            answer.json().await.with_context(|| format!("{url} answered {status}, not JSON"))?;
        if body["status"] != "success" {
            bail!("{url} answered {status}: {}", body["error"].as_str().unwrap_or("no reason"));
        }
        if let Some(warnings) = body["warnings"].as_array().filter(|said| !said.is_empty()) {
            bail!("{url} answered in part only: {}", Value::from(warnings.clone()));
        }
        Ok(body["data"]["result"].take())
    }
}

fn key(metric: &Value) -> anyhow::Result<SeriesKey> {
    let pairs = metric.as_object().into_iter().flatten();
    let labels = pairs
        .clone()
        .filter(|(name, _)| *name != "__name__")
        .filter_map(|(name, value)| Some((name.as_str(), value.as_str()?)));
    let labels = Labels::new(labels).context("the server named a series that can't be")?;
    Ok(SeriesKey { name: metric["__name__"].as_str().unwrap_or_default().into(), labels })
}

fn points(values: &Value) -> impl Iterator<Item = (TimeMs, f64)> {
    values.as_array().into_iter().flatten().filter_map(|point| {
        let at = TimeMs((point[0].as_f64()? * 1_000.0).round() as i64);
        Some((at, point[1].as_str()?.parse().ok()?))
    })
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
