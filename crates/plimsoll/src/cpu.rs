//! The CPU time of threads, as Linux shows it.

use std::fs;
use std::path::{Path, PathBuf};

/// A thread's account of its CPU time. It ends with the thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ThreadCpu(PathBuf);

impl ThreadCpu {
    /// Returns the account of the thread that asks, where there is one.
    pub(crate) fn own() -> Option<Self> {
        // A link that only the thread itself can follow, as `<process>/task/<thread>`.
        let own = fs::read_link("/proc/thread-self").ok()?;
        let own = Self(Path::new("/proc").join(own).join("schedstat"));
        own.ns().map(|_| own)
    }

    /// Returns how long the thread has run on a CPU; none if it has ended.
    pub(crate) fn ns(&self) -> Option<u64> {
        fs::read_to_string(&self.0).ok()?.split_ascii_whitespace().next()?.parse().ok()
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_computes_uses_time_and_one_that_has_ended_has_no_account() {
        let own = ThreadCpu::own().expect("Linux shows it");
        let before = own.ns().expect("it runs");
        while own.ns().expect("it runs") == before {
            std::hint::black_box((0..10_000_u64).sum::<u64>());
        }
        let ended = std::thread::spawn(ThreadCpu::own).join().expect("no panic");
        assert_eq!(ended.and_then(|ended| ended.ns()), None);
    }
}
