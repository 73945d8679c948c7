//! A file that isn't written to until it is known to be whole, and that has a longest length.

use redb::backends::FileBackend;
use redb::{BackendError, StorageBackend};
use std::io;
use std::ops::Bound;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What opening a database would do to its file.
#[derive(Debug)]
enum Step {
    Write(u64, Vec<u8>),
    SetLen(u64),
    Sync,
}

/// The steps held back, and the length that the file would have.
#[derive(Debug)]
struct Held {
    steps: Vec<Step>,
    len: u64,
}

/// A database file whose changes are held back until [`Guarded::release`].
///
/// Opening a database that wasn't closed repairs it, which writes to it before it is known whether
/// it can be repaired: a corrupt file would be changed before anyone could look at it.
#[derive(Clone, Debug)]
pub(super) struct Guarded(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    file: FileBackend,
    held: Mutex<Option<Held>>,
    bytes_max: BytesMax,
}

/// How long the file may become, in bytes; clones are the same bound.
#[derive(Clone, Debug)]
pub(super) struct BytesMax(Arc<AtomicU64>);

impl Default for BytesMax {
    fn default() -> Self {
        Self(Arc::new(AtomicU64::new(u64::MAX)))
    }
}

impl BytesMax {
    pub(super) fn set(&self, bytes: u64) {
        self.0.store(bytes, Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// # Errors
    /// A file of `len` bytes would be too long.
    fn check(&self, len: u64) -> io::Result<()> {
        let most = self.get();
        if len <= most {
            return Ok(());
        }
        let what = format!(
            "the data file needs {len} bytes and limits.disk allows {most}: raise it, or give up SLOs"
        );
        Err(io::Error::new(io::ErrorKind::StorageFull, what))
    }
}

impl Guarded {
    pub(super) fn new(file: FileBackend, bytes_max: BytesMax) -> io::Result<Self> {
        let held = Held { steps: Vec::new(), len: file.len()? };
        Ok(Self(Arc::new(Inner { file, held: Mutex::new(Some(held)), bytes_max })))
    }

    /// Does what was held back, in its order, and from now on everything at once.
    pub(super) fn release(&self) -> io::Result<()> {
        let mut guard = self.held();
        for step in guard.take().into_iter().flat_map(|held| held.steps) {
            match step {
                Step::Write(offset, bytes) => self.0.file.write(offset, &bytes)?,
                Step::SetLen(len) => self.0.file.set_len(len)?,
                Step::Sync => self.0.file.sync_data()?,
            }
        }
        Ok(())
    }

    fn held(&self) -> MutexGuard<'_, Option<Held>> {
        // The steps are whole after each push, so a panic elsewhere leaves nothing half done.
        self.0.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StorageBackend for Guarded {
    fn len(&self) -> Result<u64, io::Error> {
        match &*self.held() {
            Some(held) => Ok(held.len),
            None => self.0.file.len(),
        }
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), io::Error> {
        let guard = self.held();
        let Some(held) = &*guard else { return self.0.file.read(offset, out) };
        let end = offset.saturating_add(out.len() as u64);
        if end > held.len {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let there = self.0.file.len()?.saturating_sub(offset).min(out.len() as u64);
        let (from_file, beyond) = out.split_at_mut(usize::try_from(there).unwrap_or(usize::MAX));
        self.0.file.read(offset, from_file)?;
        beyond.fill(0);
        for step in &held.steps {
            match step {
                Step::Write(start, bytes) => overlay(offset, out, *start, bytes),
                Step::SetLen(len) if *len < end => {
                    let kept = usize::try_from(len.saturating_sub(offset)).unwrap_or(usize::MAX);
                    out.iter_mut().skip(kept).for_each(|byte| *byte = 0);
                }
                Step::SetLen(_) | Step::Sync => {}
            }
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> Result<(), io::Error> {
        match &mut *self.held() {
            Some(held) => {
                held.len = len;
                held.steps.push(Step::SetLen(len));
                Ok(())
            }
            None => {
                // Shorter is always fine, also when the bound was lowered.
                if len > self.0.file.len()? {
                    self.0.bytes_max.check(len)?;
                }
                self.0.file.set_len(len)
            }
        }
    }

    fn sync_data(&self) -> Result<(), io::Error> {
        match &mut *self.held() {
            Some(held) => {
                held.steps.push(Step::Sync);
                Ok(())
            }
            None => self.0.file.sync_data(),
        }
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), io::Error> {
        match &mut *self.held() {
            Some(held) => {
                held.len = held.len.max(offset.saturating_add(data.len() as u64));
                held.steps.push(Step::Write(offset, data.into()));
                Ok(())
            }
            None => self.0.file.write(offset, data),
        }
    }

    fn close(&self) -> Result<(), io::Error> {
        self.0.file.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.0.file.try_lock_range(start, end)
    }

    fn try_lock_shared_range(
        &self,
        start: Bound<u64>,
        end: Bound<u64>,
    ) -> Result<bool, BackendError> {
        self.0.file.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.0.file.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.0.file.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.0.file.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.0.file.query_lock_range(start, end)
    }
}

/// Lays the part of `bytes`, which begin at `start`, that `out` shows from `offset` on.
fn overlay(offset: u64, out: &mut [u8], start: u64, bytes: &[u8]) {
    let skip = usize::try_from(offset.saturating_sub(start)).unwrap_or(usize::MAX);
    let into = usize::try_from(start.saturating_sub(offset)).unwrap_or(usize::MAX);
    let shown = out.iter_mut().skip(into).zip(bytes.iter().skip(skip));
    shown.for_each(|(byte, new)| *byte = *new);
}
