//! The levels that the page shows live.

use crate::TargetIndex;
use plimsoll_model::{Labels, TimeMs};

/// One level of one target as it was last scraped; a part that isn't exposed is `None`.
#[derive(Clone, Debug, PartialEq)]
pub struct LevelView {
    /// The target that exposed it.
    pub target: TargetIndex,
    /// The level's name in the catalog.
    pub name: &'static str,
    /// Its labels, as the target exposed them.
    pub labels: Labels,
    /// The level now.
    pub now: Option<f64>,
    /// Its configured limit.
    pub limit: Option<f64>,
    /// The highest level within the last 60 s.
    pub peak: Option<f64>,
    /// The exact mean over the last 5 to 10 s, from the integral.
    pub mean: Option<f64>,
    /// The part of the last 5 to 10 s that was spent at or above the limit.
    pub saturated_ratio: Option<f64>,
    /// The age of the oldest still in it, in seconds.
    pub oldest_age_seconds: Option<f64>,
    /// When it was scraped.
    pub at: TimeMs,
}
