use plimsoll_model::{Labels, Sample, Scrape, SeriesIndex, SeriesKey, TimeMs};
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

/// Why recorded samples can't be replayed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordingError {
    /// There is nothing.
    #[error("no sample lies in that range: is it the right one, and are the metrics named right?")]
    Empty,
    /// More series than can be numbered.
    #[error("more series than can be told apart")]
    Series,
}

/// Recorded samples, by the target that exposed them and the time at which it did.
#[derive(Clone, Debug, Default)]
pub struct Recording {
    pub(crate) keys: Vec<SeriesKey>,
    numbers: HashMap<SeriesKey, SeriesIndex>,
    /// By job and instance.
    pub(crate) targets: BTreeMap<(String, String), BTreeMap<i64, Vec<Sample>>>,
    owners: Vec<(String, String)>,
}

impl Recording {
    /// Takes a sample in. Its labels `job` and `instance` say which target exposed it.
    ///
    /// # Errors
    /// There are more than 2³² series.
    pub fn add(&mut self, key: &SeriesKey, at: TimeMs, value: f64) -> Result<(), RecordingError> {
        let series = self.number(key)?;
        let Some(owner) = self.owners.get(series.0 as usize) else { return Ok(()) };
        let scrapes = match self.targets.get_mut(owner) {
            Some(scrapes) => scrapes,
            None => self.targets.entry(owner.clone()).or_default(),
        };
        scrapes.entry(at.0).or_default().push(Sample {
            series,
            value,
            at_ms: None,
            is_delta: false,
        });
        Ok(())
    }

    fn number(&mut self, key: &SeriesKey) -> Result<SeriesIndex, RecordingError> {
        if let Some(number) = self.numbers.get(key) {
            return Ok(*number);
        }
        let label = |name: &str| key.labels.get(name).unwrap_or_default().to_owned();
        let number = u32::try_from(self.keys.len()).map_err(|_| RecordingError::Series)?;
        let number = SeriesIndex(number);
        self.owners.push((label("job"), label("instance")));
        // The target has these two labels itself.
        let labels = key.labels.filtered(|name| !matches!(name, "job" | "instance"));
        self.keys.push(SeriesKey { name: key.name.clone(), labels });
        self.numbers.insert(key.clone(), number);
        Ok(number)
    }

    /// Returns the first and the last time at which anything was exposed.
    ///
    /// # Errors
    /// Nothing ever was.
    pub fn span(&self) -> Result<(TimeMs, TimeMs), RecordingError> {
        let times = |pick: fn(&BTreeMap<i64, Vec<Sample>>) -> Option<i64>| {
            self.targets.values().filter_map(pick).collect::<Vec<_>>()
        };
        let first = times(|scrapes| scrapes.keys().next().copied()).into_iter().min();
        let last = times(|scrapes| scrapes.keys().next_back().copied()).into_iter().max();
        first
            .zip(last)
            .map(|(first, last)| (TimeMs(first), TimeMs(last)))
            .ok_or(RecordingError::Empty)
    }

    /// Guesses the scrape interval: the most frequent distance between two scrapes of a target.
    pub fn interval(&self) -> Option<Duration> {
        let mut counted: BTreeMap<i64, usize> = BTreeMap::new();
        for scrapes in self.targets.values() {
            for (one, next) in scrapes.keys().zip(scrapes.keys().skip(1)) {
                *counted.entry(next - one).or_default() += 1;
            }
        }
        let most = counted.into_iter().max_by_key(|(_, count)| *count)?.0;
        u64::try_from(most).ok().map(Duration::from_millis)
    }

    /// Returns the names of all series, for whoever looks for one that isn't there.
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.keys.iter().map(|key| &*key.name).collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

/// Makes a scrape of samples of one time.
pub(crate) fn scrape(samples: &[Sample]) -> Scrape {
    Scrape { samples: samples.to_vec(), refused: Vec::new() }
}

/// Returns labels that a target has beside job and instance: none, the series have them all.
pub(crate) fn no_labels() -> Labels {
    Labels::default()
}
