//! The service that is scraped: counters that go on by themselves, and its exposition text.

use super::script::Rate;
use plimsoll_model::TimeMs;
use std::fmt::Write;
use std::time::Duration;

const START: &str = "process_start_time_seconds";

/// What the next body says of a series.
#[derive(Clone, Debug)]
pub(crate) struct Word {
    pub(crate) series: String,
    pub(crate) value: f64,
    pub(crate) at: Option<i64>,
    pub(crate) instead: bool,
}

#[derive(Clone, Debug)]
struct Series {
    name: String,
    value: f64,
    rate: Option<Rate>,
    shown: bool,
}

/// One process and what it has counted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Process {
    /// When it started, by its own wall clock.
    pub(crate) started: Option<TimeMs>,
    series: Vec<Series>,
    words: Vec<Word>,
}

impl Process {
    pub(crate) fn started_at(at: TimeMs) -> Self {
        Self { started: Some(at), ..Self::default() }
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

    pub(crate) fn load(&mut self, name: &str, rate: Option<Rate>) {
        let series = self.series(name);
        series.shown = rate.is_some();
        series.rate = rate;
    }

    pub(crate) fn set(&mut self, name: &str, value: f64) {
        let series = self.series(name);
        (series.value, series.shown) = (value, true);
    }

    pub(crate) fn say_once(&mut self, word: Word) {
        self.words.push(word);
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
    pub(crate) fn restart(&mut self, at: TimeMs) {
        self.started = self.started.and(Some(at));
        self.series.iter_mut().for_each(|series| series.value = 0.0);
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
