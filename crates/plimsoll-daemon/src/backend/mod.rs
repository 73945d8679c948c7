//! SLOs whose counts a server with the Prometheus API gives: Prometheus, Thanos, Mimir,
//! VictoriaMetrics.
//!
//! Each window is asked for as often as its edge moves by a sixtieth, so that long windows cost
//! little. Many questions go in one request. Whatever isn't a whole answer, with a warning, too
//! late, or about another time, makes the window unknown: never wrong.

mod answer;
mod asker;
mod question;
mod reply;

pub(crate) use answer::{Answers, Heard};
pub(crate) use asker::Asker;
