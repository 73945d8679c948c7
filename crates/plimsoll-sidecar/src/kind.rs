//! What every kind of collector tells of itself.

use crate::{Collector, CollectorConfig, Pace, Reason, World};
use plimsoll_spec::MapShape;
use serde::de::DeserializeOwned;
use std::net::SocketAddr;
use std::path::Path;

/// What a configuration tells a collector, and how one is made of it.
pub(crate) trait CollectorKind: DeserializeOwned {
    /// Its keys, [`LABEL`](crate::config::LABEL), `INTERVAL` and `DEADLINE` first.
    const SHAPE: &'static MapShape;

    /// How often it looks, if nothing else is said.
    const PACE: Pace;

    /// How one is asked for without a file.
    const FLAGS: &'static [Flag];

    /// Whether its series say by themselves of which collector they are. Those of several others get the
    /// label `server`.
    const IS_NAMED: bool = true;

    /// Returns what it looks at, without user or secret: the `collector` label is that behind the kind.
    fn target(&self) -> String;

    /// Returns where it listens, if it does.
    fn listens(&self) -> Option<SocketAddr> {
        None
    }

    /// Makes relative paths begin in the folder that the configuration lies in.
    fn lies_in(&mut self, _folder: &Path) {}

    /// Looks at what only shows between its keys.
    ///
    /// # Errors
    /// What can't be used, without secrets.
    fn check(&self) -> Result<(), Reason> {
        Ok(())
    }

    /// Makes the collector.
    ///
    /// # Errors
    /// What can't be had at all, as an address that is in use. What may come later isn't asked for
    /// here: a server that is down is a reason of its rounds. Nor is anything begun here: another collector
    /// of the configuration may be refused yet.
    fn build(self, world: &World) -> Result<Box<dyn Collector>, Reason>;
}

/// A kind of collector, as a configuration and the command line know it.
#[derive(Debug)]
pub struct Kind {
    /// Its key in a file and the first word of its collectors' names.
    pub name: &'static str,
    /// How often it looks, if nothing else is said.
    pub pace: Pace,
    /// How one is asked for without a file.
    pub flags: &'static [Flag],
}

/// A flag that asks for a collector.
#[derive(Debug)]
pub struct Flag {
    /// Its name, without dashes.
    pub name: &'static str,
    /// What its value is called; without one it takes none.
    pub value: Option<&'static str>,
    /// One line for a person.
    pub help: &'static str,
    /// Reads its value.
    pub(crate) read: fn(&str) -> Result<CollectorConfig, String>,
}

impl Flag {
    /// Returns what its value asks for.
    ///
    /// # Errors
    /// What is wrong with the value, with an example of a right one.
    pub fn collector(&self, value: &str) -> Result<CollectorConfig, String> {
        let collector = (self.read)(value)?;
        collector.check().map_err(|reason| reason.to_string())?;
        Ok(collector)
    }
}
