//! The process's one recorder, and each thread's end of it.

use crate::account::Accounts;
use crate::clock::SystemClock;
use crate::edge::{Draft, EntryKey};
use crate::log::Owner;
use crate::recorder::Recorder;
use std::cell::RefCell;
use std::sync::OnceLock;

/// The recorder that all registries of a process share, so that they stand at one instant.
pub(crate) type ProcessRecorder = Recorder<SystemClock, Accounts>;

/// Returns the process's recorder.
#[inline]
pub(crate) fn recorder() -> &'static ProcessRecorder {
    static RECORDER: OnceLock<ProcessRecorder> = OnceLock::new();
    RECORDER.get_or_init(|| Recorder::new(SystemClock::get(), Accounts::default()))
}

/// A thread's log, from its first edge until the thread ends.
struct OwnLog(Option<Owner<SystemClock>>);

impl Drop for OwnLog {
    fn drop(&mut self) {
        if let Some(owner) = self.0.take() {
            recorder().vacate(owner);
        }
    }
}

thread_local! {
    static OWN_LOG: RefCell<OwnLog> = const { RefCell::new(OwnLog(None)) };
}

/// Records an edge, wherever there is room for it, and returns its key.
///
/// It takes a closure, so that each kind of edge has code of its own in which its kind is a constant.
#[inline(always)]
pub(crate) fn record(draft: impl Fn() -> Draft) -> EntryKey {
    let recorder = recorder();
    // Not there after the thread's end has begun, and in use only when an allocator records while the
    // thread's log is being made.
    let recorded = OWN_LOG.try_with(|own| {
        let mut own = own.try_borrow_mut().ok()?;
        match &mut own.0 {
            Some(owner) => Some(recorder.record(owner, draft())),
            None => record_first(&mut own, draft()),
        }
    });
    let key = match recorded {
        Ok(Some(key)) => key,
        Ok(None) | Err(_) => recorder.record_shared(draft()),
    };
    #[cfg(all(test, not(loom)))]
    crate::replay::note(draft(), key);
    key
}

/// Gets a log for a thread's first edge.
#[cold]
fn record_first(own: &mut OwnLog, draft: Draft) -> Option<EntryKey> {
    own.0 = recorder().adopt();
    own.0.as_mut().map(|owner| recorder().record(owner, draft))
}
