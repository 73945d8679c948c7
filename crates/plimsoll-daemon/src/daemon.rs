use crate::api::{self, About, BATCHES, STREAMS_MAX, Shared};
use crate::backoff::mix;
use crate::config::Config;
use crate::corrections::Corrections;
use crate::engine::Outlets;
use crate::engine::{BuildError, Surroundings};
use crate::generation::Built;
use crate::imports::Imports;
use crate::inbox::Inbox;
use crate::keeper::Keeper;
use crate::lens;
use crate::own_series::OwnSeries;
use crate::supervisor::{RunError, Supervisor};
use crate::timeline::Timeline;
use crate::web::{Front, Gate, Web};
use plimsoll_model::TimeMs;
use plimsoll_runtime::clock::Clock;
use plimsoll_runtime::process::Probe;
use plimsoll_runtime::ready::{Hold, Readiness};
use plimsoll_runtime::shutdown::Stop;
use plimsoll_store::{Archive, OpenError};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{Semaphore, broadcast, mpsc};
use tokio::task::JoinSet;

/// Marks that wait to be kept at most.
const MARKS: usize = 256;

/// How long requests that were begun may go on once the daemon stops.
const LAST_ANSWERS: Duration = Duration::from_secs(2);

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

impl Daemon {
    /// Opens the data directory, takes up its state, and listens; runs nothing yet.
    ///
    /// # Errors
    /// See [`BindError`]: each is one sentence that says what to do.
    pub fn bind(config: Config, clock: Arc<dyn Clock>) -> Result<Bound, BindError> {
        // A provider that the process has chosen before stays: that is its right.
        drop(rustls::crypto::ring::default_provider().install_default());
        let address = config.listen;
        let listen = |source| BindError::Listen { address, source };
        let listener = TcpListener::bind(address).map_err(listen)?;
        listener.set_nonblocking(true).map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let web = Web::new(config.web_config.clone());
        let web = Arc::new(web.map_err(|error| BindError::Build(error.to_string()))?);
        let archive = Archive::open(&config.data_dir)?;
        archive.set_bytes_max(config.limits.disk_bytes);
        let keeper = Keeper::new(archive);
        let clock = Timeline::after(keeper.last_step().map_err(BuildError::from)?, clock);
        let around = Surroundings {
            clock,
            keeper,
            tally: Arc::default(),
            corrections: Corrections::default(),
            imports: Imports::default(),
            own: OwnSeries::default(),
        };
        let config = config.with_listen(address);
        let mut built = Built::new(&config, &around)?;
        built.restore()?;
        let readiness = Readiness::new();
        let hold = readiness.hold("evaluation has not begun");
        Ok(Bound { config, address, listener, web, around, built, readiness, hold })
    }
}

/// A daemon that listens and has its state, and doesn't run yet.
pub struct Bound {
    config: Config,
    address: SocketAddr,
    listener: TcpListener,
    web: Arc<Web>,
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
        let (stage, lens) = lens::new();
        let inbox = Arc::new(Inbox::new());
        let (marks, marked) = mpsc::channel(MARKS);
        let (reloads, asked) = mpsc::channel(1);
        let shared = Arc::new(Shared {
            about: about(&self.config, self.around.clock.now()),
            clock: self.around.clock.clone(),
            inbox: inbox.clone(),
            gate: Gate::new(self.web.clone()),
            lens,
            keeper: self.around.keeper.clone(),
            tally: self.around.tally.clone(),
            corrections: self.around.corrections.clone(),
            imports: self.around.imports.clone(),
            own: self.around.own.clone(),
            import_turn: Arc::default(),
            process: Mutex::new(Probe::new(self.around.clock.now())),
            readiness: self.readiness,
            reloads,
            reload: Mutex::default(),
            batches: broadcast::Sender::new(BATCHES),
            streams: Arc::new(Semaphore::new(STREAMS_MAX)),
            stop: stop.clone(),
        });
        let listener = tokio::net::TcpListener::from_std(self.listener)?;
        let mut tasks = JoinSet::new();
        tasks.spawn(api::serve(Front::new(listener, self.web), shared.clone()));
        tasks.spawn(api::broadcast_changes(shared.clone()));
        tasks.spawn(api::keep_marks(shared.clone(), marked));
        let outlets = Outlets {
            stage: Arc::new(stage),
            inbox,
            marks,
            hold: Arc::new(Mutex::new(Some(self.hold))),
        };
        let supervisor = Supervisor { config: self.config, around: self.around, outlets, shared };
        let ended = supervisor.run(self.built, asked, &stop).await;
        // A client that never ends its request may not keep the daemon from ending.
        let joined = async { while tasks.join_next().await.is_some() {} };
        tokio::select! {
            () = joined => {}
            () = tokio::time::sleep(LAST_ANSWERS) => {}
            () = stop.aborted() => {}
        }
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
