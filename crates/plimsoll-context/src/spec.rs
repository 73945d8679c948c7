use crate::DecisionPoint;
use crate::error::{BANDS_MAX, DecisionError};
use crate::time::ns;
use plimsoll::{Clock, Name, Registry, SystemClock};
use plimsoll_model::bucket::DEFAULT_BANDS;
use std::sync::Arc;
use std::time::Duration;

/// What a kind of decision is to record: filled in by the caller, checked by [`register`](Self::register).
#[derive(Clone, Debug)]
pub struct DecisionSpec {
    pub(crate) name: Name,
    pub(crate) validity: Duration,
    pub(crate) clock_error: Duration,
    pub(crate) bands: Vec<u64>,
    pub(crate) stripes: usize,
    pub(crate) clock: Arc<dyn Clock>,
}

/// The most stripes there may be, which is 256 MiB.
const STRIPES_MAX: usize = 1 << 24;

impl DecisionSpec {
    /// Describes the decision `name`, whose context stays good for `validity`: with the default bands,
    /// 65,536 stripes (1 MiB), and wall clocks that agree.
    ///
    /// The name comes from the program, never from its clients: each one is a set of series for ever.
    pub fn new(name: impl Into<Name>, validity: Duration) -> Self {
        Self {
            name: name.into(),
            validity,
            clock_error: Duration::ZERO,
            bands: DEFAULT_BANDS.to_vec(),
            stripes: 1 << 16,
            clock: Arc::new(SystemClock),
        }
    }

    /// Says by how much the wall clock of a store may differ from this host's. What a wall clock has
    /// stamped is known no better than that.
    #[must_use]
    pub fn clock_error(mut self, error: Duration) -> Self {
        self.clock_error = error;
        self
    }

    /// Replaces the lower edges of the in-flight bands, by default 1, 4, 16, 64, 128, 256.
    #[must_use]
    pub fn bands(mut self, edges: &[u64]) -> Self {
        self.bands = edges.to_vec();
        self
    }

    /// Makes the histograms exact at these lengths, besides the validity window: the thresholds of SLOs.
    #[must_use]
    pub fn edges(mut self, edges: &[Duration]) -> Self {
        self.name = self.name.edges(edges);
        self
    }

    /// Sets the number of stripes, a power of two. Twice as many make a conflict that isn't one half as
    /// likely: see [`false_conflict_probability`](crate::false_conflict_probability). Each takes 16 B.
    #[must_use]
    pub fn stripes(mut self, stripes: usize) -> Self {
        self.stripes = stripes;
        self
    }

    /// Takes times from `clock`.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Registers the decision in the process's own registry.
    ///
    /// # Errors
    /// A value that can't be used.
    pub fn register(self) -> Result<DecisionPoint, DecisionError> {
        self.register_in(Registry::global())
    }

    /// Registers the decision in `registry`, or returns the one of this name that is there already: the
    /// first one's specification stays.
    ///
    /// # Errors
    /// A value that can't be used.
    pub fn register_in(self, registry: &Registry) -> Result<DecisionPoint, DecisionError> {
        self.check()?;
        Ok(DecisionPoint::new(self, registry))
    }

    fn check(&self) -> Result<(), DecisionError> {
        let name = || self.name.text().to_owned();
        if self.validity.is_zero() {
            return Err(DecisionError::Validity { name: name() });
        }
        if self.clock_error >= self.validity {
            let (error, window) = (self.clock_error, self.validity);
            return Err(DecisionError::ClockError { name: name(), error, window });
        }
        if !self.stripes.is_power_of_two() || self.stripes > STRIPES_MAX {
            return Err(DecisionError::Stripes { name: name(), stripes: self.stripes });
        }
        let ascend = self.bands.is_sorted_by(|lower, higher| lower < higher);
        if self.bands.first() != Some(&1) || !ascend || self.bands.len() > BANDS_MAX {
            return Err(DecisionError::Bands { name: name(), bands: self.bands.clone() });
        }
        Ok(())
    }

    /// Returns the lengths at which histograms are exact, in nanoseconds.
    pub(crate) fn edges_ns(&self) -> Vec<u64> {
        self.name.edges_ns().iter().copied().chain([ns(self.validity)]).collect()
    }
}
