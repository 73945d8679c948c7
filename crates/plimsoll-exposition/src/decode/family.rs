//! Families: what a format says about the order of a body's lines.

mod open;
mod text;

use super::error::Fault;
use super::line::{Bounds, Part};
use crate::Format;

/// The families of the body that is being read.
pub(super) enum Families<'b> {
    Text(text::Families<'b>),
    OpenMetrics(open::Families<'b>),
}

impl<'b> Families<'b> {
    pub(super) fn new(format: Format) -> Self {
        match format {
            Format::Text => Self::Text(text::Families::default()),
            Format::OpenMetrics => Self::OpenMetrics(open::Families::default()),
        }
    }

    /// Takes a metadata line.
    pub(super) fn describe(&mut self, family: &'b str, part: Part) -> Result<(), Fault> {
        match self {
            Self::Text(families) => families.describe(family, part),
            Self::OpenMetrics(families) => families.describe(family, part),
        }
    }

    /// Takes the first of samples of one name that follow each other, and says what all of them are
    /// to their family.
    pub(super) fn sample(&mut self, name: &'b str) -> Result<Role, Fault> {
        match self {
            Self::Text(families) => Ok(families.sample(name)),
            Self::OpenMetrics(families) => families.sample(name),
        }
    }
}

/// What a sample is to its family.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Role {
    needs: Needs,
    /// Whether it may carry an exemplar.
    pub(super) exemplar: bool,
}

/// The label with a number that a sample must have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Needs {
    #[default]
    Nothing,
    Le,
    Quantile,
}

impl Role {
    /// Checks the labels that the sample has.
    pub(super) fn check(self, bounds: Bounds) -> Result<(), Fault> {
        match self.needs {
            Needs::Le if !bounds.le => Err(Fault::Bound),
            Needs::Quantile if !bounds.quantile => Err(Fault::Bound),
            _ => Ok(()),
        }
    }
}
