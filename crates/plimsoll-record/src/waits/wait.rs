//! Waits, and those that last.

use super::holder::LiveHold;
use super::table::Table;
use super::{By, Resource, Role};
use crate::clock::now_ns;
use std::sync::{Arc, LazyLock};

/// A wait for a resource. It ends when it is finished or dropped, cancelled waits too.
#[derive(Debug)]
#[must_use = "dropping it ends the wait at once"]
pub struct Wait {
    resource: Arc<Resource>,
    since_ns: u64,
    until_ns: Option<u64>,
    by: By,
    first_holder: Option<LiveHold>,
    is_charged: bool,
    slot: Option<u32>,
}

impl Wait {
    pub(super) fn begin(resource: Arc<Resource>, by: By) -> Self {
        let since_ns = now_ns();
        let is_charged = resource.join(since_ns);
        let first_holder = resource.first_holder();
        let slot = TABLE.enter(|number| LiveWait {
            number,
            resource: Arc::clone(&resource),
            by,
            since_ns,
            first_holder,
        });
        Self { resource, since_ns, until_ns: None, by, first_holder, is_charged, slot }
    }

    /// Returns when it began.
    pub fn since_ns(&self) -> u64 {
        self.since_ns
    }

    /// Ends the wait; returns when it ended, the first time that it is asked.
    pub fn finish(&mut self) -> u64 {
        if let Some(until_ns) = self.until_ns {
            return until_ns;
        }
        let until_ns = now_ns();
        self.until_ns = Some(until_ns);
        if let Some(slot) = self.slot {
            TABLE.leave(slot);
        }
        if self.is_charged {
            self.resource.leave(until_ns);
        }
        let (span, role) = ((self.since_ns, until_ns), Role::Wait(self.first_holder));
        self.resource.keep(self.by.who, Some(self.by.site), span, role);
        until_ns
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        self.finish();
    }
}

/// A wait that lasts.
#[derive(Clone, Debug)]
pub struct LiveWait {
    /// Tells it from every other wait of the process.
    pub number: u64,
    /// What it waits for.
    pub resource: Arc<Resource>,
    /// Who waits, and where.
    pub by: By,
    /// When it began, on the clock of [`crate::clock::now_ns`].
    pub since_ns: u64,
    /// Who held it when the wait began.
    pub first_holder: Option<LiveHold>,
}

/// Returns the waits that last, the oldest first. Costs what there are; it holds nobody up.
pub fn live() -> Vec<LiveWait> {
    let mut waits = TABLE.read();
    waits.sort_by_key(|wait| (wait.since_ns, wait.number));
    waits
}

/// Returns how many waits found no room in the table so far: they were charged, but not listed.
pub fn missed() -> u64 {
    TABLE.missed()
}

/// Charges the waits that last until now.
pub(crate) fn charge_live() {
    if TABLE.is_untouched() {
        return;
    }
    let mut resources: Vec<_> = TABLE.read().into_iter().map(|wait| wait.resource).collect();
    resources.sort_by_key(|resource| resource.number());
    resources.dedup_by_key(|resource| resource.number());
    let at_ns = now_ns();
    resources.iter().for_each(|resource| resource.charge(at_ns));
}

static TABLE: LazyLock<Table<LiveWait>> = LazyLock::new(Table::new);
