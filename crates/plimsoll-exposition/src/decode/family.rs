//! Families: what a format says about the order of a body's lines.

mod open;
mod text;

use super::error::Fault;
use super::line::{Bounds, Part};
use crate::Format;

/// The families of the body that is being read.
pub(super) enum Families {
    Text(text::Families),
    OpenMetrics(open::Families),
}

impl Families {
    pub(super) fn new(format: Format) -> Self {
        match format {
            Format::Text => Self::Text(text::Families::default()),
            Format::OpenMetrics => Self::OpenMetrics(open::Families::default()),
        }
    }

    /// Takes a metadata line.
    pub(super) fn describe(&mut self, family: &str, part: Part) -> Result<(), Fault> {
        match self {
            Self::Text(families) => families.describe(family, part),
            Self::OpenMetrics(families) => families.describe(family, part),
        }
    }

    /// Takes a sample and says whether it may carry an exemplar.
    pub(super) fn sample(&mut self, name: &str, bounds: Bounds) -> Result<bool, Fault> {
        match self {
            Self::Text(families) => families.sample(name, bounds).map(|()| false),
            Self::OpenMetrics(families) => families.sample(name, bounds),
        }
    }
}

/// The label with a number that a sample must have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Needs {
    #[default]
    Nothing,
    Le,
    Quantile,
}

impl Needs {
    fn check(self, bounds: Bounds) -> Result<(), Fault> {
        match self {
            Self::Le if !bounds.le => Err(Fault::Bound),
            Self::Quantile if !bounds.quantile => Err(Fault::Bound),
            _ => Ok(()),
        }
    }
}
