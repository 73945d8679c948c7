//! Where a process lives and what bounds it, which hardly changes and so is read in turn.

use super::folder::{Folder, Room};
use super::{pressure, text};

/// What hardly changes of a process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Setting {
    /// The soft limit of open files, if there is one.
    pub(super) files_limit: Option<u64>,
    /// The name of its network namespace; empty if it can't be read.
    pub(super) net_space: String,
    /// The path of its control group of version 2.
    pub(super) control_group: Option<String>,
    /// Whether its program is one for 32-bit processors, whose calls have other numbers.
    pub(super) is_32_bit: bool,
}

impl Setting {
    /// Reads it, as far as it is shown.
    pub(super) fn read(process: &Folder, room: &mut Room) -> Self {
        let limits = process.read("limits", room).ok();
        let files_limit = limits.and_then(|limits| text::files_limit(&limits));
        let group = process.read("cgroup", room).ok();
        let control_group = group.and_then(|group| pressure::own_path(&group));
        let net_space = process.link("ns/net").unwrap_or_default();
        let is_32_bit = is_32_bit(process, room).unwrap_or(false);
        Self { files_limit, net_space, control_group, is_32_bit }
    }
}

/// Reads the class of the program's ELF file.
fn is_32_bit(process: &Folder, room: &mut Room) -> Option<bool> {
    let program = process.file("exe").ok()?;
    let head = room.bytes(&program).ok()?;
    Some(head.starts_with(b"\x7fELF\x01"))
}
