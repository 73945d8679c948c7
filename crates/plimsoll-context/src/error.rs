use plimsoll_record::RegisterError;
use std::time::Duration;

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
    /// An instrument couldn't be made.
    #[error(transparent)]
    Register(#[from] RegisterError),
    /// A label couldn't be made of a name.
    #[error(transparent)]
    Label(#[from] plimsoll_model::LabelError),
}
