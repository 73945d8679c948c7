use plimsoll_model::{Labels, catalog};
use std::borrow::Cow;
use std::panic::Location;
use std::time::Duration;

/// What an instrument is called, and what else its series carry.
///
/// A plain string is enough: `Mutex::named("ledger", value)`. Where an SLO needs more, it is said
/// here, where the instrument is made:
///
/// ```
/// use plimsoll::{Labels, Name, Operation};
/// use std::time::Duration;
///
/// let name = Name::new("authorize")
///     .labels(Labels::new([("region", "eu")])?)
///     .edges(&[Duration::from_millis(250)])
///     .bands(&[1, 32, 64]);
/// let operation = Operation::limited(name, 64);
/// # drop(operation);
/// # Ok::<(), plimsoll::LabelError>(())
/// ```
///
/// What is made without a name, as by `Mutex::new`, is called after the place in the source that makes
/// it, as by [`Name::here`].
///
/// Names come from the program, never from its clients: each one is a set of series for ever.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    pub(crate) text: Cow<'static, str>,
    pub(crate) labels: Labels,
    pub(crate) edges_ns: Vec<u64>,
    pub(crate) bands: Option<Vec<u64>>,
}

impl Name {
    /// Calls it `text`, with no more labels than its signals have anyway.
    pub fn new(text: impl Into<Cow<'static, str>>) -> Self {
        Self { text: text.into(), labels: Labels::default(), edges_ns: Vec::new(), bands: None }
    }

    /// Calls it after the caller's place in the source, as `src/orders.rs:43`.
    #[track_caller]
    pub fn here() -> Self {
        Self::at(Location::caller())
    }

    pub(crate) fn at(place: &'static Location<'static>) -> Self {
        Self::new(format!("{}:{}", place.file(), place.line()))
    }

    /// Adds labels to all its series. One that its signals carry by themselves (of an operation
    /// `operation`, `outcome`, `band`; of a lock `lock`, `mode` …) keeps the value that they give it.
    #[must_use]
    pub fn labels(mut self, labels: Labels) -> Self {
        self.labels = labels;
        self
    }

    /// Makes the histograms exact at these durations: the thresholds of SLOs. They are exported as
    /// classic bucket bounds besides the default ones.
    #[must_use]
    pub fn edges(mut self, edges: &[Duration]) -> Self {
        self.edges_ns = edges.iter().map(|edge| ns(*edge)).collect();
        self
    }

    /// Replaces the lower edges of the in-flight bands, by default 1, 4, 16, 64, 128, 256. They are
    /// sorted, 1 is added, and the sixteen lowest are kept. Only operations have bands.
    #[must_use]
    pub fn bands(mut self, edges: &[u64]) -> Self {
        let mut bands: Vec<u64> = edges.iter().copied().filter(|edge| *edge > 1).collect();
        bands.push(1);
        bands.sort_unstable();
        bands.dedup();
        bands.truncate(16);
        self.bands = Some(bands);
        self
    }

    /// The text.
    #[doc(hidden)]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The durations at which its histograms are exact, in nanoseconds.
    #[doc(hidden)]
    pub fn edges_ns(&self) -> &[u64] {
        &self.edges_ns
    }

    /// The labels, with `key` saying the name.
    #[doc(hidden)]
    pub fn under(&self, key: &'static str) -> Labels {
        self.with(&[(key, &self.text)])
    }

    /// The labels, without those that signals give values to, and with `own`.
    #[doc(hidden)]
    pub fn with(&self, own: &[(&'static str, &str)]) -> Labels {
        let is_own = |label: &str| own.iter().any(|(key, _)| catalog::carries(key, label));
        let kept = self.labels.iter().filter(|(label, _)| !is_own(label));
        // The names are valid and differ: an error would be a label that is written in this crate.
        Labels::new(kept.chain(own.iter().copied())).unwrap_or_default()
    }
}

impl From<&'static str> for Name {
    fn from(text: &'static str) -> Self {
        Self::new(text)
    }
}

impl From<String> for Name {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

/// Nanoseconds of a duration; 584 years are enough.
pub(crate) fn ns(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_keeps_its_own_labels() {
        let labels = Labels::new([("region", "eu"), ("outcome", "mine"), ("lock", "mine")]);
        let name = Name::new("ledger").labels(labels.expect("valid"));
        assert_eq!(name.under("lock").to_string(), r#"{lock="ledger",outcome="mine",region="eu"}"#);
        assert_eq!(
            name.under("operation").to_string(),
            r#"{lock="mine",operation="ledger",region="eu"}"#
        );
    }

    #[test]
    fn bands_ascend_from_one() {
        let name = Name::new("auth").bands(&[64, 0, 32, 64]);
        assert_eq!(name.bands, Some(vec![1, 32, 64]));
    }
}
