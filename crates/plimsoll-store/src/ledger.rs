//! The account book of one SLO and group.

use plimsoll_model::Labels;
use plimsoll_slo::Slo;
use std::sync::Arc;

/// What is known about one SLO, or about one group of an SLO with `by`.
#[derive(Clone, Debug)]
pub struct Ledger {
    id: String,
    slo: Arc<Slo>,
    group: Labels,
}

impl Ledger {
    /// Returns `service/slo`, or `service/slo{k="v"}` for a group.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns the SLO.
    pub fn slo(&self) -> &Arc<Slo> {
        &self.slo
    }

    /// Returns the values of the SLO's `by` labels; empty without `by`.
    pub fn group(&self) -> &Labels {
        &self.group
    }

    /// Returns the two histogram edges, in the histogram's own unit, that the SLO's threshold lies
    /// between when it is no edge of what is scraped: what fell between them is unknown.
    pub fn between_edges(&self) -> Option<(f64, f64)> {
        None
    }
}
