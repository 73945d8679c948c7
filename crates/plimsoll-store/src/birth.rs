//! When something began by its own word.

use plimsoll_model::TimeMs;

/// It may be this far ahead of the scrape: clocks of two hosts differ.
const AHEAD_MS: i64 = 1_000;

/// When a counter was created, by its own word.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Birth {
    created_s: Option<f64>,
    /// It changed with this scrape.
    changed: bool,
}

impl Birth {
    /// Begins a scrape, which may say another time than the one before.
    pub(crate) fn begin_scrape(&mut self) {
        self.changed = false;
    }

    /// Takes what the scrape says.
    pub(crate) fn take(&mut self, created_s: f64) {
        let before = self.created_s.replace(created_s);
        self.changed = before.is_some_and(|before| before != created_s);
    }

    /// Says whether the counter began after `since`: the scrape before, or when its target was
    /// first watched.
    pub(crate) fn is_within(&self, last: Option<f64>, since: Option<TimeMs>, at: TimeMs) -> bool {
        let Some((created_s, since)) = self.created_s.zip(since) else { return false };
        let created = TimeMs((created_s * 1000.0) as i64);
        if last.is_some() { self.changed } else { is_within(created, since, at) }
    }
}

/// Says whether what began at `start` began after `after`, and before the scrape at `at`.
pub(crate) fn is_within(start: TimeMs, after: TimeMs, at: TimeMs) -> bool {
    start > after && start.0 <= at.0.saturating_add(AHEAD_MS)
}
