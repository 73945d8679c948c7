//! What SLOs and their policies would have made of the past.
//!
//! Recorded samples ([`Recording`]) or the daemon's own counts ([`Past`]) run through the store and
//! the engine that the daemon has, with time as an argument, so that a month takes seconds. What
//! comes out ([`Outcome`]) is shown as text, as a page, and as tests for promtool.
//!
//! Nothing here opens a file or a socket, or reads a clock.

#![forbid(unsafe_code)]

mod chart;
mod json;
mod outcome;
mod page;
mod past;
mod player;
mod promtool;
mod recording;
mod replay;
mod selectors;
mod text;
mod when;

pub use json::json;
pub use outcome::{Fired, Outcome, Point, SloOutcome};
pub use page::page;
pub use past::{Past, Stretch};
pub use player::Player;
pub use promtool::{PromtoolError, promtool, tested};
pub use recording::{Recording, RecordingError};
pub use replay::{Replay, ReplayError, Run};
pub use selectors::selectors;
pub use text::text;
