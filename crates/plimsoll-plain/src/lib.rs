//! A checkout service and its billing as a team would have written them: no line of Plimsoll is in them,
//! and no dependency on it. The demo runs each in a process of its own and looks at it from outside.
//!
//! What they count of themselves, plainly and beside their work, is the truth that the demo holds
//! against what was seen.

#![forbid(unsafe_code)]

mod authorize;
mod billing;
mod checkout;
mod faults;
mod ledger;
mod orders;
mod owner;
mod topic;

pub use billing::{Billed, billing};
pub use checkout::checkout;
pub use ledger::Waited;
pub use topic::Topic;
