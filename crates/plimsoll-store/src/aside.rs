//! What exclusions leave out: kept beside the windows, so that the budget without exclusions can be
//! shown.

use crate::so_far::SoFar;
use crate::tally::{Pieces, Tally};
use crate::tier::Tiers;
use plimsoll_model::TimeMs;
use plimsoll_slo::Period;

/// The sum of what was left out of one period.
#[derive(Clone, Debug)]
pub(crate) enum Aside {
    Rolling { tiers: Tiers, slices: i64 },
    Calendar(SoFar),
}

impl Aside {
    /// Makes the sum for a period of so many slices, if it rolls.
    pub(crate) fn new(period: Period, slices: i64, slice_ms: i64) -> Self {
        match period {
            Period::Rolling(_) => Self::Rolling { tiers: Tiers::new(vec![slices]), slices },
            Period::Calendar { .. } => Self::Calendar(SoFar::new(period, slice_ms)),
        }
    }

    pub(crate) fn advance(&mut self, slice: i64) {
        match self {
            Self::Rolling { tiers, .. } => tiers.advance(slice),
            Self::Calendar(so_far) => so_far.advance(slice),
        }
    }

    pub(crate) fn add(&mut self, slice: i64, tally: Tally) {
        match self {
            Self::Rolling { tiers, .. } => tiers.add(slice, tally),
            Self::Calendar(so_far) => so_far.add(slice, tally),
        }
    }

    pub(crate) fn spread(&mut self, from: TimeMs, to: TimeMs, tally: Tally, slice_ms: i64) {
        match self {
            Self::Rolling { tiers, .. } => spread(tiers, slice_ms, Pieces::new(from, to, tally)),
            Self::Calendar(so_far) => so_far.spread(from, to, tally),
        }
    }

    pub(crate) fn tally(&self) -> Tally {
        match self {
            Self::Rolling { tiers, slices } => tiers.window(*slices).0,
            Self::Calendar(so_far) => so_far.tally,
        }
    }

    pub(crate) fn memory(&self) -> usize {
        match self {
            Self::Rolling { tiers, .. } => tiers.memory(),
            Self::Calendar(_) => 0,
        }
    }
}

/// Adds each piece to the slot that holds it.
pub(crate) fn spread(tiers: &mut Tiers, slice_ms: i64, mut pieces: Pieces) {
    while let Some(at) = pieces.at() {
        let slice = at.div_euclid(slice_ms);
        let slot_end = tiers.slot_end(slice).saturating_mul(slice_ms);
        tiers.add(slice, pieces.until(slot_end));
    }
}
