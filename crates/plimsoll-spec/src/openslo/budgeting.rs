//! What a budget is of: events, or slices of time.

use crate::import::Import;
use crate::native::SomeLength;
use crate::shape::{Key, Shape, optional};
use plimsoll_slo::Sli;
use std::str::FromStr;

/// A method of budgeting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    /// Each event counts once.
    Occurrences,
    /// Each slice of time counts once, as good or bad.
    Timeslices,
    /// Each slice of time counts once, as the ratio that it had.
    RatioTimeslices,
}

/// The text is no method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be Occurrences or RatioTimeslices")]
pub(super) struct MethodError;

impl FromStr for Method {
    type Err = MethodError;

    fn from_str(text: &str) -> Result<Self, MethodError> {
        match text {
            "Occurrences" => Ok(Self::Occurrences),
            "Timeslices" => Ok(Self::Timeslices),
            "RatioTimeslices" => Ok(Self::RatioTimeslices),
            _ => Err(MethodError),
        }
    }
}

pub(super) const TARGET: Key = optional("timeSliceTarget", Shape::TEXT);
pub(super) const WINDOW: Key = optional("timeSliceWindow", Shape::parsed::<SomeLength>());

/// Holds a method against the SLI and the objective at `path`.
///
/// A gauge is looked at equally often in slices of one length, so that the mean of the slices' ratios
/// is the good part of the time, which is what is counted, however long a slice is. The ratios of
/// events have no such weight: their mean is another number than the ratio of their sums.
pub(super) fn check(
    import: &mut Import<'_>,
    path: &str,
    (method, sli): (Method, &Sli),
) -> Option<()> {
    let method_at = "spec.budgetingMethod";
    match (method, sli.counts_time()) {
        (Method::Occurrences, _) => {
            let reason = "means nothing with Occurrences, by which each event counts once";
            refuse(import, &format!("{path}.timeSliceTarget"), reason)?;
            refuse(import, &format!("{path}.timeSliceWindow"), reason)
        }
        (Method::RatioTimeslices, true) => {
            let reason = "means nothing with RatioTimeslices, by which a slice counts as its ratio";
            refuse(import, &format!("{path}.timeSliceTarget"), reason)
        }
        (Method::RatioTimeslices, false) => {
            let reason = "averages ratios, so that a slice of one request weighs as much as one of a \
                          million: write Occurrences, by which each event counts once";
            import.fault(method_at, reason)
        }
        (Method::Timeslices, true) => {
            let reason = "counts a slice as bad as a whole: write RatioTimeslices, by which only the \
                          time counts in which the metric is over its value";
            import.fault(method_at, reason)
        }
        (Method::Timeslices, false) => {
            let reason = "counts a slice of one request as much as one of a million: write \
                          Occurrences, by which each event counts once";
            import.fault(method_at, reason)
        }
    }
}

fn refuse(import: &mut Import<'_>, at: &str, reason: &str) -> Option<()> {
    if import.document.has(at) { import.fault(at, reason) } else { Some(()) }
}
