//! A target made of plain values, and a store that scrapes it: what every test here stands on.
#![allow(clippy::expect_used, dead_code, unreachable_pub, reason = "each test file uses its part")]

use plimsoll_model::{
    Labels, MatchOp, Matcher, Sample, Scrape, Selector, SeriesIndex, SeriesKey, TimeMs,
    WindowCounts,
};
use plimsoll_slo::{
    Alerting, Backend, Carried, EventsPart, Objective, Period, Policy, Sli, Slo, Windows,
    WithinKind,
};
use plimsoll_store::{Archive, Limits, Relabeling, Store, Target, TargetIndex};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub const MINUTE: i64 = 60_000;
pub const HOUR: i64 = 60 * MINUTE;
pub const DAY: i64 = 24 * HOUR;

/// Reads `name{a="b"}`; nothing else, no escapes.
pub fn key(text: &str) -> SeriesKey {
    let (name, rest) = text.split_once('{').unwrap_or((text, "}"));
    let pairs = rest.trim_end_matches('}').split(',').filter(|pair| !pair.is_empty());
    let pairs = pairs.map(|pair| {
        let (label, value) = pair.split_once('=').expect("label=value");
        (label.to_string(), value.trim_matches('"').to_string())
    });
    SeriesKey { name: name.into(), labels: Labels::new(pairs).expect("valid labels") }
}

/// Reads `name{a="b",c=~"d"}`.
pub fn selector(text: &str) -> Selector {
    let (name, rest) = text.split_once('{').unwrap_or((text, "}"));
    let parts = rest.trim_end_matches('}').split(',').filter(|part| !part.is_empty());
    let matchers = parts.map(|part| {
        let operators = [
            ("=~", MatchOp::Matches),
            ("!~", MatchOp::NotMatches),
            ("!=", MatchOp::NotEqual),
            ("=", MatchOp::Equal),
        ];
        let (sign, op) =
            operators.into_iter().find(|(sign, _)| part.contains(sign)).expect("an operator");
        let (label, value) = part.split_once(sign).expect("split");
        Matcher { label: label.into(), op, value: value.trim_matches('"').into() }
    });
    Selector { name: name.into(), matchers: matchers.collect() }
}

pub fn slo(name: &str, sli: Sli) -> Slo {
    let period = Period::Rolling(Duration::from_secs(30 * 86_400));
    Slo {
        service: "shop".into(),
        name: name.into(),
        description: String::new(),
        labels: Labels::default(),
        objective: Objective::from_ppm(999_000).expect("valid"),
        period,
        sli,
        backend: Backend::Own,
        exclusions: Vec::new(),
        by: Vec::new(),
        max_groups: 100,
        alerting: Alerting {
            policy: Policy::workbook(),
            runbook: None,
            name: None,
            page: Carried::default(),
            ticket: Carried::default(),
            off: Vec::new(),
            min_bad: 5,
            no_data_after: Duration::from_secs(300),
        },
    }
}

/// `requests_total` and, of it, `errors_total`.
pub fn errors() -> Slo {
    let (total, bad) = (selector("requests_total"), selector("errors_total"));
    slo(
        "availability",
        Sli::Events { total: total.into(), part: EventsPart::Bad(bad.into()), unknown: None },
    )
}

pub fn within(of: &str, ms: u64) -> Slo {
    let (histogram, within) = (selector(of), Duration::from_millis(ms));
    slo("latency", Sli::Within { of: WithinKind::Latency, histogram, within, when: None })
}

/// A store with one SLO and one target, scraped in steps of a slice.
pub struct Scene {
    pub store: Store,
    pub target: TargetIndex,
    pub slice: i64,
    numbers: HashMap<SeriesKey, u32>,
    keys: Vec<SeriesKey>,
}

pub fn target(instance: &str, interval_ms: i64) -> Target {
    Target {
        job: "shop".into(),
        instance: instance.into(),
        labels: Labels::default(),
        interval: ms(interval_ms),
        honor_labels: false,
        relabeling: Relabeling::default(),
    }
}

pub fn ms(ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(ms).expect("positive"))
}

impl Scene {
    pub fn new(slo: Slo, slice: i64) -> Self {
        Self::of(vec![slo], slice)
    }

    pub fn of(slos: Vec<Slo>, slice: i64) -> Self {
        let limits = Limits { slice: ms(slice) };
        let slos = slos.into_iter().map(Arc::new).collect();
        let mut store = Store::new(slos, limits).expect("valid selectors");
        let target = store.add_target(target("a:1", slice));
        Self { store, target, slice, numbers: HashMap::new(), keys: Vec::new() }
    }

    /// Scrapes the scene's target at `at` and moves time there.
    pub fn scrape(&mut self, at: i64, series: &[(&str, f64)]) {
        self.scrape_of(self.target, at, series);
        self.store.advance(TimeMs(at));
    }

    pub fn scrape_of(&mut self, target: TargetIndex, at: i64, series: &[(&str, f64)]) {
        let stamped: Vec<_> = series.iter().map(|(text, value)| (*text, *value, None)).collect();
        self.scrape_stamped(target, at, &stamped);
    }

    pub fn scrape_stamped(
        &mut self,
        target: TargetIndex,
        at: i64,
        series: &[(&str, f64, Option<i64>)],
    ) {
        let samples = series.iter().map(|(text, value, at_ms)| Sample {
            series: self.number(key(text)),
            value: *value,
            at_ms: *at_ms,
            is_delta: false,
        });
        let scrape = Scrape { samples: samples.collect(), ..Scrape::default() };
        let keys = &self.keys;
        let lookup = |index: SeriesIndex| keys.get(index.0 as usize).cloned();
        self.store.ingest(target, TimeMs(at), &scrape, lookup);
    }

    fn number(&mut self, key: SeriesKey) -> SeriesIndex {
        let next = u32::try_from(self.keys.len()).expect("few series");
        let number = *self.numbers.entry(key.clone()).or_insert(next);
        if number == next {
            self.keys.push(key);
        }
        SeriesIndex(number)
    }

    pub fn miss(&mut self, at: i64) {
        self.store.miss(self.target, TimeMs(at));
        self.store.advance(TimeMs(at));
    }

    /// Returns what the last `length` milliseconds held for the first ledger.
    pub fn window(&self, length: i64) -> WindowCounts {
        self.store.ledgers()[0].window(ms(length))
    }

    /// Returns good, bad and unknown of a window.
    pub fn counts(&self, length: i64) -> (u64, u64, u64) {
        let counts = self.window(length).counts;
        (counts.good, counts.bad, counts.unknown)
    }
}

/// A directory of its own, gone when the test is.
pub struct Directory(pub PathBuf);

impl Directory {
    pub fn new(name: &str) -> Self {
        let path =
            std::env::temp_dir().join(format!("plimsoll-store-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        Self(path)
    }

    pub fn file(&self) -> PathBuf {
        self.0.join("plimsoll.redb")
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub fn flush(archive: &mut Archive, scene: &mut Scene) {
    archive.flush(scene.store.checkpoint()).expect("flushed");
}
