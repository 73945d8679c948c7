use crate::process::Machine;
use crate::proxy::Listeners;
use crate::{Pace, Reading};
use async_trait::async_trait;
use plimsoll_record::Registry;
use plimsoll_runtime::clock::Clock;
use plimsoll_runtime::shutdown::Stop;
use std::fmt::Display;
use std::path::PathBuf;
use std::sync::Arc;
use thiserror::Error;

/// Something that looks at one thing from outside.
#[async_trait]
pub trait Collector: Send {
    /// Begins what goes on between rounds. Called once, before the first.
    fn begin(&mut self) {}

    /// Looks once.
    ///
    /// The future is dropped where it waits when the round's deadline passes; the next call begins
    /// anew, so nothing may be half done then.
    ///
    /// # Errors
    /// Why nothing can be known now, in words for a person. No secret may stand in it.
    async fn collect(&mut self) -> Result<Reading, Reason>;

    /// Ends what it has begun. Called once, after its stop.
    async fn finish(&mut self) {}
}

/// Why a collector has nothing to say: one sentence, without secrets, with what to do about it.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{0}")]
pub struct Reason(String);

impl Reason {
    /// Makes a reason from what was tried and what came of it.
    pub fn new(reason: impl Display) -> Self {
        Self(reason.to_string())
    }
}

/// What a collector is built in: where the system's files are, where it records, when it ends.
#[derive(Clone)]
pub struct World {
    /// The collector's own name, unlike any other's: what its `collector` label says.
    pub name: Arc<str>,
    /// How often it looks.
    pub pace: Pace,
    /// Where `/proc` is.
    pub proc_root: PathBuf,
    /// Where `/sys` is.
    pub sys_root: PathBuf,
    /// What all that look at processes share.
    pub(crate) machine: Arc<Machine>,
    /// Where proxies listen.
    pub(crate) listeners: Arc<Listeners>,
    /// For what collectors add up in, whichever of them there are.
    pub registry: Registry,
    /// For those that record edges themselves, as a proxy does: what is in it goes with them.
    pub own: Registry,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// When to finish: with the sidecar, or when the configuration has it no more.
    pub stop: Stop,
}
