use plimsoll_model::{TimeMs, WindowCounts};
use std::time::Duration;

/// What an assessment reads of one SLO's kept counts.
///
/// What exclusions leave out is in none of them but [`Windows::observed`], and was not expected;
/// corrections are in all but that one.
///
/// Every window ends at the end of the last closed slice, which is what `now` means to whoever
/// assesses. Nothing before [`Windows::watched_since`] was expected, so a window that reaches
/// further back holds no more than the time since then.
pub trait Windows {
    /// Returns the length of a slice: the resolution of every window.
    fn slice(&self) -> Duration;

    /// Returns what the last `length` held. Asked only for the lengths of [`crate::Slo::windows`].
    ///
    /// A gap that a later scrape closed counts as known time. A gap that the window's edge cuts is
    /// given whole in [`WindowCounts::cut`], not in `counts`: a paging short window that extends to
    /// the gap's start is then the sum of the two.
    fn window(&self, length: Duration) -> WindowCounts;

    /// Returns what the SLO's period held so far: the length of a rolling one, or what passed of the
    /// calendar's. Gaps that its start cuts are given as in [`Windows::window`].
    fn period(&self) -> WindowCounts;

    /// Returns what the period held as it was observed: with what exclusions leave out, and without
    /// corrections.
    fn observed(&self) -> WindowCounts;

    /// Returns when the last exclusion that has begun ends, or ended; `None` before the first.
    fn excluded_until(&self) -> Option<TimeMs>;

    /// Returns when counting began, which a restart doesn't change.
    fn watched_since(&self) -> TimeMs;

    /// Returns the end of the last stretch whose counts are known; `None` if there never was one.
    fn last_known(&self) -> Option<TimeMs>;
}
