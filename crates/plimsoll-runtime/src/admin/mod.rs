//! The admin thread: it answers while everything else is starved.
//!
//! It has a thread, a runtime and a socket of its own, so that a service whose workers all spin,
//! wait or deadlock still says so. The same thread merges what the service has recorded, so that
//! the logs of its threads don't fill between two scrapes.

mod answer;
mod debug;
mod serve;

use crate::clock::{Clock, SystemClock};
use crate::process::Probe;
use crate::ready::Readiness;
use crate::shutdown::{self, Stopper};
use answer::Answers;
use plimsoll_model::Snapshot;
use plimsoll_record::Registry;
use serde_json::Value;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use thiserror::Error;

/// The admin thread of a process. When it is dropped, the thread stops and is joined.
#[derive(Debug)]
pub struct Admin {
    address: SocketAddr,
    stopper: Stopper,
    thread: Option<JoinHandle<()>>,
}

/// What a process shows on its admin port beside what it has recorded.
pub trait Exhibit: Send + Sync + 'static {
    /// Adds the process's own families to what `/metrics` answers.
    fn append_to(&self, snapshot: &mut Snapshot);

    /// Returns what `/` answers, as HTML.
    fn page(&self) -> String;

    /// Returns what is waited for elsewhere, as entries of `resources` in `/debug/waits`.
    fn waits(&self) -> Vec<Value>;

    /// Returns deadlocks elsewhere, as entries of `cycles` in `/debug/cycles`.
    fn cycles(&self) -> Vec<Value>;
}

/// The admin thread can't start.
#[derive(Debug, Error)]
pub enum BindError {
    /// The address can't be listened on.
    #[error("can't listen on {address} for /metrics; choose another address or port")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The system gives no thread or no event queue.
    #[error("can't start the admin thread; the limits of threads or open files are reached")]
    Thread(#[from] io::Error),
}

/// Starts the admin thread on `address`; port 0 lets the system choose one.
///
/// It answers `GET` and `HEAD` of `/metrics` (Prometheus text, or OpenMetrics or protobuf for
/// those who prefer it), of `/-/healthy`, and of `/-/ready`, which is 503 until nothing holds
/// `readiness` back. Once the process has recorded something it merges that every 50 ms.
///
/// `/debug/waits` lists who waits for which lock, permit or room, where and for how long, and who has
/// it. `/debug/cycles` names deadlocks: every second it looks for cycles among these waits, and one
/// that two looks have seen is listed there, counted in `concurrency_wait_cycles` and logged once.
/// `/debug/timeline` is what happened in the last 10 s as a trace-event file, which Perfetto opens, and
/// `/debug/timeline/view` draws it: who waited, arrows to who held, and the levels. Both take `?seconds=30`
/// for another stretch, as far as it is kept.
///
/// # Errors
/// The address is in use or not ours, or the system gives no thread.
pub fn spawn(
    address: SocketAddr,
    registry: Registry,
    readiness: Readiness,
) -> Result<Admin, BindError> {
    start(address, |probe| Answers::new(registry, readiness, probe))
}

/// Starts the admin thread as [`spawn`] does, and shows `exhibit` as well: its families under
/// `/metrics`, its page at `/`, and who waits for whom in what it looks at.
///
/// # Errors
/// As [`spawn`].
pub fn spawn_showing(
    address: SocketAddr,
    registry: Registry,
    readiness: Readiness,
    exhibit: Arc<dyn Exhibit>,
) -> Result<Admin, BindError> {
    start(address, |probe| Answers::new(registry, readiness, probe).showing(exhibit))
}

fn start(address: SocketAddr, answers: impl FnOnce(Probe) -> Answers) -> Result<Admin, BindError> {
    let listen = |source| BindError::Listen { address, source };
    let listener = TcpListener::bind(address).map_err(listen)?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (stopper, stop) = shutdown::channel();
    let answers = answers(Probe::new(SystemClock::start().now()));
    let thread = std::thread::Builder::new()
        .name("plimsoll-admin".into())
        .spawn(move || runtime.block_on(serve::serve(listener, answers, stop)))?;
    Ok(Admin { address, stopper, thread: Some(thread) })
}

impl Admin {
    /// Returns the address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Lets answers that are under way finish, for at most a second, and joins the thread.
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for Admin {
    fn drop(&mut self) {
        self.stopper.drain();
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the admin thread had panicked");
        }
    }
}
