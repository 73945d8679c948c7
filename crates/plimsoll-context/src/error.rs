use std::time::Duration;

/// How many bands there are at most, since each is a set of series.
pub(crate) const BANDS_MAX: usize = 16;

/// Why a kind of decision couldn't be registered.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum DecisionError {
    /// Nothing could ever be valid.
    #[error("the validity window of {name} is zero: give the time that its context stays good for")]
    Validity {
        /// The decision's name.
        name: String,
    },
    /// Nothing could ever be known to be valid.
    #[error("the clock error of {name}, {error:?}, must be below its validity window, {window:?}")]
    ClockError {
        /// The decision's name.
        name: String,
        /// The declared error.
        error: Duration,
        /// The validity window.
        window: Duration,
    },
    /// The number of stripes can't be used.
    #[error("{name} can't have {stripes} stripes: give a power of two up to 16,777,216")]
    Stripes {
        /// The decision's name.
        name: String,
        /// The number that was given.
        stripes: usize,
    },
    /// The bands can't be used.
    #[error("the bands of {name} must ascend from 1 and be at most {BANDS_MAX}, not {bands:?}")]
    Bands {
        /// The decision's name.
        name: String,
        /// The lower edges that were given.
        bands: Vec<u64>,
    },
}
