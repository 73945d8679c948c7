//! The clock that stamps edges, and the pair of fences that its readings rely on.

#[allow(unsafe_code)] // The one place: the time-stamp counter and `membarrier` are not in std.
mod hardware;
mod system;

pub(crate) use system::SystemClock;

/// Stamps edges. Every reading is in nanoseconds since one start, the same for all threads.
pub(crate) trait Clock: Clone {
    /// Reads the clock once everything before it in the program has been done.
    ///
    /// Whoever gets a lock stamps after it has it, and whoever lets it go stamps before: a reading that
    /// ran ahead would show two holders, or an exit before its entry.
    fn now_ns(&self) -> u64;

    /// Reads the clock before anything after it in the program is done; what is before it may still be
    /// under way. Only between an [`Clock::owner_fence`] and a store that publishes the reading.
    ///
    /// For exits, which are stamped before anyone else is let in: it is cheaper.
    fn now_early_ns(&self) -> u64 {
        self.now_ns()
    }

    /// Orders what an owner wrote before it with the reading after it, against
    /// [`Clock::reader_fence`].
    fn owner_fence(&self);

    /// Orders a reading before it with what is loaded after it, on all threads: an owner whose
    /// reading was earlier has its write before [`Clock::owner_fence`] seen.
    fn reader_fence(&self);
}

/// Returns the wall clock's nanoseconds since the Unix epoch of a reading of [`now_ns`], as it is set
/// now.
pub(crate) fn unix_ns(at_ns: u64) -> u64 {
    system::wall_unix_ns().saturating_sub(now_ns().saturating_sub(at_ns))
}

/// Returns nanoseconds since the process's recorder began, on the clock that stamps edges.
///
/// For durations that are handed to [`crate::Histogram::observe`].
pub fn now_ns() -> u64 {
    SystemClock::get().now_ns()
}

/// Reads the clock as an entry does and as its exit does: what a duration costs at least.
///
/// For benchmarks, which hold recording to it.
#[doc(hidden)]
pub fn pair_ns() -> (u64, u64) {
    let clock = SystemClock::get();
    (clock.now_ns(), clock.now_early_ns())
}
