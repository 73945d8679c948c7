//! The clock that stamps edges, and the pair of fences that its readings rely on.

#[allow(unsafe_code)] // The one place: the time-stamp counter and `membarrier` are not in std.
mod hardware;
mod system;

pub(crate) use system::SystemClock;

/// Stamps edges. Every reading is in nanoseconds since one start, the same for all threads.
pub(crate) trait Clock: Clone {
    /// Reads the clock after everything before it in the program, for an entry.
    ///
    /// Whoever gets a lock stamps after it has it; a reading that ran ahead of the acquisition
    /// would show two holders.
    fn after_acquire_ns(&self) -> u64;

    /// Reads the clock before everything after it that others see, for an exit.
    fn before_release_ns(&self) -> u64;

    /// Orders what an owner wrote before it with the reading after it, against
    /// [`Clock::reader_fence`].
    fn owner_fence(&self);

    /// Orders a reading before it with what is loaded after it, on all threads: an owner whose
    /// reading was earlier has its write before [`Clock::owner_fence`] seen.
    fn reader_fence(&self);
}

/// Returns nanoseconds since the process's recorder began, on the clock that stamps edges.
///
/// For durations that are handed to [`crate::Histogram::observe`].
pub fn now_ns() -> u64 {
    SystemClock::get().before_release_ns()
}
