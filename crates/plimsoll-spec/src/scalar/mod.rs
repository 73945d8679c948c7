//! Values that a file writes as text: each is read by one parser, which the walk and the
//! deserialisation share.

mod length;
mod percentage;
mod selector;
mod size;

pub use length::{Length, LengthError};
pub use percentage::{Percentage, PercentageError};
pub(crate) use selector::check_regex;
pub use selector::{SelectorError, SelectorText};
pub use size::{Size, SizeError};

use serde::{Deserialize, Deserializer};
use std::fmt::Display;
use std::str::FromStr;

/// A value that is deserialised from its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parsed<T>(pub T);

impl<'de, T: FromStr<Err: Display>> Deserialize<'de> for Parsed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(serde::de::Error::custom)
    }
}
