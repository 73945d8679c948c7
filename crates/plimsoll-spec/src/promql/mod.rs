//! PromQL, as far as it is a sum of counters' increases: that much is counted exactly, without a
//! query engine.

mod fraction;
mod linear;
mod query;
mod text;

pub(crate) use linear::{Range, Sum, linear};
pub(crate) use query::{QueryText, unit_of};
pub(crate) use text::PromqlError;
