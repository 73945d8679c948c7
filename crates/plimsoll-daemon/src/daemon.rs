use crate::api::{self, About, BATCHES, STREAMS_MAX, Shared};
use crate::backoff::mix;
use crate::config::Config;
use crate::engine::Outlets;
use crate::generation::{BuildError, Built, Running, Surroundings};
use crate::keeper::{KeepError, Keeper};
use crate::reload::{ReloadAsk, ReloadError, ReloadState};
use crate::view::View;
use plimsoll_model::TimeMs;
use plimsoll_runtime::clock::Clock;
use plimsoll_runtime::ready::{Hold, Readiness};
use plimsoll_runtime::shutdown::Stop;
use plimsoll_store::{Archive, OpenError};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{Semaphore, broadcast, mpsc, watch};

/// The SLO daemon: binds what a [`Config`] says, then runs until it is told to stop.
#[derive(Debug)]
pub struct Daemon;

/// Why a daemon couldn't be bound; nothing was started, and no file was changed.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The address to listen on.
    #[error("listen {address}: {}", listen_hint(source))]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The data directory.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A certificate, a key or a record of the archive.
    #[error("{0}")]
    Build(String),
}

impl From<BuildError> for BindError {
    fn from(error: BuildError) -> Self {
        Self::Build(error.to_string())
    }
}

fn listen_hint(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            "another process listens there; stop it, or choose another address with --listen".into()
        }
        io::ErrorKind::PermissionDenied => {
            "this process may not listen there; choose a port from 1024 on with --listen".into()
        }
        io::ErrorKind::AddrNotAvailable => {
            "this machine has no such address; choose another one with --listen".into()
        }
        _ => error.to_string(),
    }
}

/// Why a daemon that ran ended otherwise than well.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The HTTP server couldn't be started.
    #[error("the HTTP server can't run: {0}")]
    Serve(#[from] io::Error),
    /// The last state isn't on disk.
    #[error("the last state couldn't be written: {0}")]
    State(String),
}

impl From<KeepError> for RunError {
    fn from(error: KeepError) -> Self {
        Self::State(error.to_string())
    }
}

impl Daemon {
    /// Opens the data directory, takes up its state, and listens; runs nothing yet.
    ///
    /// # Errors
    /// See [`BindError`]: each is one sentence that says what to do.
    pub fn bind(config: Config, clock: Arc<dyn Clock>) -> Result<Bound, BindError> {
        let address = config.listen;
        let listen = |source| BindError::Listen { address, source };
        let listener = TcpListener::bind(address).map_err(listen)?;
        listener.set_nonblocking(true).map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let keeper = Keeper::new(Archive::open(&config.data_dir)?);
        let around = Surroundings { clock, keeper, tally: Arc::default() };
        let config = config.with_listen(address);
        let mut built = Built::new(&config, &around)?;
        built.restore()?;
        let readiness = Readiness::new();
        let hold = readiness.hold("evaluation has not begun");
        Ok(Bound { config, address, listener, around, built, readiness, hold })
    }
}

/// A daemon that listens and has its state, and doesn't run yet.
pub struct Bound {
    config: Config,
    address: SocketAddr,
    listener: TcpListener,
    around: Surroundings,
    built: Built,
    readiness: Readiness,
    hold: Hold,
}

impl Bound {
    /// Returns the address that it listens on, with the port that the system chose for port 0.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns what says whether the daemon is ready: its state is loaded and evaluation runs.
    pub fn readiness(&self) -> Readiness {
        self.readiness.clone()
    }

    /// Runs until `stop`: then scraping ends, sinks get their last word, and the state is written.
    ///
    /// # Errors
    /// See [`RunError`].
    pub async fn run(self, stop: Stop) -> Result<(), RunError> {
        let (view, seen) = watch::channel(Arc::new(View::default()));
        let (reloads, asked) = mpsc::channel(1);
        let shared = Arc::new(Shared {
            about: about(&self.config, self.around.clock.now()),
            clock: self.around.clock.clone(),
            view: seen,
            keeper: self.around.keeper.clone(),
            tally: self.around.tally.clone(),
            readiness: self.readiness,
            reloads,
            reload: Mutex::default(),
            batches: broadcast::Sender::new(BATCHES),
            streams: Arc::new(Semaphore::new(STREAMS_MAX)),
            stop: stop.clone(),
        });
        let listener = tokio::net::TcpListener::from_std(self.listener)?;
        let server = tokio::spawn(serve(listener, shared.clone(), stop.clone()));
        let changes = tokio::spawn(api::broadcast_changes(shared.clone()));
        let outlets = Outlets::new(view, self.hold);
        let supervisor = Supervisor { config: self.config, around: self.around, outlets, shared };
        let ended = supervisor.run(self.built, asked, &stop).await;
        tokio::select! {
            joined = server => joined.map_err(io::Error::other)??,
            () = stop.aborted() => {}
        }
        changes.abort();
        ended
    }
}

fn about(config: &Config, now: TimeMs) -> About {
    let seed = now.0.unsigned_abs() ^ (u64::from(std::process::id()) << 40);
    About {
        version: env!("CARGO_PKG_VERSION"),
        instance: format!("{:016x}", mix(seed)),
        started: now,
        config_file: config.file.clone(),
        data_dir: config.data_dir.clone(),
    }
}

async fn serve(
    listener: tokio::net::TcpListener,
    shared: Arc<Shared>,
    stop: Stop,
) -> io::Result<()> {
    let service = api::router(shared).into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service)
        .with_graceful_shutdown(async move { stop.stopped().await })
        .await
}

/// Owns the running generation and replaces it when it is asked to.
struct Supervisor {
    config: Config,
    around: Surroundings,
    outlets: Outlets,
    shared: Arc<Shared>,
}

impl Supervisor {
    async fn run(
        mut self,
        built: Built,
        mut asked: mpsc::Receiver<ReloadAsk>,
        stop: &Stop,
    ) -> Result<(), RunError> {
        let mut hangups = Hangups::listen()?;
        let mut running = built.start(&self.around, self.outlets.clone());
        loop {
            let ask = tokio::select! {
                biased;
                () = stop.stopped() => break,
                () = hangups.next() => None,
                Some(ask) = asked.recv() => ask,
            };
            let (next, outcome) = self.reload(running).await;
            running = next;
            self.note(&outcome);
            if let Some(answer) = ask {
                // Whoever asked may have gone.
                drop(answer.send(outcome));
            }
        }
        let _draining = self.shared.readiness.hold("the daemon is stopping");
        tokio::select! {
            written = running.stop() => Ok(written?),
            () = stop.aborted() => Ok(()),
        }
    }
}
