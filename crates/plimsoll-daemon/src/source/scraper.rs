use super::fetch::{Fetcher, ScrapeError};
use super::heard::{Heard, Report, Scraped, TargetNumber};
use super::label_sets::Sieve;
use crate::backoff::fraction;
use crate::config::ScrapeBounds;
use crate::timeline::Timeline;
use plimsoll_exposition::decode::Decoder;
use plimsoll_exposition::{Format, Interest};
use plimsoll_model::SeriesIndex;
use plimsoll_runtime::clock::Clock;
use std::collections::BTreeMap;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior};

/// One target, ready to be scraped.
#[derive(Debug)]
pub(super) struct Scraper {
    pub(super) number: TargetNumber,
    pub(super) fetcher: Fetcher,
    pub(super) interval: Duration,
    pub(super) bounds: ScrapeBounds,
    /// The series that are read; all of them without it.
    pub(super) interest: Option<Arc<Interest>>,
    /// Samples that were let go because the engine's queue was full.
    pub(super) dropped: Arc<AtomicU64>,
}

impl Scraper {
    /// Scrapes until it is aborted or the engine is gone.
    pub(super) async fn run(self, heard: mpsc::Sender<Heard>, clock: Timeline) {
        let mut ticks = tokio::time::interval_at(Instant::now() + self.offset(), self.interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut reader = Reader::new(self.bounds, self.interest.clone());
        let mut body = Vec::new();
        while !heard.is_closed() {
            ticks.tick().await;
            let at = clock.now();
            let outcome = match self.fetcher.fetch(self.bounds, &mut body).await {
                Ok(format) => reader.read(&body, format),
                Err(error) => Err(error),
            };
            let outcome = outcome.map_err(|error| error.to_string());
            let samples = outcome.as_ref().map_or(0, |scraped| scraped.scrape.samples.len());
            let report = Report { target: self.number, at, took: clock.now().since(at), outcome };
            match heard.try_send(Heard::Report(report)) {
                Ok(()) => reader.sent(),
                Err(_) => {
                    reader.refused();
                    self.dropped.fetch_add(samples as u64, Ordering::Relaxed);
                }
            }
        }
    }

    /// Where in the interval the target is scraped: spread by its name, so that many targets
    /// don't answer in one burst, and the same after a restart.
    fn offset(&self) -> Duration {
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(self.fetcher.name());
        self.interval.mul_f64(fraction(hash))
    }
}

/// A target's decoder, and which of its series the engine has heard the name of.
#[derive(Debug)]
struct Reader {
    decoder: Decoder,
    sieve: Sieve,
    samples_max: Option<usize>,
    /// The first index that no report has named.
    unnamed_from: SeriesIndex,
    /// What `unnamed_from` becomes once the present report is sent.
    unnamed_next: SeriesIndex,
}

impl Reader {
    fn new(bounds: ScrapeBounds, interest: Option<Arc<Interest>>) -> Self {
        let decoder = Decoder::new(bounds.series);
        Self {
            decoder: match interest {
                Some(interest) => decoder.only(interest),
                None => decoder,
            },
            sieve: Sieve::new(bounds.label_sets),
            samples_max: bounds.samples,
            unnamed_from: SeriesIndex(0),
            unnamed_next: SeriesIndex(0),
        }
    }

    fn read(&mut self, body: &[u8], format: Format) -> Result<Scraped, ScrapeError> {
        let mut scrape = self.decoder.decode(body, format)?.clone();
        let samples = scrape.count();
        if let Some(limit) = self.samples_max.filter(|limit| samples > *limit) {
            return Err(ScrapeError::Samples { samples, limit });
        }
        if self.sieve.sift(&mut scrape, &self.decoder) {
            self.unnamed_from = SeriesIndex(0);
        }
        let unnamed = self.decoder.series_from(self.unnamed_from);
        let named: BTreeMap<_, _> = unnamed
            .filter(|series| !self.sieve.refuses(series.index()))
            .filter_map(|series| Some((series.index(), series.key().ok()?)))
            .collect();
        if let Some((last, _)) = named.last_key_value() {
            self.unnamed_next = self.unnamed_from.max(SeriesIndex(last.0.saturating_add(1)));
        }
        Ok(Scraped { scrape, named })
    }

    /// Notes that the engine got what was read last.
    fn sent(&mut self) {
        self.unnamed_from = self.unnamed_next;
    }

    /// Notes that the engine's queue refused what was read last, names included.
    fn refused(&mut self) {
        self.unnamed_next = self.unnamed_from;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: ScrapeBounds =
        ScrapeBounds { body_bytes: 1_000, samples: Some(2), series: 100, label_sets: 100 };

    fn names(reader: &mut Reader, body: &str) -> Vec<String> {
        let scraped = reader.read(body.as_bytes(), Format::Text).expect("a good body");
        scraped.named.values().map(|key| key.name.to_string()).collect()
    }

    #[test]
    fn each_series_is_named_once_to_an_engine_that_heard_it() {
        let mut reader = Reader::new(BOUNDS, None);
        assert_eq!(names(&mut reader, "a 1\n"), ["a"]);
        reader.refused();
        assert_eq!(names(&mut reader, "a 2\nb 1\n"), ["a", "b"], "the first report was lost");
        reader.sent();
        assert_eq!(names(&mut reader, "a 3\nb 2\n"), [""; 0]);
        reader.sent();
        assert_eq!(names(&mut reader, "c 1\nb 2\n"), ["c"]);
    }

    #[test]
    fn a_body_of_too_many_samples_is_refused_whole_as_in_prometheus() {
        let mut interest = Interest::new();
        interest.add("c");
        let mut reader = Reader::new(BOUNDS, Some(Arc::new(interest)));
        let error = reader.read(b"a 1\nb 1\nc 1\n", Format::Text).expect_err("too many");
        assert_eq!(error.to_string(), "3 samples, more than sample_limit 2");
        reader.sent();
        assert_eq!(names(&mut reader, "c 1\n"), ["c"], "it wasn't named by a report that failed");
    }
}
