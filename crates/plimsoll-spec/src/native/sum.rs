use crate::SelectorText;
use crate::promql::{PromqlError, Range, linear};
use plimsoll_slo::Linear;
use std::str::FromStr;

/// A counter, or a sum of counters: `a_total`, `a_total + b_total{code="500"} - 2 * c_total`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SumText(pub(crate) Linear);

/// Why a text isn't such a sum.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SumTextError {
    #[error(transparent)]
    Promql(#[from] PromqlError),
    #[error("takes the counters themselves: write them without rate() or increase()")]
    Function,
    #[error("takes the counters themselves: write them without sum(), and `by` beside `sli`")]
    Grouped,
    #[error("counts nothing")]
    Nothing,
}

impl FromStr for SumText {
    type Err = SumTextError;

    fn from_str(text: &str) -> Result<Self, SumTextError> {
        // Most are one counter, and PromQL's own parser costs a hundred times as much.
        if let Ok(SelectorText(selector)) = text.parse() {
            return Ok(Self(selector.into()));
        }
        let sum = linear(text)?;
        if !sum.by.is_empty() {
            return Err(SumTextError::Grouped);
        }
        match sum.range {
            _ if sum.linear.0.is_empty() => Err(SumTextError::Nothing),
            Some(Range::Counter) => Ok(Self(sum.linear)),
            _ => Err(SumTextError::Function),
        }
    }
}
