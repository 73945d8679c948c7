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

/// What tells a target from every other: its job and its instance.
pub(crate) type TargetName = (String, String);

/// What one target exposed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recorded {
    /// By time, in milliseconds; a scrape without samples failed.
    pub(crate) scrapes: BTreeMap<i64, Vec<Sample>>,
    /// Whether failed scrapes are told too, so that silence means that nobody scraped.
    pub(crate) tells_failures: bool,
}

/// Recorded samples, by the target that exposed them and the time at which it did. A long recording
/// is replayed piece by piece: each takes the place of the one before.
#[derive(Clone, Debug, Default)]
pub struct Recording {
    pub(crate) keys: Vec<SeriesKey>,
    numbers: HashMap<SeriesKey, SeriesIndex>,
    pub(crate) targets: BTreeMap<TargetName, Recorded>,
    owners: Vec<TargetName>,
}

impl Recording {
    /// Takes a sample in. Its labels `job` and `instance` say which target exposed it.
    ///
    /// # Errors
    /// There are more than 2³² series.
    pub fn add(&mut self, key: &SeriesKey, at: TimeMs, value: f64) -> Result<(), RecordingError> {
        let series = self.number(key)?;
        let Some(owner) = self.owners.get(series.0 as usize) else { return Ok(()) };
        let recorded = match self.targets.get_mut(owner) {
            Some(recorded) => recorded,
            None => self.targets.entry(owner.clone()).or_default(),
        };
        let sample = Sample { series, value, at_ms: None, is_delta: false };
        recorded.scrapes.entry(at.0).or_default().push(sample);
        Ok(())
    }

    /// Notes that a target was scraped, as its series `up` tells: if nothing else is known of that
    /// time, in vain. Targets that exposed nothing yet are of no interest.
    pub fn add_scrape(&mut self, labels: &Labels, at: TimeMs) {
        if let Some(recorded) = self.targets.get_mut(&target_name(labels)) {
            recorded.tells_failures = true;
            recorded.scrapes.entry(at.0).or_default();
        }
    }

    /// Forgets every sample; series and targets keep their numbers.
    pub fn clear(&mut self) {
        self.targets.values_mut().for_each(|recorded| recorded.scrapes.clear());
    }

    fn number(&mut self, key: &SeriesKey) -> Result<SeriesIndex, RecordingError> {
        if let Some(number) = self.numbers.get(key) {
            return Ok(*number);
        }
        let number = u32::try_from(self.keys.len()).map_err(|_| RecordingError::Series)?;
        let number = SeriesIndex(number);
        self.owners.push(target_name(&key.labels));
        // The target has these two labels itself.
        let labels = key.labels.filtered(|name| !matches!(name, "job" | "instance"));
        self.keys.push(SeriesKey { name: key.name.clone(), labels });
        self.numbers.insert(key.clone(), number);
        Ok(number)
    }

    /// Returns the first and the last time at which anything was scraped.
    ///
    /// # Errors
    /// Nothing ever was.
    pub fn span(&self) -> Result<(TimeMs, TimeMs), RecordingError> {
        let scraped = || self.targets.values().map(|recorded| &recorded.scrapes);
        let first = scraped().filter_map(|scrapes| scrapes.keys().next()).min();
        let last = scraped().filter_map(|scrapes| scrapes.keys().next_back()).max();
        first
            .zip(last)
            .map(|(first, last)| (TimeMs(*first), TimeMs(*last)))
            .ok_or(RecordingError::Empty)
    }

    /// Guesses the shortest scrape interval of all targets.
    pub fn interval(&self) -> Option<Duration> {
        self.targets.values().filter_map(Recorded::interval).min()
    }

    /// Returns the names of all series, for whoever looks for one that isn't there.
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.keys.iter().map(|key| &*key.name).collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

impl Recorded {
    /// Guesses the scrape interval: the most frequent distance between two scrapes.
    pub(crate) fn interval(&self) -> Option<Duration> {
        let mut counted: BTreeMap<i64, usize> = BTreeMap::new();
        for (one, next) in self.scrapes.keys().zip(self.scrapes.keys().skip(1)) {
            *counted.entry(next - one).or_default() += 1;
        }
        let most = counted.into_iter().max_by_key(|(_, count)| *count)?.0;
        u64::try_from(most).ok().map(Duration::from_millis)
    }
}

fn target_name(labels: &Labels) -> TargetName {
    let label = |name: &str| labels.get(name).unwrap_or_default().to_owned();
    (label("job"), label("instance"))
}

/// Makes a scrape of samples of one time.
pub(crate) fn scrape(samples: &[Sample]) -> Scrape {
    Scrape { samples: samples.to_vec(), ..Scrape::default() }
}
