use crate::board::Board;
use crate::config::Planned;
use crate::process::Machine;
use crate::{Config, Reason, World, page, round};
use plimsoll_model::Snapshot;
use plimsoll_record::Registry;
use plimsoll_runtime::admin::{self, Admin, BindError, Exhibit};
use plimsoll_runtime::clock::Clock;
use plimsoll_runtime::ready::Readiness;
use plimsoll_runtime::shutdown::Stop;
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::Arc;
use thiserror::Error;
use tokio::task::JoinSet;

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
    #[error("{collector}: {reason}")]
    Collector {
        /// Its label.
        collector: Arc<str>,
        /// Why, and what to do.
        reason: Reason,
    },
}

/// A sidecar that answers already and whose collectors wait for [`Bound::run`].
pub struct Bound {
    admin: Admin,
    board: Arc<Board>,
    rounds: JoinSet<()>,
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
        let machine = Arc::new(Machine::new(&config.proc_root));
        let world = |name, pace| World {
            name,
            pace,
            proc_root: config.proc_root.clone(),
            sys_root: config.sys_root.clone(),
            machine: machine.clone(),
            registry: registry.clone(),
            clock: clock.clone(),
            stop: stop.clone(),
        };
        let looks = &config.collectors;
        let names: Vec<bool> = looks.iter().map(|planned| planned.names_series(looks)).collect();
        let mut rounds = JoinSet::new();
        for (planned, names_series) in config.collectors.into_iter().zip(names) {
            let Planned { label, pace, collector } = planned;
            let name = label.unwrap_or_else(|| collector.name());
            let (slot, name) = board.slot(&name, names_series);
            let built = collector.build(&world(name.clone(), pace));
            let built =
                built.map_err(|reason| StartError::Collector { collector: name, reason })?;
            rounds.spawn(round::run(built, pace, slot, board.clone(), stop.clone()));
        }
        let shown = Arc::new(Shown(board.clone()));
        let admin = admin::spawn_showing(config.listen, registry, Readiness::new(), shown)?;
        Ok(Bound { admin, board, rounds })
    }
}

impl Bound {
    /// Returns the address of `/metrics` and of the page.
    pub fn address(&self) -> SocketAddr {
        self.admin.address()
    }

    /// Waits until every collector has ended, which the stop makes them do.
    pub async fn run(mut self) {
        while let Some(ended) = self.rounds.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "a collector's rounds ended");
            }
        }
        drop(self.board);
        self.admin.stop();
    }
}

/// What the admin port shows beside what proxies have recorded.
struct Shown(Arc<Board>);

impl Exhibit for Shown {
    fn append_to(&self, snapshot: &mut Snapshot) {
        self.0.append_to(snapshot);
    }

    fn page(&self) -> String {
        page::html(&self.0)
    }

    fn waits(&self) -> Vec<Value> {
        let now = self.0.now();
        self.0.of_readings(|reading| reading.waited().iter().map(|lock| lock.json(now)).collect())
    }

    fn cycles(&self) -> Vec<Value> {
        let now = self.0.now();
        self.0.of_readings(|reading| reading.cycles().iter().map(|cycle| cycle.json(now)).collect())
    }
}
