//! How far something is, for whoever looks at a terminal.

use indicatif::{ProgressBar, ProgressStyle};
use plimsoll_model::TimeMs;
use plimsoll_slo::Span;

/// A bar that stands for a stretch of time; nothing is shown where nobody looks.
pub(crate) struct Progress {
    bar: ProgressBar,
    start: TimeMs,
}

impl Progress {
    pub(crate) fn new(what: &str, span: Span) -> Self {
        let length = span.length().as_millis();
        let bar = ProgressBar::new(u64::try_from(length).unwrap_or(u64::MAX));
        let bar = bar.with_message(what.to_owned());
        let bar = match ProgressStyle::with_template("{msg} {wide_bar} {percent} % {eta}") {
            Ok(style) => bar.with_style(style),
            Err(_) => bar,
        };
        Self { bar, start: span.start }
    }

    /// Says how far it is.
    pub(crate) fn set(&self, at: TimeMs) {
        let done = at.since(self.start).as_millis();
        self.bar.set_position(u64::try_from(done).unwrap_or(u64::MAX));
    }

    pub(crate) fn clear(&self) {
        self.bar.finish_and_clear();
    }
}
