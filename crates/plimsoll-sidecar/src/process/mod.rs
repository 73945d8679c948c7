//! Processes as the kernel shows them: nothing is asked of the program, nothing in it changes.

mod allowance;
mod census;
mod descriptors;
mod find;
mod folder;
mod graph;
mod group;
mod locks;
mod machine;
mod netlink;
mod pressure;
mod report;
mod setting;
mod shared;
mod sockets;
mod state;
mod symbols;
mod table;
#[cfg(test)]
mod tests;
mod text;
mod thread;
mod threads;

pub(crate) use machine::Machine;
pub(crate) use pressure::write_host as write_pressure;

use crate::blocking::Blocking;
use crate::config::interval;
use crate::{Collector, Reason, World};
use find::Matcher;
use group::Group;
use plimsoll_spec::{Faults, MapShape, Shape, View, optional};
use regex::Regex;
use serde::Deserialize;
use std::path::PathBuf;

/// The keys that say which processes are meant: exactly one has to be there.
const WHICH: [&str; 4] = ["name", "cmdline", "pid", "pid_file"];

pub(crate) static SHAPE: MapShape = MapShape {
    keys: &[
        optional("label", Shape::TEXT),
        optional("interval", Shape::Text(interval)),
        optional("deadline", Shape::Text(interval)),
        optional("name", Shape::TEXT),
        optional("cmdline", Shape::parsed::<Regex>()),
        optional("pid", Shape::Integer(1..=4_194_304)),
        optional("pid_file", Shape::TEXT),
    ],
    check: Some(check_which),
};

fn check_which(view: &View<'_>, faults: &mut Faults) {
    let said: Vec<_> = WHICH.into_iter().filter(|key| view.get(key).is_some()).collect();
    if said.len() != 1 {
        let which = WHICH.join(", ");
        faults.add(view, format_args!("say which processes by exactly one of {which}"));
    }
}

/// A group of processes.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Chosen")]
pub struct ProcessConfig {
    matcher: Matcher,
}

/// The keys as they were written.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Chosen {
    name: Option<String>,
    cmdline: Option<String>,
    pid: Option<u32>,
    pid_file: Option<PathBuf>,
}

impl TryFrom<Chosen> for ProcessConfig {
    type Error = String;

    fn try_from(chosen: Chosen) -> Result<Self, String> {
        let matcher = match chosen {
            Chosen { name: Some(name), .. } => Matcher::Name(name),
            Chosen { cmdline: Some(pattern), .. } => {
                Matcher::CommandLine(Regex::new(&pattern).map_err(|error| error.to_string())?)
            }
            Chosen { pid: Some(pid), .. } => Matcher::Pid(pid),
            Chosen { pid_file: Some(file), .. } => Matcher::PidFile(file),
            Chosen { .. } => return Err(format!("one of {} is missing", WHICH.join(", "))),
        };
        Ok(Self { matcher })
    }
}

impl ProcessConfig {
    /// Means every process whose program, or whose own name, is `name`.
    pub fn named(name: impl Into<String>) -> Self {
        Self { matcher: Matcher::Name(name.into()) }
    }

    /// Means the process that has this number now, and what descends from it.
    pub fn with_pid(pid: u32) -> Self {
        Self { matcher: Matcher::Pid(pid) }
    }

    pub(crate) fn name(&self) -> String {
        let which = match &self.matcher {
            Matcher::Name(name) => name.clone(),
            Matcher::CommandLine(pattern) => pattern.to_string(),
            Matcher::Pid(pid) => format!("pid-{pid}"),
            Matcher::PidFile(file) => {
                file.file_stem().unwrap_or(file.as_os_str()).to_string_lossy().into_owned()
            }
        };
        format!("process:{which}")
    }

    pub(crate) fn build(self, world: &World) -> Result<Box<dyn Collector>, Reason> {
        Ok(Box::new(Blocking::new(Group::new(self.matcher, world))))
    }
}
