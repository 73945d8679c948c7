use crate::{Activity, ActivitySpec, Counter, Gauge, Histogram, HistogramSpec};
use plimsoll_model::{Kind, Labels, Signal, Snapshot};
use std::ops::ControlFlow;

/// Why an instrument couldn't be made.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum RegisterError {
    /// The signal is of another kind than the instrument.
    #[error("{name} is a {kind:?}: ask the registry for that kind of instrument")]
    Kind {
        /// The signal's name.
        name: &'static str,
        /// What the signal is.
        kind: Kind,
    },
    /// Another instrument already exports this series.
    #[error("{name}{labels} is already exported by another instrument: choose other labels")]
    Taken {
        /// The signal's name.
        name: &'static str,
        /// The series' labels.
        labels: Labels,
    },
    /// The bands aren't ascending from 1, or there are more than 16.
    #[error("the bands of {name} must ascend, start at 1 and be at most 16")]
    Bands {
        /// The signal's name.
        name: &'static str,
    },
    /// The process has made as many instruments as its recorder holds.
    #[error("the recorder holds no more instruments: register fewer label sets")]
    Full,
}

/// Makes instruments and shows them all at one instant. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Registry {}

impl Registry {
    /// Returns the process's own registry.
    pub fn global() -> &'static Self {
        static GLOBAL: Registry = Registry {};
        &GLOBAL
    }

    /// Makes an empty registry.
    #[expect(clippy::new_without_default, reason = "an empty registry isn't the default one")]
    pub fn new() -> Self {
        Self {}
    }

    /// Makes an activity, or returns the one that has this signal and these labels already.
    ///
    /// # Errors
    /// A signal of another kind, bands that don't ascend, a series that another instrument exports.
    pub fn activity(&self, spec: ActivitySpec) -> Result<Activity, RegisterError> {
        let _ = spec;
        Err(RegisterError::Full)
    }

    /// Makes a histogram, or returns the one that has this signal and these labels already.
    ///
    /// # Errors
    /// A signal of another kind, or a series that another instrument exports.
    pub fn histogram(&self, spec: HistogramSpec) -> Result<Histogram, RegisterError> {
        let _ = spec;
        Err(RegisterError::Full)
    }

    /// Makes a counter, or returns the one that has this signal and these labels already.
    ///
    /// # Errors
    /// A signal of another kind, or a series that another instrument exports.
    pub fn counter(
        &self,
        signal: &'static Signal,
        labels: Labels,
    ) -> Result<Counter, RegisterError> {
        let _ = (signal, labels);
        Err(RegisterError::Full)
    }

    /// Makes a gauge, or returns the one that has this signal and these labels already.
    ///
    /// # Errors
    /// A signal of another kind, or a series that another instrument exports.
    pub fn gauge(&self, signal: &'static Signal, labels: Labels) -> Result<Gauge, RegisterError> {
        let _ = (signal, labels);
        Err(RegisterError::Full)
    }

    /// Calls `hook` before each snapshot, on the thread that takes it, until it breaks.
    ///
    /// For what is read elsewhere when someone looks, as a runtime's own counts.
    pub fn on_snapshot(&self, hook: impl Fn() -> ControlFlow<()> + Send + Sync + 'static) {
        let _ = hook;
    }

    /// Merges what has been recorded, so that the logs don't fill. Call it every 50 ms or oftener.
    pub fn merge(&self) {}

    /// Merges what has been recorded and returns every instrument as of one instant.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot::default()
    }
}
