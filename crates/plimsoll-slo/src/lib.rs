//! The service level objective: what it is, what its budget is, how fast it burns, and when that
//! is worth a page.
//!
//! Pure: time is an argument, every count is an integer, and nothing here knows a clock, a
//! socket, a file, YAML or PromQL.

#![forbid(unsafe_code)]

mod alert;
mod assess;
mod budget;
mod burn;
mod evidence;
mod exclusion;
mod explain;
mod forecast;
mod length;
mod page;
mod period;
mod policy;
mod quiet;
mod reason;
mod sli;
mod slo;
mod span;
mod weighted;
mod wide;
mod windows;

pub use alert::{Alert, AlertState, Alerts, Change, Transition};
pub use assess::{Assessment, Unit, assess};
pub use budget::Budget;
pub use burn::{BadOf, WindowBurn};
pub use evidence::Evidence;
pub use exclusion::{Exclusion, Recurrence, RecurrenceError};
pub use explain::explain;
pub use forecast::Forecast;
pub use length::length_name;
pub use page::{AlertName, Cause, Condition, RowVerdict};
pub use period::{CalendarUnit, Period, Zone, ZoneError};
pub use quiet::is_quiet;
pub use reason::Reason;
pub use sli::*;
pub use slo::*;
pub use span::Span;
pub use weighted::weigh;
pub use windows::Windows;
