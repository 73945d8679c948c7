//! The peers: the field's exporters as Debian has them.

use crate::sidecar::ours;
use crate::slo::process::{Server, free_address};
use std::process::Command;

/// Starts one; `tell` adds what it is told besides where to listen.
pub(super) fn start(program: &str, listen: &str, tell: impl FnOnce(&mut Command)) -> Server {
    let address = free_address();
    let mut command = Command::new(format!("/usr/bin/prometheus-{program}"));
    command.arg(format!("{listen}={address}"));
    tell(&mut command);
    let folder = crate::slo::folder(&format!("beside-{program}-{}", address.port()));
    ours::started(Server::start(&mut command, address, &folder))
}
