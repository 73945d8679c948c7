use plimsoll_model::{Kind, Labels};

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
    /// Another signal exports a family of this name: one name with two types is no exposition.
    #[error("{name} would export {family}, as another signal does: choose another name")]
    Clash {
        /// The signal's name.
        name: &'static str,
        /// The name of the family that both export.
        family: String,
    },
    /// The bands don't ascend from 1, or there are more than 16.
    #[error("the bands of {name} must ascend from 1 and be at most 16")]
    Bands {
        /// The signal's name.
        name: &'static str,
    },
    /// The label that a split adds is no label name.
    #[error("{name} cannot be split: {reason}")]
    Split {
        /// The signal's name.
        name: &'static str,
        /// What is wrong with the label.
        reason: plimsoll_model::LabelError,
    },
    /// An activity's durations are to be split by the band of another activity.
    #[error("{name} holds an activity's durations, which cannot be split by a band")]
    Banded {
        /// The signal's name.
        name: &'static str,
    },
    /// The process has made as many instruments as its recorder holds.
    #[error("the recorder holds no more instruments: register fewer label sets")]
    Full,
}
