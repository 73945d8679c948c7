//! An existing page of metrics, read so often that its gauges become levels.
//!
//! A scrape each 15 s sees a burst of 200 ms once in 75 times. Looked at every 100 ms from nearby, the
//! same gauge has a peak, an integral, time at its limit and time at each level, which the next scrape
//! of the sidecar carries out, however late it comes. It stays a sample: what lies between two looks is
//! not seen, and how far apart they were is exported beside it.

mod gauges;

use crate::config::{DEADLINE, INTERVAL, LABEL};
use crate::connected::{Connected, ConnectedCollector};
use crate::fetch::{self, Page, Visitor, check_visitor};
use crate::kind::CollectorKind;
use crate::levels::{Highest, LEVELS_MAX};
use crate::{Collector, CollectorConfig, Flag, Pace, Reading, Reason, World};
use async_trait::async_trait;
use gauges::{Bound, Chosen, Gauge, Limit};
use plimsoll_exposition::decode::Decoder;
use plimsoll_exposition::{Format, Interest};
use plimsoll_model::{Labels, SeriesIndex, TimeMs, catalog};
use plimsoll_runtime::clock::Clock;
use plimsoll_servers::{AUTHORIZATION, PASSWORD, PASSWORD_FILE, TLS_CONFIG};
use plimsoll_spec::{MapShape, Parsed, SelectorText, Shape, optional, required};
use serde::Deserialize;
use std::collections::HashMap;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

const ACCEPT: &str = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4";

/// A page that is away is looked for at least this often: a service that restarts has bursts soon after.
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// Series that a page may have.
const SERIES_MAX: usize = 100_000;

static SHAPE: MapShape = MapShape {
    keys: &[
        LABEL,
        INTERVAL,
        DEADLINE,
        required("url", Shape::TEXT),
        PASSWORD,
        PASSWORD_FILE,
        TLS_CONFIG,
        AUTHORIZATION,
        optional("gauges", Shape::List(&Shape::Map(&GAUGE))),
    ],
    check: Some(|view, faults| {
        check_visitor(view, faults, |url| url.parse::<Page>().map(drop));
    }),
};

static GAUGE: MapShape = MapShape {
    keys: &[
        required("gauge", Shape::parsed::<SelectorText>()),
        optional("limit", Shape::parsed::<Limit>()),
    ],
    check: None,
};

/// A page of metrics, and which of its gauges are made levels.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct AmplifyConfig {
    url: Parsed<Page>,
    #[serde(flatten)]
    visitor: Visitor,
    #[serde(default)]
    gauges: Vec<Gauge>,
}

impl FromStr for AmplifyConfig {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(Self { url: Parsed(text.parse()?), visitor: Visitor::default(), gauges: Vec::new() })
    }
}

impl CollectorKind for AmplifyConfig {
    const SHAPE: &'static MapShape = &SHAPE;
    const PACE: Pace = Pace::EACH_100_MS;
    const FLAGS: &'static [Flag] = &[Flag {
        name: "amplify",
        value: Some("URL"),
        help: "A page of metrics whose gauges are looked at ten times a second; may be repeated",
        read: |url| Ok(CollectorConfig::Amplify(url.parse()?)),
    }];

    fn target(&self) -> String {
        self.url.0.to_string()
    }

    fn lies_in(&mut self, folder: &Path) {
        self.visitor.lies_in(folder);
    }

    fn check(&self) -> Result<(), Reason> {
        self.visitor.check()
    }

    fn build(self, world: &World) -> Result<Box<dyn Collector>, Reason> {
        let chosen = gauges::chosen(self.gauges).map_err(Reason::new)?;
        let mut interest = Interest::new();
        for Chosen { gauge, limit } in &chosen {
            interest.add(&gauge.name);
            if let Some(Bound::Gauge(limit)) = limit {
                interest.add(&limit.name);
            }
        }
        let labels = Labels::new([("collector", &*world.name)]).map_err(Reason::new)?;
        let amplifier = Amplifier {
            page: self.url.0,
            visitor: self.visitor,
            chosen,
            decoder: Decoder::new(SERIES_MAX).only(Arc::new(interest)),
            clock: world.clock.clone(),
            interval: world.pace.interval,
            labels,
            known: HashMap::new(),
            looked: Looked::default(),
        };
        let interval = world.pace.interval;
        let connected = Connected::new(amplifier, world.clock.clone());
        Ok(Box::new(connected.pausing(interval, interval.max(PAUSE_MAX))))
    }
}

struct Amplifier {
    page: Page,
    visitor: Visitor,
    chosen: Vec<Chosen>,
    decoder: Decoder,
    clock: Arc<dyn Clock>,
    interval: Duration,
    /// The collector's own.
    labels: Labels,
    /// What each series of the page is, by its number; made anew when the page has others.
    known: HashMap<SeriesIndex, Known>,
    looked: Looked,
}

/// What a series of the page is.
enum Known {
    /// A gauge: the labels of its level, and the series or number that limits it.
    Level(Labels, Option<LimitedBy>),
    Other,
}

enum LimitedBy {
    Number(f64),
    Series(SeriesIndex),
}

/// How the looks went.
#[derive(Default)]
struct Looked {
    last: Option<TimeMs>,
    /// Between two looks, in seconds.
    apart: Highest,
    unknown_ms: u64,
}

#[async_trait]
impl ConnectedCollector for Amplifier {
    type Connection = fetch::Connection;

    async fn connect(&self) -> Result<fetch::Connection, Reason> {
        self.page.connect(&self.visitor).await
    }

    async fn look(&mut self, connection: &mut fetch::Connection) -> Result<Reading, Reason> {
        let (told, body) = self.page.read(connection, ACCEPT).await?;
        let at = self.clock.now();
        // Without a word it is what every scraper reads.
        let format = told.as_deref().map_or(Some(Format::Text), Format::of_content_type);
        let format = format.ok_or_else(|| {
            self.page.reason("is no exposition: its content type is", &told.unwrap_or_default())
        })?;
        let decoded = self.decoder.decode(&body, format);
        let scrape = decoded.map_err(|error| self.page.reason("is no exposition", &error))?;
        let values = scrape.samples.iter().map(|sample| (sample.series, sample.value));
        let values: HashMap<SeriesIndex, f64> = values.collect();
        self.learn(&values);
        self.looked.look(at, self.interval);
        Ok(self.reading(&values))
    }
}

impl Amplifier {
    /// Finds out what the series are, when there are others than before.
    fn learn(&mut self, values: &HashMap<SeriesIndex, f64>) {
        if values.len() == self.known.len()
            && values.keys().all(|index| self.known.contains_key(index))
        {
            return;
        }
        let series: Vec<_> = self
            .decoder
            .series()
            .filter(|series| values.contains_key(&series.index()))
            .filter_map(|series| Some((series.index(), series.key().ok()?)))
            .collect();
        self.known.clear();
        for (index, key) in &series {
            let chosen =
                self.chosen.iter().find(|chosen| chosen.gauge.matches(&key.name, &key.labels));
            let level = chosen.and_then(|chosen| {
                let limit = chosen.limit.as_ref().and_then(|bound| match bound {
                    Bound::Number(number) => Some(LimitedBy::Number(*number)),
                    Bound::Gauge(limit) => series
                        .iter()
                        .find(|(_, other)| {
                            limit.matches(&other.name, &other.labels) && other.labels == key.labels
                        })
                        .map(|(index, _)| LimitedBy::Series(*index)),
                });
                Some(Known::Level(self.level_labels(&key.name, &key.labels)?, limit))
            });
            self.known.insert(*index, level.unwrap_or(Known::Other));
        }
    }

    /// Returns the labels of a level: the gauge's own, and which gauge it is.
    fn level_labels(&self, gauge: &str, labels: &Labels) -> Option<Labels> {
        let collector = self.labels.get("collector")?;
        let kept = labels.filtered(|name| !matches!(name, "collector" | "gauge" | "le"));
        kept.with("gauge", gauge).and_then(|labels| labels.with("collector", collector)).ok()
    }

    fn reading(&self, values: &HashMap<SeriesIndex, f64>) -> Reading {
        let mut reading = Reading::default();
        let mut levels = 0;
        for (index, known) in &self.known {
            let Known::Level(labels, limit) = known else { continue };
            let level = values.get(index).filter(|level| level.is_finite() && **level >= 0.0);
            let Some(level) = level else { continue };
            levels += 1;
            if levels > LEVELS_MAX {
                continue;
            }
            let limit = match limit {
                Some(LimitedBy::Number(number)) => Some(*number),
                Some(LimitedBy::Series(series)) => values.get(series).copied(),
                None => None,
            };
            // Many libraries say "unlimited" with 0 or −1.
            let limit = limit.filter(|limit| *limit > 0.0);
            reading.level(&catalog::AMPLIFIED, labels, *level, limit);
        }
        let labels = &self.labels;
        reading.gauge(&catalog::AMPLIFIER_INTERVAL, labels, self.interval.as_secs_f64());
        reading.gauge(
            &catalog::AMPLIFIER_UNSEEN,
            labels,
            self.looked.apart.get().unwrap_or(f64::NAN),
        );
        let unknown_ns = u128::from(self.looked.unknown_ms) * 1_000_000;
        reading.seconds(&catalog::AMPLIFIER_UNKNOWN, labels, unknown_ns);
        let dropped = levels.saturating_sub(LEVELS_MAX);
        reading.gauge(&catalog::AMPLIFIER_DROPPED, labels, dropped as f64);
        reading
    }
}

impl Looked {
    fn look(&mut self, at: TimeMs, interval: Duration) {
        if let Some(last) = self.last.replace(at) {
            let apart_ms = u64::try_from(at.0 - last.0).unwrap_or(0);
            self.apart.note(at, apart_ms as f64 / 1e3);
            if u128::from(apart_ms) > (2 * interval).as_millis() {
                self.unknown_ms += apart_ms;
            }
        }
    }
}
