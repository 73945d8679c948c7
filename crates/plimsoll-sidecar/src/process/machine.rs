//! What all process collectors of a sidecar share, so that four of them cost little more than one.

use super::census::Census;
use super::folder::Folder;
use super::shared::Shared;
use super::table::Own;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::path::Path;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Files that are held open to read them again and again. Each takes some 5 KiB of the kernel's memory.
const FILES_HELD_MAX: u64 = 4_096;

/// The machine as every group sees it.
#[derive(Debug)]
pub(crate) struct Machine {
    pub(super) census: Shared<Census>,
    /// The sockets of the sidecar's own network namespace.
    pub(super) own: Shared<Own>,
    /// The name of that namespace; empty if it can't be read.
    pub(super) own_space: String,
    /// A permit for each file that may be held.
    pub(super) held: Arc<Semaphore>,
}

impl Machine {
    /// Makes one, and raises the limit of open files for it.
    pub(crate) fn new(proc_root: &Path) -> Self {
        raise_files_limit();
        // A quarter: the others are for what is read once, and for the other collectors.
        let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX) / 4;
        let held = usize::try_from(files.min(FILES_HELD_MAX)).unwrap_or_default();
        let own_space = Folder::open(&proc_root.join("self")).and_then(|own| own.link("ns/net"));
        Self {
            census: Shared::new(Census::new(proc_root.to_path_buf())),
            own: Shared::new(Own::default()),
            own_space: own_space.unwrap_or_default(),
            held: Arc::new(Semaphore::new(held)),
        }
    }
}

/// Raises the soft limit of open files to the hard one: it was made low for programs that still use
/// `select`, which this isn't.
fn raise_files_limit() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum {
        let raised = Rlimit { current: maximum, maximum };
        if let Err(error) = setrlimit(Resource::Nofile, raised) {
            tracing::warn!(%error, "can't raise the limit of open files");
        }
    }
}
