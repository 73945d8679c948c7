use crate::board::Board;
use crate::roster::{Ground, Roster};
use crate::{Config, Reason, page};
use plimsoll_model::Snapshot;
use plimsoll_record::Registry;
use plimsoll_runtime::admin::{self, Admin, BindError, Exhibit};
use plimsoll_runtime::clock::Clock;
use plimsoll_runtime::ready::Readiness;
use plimsoll_runtime::reload::{Hangups, ReloadState};
use plimsoll_runtime::shutdown::Stop;
use plimsoll_spec::Fault;
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use thiserror::Error;

/// Every collector of a configuration.
#[derive(Debug)]
pub struct Sidecar;

/// The sidecar can't start.
#[derive(Debug, Error)]
pub enum StartError {
    /// There is no admin port.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// A collector can't be made.
    #[error(transparent)]
    Collector(#[from] CollectorError),
}

/// A collector can't be made.
#[derive(Debug, Error)]
#[error("{collector}: {reason}")]
pub struct CollectorError {
    /// Its label.
    pub collector: Arc<str>,
    /// Why, and what to do.
    pub reason: Reason,
}

/// Why a reload was refused. The old configuration stays in force.
#[derive(Debug, Error)]
pub enum ReloadError {
    /// There was no file at the start.
    #[error("there is no file to read: start it with --config")]
    NoFile,
    /// The file has faults.
    #[error("the configuration has {} {}", .0.len(), if .0.len() == 1 { "fault" } else { "faults" })]
    Faults(Vec<Fault>),
    /// What is taken at the start only is another.
    #[error("`{0}` is another than at the start, and only a restart changes it")]
    Fixed(&'static str),
    /// A collector can't be made.
    #[error(transparent)]
    Collector(#[from] CollectorError),
}

/// A sidecar that answers already and whose collectors look.
pub struct Bound {
    admin: Admin,
    shown: Arc<Shown>,
    config: Config,
    roster: Roster,
    clock: Arc<dyn Clock>,
    stop: Stop,
}

impl Sidecar {
    /// Binds the admin port, makes every collector and starts their rounds.
    ///
    /// # Errors
    /// The port, or something that a collector listens on, can't be had.
    ///
    /// # Panics
    /// Outside a tokio runtime with its drivers enabled.
    pub fn bind(config: Config, clock: Arc<dyn Clock>, stop: Stop) -> Result<Bound, StartError> {
        let board = Arc::new(Board::new(clock.clone()));
        let registry = Registry::new();
        let ground = Ground::new(&config, registry.clone(), clock.clone(), stop.clone());
        let mut roster = Roster::new(ground, board.clone());
        roster.change_to(&config.collectors)?;
        let shown = Arc::new(Shown { board, reload: Mutex::default() });
        let admin = admin::spawn_showing(config.listen, registry, Readiness::new(), shown.clone())?;
        Ok(Bound { admin, shown, config, roster, clock, stop })
    }
}

impl Bound {
    /// Returns the address of `/metrics` and of the page.
    pub fn address(&self) -> SocketAddr {
        self.admin.address()
    }

    /// Waits until every collector has ended, which the stop makes them do.
    pub async fn run(self) {
        self.until_ended(None, || Err(ReloadError::NoFile)).await;
    }

    /// Does so, and at each hangup takes the configuration that `read` returns.
    pub async fn run_reloading(
        self,
        hangups: Hangups,
        read: impl Fn() -> Result<Config, ReloadError>,
    ) {
        self.until_ended(Some(hangups), read).await;
    }

    /// Takes another configuration: collectors that are planned in it as they run go on undisturbed, and
    /// those that it has no more end when what they have in flight has. One that is refused changes
    /// nothing, and the page says why.
    ///
    /// # Errors
    /// Why it was refused.
    pub fn reload(&mut self, config: Result<Config, ReloadError>) -> Result<(), ReloadError> {
        let outcome = config.and_then(|config| self.take(config));
        let refused = outcome.as_ref().err().map(ReloadError::lines).unwrap_or_default();
        *self.shown.reload() = ReloadState::note(self.clock.now(), refused);
        outcome
    }

    fn take(&mut self, config: Config) -> Result<(), ReloadError> {
        let fixed = [
            ("listen", config.listen == self.config.listen),
            ("proc_root", config.proc_root == self.config.proc_root),
            ("sys_root", config.sys_root == self.config.sys_root),
        ];
        if let Some((key, _)) = fixed.into_iter().find(|(_, same)| !same) {
            return Err(ReloadError::Fixed(key));
        }
        self.roster.change_to(&config.collectors)?;
        self.config = config;
        Ok(())
    }

    async fn until_ended(
        mut self,
        mut hangups: Option<Hangups>,
        read: impl Fn() -> Result<Config, ReloadError>,
    ) {
        loop {
            tokio::select! {
                biased;
                more = self.roster.ended() => if !more { break },
                () = hangup(&mut hangups), if !self.stop.is_stopped() => {
                    // It is logged and shown; nobody waits for it.
                    drop(self.reload(read()));
                }
            }
        }
        self.admin.stop();
    }
}

async fn hangup(hangups: &mut Option<Hangups>) {
    match hangups {
        Some(hangups) => hangups.next().await,
        None => std::future::pending().await,
    }
}

impl ReloadError {
    /// Returns it and every fault of the configuration, a line each.
    fn lines(&self) -> Vec<String> {
        let faults = match self {
            Self::Faults(faults) => faults.iter().map(ToString::to_string).collect(),
            Self::NoFile | Self::Fixed(_) | Self::Collector(_) => Vec::new(),
        };
        std::iter::once(self.to_string()).chain(faults).collect()
    }
}

/// What the admin port shows beside what proxies have recorded.
struct Shown {
    board: Arc<Board>,
    reload: Mutex<ReloadState>,
}

impl Shown {
    fn reload(&self) -> MutexGuard<'_, ReloadState> {
        self.reload.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Exhibit for Shown {
    fn append_to(&self, snapshot: &mut Snapshot) {
        self.board.append_to(snapshot);
        snapshot.add(self.reload().family());
    }

    fn page(&self) -> String {
        page::html(&self.board, &self.reload())
    }

    fn waits(&self) -> Vec<Value> {
        let now = self.board.now();
        self.board
            .of_readings(|reading| reading.waited().iter().map(|lock| lock.json(now)).collect())
    }

    fn cycles(&self) -> Vec<Value> {
        let now = self.board.now();
        self.board
            .of_readings(|reading| reading.cycles().iter().map(|cycle| cycle.json(now)).collect())
    }
}
