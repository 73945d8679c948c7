//! Open files of a process, against its limit.

use super::folder::Folder;
use rustix::io::Errno;

/// Open files of one process.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Descriptors {
    pub(super) open: u64,
    /// The soft limit, if there is one.
    pub(super) limit: Option<u64>,
}

impl Descriptors {
    /// Looks at a process.
    ///
    /// # Errors
    /// The process has ended, or isn't ours to look at.
    pub(super) fn look(process: &Folder, limit: Option<u64>) -> Result<Self, Errno> {
        let files = process.folder("fd")?;
        let open = match files.entries()? {
            Some(counted) => counted,
            None => files.numbers()?.len() as u64,
        };
        Ok(Self { open, limit })
    }

    /// Returns which part of the limit is used.
    pub(super) fn used(self) -> Option<f64> {
        let limit = self.limit.filter(|limit| *limit > 0)?;
        Some(self.open as f64 / limit as f64)
    }
}
