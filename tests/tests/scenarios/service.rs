//! The service that is scraped: counters that go on by themselves, and its exposition text.

use super::script::{Change, Rate, Word};
use plimsoll_model::TimeMs;
use std::fmt::Write;
use std::time::Duration;

const START: &str = "process_start_time_seconds";

#[derive(Clone, Debug)]
struct Series {
    name: String,
    value: f64,
    rate: Option<Rate>,
    shown: bool,
}

/// One process and what it has counted.
#[derive(Clone, Debug)]
pub(crate) struct Service {
    /// Whether it answers scrapes.
    pub(crate) answers: bool,
    began: TimeMs,
    /// When the process started, by its own wall clock, if it tells.
    started: Option<TimeMs>,
    series: Vec<Series>,
    words: Vec<Word>,
}

impl Service {
    pub(crate) fn started_at(at: TimeMs) -> Self {
        Self { answers: true, began: at, started: Some(at), series: Vec::new(), words: Vec::new() }
    }

    pub(crate) fn take(&mut self, change: &Change, wall: TimeMs) {
        match change {
            Change::Load { series, rate } => self.load(series, *rate),
            Change::Set { series, value } => self.set(series, *value),
            Change::Once(word) => self.words.push(word.clone()),
            Change::Started(ms) => self.started = ms.map(|ms| TimeMs(self.began.0 + ms)),
            Change::Restart => self.restart(wall),
            Change::Answers(answers) => self.answers = *answers,
        }
    }

    fn series(&mut self, name: &str) -> &mut Series {
        let at = self.series.iter().position(|series| series.name == name);
        let at = at.unwrap_or_else(|| {
            let series = Series { name: name.into(), value: 0.0, rate: None, shown: true };
            self.series.push(series);
            self.series.len() - 1
        });
        &mut self.series[at]
    }

    fn load(&mut self, name: &str, rate: Option<Rate>) {
        let series = self.series(name);
        series.shown = rate.is_some();
        series.rate = rate;
    }

    fn set(&mut self, name: &str, value: f64) {
        let series = self.series(name);
        (series.value, series.shown) = (value, true);
    }

    /// Lets it work for a while.
    pub(crate) fn work(&mut self, length: Duration) {
        for series in &mut self.series {
            if let Some(Rate { count, per }) = series.rate {
                series.value += count * length.as_secs_f64() / per.as_secs_f64();
            }
        }
    }

    /// Starts anew at `at` with the same load.
    fn restart(&mut self, at: TimeMs) {
        self.started = self.started.and(Some(at));
        self.series.iter_mut().for_each(|series| series.value = 0.0);
    }

    /// Returns what a scrape would see now, by series.
    pub(crate) fn values(&self) -> impl Iterator<Item = (&str, f64)> {
        let shown = self.series.iter().filter(|series| self.answers && series.shown);
        shown.map(|series| (series.name.as_str(), series.value))
    }

    /// Returns the text that a scrape at `now` is given.
    pub(crate) fn body(&mut self, now: TimeMs) -> String {
        let mut body = String::new();
        let words = std::mem::take(&mut self.words);
        let mut line = |name: &str, value: f64, at: Option<i64>| {
            let stamp = at.map_or(String::new(), |at| format!(" {}", now.0 + at));
            let value = if value.is_infinite() { "+Inf".into() } else { value.to_string() };
            writeln!(body, "{name} {value}{stamp}").expect("a string takes all");
        };
        if let Some(started) = self.started {
            line(START, started.0 as f64 / 1000.0, None);
        }
        for series in self.series.iter().filter(|series| series.shown) {
            let of_it: Vec<&Word> =
                words.iter().filter(|word| word.series == series.name).collect();
            if !of_it.iter().any(|word| word.instead) {
                line(&series.name, series.value, None);
            }
            of_it.iter().for_each(|word| line(&word.series, word.value, word.at));
        }
        body
    }
}
