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
mod waits;

pub(crate) use machine::Machine;
pub(crate) use pressure::write_host as write_pressure;
pub(crate) use waits::{Cycle, Waited};

use crate::blocking::Blocking;
use crate::config::{DEADLINE, INTERVAL, LABEL};
use crate::kind::CollectorKind;
use crate::{Collector, CollectorConfig, Flag, Pace, Reason, World};
use find::Matcher;
use group::Group;
use plimsoll_spec::{Faults, MapShape, Shape, View, optional};
use regex::Regex;
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// What it takes to read what the kernel shows to few: said wherever such a file is refused.
const NEEDS: &str = "it needs the process's user, or SYS_PTRACE and DAC_READ_SEARCH";

/// The keys that say which processes are meant: exactly one has to be there.
const WHICH: [&str; 4] = ["name", "cmdline", "pid", "pid_file"];

static SHAPE: MapShape = MapShape {
    keys: &[
        LABEL,
        INTERVAL,
        DEADLINE,
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
#[derive(Clone, Debug, PartialEq, Deserialize)]
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
}

impl CollectorKind for ProcessConfig {
    const SHAPE: &'static MapShape = &SHAPE;
    const PACE: Pace = Pace::EACH_SECOND;
    const FLAGS: &'static [Flag] = &[
        Flag {
            name: "process",
            value: Some("NAME"),
            help: "Processes of a program or name, those that start later included; may be repeated",
            read: |name| Ok(CollectorConfig::Process(Self::named(name))),
        },
        Flag {
            name: "pid",
            value: Some("PID"),
            help: "One process and what descends from it; may be repeated",
            read: |pid| match pid.parse() {
                Ok(pid) => Ok(CollectorConfig::Process(Self::with_pid(pid))),
                Err(_) => Err(format!("`{pid}` is no process's number")),
            },
        },
    ];

    fn target(&self) -> String {
        match &self.matcher {
            Matcher::Name(name) => name.clone(),
            Matcher::CommandLine(pattern) => pattern.to_string(),
            Matcher::Pid(pid) => format!("pid-{pid}"),
            Matcher::PidFile(file) => {
                file.file_stem().unwrap_or(file.as_os_str()).to_string_lossy().into_owned()
            }
        }
    }

    fn lies_in(&mut self, folder: &Path) {
        if let Matcher::PidFile(file) = &mut self.matcher {
            *file = folder.join(&file);
        }
    }

    fn build(self, world: &World) -> Result<Box<dyn Collector>, Reason> {
        Ok(Box::new(Blocking::new(Group::new(self.matcher, world))))
    }
}
